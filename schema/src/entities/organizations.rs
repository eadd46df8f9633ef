//! Organizations.

use engine::model::organization::{Organization, OrganizationId};
use engine::ports::StoreError;
use sea_orm::entity::prelude::*;

use crate::columns::Place;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub key: String,
    pub name: String,
    pub time_zone: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub fn of(organization: &Organization) -> Self {
        Self {
            id: organization.id.0,
            key: organization.key.clone(),
            name: organization.name.clone(),
            time_zone: organization.time_zone.name().to_owned(),
        }
    }

    pub fn read(self) -> Result<Organization, StoreError> {
        let place = Place::new("organizations", self.id);
        let time_zone = place.word("time_zone", &self.time_zone, |name| name.parse().ok())?;
        Ok(Organization { id: OrganizationId(self.id), key: self.key, name: self.name, time_zone })
    }
}
