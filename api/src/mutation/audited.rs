//! Records each mutation in the audit log: who asked for it, what it is about, and what became of it.

use std::convert::Infallible;

use async_graphql::parser::types::{Field, VariableDefinition};
use async_graphql::{Context, Name, Positioned, Value as Constant, Variables};
use engine::model::audit::AuditOutcome;
use engine::model::rights::Operation;
use engine::services::audit::Subject;

use super::create_organization::CreateOrganizationPayload;
use super::create_token::CreateTokenPayload;
use super::create_webhook::CreateWebhookPayload;
use super::delete_collection::DeleteCollectionPayload;
use super::delete_filter_template::DeleteFilterTemplatePayload;
use super::delete_job::DeleteJobPayload;
use super::delete_queue::DeleteQueuePayload;
use super::delete_records::DeleteRecordsPayload;
use super::delete_schedule::DeleteSchedulePayload;
use super::delete_webhook::DeleteWebhookPayload;
use super::grant_module::GrantModulePayload;
use super::install_module::InstallModulePayload;
use super::kill_job_result::KillJobResultPayload;
use super::kill_job_results::KillJobResultsPayload;
use super::remove_module::RemoveModulePayload;
use super::retry_job_result::RetryJobResultPayload;
use super::revoke_token::RevokeTokenPayload;
use super::run_job::RunJobPayload;
use super::run_jobs::RunJobsPayload;
use super::save_filter_template::SaveFilterTemplatePayload;
use super::save_job::SaveJobPayload;
use super::save_queue::SaveQueuePayload;
use super::save_schedule::SaveSchedulePayload;
use super::set_job_active::SetJobActivePayload;
use super::set_quotas::SetQuotasPayload;
use super::update_job::UpdateJobPayload;
use super::update_organization::UpdateOrganizationPayload;
use super::upgrade_module::UpgradeModulePayload;
use super::write_records::WriteRecordsPayload;
use crate::error::{ApiError, Code};
use crate::resolver::{Result, access, engine};
use crate::user_error::UserError;

/// Fields of inputs that say what a mutation is about, in the order in which an entry shows them.
const NAMES: [&str; 8] = ["job", "module", "collection", "key", "name", "id", "jobResult", "version"];
/// Mutations that concern all organizations if this field of their input is true.
const GLOBAL: [(Operation, &str); 7] = [
    (Operation::SaveQueue, "global"),
    (Operation::DeleteQueue, "global"),
    (Operation::SaveFilterTemplate, "global"),
    (Operation::InstallModule, "global"),
    (Operation::RemoveModule, "global"),
    (Operation::CreateToken, "server"),
    (Operation::RevokeToken, "server"),
];
/// Fields of inputs that hold a document with a key.
const DOCUMENTS: [&str; 2] = ["document", "schedule"];

/// Answers a mutation and records it.
pub(super) async fn audited<P: Payload>(context: &Context<'_>, answer: impl Future<Output = Result<P>>) -> Result<P> {
    let field = &context.item.node;
    let Some(operation) = Operation::from_word(&field.name.node) else {
        return Err(ApiError::internal(&"a mutation is missing in the table of rights"));
    };
    let query = &context.query_env;
    let given = Given { variables: &query.variables, definitions: &query.operation.node.variable_definitions };
    let (target, global) = subject_of(operation, field, given);
    let subject = Subject { operation, target: &target, global };
    engine(context).audit().record(access(context), subject, answer, outcome).await
}

/// What a mutation is about, and whether that concerns all organizations.
pub(crate) fn subject_of(operation: Operation, field: &Field, given: Given<'_>) -> (String, bool) {
    let input = Input::of(field, given);
    (input.target(), input.is_global(operation))
}

fn outcome<P: Payload>(answer: &Result<P>) -> Result<(), (AuditOutcome, String)> {
    match answer {
        Ok(payload) => match payload.refusal() {
            None => Ok(()),
            Some(refusal) => Err((AuditOutcome::Refused, refusal.message.clone())),
        },
        Err(error) => {
            let failed = matches!(error.code, Code::Internal | Code::Unavailable);
            let outcome = if failed { AuditOutcome::Failed } else { AuditOutcome::Refused };
            Err((outcome, error.message.to_string()))
        }
    }
}

/// The payload of a mutation.
pub(super) trait Payload {
    /// Why nothing was changed.
    fn refusal(&self) -> Option<&UserError>;
}

macro_rules! payloads {
    ($($payload:ident)*) => {
        $(
            impl Payload for $payload {
                fn refusal(&self) -> Option<&UserError> {
                    self.user_errors.first()
                }
            }
        )*
    };
}

payloads! {
    CreateOrganizationPayload
    CreateTokenPayload
    CreateWebhookPayload
    DeleteCollectionPayload
    DeleteFilterTemplatePayload
    DeleteJobPayload
    DeleteQueuePayload
    DeleteRecordsPayload
    DeleteSchedulePayload
    DeleteWebhookPayload
    GrantModulePayload
    InstallModulePayload
    KillJobResultPayload
    KillJobResultsPayload
    RemoveModulePayload
    RetryJobResultPayload
    RevokeTokenPayload
    RunJobPayload
    SaveFilterTemplatePayload
    SaveJobPayload
    SaveQueuePayload
    SaveSchedulePayload
    SetJobActivePayload
    SetQuotasPayload
    UpdateJobPayload
    UpdateOrganizationPayload
    UpgradeModulePayload
    WriteRecordsPayload
}

impl Payload for RunJobsPayload {
    fn refusal(&self) -> Option<&UserError> {
        let refused = || self.starts.iter().map(|start| start.user_errors.first()).collect::<Option<Vec<_>>>();
        self.user_errors.first().or_else(|| refused()?.into_iter().next())
    }
}

/// What the input of a mutation says about its subject: its texts and booleans, and those of a document in it.
struct Input(Constant);

/// The variables of a request, and those that its document declares.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    pub(crate) variables: &'a Variables,
    pub(crate) definitions: &'a [Positioned<VariableDefinition>],
}

impl Given<'_> {
    fn value(&self, name: &Name) -> Option<&Constant> {
        let declared = || self.definitions.iter().find(|definition| definition.node.name.node == *name);
        self.variables.get(name).or_else(|| declared()?.node.default_value())
    }
}

impl Input {
    fn of(field: &Field, given: Given<'_>) -> Self {
        let input = field.arguments.iter().find(|(name, _)| name.node == "input").map(|(_, value)| &value.node);
        // A variable may hold megabytes, such as records.
        let known = |name: Name| Ok::<_, Infallible>(given.value(&name).and_then(summary).unwrap_or_default());
        let read = input.map(|input| input.clone().into_const_with(known));
        Self(read.transpose().unwrap_or_else(|never| match never {}).unwrap_or_default())
    }

    fn text<'a>(of: &'a Constant, name: &str) -> Option<&'a str> {
        if let Some(Constant::String(text)) = field(of, name) { Some(text) } else { None }
    }

    fn is_global(&self, operation: Operation) -> bool {
        let is_true = |name: &str| matches!(field(&self.0, name), Some(Constant::Boolean(true)));
        GLOBAL.iter().any(|(global, name)| *global == operation && is_true(name))
    }

    /// The keys that the input names: its own, and that of a document in it.
    fn target(&self) -> String {
        let own = NAMES.iter().filter_map(|name| Self::text(&self.0, name));
        let inner = DOCUMENTS.iter().filter_map(|name| Self::text(field(&self.0, name)?, "key"));
        own.chain(inner).collect::<Vec<_>>().join("/")
    }
}

fn field<'a>(value: &'a Constant, name: &str) -> Option<&'a Constant> {
    if let Constant::Object(fields) = value { fields.get(name) } else { None }
}

/// A copy without lists and without objects except documents. The variable may also hold a document itself, whose key
/// is a text.
fn summary(value: &Constant) -> Option<Constant> {
    let scalar = |value: &Constant| matches!(value, Constant::String(_) | Constant::Boolean(_)).then(|| value.clone());
    let Constant::Object(fields) = value else { return scalar(value) };
    let kept = fields.iter().filter_map(|(name, value)| {
        let kept = if DOCUMENTS.contains(&name.as_str()) { key_of(value) } else { scalar(value) };
        kept.map(|value| (name.clone(), value))
    });
    Some(Constant::Object(kept.collect()))
}

fn key_of(document: &Constant) -> Option<Constant> {
    let key = field(document, "key")?.clone();
    Some(Constant::Object([(Name::new("key"), key)].into_iter().collect()))
}
