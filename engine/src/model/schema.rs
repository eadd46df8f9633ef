//! Validates values by JSON Schema and reports faults with paths.
//!
//! This file holds the compiled [`Schema`]. What its errors are called is in `message`, and what is
//! refused before compiling is in `bounds`.

mod bounds;
mod fields;
mod message;
mod properties;

use jsonschema::{ValidationError, Validator};
use serde_json::Value;
use values::schema_cost::{check_expansion, cost};

use super::criteria::Reading;
use super::fault::{Fault, MORE_FAULTS, MOST_FAULTS};
use super::template::holds_placeholder;

/// An integer, as JSON Schema means it: in any notation, 5, 5.0 or 5e0; none for another value or one out of bounds.
pub(crate) fn integer<Int: TryFrom<i64>>(value: &Value) -> Option<Int> {
    let whole = |number: &f64| number.fract() == 0.0;
    let number = value.as_i64().or_else(|| value.as_f64().filter(whole).map(|number| number as i64))?;
    Int::try_from(number).ok()
}

/// Bytes of one compiled pattern.
const MAX_PATTERN: usize = 256 * 1024;
/// Parts that one part of a schema may expand to where it refers to others, all about the same value.
pub const MAX_EXPANSION: u64 = 10_000;
/// Steps to check one value. They take a tenth of a second, with costly patterns half a second.
pub const MAX_STEPS: u64 = 2_000_000;
/// Steps that may be taken on a thread that answers calls.
const STEPS_AT_ONCE: u64 = 10_000;
/// Steps up to which all faults are collected. Beyond that, only whether there is one is checked,
/// because the faults of all alternatives are in memory at once.
const STEPS_WITH_FAULTS: u64 = 100_000;

/// A compiled JSON Schema (2020-12). References to other documents are refused.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    schema: Value,
    properties: Vec<String>,
    /// Whether the schema is not part of the program, so that the cost of checking a value is bounded.
    is_foreign: bool,
}

impl Schema {
    /// Compiles a schema that is part of the program.
    ///
    /// # Errors
    /// One sentence with what is wrong in it.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        bounds::check(schema)?;
        Self::build(schema, false)
    }

    /// Compiles a schema that a user or a module brings. What it costs is bounded, both now and for
    /// each value that it checks.
    ///
    /// # Errors
    /// One sentence with what is wrong in it.
    pub fn compile_foreign(schema: &Value) -> Result<Self, String> {
        bounds::check(schema)?;
        check_expansion(schema, MAX_EXPANSION).map_err(|error| format!("the schema {error}"))?;
        Self::build(schema, true)
    }

    fn build(schema: &Value, is_foreign: bool) -> Result<Self, String> {
        let pattern_options = jsonschema::PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN);
        let options =
            jsonschema::draft202012::options().with_pattern_options(pattern_options).should_validate_formats(true);
        let validator = options.build(schema).map_err(|error| match error.instance_path().as_str() {
            "" => error.to_string(),
            path => format!("{path}: {error}"),
        })?;
        let properties = properties::names(schema);
        Ok(Self { validator, schema: schema.clone(), properties, is_foreign })
    }

    /// Every fault of `instance`, whose path in its document is `path`. With [`Reading::Written`],
    /// a value with placeholders is checked only as far as rendering cannot change the result.
    pub fn faults(&self, instance: &Value, path: &str, reading: Reading) -> Vec<Fault> {
        if self.is_foreign {
            match cost(&self.schema, instance, MAX_STEPS) {
                Err(error) => return vec![Fault::at(path, format!("cannot be checked: the schema {error}"))],
                Ok(steps) if steps > STEPS_WITH_FAULTS && reading == Reading::Rendered => {
                    let message = "does not fit its schema; the value is too large to say where";
                    return if self.validator.is_valid(instance) { Vec::new() } else { vec![Fault::at(path, message)] };
                }
                // A written value is checked again after rendering.
                Ok(steps) if steps > STEPS_WITH_FAULTS => return Vec::new(),
                Ok(_) => {}
            }
        }
        let errors = self.validator.iter_errors(instance);
        let errors = errors.filter(|error| reading == Reading::Rendered || is_certain(error));
        let mut faults: Vec<_> = errors.flat_map(|error| self.faults_of(&error, path)).take(MOST_FAULTS + 1).collect();
        if faults.len() > MOST_FAULTS {
            faults[MOST_FAULTS] = Fault::at(path, MORE_FAULTS);
        }
        faults
    }

    /// Whether checking this value would block a thread that answers calls for too long.
    pub fn is_costly(&self, instance: &Value) -> bool {
        self.is_foreign && cost(&self.schema, instance, STEPS_AT_ONCE).is_err()
    }
}

/// Every fault of `instance` by a schema that is part of the program, or the reason why that does
/// not compile.
pub(super) fn faults_by(schema: &Result<Schema, String>, instance: &Value, path: &str, reading: Reading) -> Vec<Fault> {
    match schema {
        Ok(schema) => schema.faults(instance, path, reading),
        Err(message) => vec![Fault::at(path, message.clone())],
    }
}

/// Whether the error stays, whatever the placeholders in the value are rendered to.
fn is_certain(error: &ValidationError<'_>) -> bool {
    use jsonschema::error::ValidationErrorKind::{AdditionalProperties, Required, UnevaluatedProperties};
    let structural =
        matches!(error.kind(), AdditionalProperties { .. } | Required { .. } | UnevaluatedProperties { .. });
    structural || !holds_placeholder(error.instance())
}

#[cfg(test)]
mod tests;
