//! JSON documents with an array of records somewhere in them, and JSON Lines.

use std::io::{BufRead, BufReader, Read};

use serde_json::{Value, json};
use values::json::{Bounds, parse};

use super::{FileReading, Row};
use crate::model::source::FileSource;
use crate::runtime::perform::Broken;

/// How large a document may be, and how long a line of JSON Lines.
const MAX_DOCUMENT_BYTES: usize = 512 * 1024 * 1024;
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;
const LINES_BETWEEN_CHECKS: u64 = 1024;

pub(super) fn read_document(
    reader: impl Read,
    &FileReading { source, stop, .. }: &FileReading<'_>,
    mut each: impl FnMut(Row) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let path = &source.path;
    let mut text = Vec::new();
    let most = MAX_DOCUMENT_BYTES as u64 + 1;
    reader
        .take(most)
        .read_to_end(&mut text)
        .map_err(|error| Broken::Error(format!("{path} cannot be read: {error}")))?;
    stop.check()?;
    let bounds = Bounds { bytes: MAX_DOCUMENT_BYTES, ..Bounds::default() };
    let mut document = parse(without_mark(&text), bounds).map_err(|fault| Broken::Error(format!("{path}: {fault}")))?;
    let found = document.pointer_mut(&source.pointer).ok_or_else(|| Broken::Error(nothing_there(source)))?;
    let Value::Array(records) = found.take() else { return Err(Broken::Error(no_array(source))) };
    for (index, element) in records.into_iter().enumerate() {
        let number = index as u64 + 1;
        each(match element {
            record @ Value::Object(_) => Row { number, record, fault: None },
            other => unreadable(number, ("value", other), "is not a JSON object"),
        })?;
    }
    Ok(())
}

/// A row that is not a record, with what it holds instead.
fn unreadable(number: u64, (name, shown): (&str, Value), fault: &str) -> Row {
    Row { number, record: json!({ name: shown }), fault: Some(fault.to_owned()) }
}

fn nothing_there(source: &FileSource) -> String {
    format!("{}: there is nothing at pointer `{}`", source.path, source.pointer)
}

fn no_array(source: &FileSource) -> String {
    match source.pointer.as_str() {
        "" => format!("{} is not an array of records; add a pointer to the array in it, such as /items", source.path),
        pointer => format!("{}: what stands at pointer `{pointer}` is not an array of records", source.path),
    }
}

pub(super) fn read_lines(
    reader: impl Read,
    &FileReading { source, stop, .. }: &FileReading<'_>,
    mut each: impl FnMut(Row) -> Result<(), Broken>,
) -> Result<(), Broken> {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        number += 1;
        let fault = |message: String| Broken::Error(format!("{} line {number}: {message}", source.path));
        let mut bounded = reader.by_ref().take(MAX_LINE_BYTES as u64 + 1);
        if bounded.read_until(b'\n', &mut line).map_err(|error| fault(error.to_string()))? == 0 {
            return Ok(());
        }
        if line.len() > MAX_LINE_BYTES {
            return Err(fault(format!("is longer than {MAX_LINE_BYTES} bytes")));
        }
        if number % LINES_BETWEEN_CHECKS == 0 {
            stop.check()?;
        }
        let text = without_mark(&line).trim_ascii();
        if text.is_empty() {
            continue;
        }
        let shown = || ("line", Value::String(String::from_utf8_lossy(text).into_owned()));
        each(match parse(text, Bounds::default()) {
            Ok(record @ Value::Object(_)) => Row { number, record, fault: None },
            Ok(_) => unreadable(number, shown(), "is not a JSON object"),
            Err(error) => unreadable(number, shown(), &format!("is not JSON: {}", error.message)),
        })?;
    }
}

/// Without the byte order mark that some programs write.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}
