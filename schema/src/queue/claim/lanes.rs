//! The lanes of what is ready: the results of one organization in one queue, as they stand in
//! the index, the best first. However long a lane is, only its head is looked at.

use std::collections::BTreeSet;

use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::model::turn::{Candidate, Occupancy, QueueName, Room};
use engine::ports::StoreError;
use sea_orm::prelude::*;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{DatabaseTransaction, QueryOrder, QuerySelect};

use super::learn_limits;
use crate::columns::{self, Place};
use crate::entities::leases::{Column, Entity, Stands};
use crate::failed;

/// How many lanes are looked at that have something to be taken up.
const LANES: usize = 64;
/// How many results of them.
const CANDIDATES: usize = 4096;
/// How many rows are asked for at least: one answer may bring many short lanes.
const PAGE: usize = 64;

/// Whose, and in which queue.
type Lane = (Uuid, Uuid, String);
type Row = (Uuid, Uuid, String, i64, Uuid);

/// A walk over the lanes, from those of the organization after the one that was served last to
/// the end, and from the beginning to that organization.
pub(super) struct Lanes {
    room: Room,
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
        room: Room,
        last_served: Option<OrganizationId>,
    ) -> Result<Option<Self>, StoreError> {
        // Behind every lane of the organization.
        let last = (last_served.map_or(Uuid::nil(), |last| last.0), Uuid::max(), String::new());
        let page = ((room.slots + room.spare) as usize).max(PAGE);
        let (after, rows, limits_known) = (last.clone(), Vec::new(), BTreeSet::new());
        let mut lanes = Self { room, last, after, wrapped: false, rows, page, limits_known };
        lanes.turn_page(db).await?;
        Ok((!lanes.rows.is_empty()).then_some(lanes))
    }

    /// The heads of lanes that have something to be taken up. Fills in the limits of their queues.
    pub async fn candidates(
        mut self,
        db: &DatabaseTransaction,
        at_work: &mut Occupancy,
    ) -> Result<Vec<Candidate>, StoreError> {
        let (mut lanes, mut candidates) = (0, Vec::new());
        while !self.rows.is_empty() && lanes < LANES && candidates.len() < CANDIDATES {
            for head in self.heads()? {
                let unknown = head.first().map(|one| &one.queue).filter(|queue| !self.limits_known.contains(queue));
                if let Some(queue) = unknown {
                    learn_limits(db, queue, at_work).await?;
                    self.limits_known.insert(queue.clone());
                }
                if self.may_take(&head, at_work) {
                    lanes += 1;
                    candidates.extend(head);
                }
            }
            self.turn_page(db).await?;
        }
        Ok(candidates)
    }

    /// The lanes of this page, each whole or with as much as there is room for.
    fn heads(&mut self) -> Result<Vec<Vec<Candidate>>, StoreError> {
        let whole = self.rows.len() < self.page;
        let mut heads: Vec<Vec<_>> = Vec::new();
        for lane in std::mem::take(&mut self.rows).chunk_by(|one, other| lane(one) == lane(other)) {
            heads.push(lane.to_vec());
        }
        // The last one is cut off, and begins the next page; alone, it has as much as is of use.
        if !whole && heads.len() > 1 {
            heads.pop();
        }
        match heads.last().and_then(|head| head.first()) {
            Some(row) if !whole => self.after = just_behind(lane(row)),
            _ => self.after = (Uuid::max(), Uuid::max(), String::new()),
        }
        heads.into_iter().map(|head| head.into_iter().map(candidate).collect()).collect()
    }

    /// Whether one of these could be chosen.
    fn may_take(&self, head: &[Candidate], at_work: &Occupancy) -> bool {
        let idle = |one: &Candidate| !at_work.by_organization.contains_key(&one.organization);
        head.first().is_some_and(|one| !at_work.is_full(&one.queue) && (self.room.slots > 0 || idle(one)))
    }

    async fn turn_page(&mut self, db: &DatabaseTransaction) -> Result<(), StoreError> {
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
        let mut ready = Entity::find().filter(Stands::Ready.holds()).filter(lane.clone().gt(of(&self.after)));
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

/// What is behind a lane and before every other one. From the lane itself, the database would
/// walk over all its rows to get behind them.
fn just_behind((organization, holder, key): Lane) -> Lane {
    (organization, holder, columns::just_behind(&key))
}

fn candidate((organization, holder, key, priority, id): Row) -> Result<Candidate, StoreError> {
    let place = Place::new("leases", id);
    Ok(Candidate {
        organization: OrganizationId(organization),
        result: ResultId(id),
        queue: QueueName { holder, key },
        priority: i32::try_from(priority).map_err(|error| place.unreadable("priority", error))?,
    })
}
