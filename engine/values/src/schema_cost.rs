//! The cost of checking a value by a JSON Schema, counted without checking it.
//!
//! A schema can refer to its own definitions, so that a few hundred bytes can mean millions of
//! comparisons: 24 definitions, each of which is `anyOf` the next one twice, are 16 million. Here each
//! pair of a part of the schema and a part of the value is counted once, however often it is checked,
//! so that counting never takes longer than its limit.
//!
//! References are followed from the root of the schema. A part that would change the meaning of
//! references is refused: one with its own `$id` or `$schema`.

mod counter;
mod pattern;
mod steps;
mod too_costly;

use serde_json::Value;

use self::counter::{Counter, Subject};

pub use too_costly::TooCostly;

/// The number of steps to check a value, if it is at most `most`.
///
/// # Errors
/// See [`TooCostly`].
pub fn cost(schema: &Value, instance: &Value, most: u64) -> Result<u64, TooCostly> {
    Counter::new(schema, most, false).value(schema, instance, 0)
}

/// Checks that no part of a schema expands to more than `most` parts that check the same value, and
/// that every reference can be followed.
///
/// # Errors
/// See [`TooCostly`].
pub fn check_expansion(schema: &Value, most: u64) -> Result<(), TooCostly> {
    // Up to draft 4 the identity of a part is `id`, which is also a usual name of properties.
    let is_old = |draft: &&str| draft.contains("draft-03") || draft.contains("draft-04");
    if let Some(draft) = schema.get("$schema").and_then(Value::as_str).filter(is_old) {
        return Err(TooCostly::Reference(draft.to_owned()));
    }
    let (mut counter, mut left) = (Counter::new(schema, most, true), vec![schema]);
    while let Some(part) = left.pop() {
        match part {
            Value::Object(keywords) => {
                let own = |name: &str| keywords.get(name).and_then(Value::as_str);
                if let Some(name) = own("$id").or(own("$schema")).filter(|_| !std::ptr::eq(part, schema)) {
                    return Err(TooCostly::Reference(name.to_owned()));
                }
                // Objects that are not schemas are counted too, which does no harm.
                counter.part(part, Subject::Scalar, 0)?;
                left.extend(keywords.values());
            }
            Value::Array(parts) => left.extend(parts),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
