//! Filter templates: a source and criteria under a name, with values that each line fills in.
//!
//! What a line and its template say is joined once both are rendered: criteria by `and`, as
//! trees; of the rest, what the line says wins. Text is never put together.

mod join;
mod shape;
mod templates;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use values::template::{Context, Variable};

use super::argument::Arguments;
use super::criteria;
use super::fault::{Fault, field};
use super::filter::Filter;
use super::schema::Schema;
use super::template::Template;
use super::variables::{Names, Place};

pub use join::{conflict, join};
pub use templates::{Templates, named_in};

static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
    let definitions = super::job::schema()["$defs"].take();
    Schema::compile(&json!({"$ref": "#/$defs/filterTemplate", "$defs": definitions}))
});

/// A version of a filter template: what a job result keeps of the one it runs with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateVersion {
    /// Key of the template.
    pub key: String,
    /// 1 for the first, then one more each time.
    pub version: u32,
}

/// A valid filter template.
#[derive(Debug)]
pub struct FilterTemplate {
    /// What lines name it by, and which version this is.
    pub named: TemplateVersion,
    /// For people.
    pub name: String,
    /// What a line may and must fill in.
    values: Arguments,
    /// Where the records come from and which of them go on, as the template says it.
    written: Value,
    definition: Template,
}

impl FilterTemplate {
    /// Reads a template, of which this is or will be the version.
    ///
    /// # Errors
    /// Every fault at once, each with its path.
    pub fn read(document: &Value, version: u32) -> Result<Self, Vec<Fault>> {
        let mut faults = shape::faults(document);
        let values = read_values(document).unwrap_or_else(|fault| {
            faults.push(fault);
            Arguments::default()
        });
        let written = shape::definition(document);
        let misshapen = !faults.is_empty();
        if !misshapen {
            faults.extend(Filter::check(&written, ""));
        }
        let definition = Template::parse(&closed(&written), "", |_| false);
        if let Ok(definition) = &definition {
            let names = Names { place: Place::FilterTemplate, values: values.names(), ..Names::default() };
            faults.extend(names.faults(definition.variables("")));
        }
        let definition = definition.map_err(|more| faults.extend(more));
        let (Ok(definition), true) = (definition, faults.is_empty()) else { return Err(faults) };
        let key = document["key"].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            name: document["name"].as_str().map_or_else(|| key.clone(), str::to_owned),
            named: TemplateVersion { key, version },
            values,
            written,
            definition,
        })
    }

    /// What it says, before anything is rendered.
    pub fn written(&self) -> &Value {
        &self.written
    }

    /// Every variable that it reads besides its values.
    pub fn variables(&self) -> Vec<(String, Variable)> {
        let mut all = self.definition.variables("");
        all.retain(|(_, variable)| variable.root() != "values");
        all
    }

    /// What is certainly wrong with values whose placeholders are not rendered yet.
    pub fn faults_of_values(&self, written: &Map<String, Value>, path: &str) -> Vec<Fault> {
        self.values.check(written.clone(), path)
    }

    /// The definition with these values, which stand at `path` in the document.
    ///
    /// # Errors
    /// Every fault of the values, or the first text of the template that cannot be rendered.
    pub fn render(&self, context: &Context, values: Map<String, Value>, path: &str) -> Result<Value, Vec<Fault>> {
        let values = self.values.complete_at(values, &field(path, "values"))?;
        let mut variables = context.data().as_object().cloned().unwrap_or_default();
        variables.insert("values".to_owned(), Value::Object(values));
        let told = |fault| vec![self.at_use(fault, path)];
        let context = Context::wraps(Value::Object(variables))
            .map_err(|error| vec![Fault::at(field(path, "values"), error.to_string())])?;
        self.definition.render(&context, "").map_err(told)
    }

    /// A fault of the template, as whoever reads the job that uses it at `path` is told.
    pub fn at_use(&self, fault: Fault, path: &str) -> Fault {
        let told = format!("in the filter template `{}`: {fault}", self.named.key);
        Fault::at(field(path, "template"), told)
    }
}

/// A template that declares no values takes none.
fn read_values(document: &Value) -> Result<Arguments, Fault> {
    let none = json!({});
    let written = document.get("values").filter(|values| values.is_object()).unwrap_or(&none);
    Arguments::read(Some(written)).map_err(|error| Fault::at("values", format!("is not a JSON Schema: {error}")))
}

/// The definition with criteria that no rendered value can change.
pub(super) fn closed(written: &Value) -> Value {
    let mut definition = written.clone();
    if let Some(tree) = definition.get_mut("where") {
        criteria::close(tree);
    }
    definition
}

#[cfg(test)]
mod tests;
