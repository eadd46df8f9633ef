//! The header row of a table, whatever kind of file it is in.

use std::collections::HashSet;

use crate::model::fault::did_you_mean;
use crate::model::source::Types;
use crate::model::source::limits::{MAX_COLUMNS, MAX_HEADER_BYTES};

/// Checks how many columns there are, before their names are read.
///
/// # Errors
/// The rest of a sentence that begins with the name of the file.
pub(super) fn check_width(columns: usize) -> Result<(), String> {
    match columns <= MAX_COLUMNS {
        true => Ok(()),
        false => Err(format!("has {columns} columns; at most {MAX_COLUMNS} can be read")),
    }
}

/// Checks that every column has a name of its own, and that the typed columns exist.
///
/// # Errors
/// The rest of a sentence that begins with the name of the file.
pub(super) fn check_header(names: &[String], types: &Types) -> Result<(), String> {
    let bytes: usize = names.iter().map(String::len).sum();
    if bytes > MAX_HEADER_BYTES {
        return Err(format!(
            "has a header of {bytes} bytes; at most {MAX_HEADER_BYTES} can be read, so shorten the names"
        ));
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
