//! The header row of a table, whatever kind of file it is in.

use std::collections::HashSet;

use crate::model::fault::did_you_mean;
use crate::model::source::Types;

/// How many columns a table may have: as many as a sheet of Excel.
pub(super) const MAX_COLUMNS: usize = 16_384;

/// Checks that every column has a name of its own, and that the typed columns exist.
///
/// # Errors
/// The rest of a sentence that begins with the name of the file.
pub(super) fn check_header(names: &[String], types: &Types) -> Result<(), String> {
    if names.len() > MAX_COLUMNS {
        return Err(format!("has {} columns; at most {MAX_COLUMNS} can be read", names.len()));
    }
    if let Some(empty) = names.iter().position(|name| name.trim().is_empty()) {
        return Err(format!("has no name for column {} in its header; name it or remove the column", empty + 1));
    }
    let mut seen = HashSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(format!("names column `{twice}` twice in its header; give each column its own name"));
    }
    if let Some(unknown) = types.missing_in(names) {
        return Err(format!("has no column `{unknown}`{}", did_you_mean(unknown, names.iter().map(String::as_str))));
    }
    Ok(())
}
