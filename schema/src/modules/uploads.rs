//! The adapter of the port `Uploads`.

use async_trait::async_trait;
use engine::model::Instant;
use engine::model::organization::OrgScope;
use engine::ports::StoreError;
use engine::ports::modules::{UPLOADS_AT_MOST, Upload, Uploads};
use sea_orm::IntoActiveModel;
use sea_orm::prelude::*;

use crate::columns::{RowName, micros};
use crate::entities::uploads::{Column, Entity, Model};
use crate::transaction::Transaction;
use crate::writer::SingleCommand;
use crate::{Store, failed};

#[async_trait]
impl Uploads for Store {
    async fn keep(&self, scope: OrgScope, upload: &Upload, stale: Instant) -> Result<bool, StoreError> {
        let row = Model {
            organization_id: scope.organization().0,
            id: upload.id,
            digest: upload.digest.clone(),
            content: upload.content.to_vec(),
            uploaded_at: micros(upload.uploaded_at),
        };
        self.writer.write_one(Keep { row, stale: micros(stale) }).await
    }

    async fn uploaded(&self, scope: OrgScope, id: Uuid, stale: Instant) -> Result<Option<Upload>, StoreError> {
        let row = Entity::find_by_id((scope.organization().0, id)).one(&self.readers).await.map_err(failed)?;
        row.filter(|row| row.uploaded_at > micros(stale)).map(read).transpose()
    }

    async fn forget(&self, scope: OrgScope, id: Uuid) -> Result<(), StoreError> {
        self.writer.write_one(Forget { organization: scope.organization().0, id }).await
    }
}

fn read(row: Model) -> Result<Upload, StoreError> {
    let uploaded_at = RowName::new("uploads", row.id).instant("uploaded_at", row.uploaded_at)?;
    Ok(Upload { id: row.id, digest: row.digest, content: row.content.into(), uploaded_at })
}

struct Keep {
    row: Model,
    stale: i64,
}

impl SingleCommand for Keep {
    type Answer = bool;
    const DURABLE: bool = true;

    async fn apply(&self, db: &Transaction) -> Result<bool, StoreError> {
        let own = Entity::find().filter(Column::OrganizationId.eq(self.row.organization_id));
        let waiting = own.filter(Column::UploadedAt.gt(self.stale)).count(db).await.map_err(failed)?;
        if waiting >= UPLOADS_AT_MOST as u64 {
            return Ok(false);
        }
        Entity::delete_many().filter(Column::UploadedAt.lte(self.stale)).exec(db).await.map_err(failed)?;
        let row = Entity::insert(self.row.clone().into_active_model().reset_all());
        row.exec_without_returning(db).await.map_err(failed)?;
        Ok(true)
    }
}

struct Forget {
    organization: Uuid,
    id: Uuid,
}

impl SingleCommand for Forget {
    type Answer = ();
    const DURABLE: bool = false;

    async fn apply(&self, db: &Transaction) -> Result<(), StoreError> {
        Entity::delete_by_id((self.organization, self.id)).exec(db).await.map_err(failed)?;
        Ok(())
    }
}
