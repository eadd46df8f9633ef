//! Filter templates: a source and criteria under a key, with values that each line fills in.
//!
//! The definitions of a line and its template are joined after both are rendered, as trees and never
//! as text: criteria by `and`, and every other field of the line replaces that of the template.

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
use super::job_schema::job_schema;
use super::schema::Schema;
use super::template::Template;
use super::template_version::TemplateVersion;
use super::variables::{Names, TemplateLocation};

pub use join::{conflict, join};
pub use templates::{Templates, named_in};

static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
    let definitions = job_schema()["$defs"].take();
    Schema::compile(&json!({"$ref": "#/$defs/filterTemplate", "$defs": definitions}))
});

/// A valid filter template.
#[derive(Debug)]
pub struct FilterTemplate {
    /// Its key and version.
    pub named: TemplateVersion,
    /// The name shown to people.
    pub name: String,
    /// The values that a line fills in.
    values: Arguments,
    /// The filter definition before rendering.
    written: Value,
    definition: Template,
}

impl FilterTemplate {
    /// Reads a template as this version.
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
            let names =
                Names { location: TemplateLocation::FilterTemplate, values: values.names(), ..Names::default() };
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

    /// The filter definition before rendering.
    pub fn written(&self) -> &Value {
        &self.written
    }

    /// Every variable that it uses, except its values.
    pub fn variables(&self) -> Vec<(String, Variable)> {
        let mut all = self.definition.variables("");
        all.retain(|(_, variable)| variable.root() != "values");
        all
    }

    /// The faults of values that rendering their placeholders cannot remove.
    pub fn faults_of_values(&self, written: &Map<String, Value>, path: &str) -> Vec<Fault> {
        self.values.check(written.clone(), path)
    }

    /// Renders the definition with these values, for the filter at `path` in the job's document.
    ///
    /// # Errors
    /// Every fault of the values, or the first text of the template that cannot be rendered.
    pub fn render(&self, context: &Context, values: Map<String, Value>, path: &str) -> Result<Value, Vec<Fault>> {
        let values = self.values.complete_at(values, &field(path, "values"))?;
        let mut variables = context.data().as_object().cloned().unwrap_or_default();
        variables.insert("values".to_owned(), Value::Object(values));
        let context = Context::wraps(Value::Object(variables))
            .map_err(|error| vec![Fault::at(field(path, "values"), error.to_string())])?;
        self.definition.render(&context, "").map_err(|fault| vec![self.at_use(fault, path)])
    }

    /// A fault of the template, as a fault of the filter at `path` that uses it.
    pub fn at_use(&self, fault: Fault, path: &str) -> Fault {
        Fault::at(field(path, "template"), format!("in the filter template `{}`: {fault}", self.named.key))
    }
}

/// A template that declares no values takes none.
fn read_values(document: &Value) -> Result<Arguments, Fault> {
    let none = json!({});
    let written = document.get("values").filter(|values| values.is_object()).unwrap_or(&none);
    let unusable = |error: String| Fault::at("values", format!("cannot be used as a JSON Schema: {error}"));
    Arguments::read(Some(written)).map_err(unusable)
}

/// The definition, with criteria in which a rendered value is never parsed as operators.
pub(super) fn closed(written: &Value) -> Value {
    let mut definition = written.clone();
    if let Some(tree) = definition.get_mut("where") {
        criteria::close(tree);
    }
    definition
}

#[cfg(test)]
mod tests;
