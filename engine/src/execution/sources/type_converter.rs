//! Gives the records of a source the types that the definition names, and rejects those that do not fit.

use std::borrow::Cow;

use chrono_tz::Tz;
use serde_json::Value;

use crate::execution::outcome::LineError;
use crate::model::record::Rejected;
use crate::model::source::{FileSource, Format, Source, Types};
use crate::records::rejections::Rejections;

/// What to do about a record that cannot be read.
const CURE: &str = "Correct it or its type, or write `onBadRow: reject` to leave such records out.";

/// A record of a file.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its place in the file, from 1.
    pub number: u64,
    /// The record, or as much of it as could be read.
    pub record: Value,
    /// Why it could not be read: the rest of a sentence that begins with its place.
    pub fault: Option<String>,
}

/// How messages name the rows and fields of a source.
pub(super) struct RowLabels {
    source: String,
    row: &'static str,
    field: &'static str,
}

impl RowLabels {
    pub(super) fn of_file(file: &FileSource) -> Self {
        let (row, field) = match file.format {
            Format::Csv | Format::Tsv | Format::Xlsx => ("row", "column"),
            Format::JsonLines => ("line", "field"),
            Format::Json => ("record", "field"),
        };
        Self { source: format!("{} ", file.path), row, field }
    }

    fn of(source: Option<&Source>) -> Self {
        let named = match source {
            Some(Source::File(file)) => return Self::of_file(file),
            Some(Source::Collection(collection)) => format!("Collection `{}`, ", collection.name),
            _ => String::new(),
        };
        Self { source: named, row: "record", field: "field" }
    }

    /// The message of a line for a row that could not be read.
    pub(super) fn fault(&self, number: u64, fault: &str) -> String {
        format!("{}{} {number} {fault}", self.source, self.row)
    }
}

/// Converts the records of a source one by one.
pub(crate) struct TypeConverter<'a> {
    types: &'a Types,
    zone: Tz,
    labels: RowLabels,
    read: usize,
    rejections: Rejections,
}

impl<'a> TypeConverter<'a> {
    pub(crate) fn new(source: Option<&Source>, types: &'a Types, zone: Tz) -> Self {
        Self { types, zone, labels: RowLabels::of(source), read: 0, rejections: Rejections::default() }
    }

    /// Gives a record its types. None if it was rejected.
    pub(crate) fn convert<'r>(&mut self, record: Cow<'r, Value>) -> Result<Option<Cow<'r, Value>>, LineError> {
        if self.types.is_empty() {
            self.read += 1;
            return Ok(Some(record));
        }
        let row = Row { number: self.read as u64 + 1, record: record.into_owned(), fault: None };
        Ok(self.convert_row(row)?.map(Cow::Owned))
    }

    /// Does the same with a record of a file, which may be one that could not be read.
    pub(crate) fn convert_row(&mut self, row: Row) -> Result<Option<Value>, LineError> {
        self.read += 1;
        let Row { number, mut record, fault } = row;
        let fault = match fault {
            Some(fault) => format!(" {fault}"),
            None => match self.types.apply(&mut record, self.zone) {
                Ok(()) => return Ok(Some(record)),
                Err(misfit) => format!(", {} `{}`: {}", self.labels.field, misfit.field, misfit.message),
            },
        };
        let reason = format!("{} {number}{fault}", self.labels.row);
        if !self.types.rejects() {
            return Err(LineError::Failed(format!("{}{reason}. {CURE}", self.labels.source)));
        }
        self.rejections.push(Rejected { record, reason });
        Ok(None)
    }

    /// How many records were read, and those of them that were rejected.
    pub(crate) fn finish(self) -> (usize, Rejections) {
        (self.read, self.rejections)
    }
}
