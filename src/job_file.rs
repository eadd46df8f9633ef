//! Reads job files, YAML or JSON, into the document that the engine checks.

mod yaml_fault;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use engine::model::fault::Fault;
use engine::model::job::{JobFile, Part};
use engine::model::refusal::Refusal;
use engine::node::service_error::ServiceError;
use serde_json::Value;
use values::json::{Bounds, parse};

use crate::Failed;
use crate::display::counted;

/// How large a job file may be.
pub const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Reads a job file and splits it into its parts.
pub fn read(path: &Path) -> Result<JobFile, Failed> {
    split(path, read_document(path)?)
}

/// Splits what was read from a file into its parts.
pub fn split(path: &Path, document: Value) -> Result<JobFile, Failed> {
    JobFile::split(document).map_err(|faults| Failed::Refused(list(path, &faults)))
}

/// Reads the content of a job file. Every file but `.json` is read as YAML, of which JSON is a part.
pub fn read_document(path: &Path) -> Result<Value, Failed> {
    let refused = |message: String| Failed::Refused(format!("{}: {message}", path.display()));
    let mut text = String::new();
    let file = File::open(path).map_err(|error| refused(unreadable(&error)))?;
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| refused(unreadable(&error)))?;
    if text.len() as u64 > MAX_BYTES {
        let message = "the file is larger than 4 MiB; keep records in a data file and name it as a source";
        return Err(refused(message.to_owned()));
    }
    if text.trim().is_empty() {
        return Err(refused("The file is empty; a job file has `key` and `lines`.".to_owned()));
    }
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let document = if is_json {
        parse(text.as_bytes(), Bounds::default()).map_err(|fault| fault.to_string())
    } else {
        read_yaml(&text)
    };
    document.map_err(refused)
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::InvalidData => "the file is not UTF-8 text".to_owned(),
        _ => format!("the file cannot be read: {error}"),
    }
}

/// Reads YAML through the same strict reader as JSON, so that both mean the same.
fn read_yaml(text: &str) -> Result<Value, String> {
    // Only `true` and `false` are booleans: `NO` is Norway.
    let options = serde_saphyr::options! { strict_booleans: true };
    let document: Value =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| yaml_fault::message(&error, text))?;
    let is_long = |line: &str| {
        line.as_bytes().chunk_by(|a, b| a.is_ascii_digit() && b.is_ascii_digit()).any(|run| run.len() > 18)
    };
    if let Some(index) = text.lines().position(is_long).filter(|_| rounded(&document)) {
        return Err(format!(
            "line {}: the whole number is too large to be exact; write a smaller one, or quotes around it if it is a text",
            index + 1
        ));
    }
    let json = serde_json::to_vec(&document).map_err(|error| error.to_string())?;
    parse(&json, Bounds::default()).map_err(|fault| fault.message)
}

/// Whether there is a number so large that it may have been rounded from a whole one.
fn rounded(value: &Value) -> bool {
    const LARGEST: f64 = 9.2e18;
    match value {
        Value::Number(number) => number.is_f64() && number.as_f64().is_some_and(|number| number.abs() >= LARGEST),
        Value::Array(all) => all.iter().any(rounded),
        Value::Object(fields) => fields.values().any(rounded),
        _ => false,
    }
}

/// The faults for which a part of a file was refused, each with its path in the file.
///
/// # Errors
/// The store failed.
pub fn refused(part: &Part, error: ServiceError) -> Result<Vec<Fault>, Failed> {
    let in_file = |refusal: Refusal| part.in_file(Fault::at(refusal.path, refusal.message));
    match error {
        ServiceError::Refused(refusals) => Ok(refusals.into_iter().map(in_file).collect()),
        ServiceError::Store(error) => Err(Failed::Broken(error.to_string())),
    }
}

/// All faults of a file, one on each line.
pub fn list(path: &Path, faults: &[Fault]) -> String {
    let lines = faults.iter().map(|fault| format!("\n  {fault}"));
    format!("{}: {}{}", path.display(), counted(faults.len(), "fault"), lines.collect::<String>())
}
