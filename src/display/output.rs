//! Writing the final records to a file, by its ending.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use engine::model::source::Format;
use serde_json::Value;

use crate::Failed;

/// The text of a report: what the action `report` leaves as the only record.
pub fn report_text(records: &[Value]) -> Option<&str> {
    match records {
        [only] if only.get("format").is_some() => only.get("text")?.as_str(),
        _ => None,
    }
}

/// Finds out before the job runs whether there is a folder to write to.
pub fn check(path: &Path) -> Result<(), Failed> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match folder.is_dir() && !path.is_dir() {
        true => Ok(()),
        false => Err(Failed::Refused(format!("--output {}: there is no folder to write this file to", path.display()))),
    }
}

/// Writes the records, or the text of a report. The job has run by now, so what goes
/// wrong is no refusal.
pub fn write(path: &Path, records: &[Value]) -> Result<(), Failed> {
    let broken = |message: &str| Failed::Broken(format!("--output {}: {message}", path.display()));
    let format = Format::of_ending(&path.to_string_lossy());
    let text = report_text(records);
    if format.is_none() && text.is_none() {
        return Err(broken("the ending does not say how to write records; use .json, .jsonl or .csv"));
    }
    let file = File::create(path).map_err(|error| broken(&error.to_string()))?;
    let mut file = BufWriter::new(file);
    let written = match (format, text) {
        (Some(Format::Json), _) => write_json(&mut file, records),
        (Some(Format::JsonLines), _) => write_lines(&mut file, records),
        (_, Some(text)) => file.write_all(text.as_bytes()),
        (_, None) => write_csv(&mut file, records),
    };
    written.and_then(|()| file.flush()).map_err(|error| broken(&error.to_string()))
}

fn write_json(file: &mut impl Write, records: &[Value]) -> std::io::Result<()> {
    serde_json::to_writer_pretty(&mut *file, records)?;
    writeln!(file)
}

fn write_lines(file: &mut impl Write, records: &[Value]) -> std::io::Result<()> {
    records.iter().try_for_each(|record| writeln!(file, "{record}"))
}

/// Columns are the fields of all records, in the order in which they first appear.
fn write_csv(file: &mut impl Write, records: &[Value]) -> std::io::Result<()> {
    let mut columns: Vec<&String> = Vec::new();
    for name in records.iter().filter_map(Value::as_object).flat_map(|record| record.keys()) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    let mut rows = csv::Writer::from_writer(file);
    rows.write_record(&columns)?;
    for record in records {
        rows.write_record(columns.iter().map(|name| cell(record.get(name))))?;
    }
    rows.flush()
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
