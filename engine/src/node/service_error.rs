//! The error of the services.

use super::blocking::TaskFailed;
use crate::model::fault::Fault;
use crate::model::refusal::{Refusal, RefusalCode};
use crate::ports::StoreError;

/// Why a service did nothing.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The request was refused: every reason at once, at least one.
    #[error("{}", join(.0))]
    Refused(Vec<Refusal>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All reasons as one text.
fn join(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl ServiceError {
    /// One refusal of the input at `path`.
    pub(crate) fn refused(code: RefusalCode, path: &str, message: impl Into<String>) -> Self {
        Refusal::new(code, path, message).into()
    }

    /// The kind of the first refusal; none if the store failed.
    pub fn code(&self) -> Option<RefusalCode> {
        match self {
            Self::Refused(refusals) => refusals.first().map(|refusal| refusal.code),
            Self::Store(_) => None,
        }
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl From<Vec<Fault>> for ServiceError {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Refused(faults.into_iter().map(Refusal::from).collect())
    }
}

impl From<Fault> for ServiceError {
    fn from(fault: Fault) -> Self {
        Refusal::from(fault).into()
    }
}

impl From<TaskFailed> for ServiceError {
    fn from(error: TaskFailed) -> Self {
        Refusal::invalid("", format!("An internal error stopped the check: {error}.")).into()
    }
}
