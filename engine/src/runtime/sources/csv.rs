//! CSV (RFC 4180) with a header row. Cells are text unless a column has a type.

use std::cell::Cell;
use std::io::Read;

use serde_json::{Map, Value};

use super::Stop;
use crate::model::source::{ColumnType, FileSource};
use crate::runtime::perform::Broken;

/// How many rows are read between two looks at the clock.
const ROWS_BETWEEN_CHECKS: u64 = 1024;

pub(super) fn read(
    reader: impl Read,
    source: &FileSource,
    stop: &Stop,
    mut each: impl FnMut(Value) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let quotes = Cell::new(0);
    let mut rows = csv::ReaderBuilder::new().from_reader(CountingQuotes { reader, quotes: &quotes });
    let columns = read_header(&mut rows, source)?;
    let mut row = csv::StringRecord::new();
    let mut number = 1;
    let mut last_row_spans_lines = false;
    while rows.read_record(&mut row).map_err(|error| broken_row(&error, source))? {
        number += 1;
        if number % ROWS_BETWEEN_CHECKS == 0 {
            stop.check()?;
        }
        let cells = columns.iter().zip(&row).map(|((name, kind), cell)| {
            let value = read_cell(cell, *kind).ok_or_else(|| wrong_cell(source, number, name, cell, *kind))?;
            Ok((name.clone(), value))
        });
        each(Value::Object(cells.collect::<Result<Map<_, _>, Broken>>()?))?;
        last_row_spans_lines = row.iter().next_back().is_some_and(|cell| cell.contains('\n'));
    }
    match quotes.get() % 2 == 1 && last_row_spans_lines {
        true => Err(Broken::Error(format!(
            "{} row {number}: a quote is opened and never closed; mend the file",
            source.path
        ))),
        false => Ok(()),
    }
}

/// A reader that counts quotes as they pass: an odd number at the end of a file whose
/// last cell spans lines is a quote that swallowed the rest.
struct CountingQuotes<'a, R> {
    reader: R,
    quotes: &'a Cell<u64>,
}

impl<R: Read> Read for CountingQuotes<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let quotes = buffer[..read].iter().filter(|byte| **byte == b'"').count();
        self.quotes.set(self.quotes.get() + quotes as u64);
        Ok(read)
    }
}

fn read_header(rows: &mut csv::Reader<impl Read>, source: &FileSource) -> Result<Vec<(String, ColumnType)>, Broken> {
    let header = rows.headers().map_err(|error| broken_row(&error, source))?;
    // Spreadsheets mark the beginning of UTF-8 files, and the mark is no part of the name.
    let names: Vec<_> = header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return Err(Broken::Error(format!(
            "{}: the header names column `{}` twice; give each its own name",
            source.path, twice.1
        )));
    }
    if let Some(unknown) = source.columns.keys().find(|name| !names.contains(name)) {
        let near = crate::model::fault::did_you_mean(unknown, names.iter().map(String::as_str));
        return Err(Broken::Error(format!("{}: there is no column `{unknown}`{near}", source.path)));
    }
    Ok(names
        .into_iter()
        .map(|name| (name.clone(), source.columns.get(&name).copied().unwrap_or(ColumnType::Text)))
        .collect())
}

fn read_cell(cell: &str, kind: ColumnType) -> Option<Value> {
    let trimmed = cell.trim();
    match kind {
        ColumnType::Text => Some(Value::String(cell.to_owned())),
        _ if trimmed.is_empty() => Some(Value::Null),
        ColumnType::Integer => {
            trimmed.parse::<i64>().map(Value::from).or_else(|_| trimmed.parse::<u64>().map(Value::from)).ok()
        }
        ColumnType::Number => {
            values::json::parse(number_text(trimmed)?.as_bytes(), values::json::Bounds::default()).ok()
        }
        ColumnType::Boolean => match trimmed.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        ColumnType::Json => values::json::parse(trimmed.as_bytes(), values::json::Bounds::default()).ok(),
    }
}

/// Numbers are often written in ways that JSON does not know: `+5`, `.5`, `05`.
fn number_text(cell: &str) -> Option<String> {
    if serde_json::from_str::<serde_json::Number>(cell).is_ok() {
        return Some(cell.to_owned());
    }
    let whole = |digits: &str| {
        digits.parse::<i64>().map(|n| n.to_string()).or_else(|_| digits.parse::<u64>().map(|n| n.to_string()))
    };
    if let Ok(whole) = whole(cell) {
        return Some(whole);
    }
    // A whole number that is too large would be rounded.
    let too_large = cell.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit());
    let number: f64 = cell.parse().ok().filter(|_| !too_large)?;
    serde_json::Number::from_f64(number).map(|number| number.to_string())
}

fn wrong_cell(source: &FileSource, row: u64, column: &str, cell: &str, kind: ColumnType) -> Broken {
    let wanted = match kind {
        ColumnType::Integer => "a whole number",
        ColumnType::Number => "a number",
        ColumnType::Boolean => "true or false",
        ColumnType::Json => "JSON",
        ColumnType::Text => "text",
    };
    let shown: String = cell.chars().take(40).collect();
    Broken::Error(format!(
        "{} row {row}, column `{column}`: `{shown}` is not {wanted}; mend the file or the column's type",
        source.path
    ))
}

fn broken_row(error: &csv::Error, source: &FileSource) -> Broken {
    let path = &source.path;
    Broken::Error(match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let row = pos.as_ref().map_or(0, |pos| pos.record() + 1);
            format!(
                "{path} row {row} has {len} cells where the header has {expected_len}; a cell with a comma needs quotes around it"
            )
        }
        csv::ErrorKind::Utf8 { pos, .. } => {
            let row = pos.as_ref().map_or(0, |pos| pos.record() + 1);
            format!("{path} row {row} is not UTF-8; save the file as UTF-8")
        }
        _ => format!("{path} cannot be read: {error}"),
    })
}
