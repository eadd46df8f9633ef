//! The work of an action line.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::model::action::{Intake, ModuleDigest};
use crate::model::catalogue::{Catalogue, Choice, Pin};
use crate::model::criteria::Reading;
use crate::model::fault::{Fault, field};
use crate::model::schema::Schema;
use crate::model::template::Template;

/// What an action line does.
#[derive(Debug)]
pub struct ActionWork {
    /// `module/action`.
    pub action: String,
    /// Name of the action in its module.
    pub name: String,
    /// The version of the module.
    pub module: ModuleDigest,
    /// The version that is saved with the job; none for a bundled module.
    pub pin: Option<Pin>,
    /// How it takes its records, unless a parameter changes that.
    intake: Intake,
    /// The parameters that make it take batches when they are true.
    batching: Vec<String>,
    /// The parameters, before rendering.
    pub parameters: Template,
    /// The parameters, if they have no placeholder.
    pub constant: Option<Arc<Value>>,
    /// The schema of the rendered parameters.
    pub schema: Arc<Schema>,
}

impl ActionWork {
    /// Reads the action and the parameters of a line.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub(super) fn read(
        name: &str,
        written: &Value,
        path: &str,
        (catalogue, choice): (&Catalogue, Choice<'_>),
    ) -> Result<Self, Vec<Fault>> {
        let found = catalogue.find(name, choice);
        let found = found.map_err(|unknown| vec![Fault::at(field(path, "action"), unknown.to_string())])?;
        let offered = found.offered;
        let place = field(path, "parameters");
        let parameters = written.get("parameters").cloned().unwrap_or_else(|| Value::Object(Map::new()));
        let mut faults = offered.schema.faults(&parameters, &place, Reading::Written);
        match Template::parse(&parameters, &place, |name| offered.spec.is_raw(name)) {
            Ok(parameters) if faults.is_empty() => {
                let schema = Arc::clone(&offered.schema);
                Ok(Self {
                    action: offered.spec.full_name(),
                    name: offered.spec.name.clone(),
                    module: found.offering.installed.info.named(),
                    pin: found.pin(),
                    intake: offered.spec.intake,
                    batching: offered.spec.batching(),
                    constant: parameters.constant().map(Arc::new),
                    parameters,
                    schema,
                })
            }
            template => {
                faults.extend(template.err().into_iter().flatten());
                Err(faults)
            }
        }
    }

    /// How it takes its records with these rendered parameters.
    pub fn intake(&self, parameters: &Value) -> Intake {
        let batches = self.batching.iter().any(|name| parameters.get(name) == Some(&Value::Bool(true)));
        if self.intake == Intake::Whole && batches { Intake::Batches } else { self.intake }
    }
}
