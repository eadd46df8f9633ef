//! Ids that are unique on the whole server and opaque to clients: base64url of the type and the key.

use async_graphql::ID;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use engine::model::organization::OrganizationId;
use engine::model::result::ResultId;
use engine::model::webhook::WebhookId;

/// The object that an id names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GlobalId {
    /// An organization.
    Organization(OrganizationId),
    /// The newest version of a job, by organization and key.
    Job(OrganizationId, String),
    /// A version of a module that an organization may use.
    Module(OrganizationId, String, String),
    /// A job result.
    JobResult(ResultId),
    /// A collection, by its organization and name.
    Collection(OrganizationId, String),
    /// The newest version of a filter template that an organization may use, by organization and key.
    FilterTemplate(OrganizationId, String),
    /// A schedule, by its organization, its job and its key.
    Schedule(OrganizationId, String, String),
    /// A webhook, by its organization and id.
    Webhook(OrganizationId, WebhookId),
}

impl GlobalId {
    /// The id for clients.
    pub(crate) fn encode(&self) -> ID {
        let plain = match self {
            Self::Organization(id) => format!("Organization:{}", id.0),
            Self::Job(organization, key) => format!("Job:{}:{key}", organization.0),
            Self::Module(organization, key, version) => format!("Module:{}:{key}:{version}", organization.0),
            Self::JobResult(id) => format!("JobResult:{}", id.0),
            Self::Collection(organization, name) => format!("Collection:{}:{name}", organization.0),
            Self::FilterTemplate(organization, key) => format!("FilterTemplate:{}:{key}", organization.0),
            Self::Schedule(organization, job, key) => format!("Schedule:{}:{job}:{key}", organization.0),
            Self::Webhook(organization, id) => format!("Webhook:{}:{}", organization.0, id.0),
        };
        ID(BASE64.encode(plain))
    }

    /// Reads an id of a client; none if it is not valid.
    pub(crate) fn decode(id: &str) -> Option<Self> {
        let plain = String::from_utf8(BASE64.decode(id).ok()?).ok()?;
        let (noun, rest) = plain.split_once(':')?;
        match noun {
            "Organization" => Some(Self::Organization(OrganizationId(rest.parse().ok()?))),
            "Job" => of_organization(rest).map(|(organization, key)| Self::Job(organization, key)),
            "Collection" => of_organization(rest).map(|(organization, name)| Self::Collection(organization, name)),
            "FilterTemplate" => {
                of_organization(rest).map(|(organization, key)| Self::FilterTemplate(organization, key))
            }
            "Module" => {
                let (organization, rest) = of_organization(rest)?;
                let (key, version) = rest.split_once(':')?;
                Some(Self::Module(organization, key.to_owned(), version.to_owned()))
            }
            "Schedule" => {
                let (organization, rest) = of_organization(rest)?;
                let (job, key) = rest.split_once(':')?;
                Some(Self::Schedule(organization, job.to_owned(), key.to_owned()))
            }
            "Webhook" => {
                let (organization, id) = of_organization(rest)?;
                Some(Self::Webhook(organization, WebhookId(id.parse().ok()?)))
            }
            "JobResult" => Some(Self::JobResult(ResultId(rest.parse().ok()?))),
            _ => None,
        }
    }
}

/// Reads an organization, and a key that is unique in it.
fn of_organization(text: &str) -> Option<(OrganizationId, String)> {
    let (organization, key) = text.split_once(':')?;
    Some((OrganizationId(organization.parse().ok()?), key.to_owned()))
}

/// Reads the id of a job result: the global id, or the UUID that templates and logs show.
pub(crate) fn result_id(id: &str) -> Option<ResultId> {
    match GlobalId::decode(id) {
        Some(GlobalId::JobResult(result)) => Some(result),
        _ => id.parse().ok().map(ResultId),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";

    #[test]
    fn ids_are_read_back() {
        let organization = OrganizationId(UUID.parse().unwrap());
        let ids = [
            GlobalId::Organization(organization),
            GlobalId::Job(organization, "a:b".into()),
            GlobalId::Module(organization, "shop".into(), "1.2.3-a".into()),
            GlobalId::JobResult(ResultId(UUID.parse().unwrap())),
            GlobalId::Collection(organization, "a.b".into()),
            GlobalId::FilterTemplate(organization, "open-orders".into()),
            GlobalId::Schedule(organization, "weekly".into(), "monday".into()),
            GlobalId::Webhook(organization, WebhookId(UUID.parse().unwrap())),
        ];
        for id in ids {
            assert_eq!(GlobalId::decode(&id.encode()), Some(id));
        }
    }

    #[test]
    fn a_result_may_be_named_by_its_global_id_or_its_uuid() {
        let result = ResultId(UUID.parse().unwrap());
        assert_eq!(result_id(UUID), Some(result));
        assert_eq!(result_id(&GlobalId::JobResult(result).encode()), Some(result));
        assert_eq!(result_id(&GlobalId::Organization(OrganizationId(result.0)).encode()), None);
        assert_eq!(result_id("nonsense"), None);
    }
}
