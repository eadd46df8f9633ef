//! Deletes a job. Its results stay.

use engine::model::notify::history_of;
use engine::model::organization::OrganizationId;
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::ports::jobs::{DeleteError, Deleted, Deletion, MOST_KILLED};
use sea_orm::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use crate::batch::insert;
use crate::columns::RowName;
use crate::entities::{deleted_jobs, job_results, jobs, leases};
use crate::failed;
use crate::memory::Memory;
use crate::results::end;
use crate::transaction::Transaction;
use crate::writer::SingleCommand;

pub(super) struct DeleteJob {
    pub organization: OrganizationId,
    pub deletion: Deletion,
}

impl SingleCommand for DeleteJob {
    type Answer = Result<Deleted, DeleteError>;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<Self::Answer, StoreError> {
        let version = match self.deletion.judge(self.newest(db).await?) {
            Ok(version) => version,
            Err(refused) => return Ok(Err(refused)),
        };
        let open = self.open(db).await?;
        let killed = match &self.deletion.kill {
            None if !open.is_empty() => return Ok(Err(DeleteError::Open(open.len()))),
            None => Vec::new(),
            Some(kill) => {
                let most = &open[..open.len().min(MOST_KILLED)];
                end::kill_all(db, self.organization, self.leases(db, most), kill).await?
            }
        };
        let complete = open.len() <= MOST_KILLED;
        if complete {
            self.forget(db, version).await?;
        }
        Ok(Ok(Deleted { killed, complete }))
    }

    fn committed(&self, _: &Self::Answer, memory: &Memory) {
        let job = (self.organization, self.deletion.key.clone());
        memory.jobs.forget(&job);
        memory.successes.forget(&job);
    }
}

impl DeleteJob {
    /// The newest version. Nothing else is read, so that a job with a damaged document can be deleted too.
    async fn newest(&self, db: &Transaction) -> Result<Option<u32>, StoreError> {
        let row = jobs::Entity::find_by_id((self.organization.0, self.deletion.key.clone()));
        let version = row.select_only().column(jobs::Column::Version).into_tuple::<i64>();
        let version = version.one(db).await.map_err(failed)?;
        version.map(|version| RowName::new("jobs", &self.deletion.key).small("version", version)).transpose()
    }

    /// The results of the job and of its notifications that have not ended, at most one more than can be killed. There
    /// is one statement for each key and status: each reads an index and stops at the limit.
    async fn open(&self, db: &Transaction) -> Result<Vec<Uuid>, StoreError> {
        use job_results::Column::{Id, JobKey, OrganizationId, Status as StatusColumn};
        let mut open: Vec<Uuid> = Vec::new();
        for job in [self.deletion.key.clone(), history_of(&self.deletion.key)] {
            for status in [Status::Pending, Status::Running] {
                let some = job_results::Entity::find()
                    .filter(OrganizationId.eq(self.organization.0))
                    .filter(JobKey.eq(&job))
                    .filter(StatusColumn.eq(status.word()))
                    .order_by_asc(Id)
                    .limit((MOST_KILLED + 1 - open.len()) as u64);
                let ids = some.select_only().column(Id).into_tuple::<Uuid>();
                open.extend(ids.all(db).await.map_err(failed)?);
            }
        }
        Ok(open)
    }

    fn leases(&self, db: &Transaction, ids: &[Uuid]) -> Vec<leases::Model> {
        let leases = db.leases();
        ids.iter().filter_map(|id| leases.get((self.organization.0, *id))).cloned().collect()
    }

    /// Removes the job. Foreign keys remove its versions, schedules and webhooks.
    async fn forget(&self, db: &Transaction, version: u32) -> Result<(), StoreError> {
        use deleted_jobs::Column::{Key, OrganizationId, Version};
        let (organization_id, key) = (self.organization.0, self.deletion.key.clone());
        let row = deleted_jobs::Model { organization_id, key: key.clone(), version: version.into() };
        let again = OnConflict::columns([OrganizationId, Key]).update_column(Version).to_owned();
        insert::<deleted_jobs::Entity>(db, &[row], Some(again)).await?;
        jobs::Entity::delete_by_id((organization_id, key)).exec(db).await.map_err(failed)?;
        Ok(())
    }
}
