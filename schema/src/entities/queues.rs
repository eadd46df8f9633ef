//! The queues that were set up, with their limits.

use engine::ports::StoreError;
use sea_orm::entity::prelude::*;

use crate::columns::RowName;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "queues")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub holder: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub organization_id: Option<Uuid>,
    pub capacity: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// How many of its results may run at once; none for any number.
    pub fn limit(&self) -> Result<Option<u32>, StoreError> {
        let row = RowName::new("queues", &self.key);
        self.capacity.map(|capacity| row.small("capacity", capacity)).transpose()
    }
}
