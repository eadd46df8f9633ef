//! Actions.

use std::sync::Arc;

use async_graphql::Object;
use engine::model::catalogue::Offering;
use serde_json::Value;

use super::status::Intake;
use engine::model::action::ActionSpec;

/// What an action line can do; offered by a module.
pub(crate) struct Action {
    module: Arc<Offering>,
    spec: ActionSpec,
}

impl Action {
    /// An action of a module that has it.
    pub(crate) fn of(module: &Arc<Offering>, name: &str) -> Self {
        let spec = module.actions[name].spec.clone();
        Self { module: Arc::clone(module), spec }
    }
}

/// What an action line can do; offered by a module.
#[Object]
impl Action {
    /// Full name, `module/action`. A job may leave the module out where only one has the action.
    async fn name(&self) -> String {
        self.spec.full_name()
    }

    /// Key of the module that offers it.
    async fn module(&self) -> &str {
        &self.spec.module
    }

    /// Version of the module.
    async fn version(&self) -> String {
        self.module.installed.info.version.to_string()
    }

    /// Whether its module asks for nothing that reaches outside: a line of it may be run
    /// again freely, and is run in a dry run as always.
    async fn pure(&self) -> bool {
        self.module.installed.info.is_pure()
    }

    /// A few words for a menu.
    async fn title(&self) -> &str {
        &self.spec.title
    }

    /// What happens to the records.
    async fn summary(&self) -> &str {
        &self.spec.summary
    }

    /// JSON Schema of the parameters.
    async fn parameters(&self) -> &Value {
        &self.spec.parameters
    }

    /// How the records arrive.
    async fn intake(&self) -> Intake {
        self.spec.intake.into()
    }
}
