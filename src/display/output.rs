//! Writes the final records to a file, in the format of its ending.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Error, Write};
use std::path::Path;

use engine::model::job::Job;
use engine::model::line::Work;
use engine::model::source::Format;
use engine::records::Set;
use serde_json::Value;

use crate::Failed;

/// The text of a report, if the records are what the action `report` returns: one record with the text.
pub fn report_text(records: &Set) -> Option<&str> {
    report_in(records.first(2), records.len())
}

/// The same, where only the first records of `all` are known.
pub fn report_in(first: &[Value], all: usize) -> Option<&str> {
    match first {
        [only] if all == 1 && only.get("format").is_some() => only.get("text")?.as_str(),
        _ => None,
    }
}

/// Checks before the job runs that there is a folder to write to.
pub fn check(path: &Path) -> Result<(), Failed> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match folder.is_dir() && !path.is_dir() {
        true => Ok(()),
        false => Err(Failed::Refused(format!("--output {}: the folder of this file does not exist", path.display()))),
    }
}

/// Checks before the job runs that its records can be written, if it is certain that they are no report: a line can
/// make one with the action `report`, or with code that is not known here.
pub fn check_ending(path: &Path, job: &Job) -> Result<(), Failed> {
    let may_report = job.lines.iter().any(|line| match &line.work {
        Work::Action(work) => work.name == "report" || work.module.module != "standard",
        Work::Filter(work) => work.script.is_some(),
    });
    match may_report || writable_format(path).is_some() {
        true => Ok(()),
        false => Err(Failed::Refused(format!("--output {}: {UNKNOWN_ENDING}", path.display()))),
    }
}

const UNKNOWN_ENDING: &str = "the ending does not say how to write records; use .json, .jsonl or .csv";

fn writable_format(path: &Path) -> Option<Format> {
    let readable_only = |format: &Format| matches!(format, Format::Tsv | Format::Xlsx);
    Format::of_ending(&path.to_string_lossy()).filter(|format| !readable_only(format))
}

/// Writes the records, or the text of a report.
///
/// # Errors
/// [`Failed::Broken`] in all cases: the job has run, so the input was not refused.
pub fn write(path: &Path, records: &Set) -> Result<(), Failed> {
    let broken = |message: &str| Failed::Broken(format!("--output {}: {message}", path.display()));
    let format = writable_format(path);
    let text = report_text(records);
    if format.is_none() && text.is_none() {
        return Err(broken(UNKNOWN_ENDING));
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

/// Writes an indented list, one record at a time: the set may be larger than memory.
fn write_json(file: &mut impl Write, records: &Set) -> std::io::Result<()> {
    if records.is_empty() {
        return writeln!(file, "[]");
    }
    for (position, record) in records.iter().enumerate() {
        let record = format!("{:#}", record.map_err(Error::other)?);
        let indented = record.replace('\n', "\n  ");
        write!(file, "{}\n  {indented}", if position == 0 { "[" } else { "," })?;
    }
    writeln!(file, "\n]")
}

fn write_lines(file: &mut impl Write, records: &Set) -> std::io::Result<()> {
    records.iter().try_for_each(|record| writeln!(file, "{}", record.map_err(Error::other)?))
}

/// Writes a column for each field of any record, in the order in which they first appear.
fn write_csv(file: &mut impl Write, records: &Set) -> std::io::Result<()> {
    let columns = columns(records)?;
    let mut rows = csv::Writer::from_writer(file);
    rows.write_record(&columns)?;
    for record in records.iter() {
        let record = record.map_err(Error::other)?;
        rows.write_record(columns.iter().map(|name| cell(record.get(name))))?;
    }
    rows.flush()
}

fn columns(records: &Set) -> std::io::Result<Vec<String>> {
    let (mut columns, mut known) = (Vec::new(), HashSet::new());
    for record in records.iter() {
        let record = record.map_err(Error::other)?;
        for name in record.as_object().into_iter().flat_map(|fields| fields.keys()) {
            if !known.contains(name) {
                known.insert(name.clone());
                columns.push(name.clone());
            }
        }
    }
    Ok(columns)
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
