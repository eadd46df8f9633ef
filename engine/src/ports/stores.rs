//! The ports that one store implements, together.

use std::sync::Arc;

use super::audit::AuditLog;
use super::collections::Collections;
use super::jobs::Jobs;
use super::metrics::StoreMetrics;
use super::modules::{GrantBook, Modules, Uploads};
use super::organizations::Organizations;
use super::queue::{Leases, Queue};
use super::queues::Queues;
use super::results::{Endings, History, Starts};
use super::schedules::{DueSchedules, Schedules};
use super::templates::FilterTemplates;
use super::tokens::Tokens;
use super::webhooks::Webhooks;

/// Declares the ports of a store once: the fields, and the bounds of what implements them all.
macro_rules! stores {
    ($($(#[$doc:meta])* $field:ident: $port:ident,)*) => {
        /// The ports that one store implements.
        #[derive(Clone)]
        pub struct Stores {
            $($(#[$doc])* pub $field: Arc<dyn $port>,)*
            /// What the store measures about itself.
            pub metrics: StoreMetrics,
        }

        /// What implements every port of a store.
        pub trait Store: $($port +)* {}

        impl<Any: $($port +)*> Store for Any {}

        impl Stores {
            /// Every port from one store.
            pub fn of(store: Arc<impl Store + 'static>) -> Self {
                Self { $($field: store.clone(),)* metrics: StoreMetrics::default() }
            }

            /// With the histograms that the store fills.
            #[must_use]
            pub fn with_metrics(self, metrics: StoreMetrics) -> Self {
                Self { metrics, ..self }
            }
        }
    };
}

stores! {
    /// Organizations.
    organizations: Organizations,
    /// Tokens.
    tokens: Tokens,
    /// Who asked for which changes.
    audit: AuditLog,
    /// Jobs and their versions.
    jobs: Jobs,
    /// Starting results.
    starts: Starts,
    /// Reading results.
    history: History,
    /// Killing and pruning results.
    endings: Endings,
    /// Results that wait for a worker.
    queue: Queue,
    /// What workers write.
    leases: Leases,
    /// Records that are kept for organizations.
    collections: Collections,
    /// Installed modules.
    modules: Modules,
    /// What modules may do.
    grants: GrantBook,
    /// Files that were sent to be installed.
    uploads: Uploads,
    /// The limits of queues.
    queues: Queues,
    /// Reading schedules.
    schedules: Schedules,
    /// Firing schedules.
    due_schedules: DueSchedules,
    /// Secret addresses that start jobs.
    webhooks: Webhooks,
    /// Filter templates and their versions.
    templates: FilterTemplates,
}
