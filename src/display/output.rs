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

/// Finds out before the job runs whether the file can be written.
pub fn check(path: &Path) -> Result<(), Failed> {
    File::options().append(true).create(true).open(path).map(|_| ()).map_err(|error| refused(path, &error.to_string()))
}

/// Writes the records, or the text of a report.
pub fn write(path: &Path, records: &[Value]) -> Result<(), Failed> {
    let file = File::create(path).map_err(|error| refused(path, &error.to_string()))?;
    let mut file = BufWriter::new(file);
    let written = match (Format::of_ending(&path.to_string_lossy()), report_text(records)) {
        (Some(Format::Json), _) => write_json(&mut file, records),
        (Some(Format::JsonLines), _) => write_lines(&mut file, records),
        (Some(Format::Csv), None) => write_csv(&mut file, records),
        (_, Some(text)) => file.write_all(text.as_bytes()),
        (None, None) => {
            return Err(refused(
                path,
                "the ending does not say how; use .json, .jsonl or .csv (only a report's text goes into other files)",
            ));
        }
    };
    written.and_then(|()| file.flush()).map_err(|error| refused(path, &error.to_string()))
}

fn refused(path: &Path, message: &str) -> Failed {
    Failed::Refused(format!("--output {}: {message}", path.display()))
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
