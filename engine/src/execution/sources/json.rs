//! JSON documents with an array of records somewhere in them, and JSON Lines.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use serde_json::{Value, json};
use values::json::{Bounds, parse_elements, parse_unless};

use crate::execution::outcome::LineError;
use crate::execution::sources::{FileReading, Row};
use crate::model::source::FileSource;
use crate::model::source::limits::{MAX_DOCUMENT_BYTES, MAX_LINE_BYTES, record_bounds};

/// The text is read as a whole, since that is much faster, but of its values only one record is in memory.
pub(super) fn read_document(
    file: impl Read + Seek,
    reading: &FileReading<'_>,
    mut each: impl FnMut(Row) -> Result<(), LineError>,
) -> Result<(), LineError> {
    let source = reading.source;
    let text = read_text(file, reading)?;
    let bounds = Bounds { bytes: text.len(), ..record_bounds() };
    let (mut number, mut error) = (0, None);
    let document = parse_elements(
        without_mark(&text),
        bounds,
        &source.pointer,
        &|| reading.deadline.check().is_err(),
        &mut |element| {
            number += 1;
            let row = match element {
                record @ Value::Object(_) => Row { number, record, fault: None },
                other => unreadable(number, ("value", other), "is not a JSON object"),
            };
            error = each(row).err();
            error.is_none()
        },
    );
    if let Some(error) = error {
        return Err(error);
    }
    let in_record = |fault| match number {
        0 => LineError::Failed(format!("{}: {fault}", source.path)),
        last => LineError::Failed(format!("{}, after record {last}: {fault}", source.path)),
    };
    match document.map_err(in_record)?.pointer(&source.pointer) {
        None => Err(LineError::Failed(nothing_at_pointer(source))),
        Some(Value::Array(_)) => Ok(()),
        Some(_) => Err(LineError::Failed(not_an_array(source))),
    }
}

fn read_text(mut file: impl Read + Seek, reading: &FileReading<'_>) -> Result<Vec<u8>, LineError> {
    let unreadable = |error: std::io::Error| reading.fault(&format!("cannot be read: {error}"));
    let size = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let mut text = Vec::new();
    if size <= MAX_DOCUMENT_BYTES {
        text.reserve_exact(size as usize + 1);
        // The file may have grown since.
        file.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
    }
    match size.max(text.len() as u64) {
        size if size > MAX_DOCUMENT_BYTES => Err(reading.fault(&format!(
            "has {size} bytes; at most {MAX_DOCUMENT_BYTES} of a JSON document can be read, so write it as JSON Lines"
        ))),
        _ => Ok(text),
    }
}

/// A row that is not a record, with what it holds instead.
fn unreadable(number: u64, (name, shown): (&str, Value), fault: &str) -> Row {
    Row { number, record: json!({ name: shown }), fault: Some(fault.to_owned()) }
}

fn nothing_at_pointer(source: &FileSource) -> String {
    format!("{}: there is nothing at pointer `{}`", source.path, source.pointer)
}

fn not_an_array(source: &FileSource) -> String {
    match source.pointer.as_str() {
        "" => format!("{} is not an array of records; add a pointer to the array in it, such as /items", source.path),
        pointer => format!("{}: the value at pointer `{pointer}` is not an array of records", source.path),
    }
}

pub(super) fn read_lines(
    reader: impl Read,
    &FileReading { source, deadline, .. }: &FileReading<'_>,
    mut each: impl FnMut(Row) -> Result<(), LineError>,
) -> Result<(), LineError> {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        number += 1;
        let fault = |message: String| LineError::Failed(format!("{} line {number}: {message}", source.path));
        let mut bounded = reader.by_ref().take(MAX_LINE_BYTES as u64 + 1);
        if bounded.read_until(b'\n', &mut line).map_err(|error| fault(error.to_string()))? == 0 {
            return Ok(());
        }
        if line.len() > MAX_LINE_BYTES {
            return Err(fault(format!("is longer than {MAX_LINE_BYTES} bytes")));
        }
        let text = without_mark(&line).trim_ascii();
        if text.is_empty() {
            continue;
        }
        let shown = || ("line", Value::String(String::from_utf8_lossy(text).into_owned()));
        each(match parse_unless(text, record_bounds(), &|| deadline.check().is_err()) {
            Ok(record @ Value::Object(_)) => Row { number, record, fault: None },
            Ok(_) => unreadable(number, shown(), "is not a JSON object"),
            Err(error) => unreadable(number, shown(), &format!("cannot be read as JSON: {}", error.message)),
        })?;
    }
}

/// Without the byte order mark that some programs write.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}
