//! Refusals that a caller must expect.

use async_graphql::resolver_utils::EnumType;
use async_graphql::{Enum, SimpleObject};
use engine::model::fault::Fault;
use engine::runtime::collections::CollectionError;
use engine::runtime::manage::ManageError;
use engine::runtime::modules::ModuleError;
use engine::runtime::queues::QueueError;
use engine::runtime::schedules::ScheduleError;
use engine::runtime::templates::TemplateError;
use engine::runtime::usage::QuotaReached;

use crate::objects::Result;
use crate::refusal::{Code, Refusal};

/// What kind of refusal it is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserErrorCode {
    /// What was given is wrong; `path` says where.
    Invalid,
    /// Somebody else changed it first.
    Conflict,
    /// There is no such thing in the organization.
    NotFound,
    /// The key is in use.
    Taken,
    /// The job result had already ended.
    AlreadyFinished,
    /// Something else needs it.
    InUse,
    /// The organization has used up a quota.
    QuotaReached,
}

impl UserErrorCode {
    /// The word, as the schema has it.
    pub(crate) fn word(self) -> &'static str {
        Self::items().iter().find(|item| item.value == self).map_or("INVALID", |item| item.name)
    }
}

/// A refusal that a caller must expect: of what it names, nothing was changed.
#[derive(SimpleObject, Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserError {
    /// What kind.
    pub(crate) code: UserErrorCode,
    /// Where: a path into what was given, such as `lines[2].parameters.to` in a job's
    /// document, or the name of an input field; null for the whole.
    pub(crate) path: Option<String>,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl UserError {
    /// A refusal of one field of the input, or of a place below it.
    pub(crate) fn at(code: UserErrorCode, path: &str, message: impl Into<String>) -> Self {
        Self { code, path: Some(path.to_owned()).filter(|path| !path.is_empty()), message: message.into() }
    }

    /// A quota that is used up.
    pub(crate) fn of_quota(reached: &QuotaReached) -> Self {
        Self::at(UserErrorCode::QuotaReached, "", format!("{reached}."))
    }

    /// Faults in something that a person wrote.
    pub(crate) fn of_faults(faults: Vec<Fault>) -> Vec<Self> {
        let error = |fault: Fault| Self::at(UserErrorCode::Invalid, &fault.path, fault.message);
        faults.into_iter().map(error).collect()
    }
}

/// What a caller must expect of managing organizations and tokens; the rest is a
/// refusal of the whole field.
pub(crate) fn of_management(error: ManageError) -> Result<Vec<UserError>> {
    match error {
        ManageError::Faults(faults) => Ok(UserError::of_faults(faults)),
        ManageError::Taken(key) => {
            let message = format!("There is already an organization `{key}`.");
            Ok(vec![UserError::at(UserErrorCode::Taken, "key", message)])
        }
        ManageError::Forbidden => Err(Refusal::new(Code::Forbidden, "This needs a token of a server administrator.")),
        ManageError::Store(error) => Err(error.into()),
    }
}

/// What a caller must expect of modules; the rest is a refusal of the whole field. `field`
/// is the input that what is absent was named in.
pub(crate) fn of_modules(error: ModuleError, field: &str) -> Result<Vec<UserError>> {
    let one = |code, path: &str, message| Ok(vec![UserError::at(code, path, message)]);
    match error {
        ModuleError::Faults(faults) => Ok(UserError::of_faults(faults)),
        ModuleError::Absent(message) => one(UserErrorCode::NotFound, field, message),
        ModuleError::Taken(message) => one(UserErrorCode::Taken, "module", message),
        ModuleError::InUse { message, .. } => one(UserErrorCode::InUse, "module", message),
        ModuleError::Forbidden(message) => Err(Refusal::new(Code::Forbidden, message)),
        busy @ ModuleError::Busy => Err(Refusal::new(Code::Unavailable, busy.to_string())),
        ModuleError::Store(error) => Err(error.into()),
    }
}

/// What a caller must expect of setting queues up.
pub(crate) fn of_queues(error: QueueError) -> Result<Vec<UserError>> {
    match error {
        QueueError::Faults(faults) => Ok(UserError::of_faults(faults)),
        QueueError::Forbidden => {
            let message = "A queue that all organizations share needs a token of a server administrator.";
            Err(Refusal::new(Code::Forbidden, message))
        }
        QueueError::Store(error) => Err(error.into()),
    }
}

/// What a caller must expect of changing filter templates.
pub(crate) fn of_templates(error: TemplateError) -> Result<Vec<UserError>> {
    let one = |code, path: &str, message| Ok(vec![UserError::at(code, path, message)]);
    match error {
        TemplateError::Faults(faults) => Ok(UserError::of_faults(faults)),
        TemplateError::Conflict { edited: 0, newest } => {
            let version = newest.named.version;
            let message = format!("There is already a filter template with this key, at version {version}.");
            one(UserErrorCode::Conflict, "edits", message)
        }
        conflict @ TemplateError::Conflict { .. } => {
            one(UserErrorCode::Conflict, "edits", format!("{conflict}: look at it and save again."))
        }
        TemplateError::NothingToEdit => {
            let message =
                "There is no filter template with this key; leave `edits` out, or give 0, to save it as a new one.";
            one(UserErrorCode::NotFound, "edits", message.to_owned())
        }
        TemplateError::Absent(message) => one(UserErrorCode::NotFound, "key", message),
        TemplateError::Taken(message) => one(UserErrorCode::Taken, "key", message),
        TemplateError::InUse { message, .. } => one(UserErrorCode::InUse, "key", message),
        TemplateError::Forbidden(message) => Err(Refusal::new(Code::Forbidden, message)),
        TemplateError::Store(error) => Err(error.into()),
    }
}

/// What a caller must expect of changing schedules.
pub(crate) fn of_schedules(error: ScheduleError) -> Result<Vec<UserError>> {
    let one = |code, path: &str, message| Ok(vec![UserError::at(code, path, message)]);
    match error {
        ScheduleError::Faults(faults) => Ok(UserError::of_faults(faults)),
        ScheduleError::UnknownJob(message) => one(UserErrorCode::NotFound, "job", message),
        ScheduleError::Absent(message) => one(UserErrorCode::NotFound, "key", message),
        conflict @ ScheduleError::Conflict { .. } => {
            one(UserErrorCode::Conflict, "edits", format!("{conflict}: look at it and save again."))
        }
        ScheduleError::Store(error) => Err(error.into()),
    }
}

/// What a caller must expect of changing collections.
pub(crate) fn of_collection(error: CollectionError) -> Result<Vec<UserError>> {
    match error {
        CollectionError::Faults(faults) => Ok(UserError::of_faults(faults)),
        CollectionError::Absent(message) => Ok(vec![UserError::at(UserErrorCode::NotFound, "collection", message)]),
        CollectionError::Quota(reached) => Ok(vec![UserError::of_quota(&reached)]),
        CollectionError::Store(error) => Err(error.into()),
    }
}
