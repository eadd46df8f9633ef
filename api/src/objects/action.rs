//! Actions.

use async_graphql::Object;
use engine::model::action::ActionSpec;
use serde_json::Value;

use super::status::Intake;

/// What an action line can do; offered by a module.
pub(crate) struct Action(pub(crate) ActionSpec);

/// What an action line can do; offered by a module.
#[Object]
impl Action {
    /// Full name, `module/action`. A job may leave the module out where only one has the action.
    async fn name(&self) -> String {
        self.0.full_name()
    }

    /// Key of the module that offers it.
    async fn module(&self) -> &str {
        &self.0.module
    }

    /// A few words for a menu.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// What happens to the records.
    async fn summary(&self) -> &str {
        &self.0.summary
    }

    /// JSON Schema of the parameters.
    async fn parameters(&self) -> &Value {
        &self.0.parameters
    }

    /// How the records arrive.
    async fn intake(&self) -> Intake {
        self.0.intake.into()
    }
}
