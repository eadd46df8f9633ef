//! Expected refusals of mutations.

use async_graphql::resolver_utils::EnumType;
use async_graphql::{Context, Enum, SimpleObject};
use engine::model::fault::Fault;
use engine::model::refusal::{JobUse, Refusal, RefusalCode};
use engine::node::service_error::ServiceError;

use crate::resolver::{Result, scope};

/// Code of a refusal.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserErrorCode {
    /// The input is wrong; `path` says where.
    Invalid,
    /// Somebody else changed it first.
    Conflict,
    /// The organization has no such object.
    NotFound,
    /// The key is already in use.
    Taken,
    /// The job result had already ended.
    AlreadyFinished,
    /// It is still in use.
    InUse,
    /// The organization has used up a quota.
    QuotaReached,
    /// The store failed for this one of several; the log of the server has the cause.
    Unavailable,
}

impl UserErrorCode {
    /// The word in the schema.
    pub(crate) fn word(self) -> &'static str {
        Self::items().iter().find(|item| item.value == self).map_or("INVALID", |item| item.name)
    }
}

/// An expected refusal. What it refers to was not changed.
#[derive(SimpleObject, Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserError {
    /// Code, for programs.
    pub(crate) code: UserErrorCode,
    /// Path of the fault in the input, such as `lines[2].parameters.to` in the document of a job, or the name of an
    /// input field; null for the whole input.
    pub(crate) path: Option<String>,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl UserError {
    /// A refusal of an input field, or of a value in it.
    pub(crate) fn at(code: UserErrorCode, path: &str, message: impl Into<String>) -> Self {
        Self { code, path: Some(path.to_owned()).filter(|path| !path.is_empty()), message: message.into() }
    }

    /// The faults of a document.
    pub(crate) fn of_faults(faults: Vec<Fault>) -> Vec<Self> {
        let error = |fault: Fault| Self::at(UserErrorCode::Invalid, &fault.path, fault.message);
        faults.into_iter().map(error).collect()
    }
}

/// The expected refusals of a service; other errors are errors of the whole field.
pub(crate) fn user_errors(error: ServiceError) -> Result<Vec<UserError>> {
    match error {
        ServiceError::Refused(refusals) => refusals.into_iter().map(user_error).collect(),
        ServiceError::Store(error) => Err(error.into()),
    }
}

fn user_error(refusal: Refusal) -> Result<UserError> {
    let code = match refusal.code {
        RefusalCode::Invalid => UserErrorCode::Invalid,
        RefusalCode::Conflict => UserErrorCode::Conflict,
        RefusalCode::NotFound => UserErrorCode::NotFound,
        RefusalCode::Taken => UserErrorCode::Taken,
        RefusalCode::AlreadyFinished => UserErrorCode::AlreadyFinished,
        RefusalCode::InUse => UserErrorCode::InUse,
        RefusalCode::QuotaReached => UserErrorCode::QuotaReached,
        RefusalCode::Forbidden | RefusalCode::Unauthenticated | RefusalCode::Busy => return Err(refusal.into()),
    };
    Ok(UserError::at(code, &refusal.path, refusal.message))
}

/// The jobs of the caller's organization that prevent a change.
pub(crate) fn own_users(context: &Context<'_>, error: &ServiceError) -> impl Iterator<Item = JobUse> {
    let refusals = if let ServiceError::Refused(refusals) = error { refusals.as_slice() } else { &[] };
    let own = scope(context).organization();
    let users: Vec<_> = refusals.iter().flat_map(|refusal| refusal.used_by.clone()).collect();
    users.into_iter().filter(move |user| user.organization == own)
}
