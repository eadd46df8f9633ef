//! The types of the schema. Each is converted by hand from a type of the engine, so that a change of one never changes
//! the other by accident.

pub(crate) mod action;
pub(crate) mod collection;
pub(crate) mod filter_preview;
pub(crate) mod filter_template;
pub(crate) mod global_id;
pub(crate) mod job;
pub(crate) mod job_result;
pub(crate) mod kept_records;
pub(crate) mod line_loader;
pub(crate) mod line_result;
pub(crate) mod module;
pub(crate) mod moment;
pub(crate) mod node;
pub(crate) mod organization;
pub(crate) mod page;
pub(crate) mod queue;
pub(crate) mod role;
pub(crate) mod schedule;
pub(crate) mod server_info;
pub(crate) mod status;
pub(crate) mod viewer;
pub(crate) mod waits_for;
pub(crate) mod webhook;

use std::sync::Arc;

use async_graphql::Context;
use engine::engine::Engine;
use engine::model::organization::{Access, OrgScope};

use crate::budget::AnswerBudget;
use crate::error::ApiError;

/// The answer of a resolver: a value, or a refusal of the whole field.
pub(crate) type Result<T, E = ApiError> = std::result::Result<T, E>;

/// The engine behind the schema.
pub(crate) fn engine<'a>(context: &Context<'a>) -> &'a Engine {
    context.data_unchecked()
}

/// The caller. The guard refuses every request without one.
pub(crate) fn access<'a>(context: &Context<'a>) -> &'a Access {
    context.data_unchecked()
}

/// The budget of the answer.
pub(crate) fn budget<'a>(context: &Context<'a>) -> &'a AnswerBudget {
    context.data_unchecked::<Arc<AnswerBudget>>()
}

/// The organization in which the caller acts.
pub(crate) fn scope(context: &Context<'_>) -> OrgScope {
    access(context).scope()
}
