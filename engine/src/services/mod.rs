//! What the API and the command line call: a service for each noun.
//!
//! Each call first checks the caller's rights, then its input; a refusal says where the problem is and what to do. The
//! execution of job results belongs to `execution`.

pub mod audit;
pub mod collections;
pub mod jobs;
pub mod modules;
pub mod organizations;
pub mod queues;
pub mod results;
pub mod schedules;
pub mod templates;
pub mod tokens;
pub mod webhooks;

use std::sync::Arc;

use crate::node::Node;

/// Declares services: handles on a node, cheap to make.
macro_rules! services {
    ($($(#[$doc:meta])* $service:ident)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone)]
            pub struct $service {
                node: Arc<Node>,
            }

            impl $service {
                pub(crate) fn new(node: Arc<Node>) -> Self {
                    Self { node }
                }
            }
        )*
    };
}

services! {
    /// Who asked for which change, and what became of it.
    AuditLog
    /// Named records that are kept for organizations.
    Collections
    /// Filter templates, and previews of filters.
    FilterTemplates
    /// Jobs: saved, changed, deleted and started.
    Jobs
    /// Modules: uploaded, installed, granted, upgraded and removed while the server runs.
    Modules
    /// Organizations and their quotas.
    Organizations
    /// Queues and their limits.
    Queues
    /// Job results: read, killed and retried.
    Results
    /// Schedules of jobs.
    Schedules
    /// Tokens, and the authentication of callers.
    Tokens
    /// Secret addresses that start jobs.
    Webhooks
}
