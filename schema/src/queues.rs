//! The adapter of the `queues` port.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use engine::model::fairness::QueueName;
use engine::model::lifecycle::lease_state::LeaseState;
use engine::model::organization::{OrgScope, OrganizationId};
use engine::model::result::ResultId;
use engine::ports::StoreError;
use engine::ports::queues::{DEFAULT_QUEUE, QueueDepth, QueueSetting, QueueState, Queues};
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use crate::batch::insert;
use crate::entities::leases;
use crate::entities::queues::{Column, Entity, Model};
use crate::memory::Memory;
use crate::occupancy::occupancy;
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, failed, unavailable};

#[async_trait]
impl Queues for Store {
    async fn save_queue(&self, scope: OrgScope, setting: &QueueSetting) -> Result<(), StoreError> {
        let organization = scope.organization().0;
        let row = Model {
            holder: holder(organization, setting.global),
            key: setting.key.clone(),
            organization_id: (!setting.global).then_some(organization),
            capacity: setting.limit.map(i64::from),
        };
        self.writer.write_one(Save(row)).await
    }

    async fn has_queue(&self, scope: OrgScope, key: &str) -> Result<bool, StoreError> {
        let organization = scope.organization();
        let read = async || {
            let of = Entity::find().filter(Column::Holder.is_in([Uuid::nil(), organization.0]));
            let found = of.filter(Column::Key.eq(key)).one(&self.readers).await.map_err(failed)?;
            Ok(key == DEFAULT_QUEUE || found.is_some())
        };
        self.memory.queues.holds((organization, key.to_owned()), read).await
    }

    async fn queues(&self, scope: OrgScope) -> Result<Vec<QueueState>, StoreError> {
        let organization = scope.organization();
        let of = Entity::find().filter(Column::Holder.is_in([Uuid::nil(), organization.0]));
        // An organization's own queue comes before a global one with the same key.
        let rows = of.order_by_asc(Column::Holder).all(&self.readers).await.map_err(failed)?;
        let mut by_key = BTreeMap::from([(DEFAULT_QUEUE.to_owned(), (Uuid::nil(), None))]);
        for row in rows {
            let limit = row.limit()?;
            by_key.insert(row.key, (row.holder, limit));
        }
        let (occupancy, waiting) = (occupancy(&self.readers).await?, self.waiting_by_queue(organization).await?);
        let state = |(key, (holder, limit)): (String, (Uuid, Option<u32>))| {
            let name = QueueName { holder, key: key.clone() };
            let waiting = waiting.get(&name).copied().unwrap_or(0);
            let running = occupancy.by_queue.get(&name).copied().unwrap_or(0).into();
            QueueState { key, global: holder.is_nil(), limit, waiting, running }
        };
        Ok(by_key.into_iter().map(state).collect())
    }

    async fn depths(&self) -> Result<Vec<QueueDepth>, StoreError> {
        use leases::Column::{JobResultId, OrganizationId, Queue, QueueHolder};
        // Grouped as the index is ordered, so that nothing is sorted.
        let ready = leases::Entity::find()
            .select_only()
            .column(Queue)
            .column_as(JobResultId.count(), "ready")
            .column_as(JobResultId.min(), "oldest")
            .filter(leases::is_in(LeaseState::Ready))
            .group_by(OrganizationId)
            .group_by(QueueHolder)
            .group_by(Queue);
        let rows: Vec<(String, i64, Uuid)> = ready.into_tuple().all(&self.readers).await.map_err(failed)?;
        let mut depths = HashMap::new();
        for (queue, ready, oldest) in rows {
            let (ready, oldest) = (u64::try_from(ready).map_err(unavailable)?, ResultId(oldest).created_at());
            let depth = depths.entry(queue).or_insert((0, oldest));
            *depth = (depth.0 + ready, depth.1.min(oldest));
        }
        Ok(depths.into_iter().map(|(queue, (ready, oldest))| QueueDepth { queue, ready, oldest }).collect())
    }

    async fn remove_queue(&self, scope: OrgScope, key: &str, global: bool) -> Result<bool, StoreError> {
        let id = (holder(scope.organization().0, global), key.to_owned());
        self.writer.write_one(Remove(id)).await
    }
}

fn holder(organization: Uuid, global: bool) -> Uuid {
    if global { Uuid::nil() } else { organization }
}

impl Store {
    async fn waiting_by_queue(&self, organization: OrganizationId) -> Result<HashMap<QueueName, u64>, StoreError> {
        use leases::Column::{JobResultId, OrganizationId, Queue, QueueHolder, State};
        let counted = leases::Entity::find()
            .select_only()
            .columns([QueueHolder, Queue])
            .column_as(JobResultId.count(), "waiting")
            .filter(OrganizationId.eq(organization.0))
            .filter(State.ne(LeaseState::Leased.word()))
            .group_by(QueueHolder)
            .group_by(Queue);
        let rows: Vec<(Uuid, String, i64)> = counted.into_tuple().all(&self.readers).await.map_err(failed)?;
        let read = |(holder, key, count)| Ok((QueueName { holder, key }, u64::try_from(count).map_err(unavailable)?));
        rows.into_iter().map(read).collect()
    }
}

struct Save(Model);

impl SingleCommand for Save {
    type Answer = ();
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        let changed = OnConflict::columns([Column::Holder, Column::Key]).update_column(Column::Capacity).to_owned();
        insert::<Entity>(db, std::slice::from_ref(&self.0), Some(changed)).await?;
        db.leases().set_queue((self.0.holder, self.0.key.clone()), Some(self.0.limit()?));
        Ok(())
    }
}

struct Remove((Uuid, String));

impl SingleCommand for Remove {
    type Answer = bool;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<bool, StoreError> {
        let gone = Entity::delete_by_id(self.0.clone()).exec(db).await.map_err(failed)?;
        db.leases().set_queue(self.0.clone(), None);
        Ok(gone.rows_affected > 0)
    }

    fn committed(&self, _: &bool, memory: &Memory) {
        memory.queues.forget_all();
    }
}
