//! Leases: one row for each job result that has not ended.

use engine::model::organization::OrganizationId;
use engine::model::result::{JobResult, ResultId};
use engine::model::turn::QueueName;
use engine::ports::StoreError;
use engine::ports::queue::{Crashes, Lease};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait;

use crate::columns::Place;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "leases")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_result_id: Uuid,
    pub number: i64,
    pub stands: String,
    pub queue_holder: Uuid,
    pub queue: String,
    pub priority: i64,
    pub job_key: String,
    /// Whether later results of its job wait for it.
    pub ahead: bool,
    pub ready_at: Option<i64>,
    pub node: Option<Uuid>,
    pub next_line: Option<i64>,
    pub tries: i64,
    /// Whether there are parts or batches of it.
    pub has_sets: bool,
    /// Crashes of its node while nothing else was at work there.
    pub strikes: i64,
    /// The line that was at work in those.
    pub struck_line: Option<i64>,
    /// Crashes of its node beside other results.
    pub crashes: i64,
    pub isolated_until: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a result waits for, or that a worker has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stands {
    Ready,
    Behind,
    Later,
    Leased,
}

impl Stands {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Behind => "behind",
            Self::Later => "later",
            Self::Leased => "leased",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ready, Self::Behind, Self::Later, Self::Leased].into_iter().find(|stands| stands.word() == word)
    }

    /// That a row stands so. The word is written out as in the partial indexes: one that is bound
    /// would tell the planner nothing.
    pub fn holds(self) -> Expr {
        Expr::col((Entity, Column::Stands)).eq(Expr::cust(format!("'{}'", self.word())))
    }
}

/// That later results of its job wait for a row. The bare column, as in the partial index.
pub(crate) fn is_ahead() -> Expr {
    Expr::col((Entity, Column::Ahead))
}

impl ActiveModel {
    /// The same with other crashes.
    #[must_use]
    pub fn with_crashes(self, crashes: Crashes) -> Self {
        Self {
            crashes: Set(crashes.beside_others.into()),
            strikes: Set(crashes.alone.into()),
            struck_line: Set(crashes.line.map(i64::from)),
            ..self
        }
    }
}

impl Model {
    /// Of a result that nobody has claimed.
    pub fn new(organization: OrganizationId, result: &JobResult, queue: &QueueName, behind: bool) -> Self {
        let stands = if behind { Stands::Behind } else { Stands::Ready };
        Self {
            organization_id: organization.0,
            job_result_id: result.id.0,
            number: 0,
            stands: stands.word().to_owned(),
            queue_holder: queue.holder,
            queue: queue.key.clone(),
            priority: result.priority.into(),
            job_key: result.job.clone(),
            ahead: result.is_real() && !behind,
            ready_at: None,
            node: None,
            next_line: None,
            tries: 0,
            has_sets: false,
            strikes: 0,
            struck_line: None,
            crashes: 0,
            isolated_until: None,
        }
    }

    pub fn stands(&self) -> Result<Stands, StoreError> {
        self.place().word("stands", &self.stands, Stands::from_word)
    }

    pub fn place(&self) -> Place {
        Place::new("leases", self.job_result_id)
    }

    /// Whether a claim of it looks for what was done before.
    pub fn goes_on(&self) -> bool {
        self.number > 0 || self.next_line.is_some()
    }

    /// The crashes of its node.
    pub fn crashes(&self) -> Result<Crashes, StoreError> {
        let place = self.place();
        Ok(Crashes {
            beside_others: place.small("crashes", self.crashes)?,
            alone: place.small("strikes", self.strikes)?,
            line: self.struck_line.map(|line| place.small("struck_line", line)).transpose()?,
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
        let number = self.place().small("number", number)?;
        Ok(Lease { organization: OrganizationId(self.organization_id), result: ResultId(self.job_result_id), number })
    }
}
