//! The records of an earlier line or job result as a source.

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

use crate::model::result::ResultId;
use crate::model::schema::integer;

/// The records that a line of an earlier job result passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultSource {
    /// Key of the job.
    pub job: String,
    /// The line; none for the last line.
    pub line: Option<LineRef>,
    /// The result of the job.
    pub of: WhichResult,
}

/// A line by its name or its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineRef {
    /// By its name.
    Name(String),
    /// By its number.
    Number(u32),
}

/// Selects a result of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichResult {
    /// The last result that ended with `success` or `info`.
    LastSuccess,
    /// The last result that ended, with any status.
    Last,
    /// The result with this identity.
    Id(ResultId),
}

impl LineRef {
    /// Reads a name or a number; none for any other value.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(name) => Some(Self::Name(name.clone())),
            number => integer(number).map(Self::Number),
        }
    }

    /// Whether it refers to the line with this number and name.
    pub fn is(&self, line_no: u32, name: Option<&str>) -> bool {
        match self {
            Self::Name(wanted) => name == Some(wanted),
            Self::Number(wanted) => line_no == *wanted,
        }
    }
}

impl fmt::Display for LineRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

impl ResultSource {
    /// Reads a source whose shape was checked.
    ///
    /// # Errors
    /// One sentence with what to write.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let line = LineRef::read(&value["line"]);
        let of = match (value["id"].as_str(), value["of"].as_str()) {
            (Some(_), Some(_)) => return Err("names a result by `id` and by `of`; leave one of them out".to_owned()),
            (Some(id), None) => WhichResult::Id(read_id(id)?),
            (None, Some("last")) => WhichResult::Last,
            (None, _) => WhichResult::LastSuccess,
        };
        Ok(Self { job: value["job"].as_str().unwrap_or_default().to_owned(), line, of })
    }
}

fn read_id(text: &str) -> Result<ResultId, String> {
    let id = Uuid::parse_str(text);
    id.map(ResultId).map_err(|_| format!("`{text}` is not the id of a job result; write it as $<result.id> shows it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_line_of_the_last_success_is_meant_unless_more_is_said() {
        let read = |value: Value| ResultSource::read(&value);
        let plain = ResultSource { job: "a".to_owned(), line: None, of: WhichResult::LastSuccess };
        assert_eq!(read(json!({"job": "a"})), Ok(plain.clone()));
        let named =
            ResultSource { line: Some(LineRef::Name("open".to_owned())), of: WhichResult::Last, ..plain.clone() };
        assert_eq!(read(json!({"job": "a", "line": "open", "of": "last"})), Ok(named));
        let id = "01939f2b-5f52-7000-8000-000000000001";
        let by_id = WhichResult::Id(ResultId(Uuid::parse_str(id).unwrap()));
        let numbered = ResultSource { line: Some(LineRef::Number(20)), of: by_id, ..plain };
        assert_eq!(read(json!({"job": "a", "line": 20, "id": id})), Ok(numbered));
    }

    #[test]
    fn what_contradicts_itself_or_is_no_id_is_refused() {
        let message = ResultSource::read(&json!({"job": "a", "id": "x", "of": "last"})).unwrap_err();
        assert!(message.contains("leave one of them out"), "{message}");
        assert!(ResultSource::read(&json!({"job": "a", "id": "7"})).unwrap_err().contains("`7` is not the id"));
    }
}
