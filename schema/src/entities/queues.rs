//! The queues that were set up.

use engine::ports::StoreError;
use sea_orm::entity::prelude::*;

use crate::columns::Place;

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
    /// How many of its results may be at work; none for any number.
    pub fn limit(&self) -> Result<Option<u32>, StoreError> {
        let place = Place::new("queues", &self.key);
        self.capacity.map(|capacity| place.small("capacity", capacity)).transpose()
    }
}
