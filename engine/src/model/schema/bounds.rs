//! Refuses schemas that would take long to compile.

use serde_json::{Map, Value};

/// Patterns of one schema.
const MAX_PATTERNS: usize = 100;
/// Values of one schema, at any depth.
const MAX_PARTS: usize = 20_000;

/// Counts the patterns and parts of a schema: the time to compile it grows with both.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    let (mut parts, mut patterns, mut left) = (0, 0, vec![schema]);
    while let Some(part) = left.pop() {
        parts += 1;
        match part {
            Value::Object(keywords) => {
                patterns += usize::from(keywords.contains_key("pattern"));
                patterns += keywords.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
                left.extend(keywords.values());
            }
            Value::Array(all) => left.extend(all),
            _ => {}
        }
    }
    match (parts > MAX_PARTS, patterns > MAX_PATTERNS) {
        (true, _) => Err(format!("the schema has more than {MAX_PARTS} parts")),
        (_, true) => Err(format!("the schema has more than {MAX_PATTERNS} patterns")),
        _ => Ok(()),
    }
}
