//! Organizations.

use engine::model::organization::{Organization, OrganizationId};
use engine::model::quota::Quotas;
use engine::ports::StoreError;
use sea_orm::entity::prelude::*;
use serde_json::{Map, Value};

use crate::columns::{RowName, micros};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "organizations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub key: String,
    pub name: String,
    pub time_zone: String,
    /// The quotas that differ from the defaults, as JSON.
    pub quotas: Option<String>,
    pub deactivated_at: Option<i64>,
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
            quotas: text_of_quotas(organization.quotas),
            deactivated_at: organization.deactivated_at.map(micros),
        }
    }

    pub fn read(self) -> Result<Organization, StoreError> {
        let row = RowName::new("organizations", self.id);
        let time_zone = row.word("time_zone", &self.time_zone, |name| name.parse().ok())?;
        let quotas = self.quotas.map(|text| row.object("quotas", &text)).transpose()?.unwrap_or_default();
        Ok(Organization {
            id: OrganizationId(self.id),
            quotas: read_quotas(&quotas),
            deactivated_at: row.maybe_instant("deactivated_at", self.deactivated_at)?,
            key: self.key,
            name: self.name,
            time_zone,
        })
    }
}

/// The quotas that differ from the defaults. The defaults are not stored, since a new version may change them.
fn text_of_quotas(quotas: Quotas) -> Option<String> {
    let all = |quotas: Quotas| {
        [
            ("startsPerMinute", quotas.starts_per_minute.into()),
            ("openResults", quotas.open_results.into()),
            ("historyBytes", quotas.history_bytes),
            ("collectionBytes", quotas.collection_bytes),
            ("modules", quotas.modules.into()),
            ("requestsPerMinute", quotas.requests_per_minute.into()),
            ("messagesPerMinute", quotas.messages_per_minute.into()),
        ]
    };
    let defaults = all(Quotas::default());
    let own: Map<String, Value> = all(quotas)
        .into_iter()
        .zip(defaults)
        .filter(|(own, default)| own != default)
        .map(|((name, quota), _): ((&str, u64), _)| (name.to_owned(), quota.into()))
        .collect();
    (!own.is_empty()).then(|| Value::Object(own).to_string())
}

fn read_quotas(own: &Map<String, Value>) -> Quotas {
    let usual = Quotas::default();
    let large = |name: &str, usual: u64| own.get(name).and_then(Value::as_u64).unwrap_or(usual);
    let small = |name: &str, usual: u32| u32::try_from(large(name, usual.into())).unwrap_or(usual);
    Quotas {
        starts_per_minute: small("startsPerMinute", usual.starts_per_minute),
        open_results: small("openResults", usual.open_results),
        history_bytes: large("historyBytes", usual.history_bytes),
        collection_bytes: large("collectionBytes", usual.collection_bytes),
        modules: small("modules", usual.modules),
        requests_per_minute: small("requestsPerMinute", usual.requests_per_minute),
        messages_per_minute: small("messagesPerMinute", usual.messages_per_minute),
    }
}
