//! Paths to a value inside a value: `customer.addresses.0.city`.

use std::fmt;

use serde_json::Value;

use crate::Fault;

/// Bytes of a path.
pub const MAX_PATH_BYTES: usize = 1024;

/// A path: names of fields and, in arrays, positions from 0, joined by dots.
///
/// A field whose name contains dots takes precedence: `a.b` finds the field `a.b` if there is one, and
/// otherwise the field `b` in `a`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path(String);

impl Path {
    /// Parses a path.
    ///
    /// # Errors
    /// The path is empty, has an empty part or is longer than 1 KiB.
    pub fn parse(text: &str) -> Result<Path, Fault> {
        if text.is_empty() {
            return Err(Fault::new("A path is empty: write the name of a field"));
        }
        if text.len() > MAX_PATH_BYTES {
            return Err(Fault::new(too_long()));
        }
        if text.split('.').any(str::is_empty) {
            return Err(Fault::new(format!("The path \"{text}\" has an empty part between dots")));
        }
        Ok(Path(text.to_owned()))
    }

    /// The value at the end of the path; none if the path leads nowhere.
    pub fn of<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        let mut value = value;
        let mut rest = self.0.as_str();
        while !rest.is_empty() {
            (value, rest) = step(value, rest)?;
        }
        Some(value)
    }

    /// Whether the path may lead to a field or into it. `a.b` may be the field `a.b` or a field of `a`.
    pub fn leads_into(&self, field: &str) -> bool {
        self.0.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The message for a path that is too long, also inside a template.
pub(crate) fn too_long() -> String {
    format!("A path is longer than {MAX_PATH_BYTES} bytes")
}

/// Goes one field further, by the longest name that exists. Returns the value and the rest of the path.
fn step<'a, 'p>(value: &'a Value, rest: &'p str) -> Option<(&'a Value, &'p str)> {
    if let Value::Array(list) = value {
        let (position, rest) = rest.split_once('.').unwrap_or((rest, ""));
        return Some((list.get(position.parse::<usize>().ok()?)?, rest));
    }
    let fields = value.as_object()?;
    let mut name = rest;
    loop {
        if let Some(found) = fields.get(name) {
            return Some((found, rest[name.len()..].trim_start_matches('.')));
        }
        name = &name[..name.rfind('.')?];
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
        Path::parse(path).expect("a path").of(value)
    }

    #[test]
    fn walks_fields_and_positions() {
        let value = json!({"a": {"b": [{"c": 1}, {"c": 2}]}, "n": null});
        assert_eq!(at(&value, "a.b.1.c"), Some(&json!(2)));
        assert_eq!(at(&value, "n"), Some(&Value::Null));
        for nowhere in ["a.x", "a.b.2", "a.b.c", "a.b.-1", "n.x", "a.b.1.c.d"] {
            assert_eq!(at(&value, nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn a_literal_name_wins() {
        let value = json!({"a": {"b": 1, "c": 2}, "a.b": 3, "x.y": {"z": 4}});
        assert_eq!(at(&value, "a.b"), Some(&json!(3)));
        assert_eq!(at(&value, "a.c"), Some(&json!(2)));
        assert_eq!(at(&value, "x.y.z"), Some(&json!(4)));
    }

    #[test]
    fn invalid_paths_are_refused() {
        for wrong in ["", ".", "a.", ".a", "a..b", &"x".repeat(2000)] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }
}
