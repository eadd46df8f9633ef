//! Who may ask for what: one table, root field by root field. The gate reads it
//! before anything is validated or run, and a field without a row is refused.

use async_graphql::parser::types::OperationType;
use engine::model::organization::{Access, Role};

use crate::refusal::{Code, Refusal};

/// What a caller needs for a root field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// At least this role in the organization of the call.
    Role(Role),
    /// To administer the server.
    Server,
}

use OperationType::{Mutation, Query, Subscription};
use Right::Server;

const READ: Right = Right::Role(Role::Viewer);
const RUN: Right = Right::Role(Role::Operator);
const EDIT: Right = Right::Role(Role::Editor);
const ADMINISTER: Right = Right::Role(Role::Admin);

/// The table.
pub const TABLE: [(OperationType, &str, Right); 51] = [
    (Query, "viewer", READ),
    (Query, "organization", READ),
    (Query, "job", READ),
    (Query, "jobs", READ),
    (Query, "jobResult", READ),
    (Query, "jobResults", READ),
    (Query, "action", READ),
    (Query, "actions", READ),
    (Query, "module", READ),
    (Query, "modules", READ),
    (Query, "collection", READ),
    (Query, "collections", READ),
    (Query, "filterTemplate", READ),
    (Query, "filterTemplates", READ),
    (Query, "queues", READ),
    (Query, "schedule", READ),
    (Query, "schedules", READ),
    (Query, "previewSchedule", READ),
    // It reads whatever a job could.
    (Query, "previewFilter", EDIT),
    (Query, "node", READ),
    (Query, "serverInfo", READ),
    (Query, "validateJob", EDIT),
    (Mutation, "saveJob", EDIT),
    (Mutation, "updateJob", EDIT),
    (Mutation, "setJobActive", EDIT),
    (Mutation, "deleteJob", EDIT),
    (Mutation, "runJob", RUN),
    (Mutation, "dryRunJob", RUN),
    (Mutation, "killJobResult", RUN),
    (Mutation, "killJobResults", RUN),
    (Mutation, "retryJobResult", RUN),
    (Mutation, "saveSchedule", EDIT),
    (Mutation, "deleteSchedule", EDIT),
    (Mutation, "saveQueue", ADMINISTER),
    (Mutation, "deleteQueue", ADMINISTER),
    (Mutation, "createWebhook", EDIT),
    (Mutation, "deleteWebhook", EDIT),
    (Mutation, "writeRecords", EDIT),
    (Mutation, "deleteRecords", EDIT),
    (Mutation, "deleteCollection", EDIT),
    (Mutation, "saveFilterTemplate", EDIT),
    (Mutation, "deleteFilterTemplate", EDIT),
    (Mutation, "createOrganization", Server),
    (Mutation, "setQuotas", Server),
    (Mutation, "createToken", ADMINISTER),
    (Mutation, "installModule", ADMINISTER),
    (Mutation, "grantModule", ADMINISTER),
    (Mutation, "upgradeModule", EDIT),
    (Mutation, "removeModule", ADMINISTER),
    (Subscription, "jobResultChanged", READ),
    (Subscription, "logAppended", READ),
];

/// What the table says of a root field; none if it has no row.
pub fn of(operation: OperationType, field: &str) -> Option<Right> {
    TABLE.iter().find(|(kind, name, _)| *kind == operation && *name == field).map(|(_, _, right)| *right)
}

impl Right {
    /// Whether the caller has it.
    pub fn is_held_by(self, access: &Access) -> bool {
        match self {
            Self::Role(role) => access.role >= role,
            Self::Server => access.server,
        }
    }
}

/// Lets the caller use the root field, or says what is missing.
///
/// # Errors
/// `FORBIDDEN`, when the table gives the field to others, or to nobody.
pub fn check(access: &Access, operation: OperationType, field: &str) -> Result<(), Refusal> {
    let message = match of(operation, field) {
        Some(right) if right.is_held_by(access) => return Ok(()),
        Some(Right::Role(role)) => format!("`{field}` needs the role `{role}`; this token has `{}`.", access.role),
        Some(Server) => format!("`{field}` needs a token of a server administrator."),
        None => format!("`{field}` is not available to any role."),
    };
    Err(Refusal::new(Code::Forbidden, message))
}
