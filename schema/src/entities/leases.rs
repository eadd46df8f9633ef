//! Leases: one row for each job result that has not ended.

use engine::model::Instant;
use engine::model::fairness::QueueName;
use engine::model::lifecycle::isolation::Crashes;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::result::{JobResult, ResultId};
use engine::ports::StoreError;
use engine::ports::queue::Lease;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;

use crate::columns::{RowName, micros};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "leases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_result_id: Uuid,
    pub number: i64,
    #[sea_orm(column_name = "stands")]
    pub state: String,
    pub queue_holder: Uuid,
    pub queue: String,
    pub priority: i64,
    pub job_key: String,
    /// Whether later results of its job wait for it.
    pub ahead: bool,
    pub ready_at: Option<i64>,
    pub node: Option<Uuid>,
    pub next_line: Option<i64>,
    #[sea_orm(column_name = "tries")]
    pub failed_attempts: i64,
    /// Whether it has parts or batches.
    pub has_sets: bool,
    /// Crashes of its node while it ran there alone.
    #[sea_orm(column_name = "strikes")]
    pub crashes_alone: i64,
    /// The line that ran in those.
    #[sea_orm(column_name = "struck_line")]
    pub crashed_line: Option<i64>,
    /// Crashes of its node while other results ran there too.
    #[sea_orm(column_name = "crashes")]
    pub crashes_beside_others: i64,
    pub isolated_until: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A condition for rows whose state is this one. The word is part of the SQL text, as in the partial indexes: SQLite
/// cannot use them for a bound value.
pub(crate) fn is_in(state: LeaseState) -> Expr {
    Expr::col((Entity, Column::State)).eq(Expr::cust(format!("'{}'", state.word())))
}

/// The condition that later results of the job wait for a lease. The bare column, as in the partial index.
pub(crate) fn is_ahead() -> Expr {
    Expr::col((Entity, Column::Ahead))
}

impl Model {
    /// The lease of a new result.
    pub fn new(organization: OrganizationId, result: &JobResult, queue: &QueueName, state: LeaseState) -> Self {
        Self {
            organization_id: organization.0,
            job_result_id: result.id.0,
            number: 0,
            state: state.word().to_owned(),
            queue_holder: queue.holder,
            queue: queue.key.clone(),
            priority: result.priority.into(),
            job_key: result.job.clone(),
            ahead: result.is_real() && state != LeaseState::Behind,
            ready_at: None,
            node: None,
            next_line: None,
            failed_attempts: 0,
            has_sets: false,
            crashes_alone: 0,
            crashed_line: None,
            crashes_beside_others: 0,
            isolated_until: None,
        }
    }

    pub fn state(&self) -> Result<LeaseState, StoreError> {
        self.row_name().word("stands", &self.state, LeaseState::from_word)
    }

    pub fn row_name(&self) -> RowName {
        RowName::new("leases", self.job_result_id)
    }

    /// Whether a claim of it continues earlier work.
    pub fn has_earlier_work(&self) -> bool {
        self.number > 0 || self.next_line.is_some()
    }

    /// Lets a worker claim it.
    pub fn make_ready(&mut self) {
        LeaseState::Ready.word().clone_into(&mut self.state);
        (self.ready_at, self.isolated_until) = (None, None);
    }

    /// Takes it from its worker: it waits until a time, isolated, or is ready.
    pub fn put_back(&mut self, isolated_until: Option<Instant>, crashes: Crashes) {
        self.make_ready();
        self.node = None;
        self.set_crashes(crashes);
        if let Some(until) = isolated_until {
            LeaseState::Later.word().clone_into(&mut self.state);
            (self.ready_at, self.isolated_until) = (Some(micros(until)), Some(micros(until)));
        }
    }

    fn set_crashes(&mut self, crashes: Crashes) {
        self.crashes_beside_others = crashes.beside_others.into();
        self.crashes_alone = crashes.alone.into();
        self.crashed_line = crashes.line.map(i64::from);
    }

    /// The crashes of its node.
    pub fn crashes(&self) -> Result<Crashes, StoreError> {
        let row = self.row_name();
        Ok(Crashes {
            beside_others: row.small("crashes", self.crashes_beside_others)?,
            alone: row.small("strikes", self.crashes_alone)?,
            line: self.crashed_line.map(|line| row.small("struck_line", line)).transpose()?,
        })
    }

    pub fn queue_name(&self) -> QueueName {
        QueueName { holder: self.queue_holder, key: self.queue.clone() }
    }

    /// The lease that a claim hands out.
    pub fn claimed(&self) -> Result<Lease, StoreError> {
        self.lease(self.number + 1)
    }

    /// The lease on it with this number.
    pub fn lease(&self, number: i64) -> Result<Lease, StoreError> {
        let number = self.row_name().small("number", number)?;
        Ok(Lease { organization: OrganizationId(self.organization_id), result: ResultId(self.job_result_id), number })
    }
}
