//! The last version of each job that was deleted.

use engine::model::notify::job_of;
use engine::ports::StoreError;
use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;

use crate::failed;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "deleted_jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The last version of a deleted job with this key, or with the key that a notification belongs to; 0 if
/// none was deleted.
pub(crate) async fn version_of<Db: ConnectionTrait>(
    db: &Db,
    (organization, job): (Uuid, &str),
) -> Result<i64, StoreError> {
    let id = (organization, job_of(job).to_owned());
    let row = Entity::find_by_id(id).one(db).await.map_err(failed)?;
    Ok(row.map_or(0, |row| row.version))
}
