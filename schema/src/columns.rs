//! Converts columns to values of the engine and back: instants, counts, words and documents. An error names the row and
//! the column.

use engine::model::Instant;
use engine::model::record::Records;
use engine::model::result::Counters;
use engine::ports::StoreError;
use sea_orm::prelude::Uuid;
use serde_json::{Map, Value};

/// The name of the row that is being read, for errors.
pub(crate) struct RowName {
    table: &'static str,
    id: String,
}

impl RowName {
    pub fn new(table: &'static str, id: impl ToString) -> Self {
        Self { table, id: id.to_string() }
    }

    pub fn unreadable(&self, column: &str, problem: impl std::fmt::Display) -> StoreError {
        StoreError::Unreadable(format!("table {}, row {}, column {column}: {problem}", self.table, self.id))
    }

    pub fn instant(&self, column: &str, micros: i64) -> Result<Instant, StoreError> {
        Instant::from_timestamp_micros(micros)
            .ok_or_else(|| self.unreadable(column, format!("{micros} is not an instant")))
    }

    pub fn maybe_instant(&self, column: &str, micros: Option<i64>) -> Result<Option<Instant>, StoreError> {
        micros.map(|micros| self.instant(column, micros)).transpose()
    }

    pub fn small(&self, column: &str, number: i64) -> Result<u32, StoreError> {
        u32::try_from(number).map_err(|_| self.unreadable(column, format!("{number} is out of range")))
    }

    pub fn word<T>(&self, column: &str, word: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        read(word).ok_or_else(|| self.unreadable(column, format!("`{word}` is an unknown word")))
    }

    pub fn document(&self, column: &str, text: &str) -> Result<Value, StoreError> {
        serde_json::from_str(text).map_err(|error| self.unreadable(column, error))
    }

    pub fn object(&self, column: &str, text: &str) -> Result<Map<String, Value>, StoreError> {
        serde_json::from_str(text).map_err(|error| self.unreadable(column, error))
    }

    pub fn array(&self, column: &str, text: &str) -> Result<Records, StoreError> {
        serde_json::from_str(text).map_err(|error| self.unreadable(column, error))
    }

    /// A member of an object in a document that the program wrote itself.
    pub fn member<'a>(&self, column: &str, object: &'a Value, name: &str) -> Result<&'a Value, StoreError> {
        object.get(name).ok_or_else(|| self.unreadable(column, format!("there is no `{name}`")))
    }

    pub fn text_member(&self, column: &str, object: &Value, name: &str) -> Result<String, StoreError> {
        let text = self.member(column, object, name)?.as_str();
        text.map(str::to_owned).ok_or_else(|| self.unreadable(column, format!("`{name}` is not a string")))
    }
}

pub(crate) fn micros(instant: Instant) -> i64 {
    instant.timestamp_micros()
}

/// Databases count up to 2^63. A larger count is read back unchanged, but sorts as a negative number.
pub(crate) fn signed(count: u64) -> i64 {
    count.cast_signed()
}

pub(crate) fn counters(records_in: i64, records_out: i64, records_rejected: i64) -> Counters {
    Counters {
        records_in: records_in.cast_unsigned(),
        records_out: records_out.cast_unsigned(),
        records_rejected: records_rejected.cast_unsigned(),
    }
}

pub(crate) fn text_of_object(object: &Map<String, Value>) -> Result<String, StoreError> {
    serde_json::to_string(object).map_err(crate::unavailable)
}

pub(crate) fn text_of_array(array: &[Value]) -> Result<String, StoreError> {
    serde_json::to_string(array).map_err(crate::unavailable)
}

/// A text that sorts after this key and before all later ones: keys hold only letters, digits and dashes.
pub(crate) fn just_behind(key: &str) -> String {
    format!("{key}\u{1}")
}

/// The name of a row of a line of a job result.
pub(crate) fn of_result(id: Uuid, line_no: i64) -> String {
    format!("{id} line {line_no}")
}
