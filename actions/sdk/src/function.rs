//! Actions that consist of one struct and one function.
//!
//! ```ignore
//! /// Writes a field in capitals.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(rename_all = "camelCase")]
//! #[schemars(crate = "ropewalk_sdk::schemars")] // not needed where `schemars` is a dependency
//! struct Shout {
//!     /// The field to write in capitals.
//!     #[schemars(example = "name")]
//!     field: String,
//!     /// A template, which is passed as it was written.
//!     #[schemars(extend("raw" = true))]
//!     label: Option<String>,
//! }
//!
//! impl Function for Shout {
//!     const NAME: &'static str = "shout";
//!
//!     fn run(&self, records: Records, _: &Context) -> Result<Outcome, Failure> {
//!         let mut orders: Vec<Order> = records.read()?;
//!         orders.iter_mut().for_each(|order| order.name = order.name.to_uppercase());
//!         Outcome::write(&orders)
//!     }
//! }
//!
//! ropewalk_sdk::module![Shout];
//! ```

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::{Action, Context, Entry, Failure, Intake, Offered, Outcome, Records};

/// An action that consists of a struct, which is its parameters, and of a function over
/// records. The schema is generated from the struct: doc comments become descriptions,
/// and the names and defaults of serde apply (a default is shown if its type is
/// `Serialize`). An action that keeps something from one batch to the next implements
/// [`Action`] instead.
pub trait Function: DeserializeOwned + JsonSchema + 'static {
    /// Unique in the module: lower-case words joined by `.` or `-`.
    const NAME: &'static str;
    /// A few words for a menu. If it is empty, the name is used.
    const TITLE: &'static str = "";
    /// One or two sentences that say what happens to the records. If it is empty, the doc
    /// comment of the struct is used.
    const SUMMARY: &'static str = "";
    /// How the records arrive.
    const INTAKE: Intake = Intake::Batches;

    /// Processes one batch, with the parameters in `self`.
    fn run(&self, records: Records, context: &Context) -> Result<Outcome, Failure>;
}

/// Makes an [`Action`] of a [`Function`], for example for `testing::run::<Once<Shout>>(…)`.
pub struct Once<F> {
    function: F,
    context: Context,
}

impl<F: Function> Action for Once<F> {
    const NAME: &'static str = F::NAME;
    const TITLE: &'static str = F::TITLE;
    const SUMMARY: &'static str = F::SUMMARY;
    const INTAKE: Intake = F::INTAKE;
    type Parameters = F;

    fn schema() -> Value {
        schema::<F>()
    }

    fn open(function: F, context: &Context) -> Result<Once<F>, Failure> {
        Ok(Once { function, context: context.clone() })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        self.function.run(records, &self.context)
    }
}

/// Marks a [`Function`] in a module's list.
#[doc(hidden)]
pub enum Single {}

impl<F: Function> Offered<Single> for F {
    fn entry() -> Entry {
        Entry::of::<Once<F>>()
    }
}

/// The schema of a type (draft 2020-12), without references, so that a form can use it as it is.
fn schema<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(fields) = schema.as_object_mut() {
        complete(fields);
    }
    schema
}

/// Removes the name of the struct, which is not a title for people, and refuses unknown
/// properties, so that a misspelled parameter is an error.
fn complete(fields: &mut Map<String, Value>) {
    fields.shift_remove("title");
    fields.entry("type").or_insert_with(|| json!("object"));
    fields.entry("properties").or_insert_with(|| json!({}));
    let composed = ["anyOf", "oneOf", "allOf", "$ref"].iter().any(|name| fields.contains_key(*name));
    if !composed {
        fields.entry("additionalProperties").or_insert(Value::Bool(false));
    }
}

#[cfg(test)]
mod tests;
