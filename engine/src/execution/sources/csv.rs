//! CSV (RFC 4180) and TSV with a header row. Cells are text.

mod row_limiter;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io::Read;

use csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::{Map, Value};

use crate::execution::outcome::LineError;
use crate::execution::sources::decode::Utf8;
use crate::execution::sources::table::{check_header, check_width};
use crate::execution::sources::{FileReading, Row};
use crate::model::source::limits::MAX_EXTRA_CELLS;
use crate::model::source::{Encoding, FileSource};
use row_limiter::{LimitedReader, RowLimiter};

/// What people separate cells with.
const USUAL_SEPARATORS: [(u8, &str); 4] = [(b',', "comma"), (b';', "semicolon"), (b'\t', "tab"), (b'|', "bar")];

pub(super) fn read(
    reader: impl Read,
    reading: &FileReading<'_>,
    mut each: impl FnMut(Row) -> Result<(), LineError>,
) -> Result<(), LineError> {
    let file = reading.source;
    let text = Utf8::of(reader, file.encoding).map_err(|error| reading.fault(&format!("cannot be read: {error}")))?;
    let limiter = RowLimiter::new(reading);
    let separator = file.separator();
    // Rows of a wrong length are reported here: the reader would stop at the first.
    let mut rows = ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(LimitedReader::of(text, &limiter));
    let mut row = ByteRecord::new();
    if !next(&mut rows, &mut row, &limiter)? {
        return Ok(());
    }
    let fault = |fault: String| reading.fault(&fault);
    check_width(row.len()).map_err(fault)?;
    let names = header(&row, reading)?;
    check_header(&names, reading.types).map_err(fault)?;
    let (mut number, mut spans_lines) = (1, false);
    while next(&mut rows, &mut row, &limiter)? {
        number += 1;
        each(read_row(&row, number, &names, file))?;
        spans_lines = row.iter().next_back().is_some_and(|cell| cell.contains(&b'\n'));
    }
    match limiter.ends_in_quotes() && spans_lines {
        true => Err(reading.fault(&format!("row {number}: a quote is opened and never closed; correct the file"))),
        false => Ok(()),
    }
}

/// Reads the next row; false at the end of the file.
fn next<R: Read>(
    rows: &mut Reader<LimitedReader<'_, R>>,
    row: &mut ByteRecord,
    limiter: &RowLimiter<'_>,
) -> Result<bool, LineError> {
    limiter.begin_row();
    rows.read_byte_record(row).map_err(|error| limiter.describe_error(&error))
}

fn header(row: &ByteRecord, reading: &FileReading<'_>) -> Result<Vec<String>, LineError> {
    let file = reading.source;
    let names: Result<Vec<_>, _> = row.iter().map(|name| std::str::from_utf8(name).map(str::to_owned)).collect();
    let names = names.map_err(|_| reading.fault(&format!("row 1 {}", undecodable(file))))?;
    let [only] = names.as_slice() else { return Ok(names) };
    let other = USUAL_SEPARATORS.iter().find(|(byte, _)| *byte != file.separator() && only.as_bytes().contains(byte));
    match other {
        Some((byte, word)) if file.delimiter.is_none() => {
            let written = if *byte == b'\t' { "tab".to_owned() } else { format!("\"{}\"", char::from(*byte)) };
            let shown: String = only.chars().take(60).collect();
            let fault = format!(
                "has one column, and its name `{shown}` contains a {word}; write `delimiter: {written}` if that \
                 separates the cells, or name the delimiter that does"
            );
            Err(reading.fault(&fault))
        }
        _ => Ok(names),
    }
}

fn read_row(row: &ByteRecord, number: u64, names: &[String], file: &FileSource) -> Row {
    let mut decodable = true;
    let cell = |bytes| {
        let text = String::from_utf8_lossy(bytes);
        decodable &= matches!(text, Cow::Borrowed(_));
        Value::String(text.into_owned())
    };
    let mut cells = row.iter().take(names.len() + MAX_EXTRA_CELLS).map(cell).collect::<Vec<_>>().into_iter();
    let mut record: Map<_, _> = names.iter().cloned().zip(cells.by_ref()).collect();
    // These cells belong to no column, but people need them to correct the row.
    record.extend(cells.enumerate().map(|(more, cell)| (format!("column {}", names.len() + more + 1), cell)));
    let fault = match (decodable, row.len() == names.len()) {
        (false, _) => Some(undecodable(file)),
        (true, false) => Some(wrong_length(row.len(), names.len(), file)),
        (true, true) => None,
    };
    Row { number, record: Value::Object(record), fault }
}

fn wrong_length(cells: usize, columns: usize, file: &FileSource) -> String {
    let separator = match file.separator() {
        b'\t' => "tab".to_owned(),
        byte => format!("`{}`", char::from(byte)),
    };
    format!(
        "has {cells} cells where the header has {columns}; a cell that contains a {separator} needs quotes around it"
    )
}

fn undecodable(file: &FileSource) -> String {
    match file.encoding {
        Encoding::Utf8 => "is not UTF-8; name the encoding of the file, such as `encoding: windows-1252`".to_owned(),
        _ => "cannot be decoded; name the encoding that the file really has".to_owned(),
    }
}
