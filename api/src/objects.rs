//! The nouns of the schema. Each is made by hand from the engine's noun, so that
//! neither can change the other by accident.

pub(crate) mod action;
pub(crate) mod collection;
pub(crate) mod filter_preview;
pub(crate) mod filter_template;
pub(crate) mod global_id;
pub(crate) mod job;
pub(crate) mod job_result;
pub(crate) mod kept;
pub(crate) mod line_result;
pub(crate) mod lines;
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
pub(crate) mod waiting;
pub(crate) mod webhook;

use std::sync::Arc;

use async_graphql::Context;
use engine::model::organization::{Access, OrgScope};
use engine::runtime::engine::Engine;

use crate::budget::AnswerBudget;
use crate::refusal::Refusal;

/// What a resolver answers: a value, or a refusal of the whole field.
pub(crate) type Result<T, E = Refusal> = std::result::Result<T, E>;

/// The engine behind the schema.
pub(crate) fn engine<'a>(context: &Context<'a>) -> &'a Arc<Engine> {
    context.data_unchecked()
}

/// The caller. The gate lets no request in without one.
pub(crate) fn access<'a>(context: &Context<'a>) -> &'a Access {
    context.data_unchecked()
}

/// What the answer may still hold.
pub(crate) fn budget<'a>(context: &Context<'a>) -> &'a AnswerBudget {
    context.data_unchecked::<Arc<AnswerBudget>>()
}

/// Where the caller may act.
pub(crate) fn scope(context: &Context<'_>) -> OrgScope {
    access(context).scope()
}
