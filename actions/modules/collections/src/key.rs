//! The key of a record, which is a text or a number.

use ropewalk_sdk::{Failure, Value};
use values::order::identity;
use values::path::Path;

/// Longest key, in bytes, as the contract says.
const LONGEST: usize = 500;

/// The path of the field that contains keys. `name` is the name of the parameter.
pub(crate) fn path(name: &str, text: &str) -> Result<Path, Failure> {
    Path::parse(text).map_err(|fault| Failure::new(format!("{name}: {fault}")))
}

/// The key in a record; `None` if the field is missing or null. `7` and `7.0` are the same key.
pub(crate) fn of(record: &Value, path: &Path) -> Result<Option<String>, String> {
    let key = match path.of(record) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(number @ Value::Number(_)) => identity(number),
        Some(_) => return Err(format!("The key in `{path}` is neither a text nor a number")),
    };
    match key.len() {
        0 => Err(format!("The key in `{path}` is an empty text")),
        1..=LONGEST => Ok(Some(key)),
        length => Err(format!("The key in `{path}` has {length} bytes; at most {LONGEST} are allowed")),
    }
}
