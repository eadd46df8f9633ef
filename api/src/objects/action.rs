//! Actions.

use std::sync::Arc;

use async_graphql::Object;
use engine::model::catalogue::Offering;
use serde_json::Value;

use super::status::Intake;
use engine::model::action::ActionSpec;

/// An action of a module, which an action line can use.
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

/// An action of a module, which an action line can use.
#[Object]
impl Action {
    /// Full name, `module/action`. A job may omit the module if only one module has the action.
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

    /// Whether its module imports no capability with effects outside. Such a line may run again freely, and runs in a
    /// dry run as usual.
    async fn pure(&self) -> bool {
        self.module.installed.info.is_pure()
    }

    /// Title, for menus.
    async fn title(&self) -> &str {
        &self.spec.title
    }

    /// What the action does with the records.
    async fn summary(&self) -> &str {
        &self.spec.summary
    }

    /// JSON Schema of the parameters.
    async fn parameters(&self) -> &Value {
        &self.spec.parameters
    }

    /// How the action gets its records.
    async fn intake(&self) -> Intake {
        self.spec.intake.into()
    }
}
