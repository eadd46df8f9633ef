//! Lanes: the ready results of one organization in one queue, in the order of the index, the best first. Only the head
//! of a lane is read, no matter how long it is.

use std::collections::BTreeSet;

use engine::model::fairness::{Candidate, Capacity, Occupancy, QueueName};
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::ports::StoreError;
use sea_orm::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{DatabaseTransaction, QueryOrder, QuerySelect};

use crate::columns::{self, RowName};
use crate::entities::leases::{Column, Entity, is_in};
use crate::failed;
use crate::occupancy::load_limits;

/// How many lanes with candidates are read at most.
const LANES: usize = 64;
/// How many candidates are read at most.
const CANDIDATES: usize = 4096;
/// How many rows a page has at least: it may hold many short lanes.
const PAGE: usize = 64;

/// Organization, holder of the queue, and key of the queue.
type Lane = (Uuid, Uuid, String);
type Row = (Uuid, Uuid, String, i64, Uuid);

/// A walk over all lanes. It begins after the organization that was served last, and ends with it.
pub(super) struct Lanes {
    capacity: Capacity,
    last: Lane,
    after: Lane,
    wrapped: bool,
    rows: Vec<Row>,
    page: usize,
    limits_known: BTreeSet<QueueName>,
}

impl Lanes {
    /// Begins the walk; none if nothing is ready.
    pub async fn first(
        db: &DatabaseTransaction,
        capacity: Capacity,
        last_served: Option<OrganizationId>,
    ) -> Result<Option<Self>, StoreError> {
        // A key behind every lane of the organization.
        let last = (last_served.map_or(Uuid::nil(), |last| last.0), Uuid::max(), String::new());
        let page = ((capacity.slots + capacity.spare) as usize).max(PAGE);
        let (after, rows, limits_known) = (last.clone(), Vec::new(), BTreeSet::new());
        let mut lanes = Self { capacity, last, after, wrapped: false, rows, page, limits_known };
        lanes.next_page(db).await?;
        Ok((!lanes.rows.is_empty()).then_some(lanes))
    }

    /// The candidates at the heads of lanes. Adds the limits of their queues to the occupancy.
    pub async fn candidates(
        mut self,
        db: &DatabaseTransaction,
        occupancy: &mut Occupancy,
    ) -> Result<Vec<Candidate>, StoreError> {
        let (mut lanes, mut candidates) = (0, Vec::new());
        while !self.rows.is_empty() && lanes < LANES && candidates.len() < CANDIDATES {
            for head in self.heads()? {
                let unknown =
                    head.first().map(|candidate| &candidate.queue).filter(|queue| !self.limits_known.contains(queue));
                if let Some(queue) = unknown {
                    load_limits(db, queue, occupancy).await?;
                    self.limits_known.insert(queue.clone());
                }
                if self.may_take(&head, occupancy) {
                    lanes += 1;
                    candidates.extend(head);
                }
            }
            self.next_page(db).await?;
        }
        Ok(candidates)
    }

    /// The lanes of this page. A lane that is longer than the page is cut.
    fn heads(&mut self) -> Result<Vec<Vec<Candidate>>, StoreError> {
        let is_last_page = self.rows.len() < self.page;
        let mut heads: Vec<Vec<_>> = Vec::new();
        for lane in std::mem::take(&mut self.rows).chunk_by(|one, other| lane(one) == lane(other)) {
            heads.push(lane.to_vec());
        }
        // The last lane may continue on the next page, which begins with it. Alone, it has enough candidates.
        if !is_last_page && heads.len() > 1 {
            heads.pop();
        }
        match heads.last().and_then(|head| head.first()) {
            Some(row) if !is_last_page => self.after = just_behind(lane(row)),
            _ => self.after = (Uuid::max(), Uuid::max(), String::new()),
        }
        heads.into_iter().map(|head| head.into_iter().map(candidate).collect()).collect()
    }

    /// Whether a candidate of this lane could be chosen.
    fn may_take(&self, head: &[Candidate], occupancy: &Occupancy) -> bool {
        let idle = |first: &Candidate| !occupancy.by_organization.contains_key(&first.organization);
        head.first().is_some_and(|first| !occupancy.is_full(&first.queue) && (self.capacity.slots > 0 || idle(first)))
    }

    async fn next_page(&mut self, db: &DatabaseTransaction) -> Result<(), StoreError> {
        self.rows = self.read_page(db).await?;
        if self.rows.is_empty() && !self.wrapped {
            (self.wrapped, self.after) = (true, (Uuid::nil(), Uuid::nil(), String::new()));
            self.rows = self.read_page(db).await?;
        }
        Ok(())
    }

    async fn read_page(&self, db: &DatabaseTransaction) -> Result<Vec<Row>, StoreError> {
        use Column::{JobResultId, OrganizationId, Priority, Queue, QueueHolder};
        let of = |lane: &Lane| Expr::tuple([Expr::val(lane.0), Expr::val(lane.1), Expr::val(lane.2.as_str())]);
        let lane = Expr::tuple([OrganizationId, QueueHolder, Queue].map(|column| Expr::col((Entity, column))));
        let mut ready = Entity::find().filter(is_in(LeaseState::Ready)).filter(lane.clone().gt(of(&self.after)));
        if self.wrapped {
            ready = ready.filter(lane.lt(of(&self.last)));
        }
        let ready = ready
            .order_by_asc(OrganizationId)
            .order_by_asc(QueueHolder)
            .order_by_asc(Queue)
            .order_by_desc(Priority)
            .order_by_asc(JobResultId)
            .limit(self.page as u64)
            .select_only()
            .columns([OrganizationId, QueueHolder, Queue, Priority, JobResultId]);
        ready.into_tuple().all(db).await.map_err(failed)
    }
}

fn lane((organization, holder, key, ..): &Row) -> Lane {
    (*organization, *holder, key.clone())
}

/// A key behind a lane and before every other one. To search behind the lane itself, the database would walk over all
/// its rows.
fn just_behind((organization, holder, key): Lane) -> Lane {
    (organization, holder, columns::just_behind(&key))
}

fn candidate((organization, holder, key, priority, id): Row) -> Result<Candidate, StoreError> {
    let row = RowName::new("leases", id);
    Ok(Candidate {
        organization: OrganizationId(organization),
        result: ResultId(id),
        queue: QueueName { holder, key },
        priority: i32::try_from(priority).map_err(|error| row.unreadable("priority", error))?,
    })
}
