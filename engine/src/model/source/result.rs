//! Records that a line of an earlier job result passed on, as a source.

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

use crate::model::result::ResultId;

/// What a line of an earlier job result passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultSource {
    /// Key of the job.
    pub job: String,
    /// The line; none for the last one.
    pub line: Option<LineRef>,
    /// Which of the job's results.
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

/// Which result of a job is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichResult {
    /// The last that ended `success` or `info`.
    LastSuccess,
    /// The last that ended, in whatever way.
    Last,
    /// This one.
    Id(ResultId),
}

impl LineRef {
    /// A name or a number; none for anything else.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(name) => Some(Self::Name(name.clone())),
            number => number.as_u64().and_then(|number| u32::try_from(number).ok()).map(Self::Number),
        }
    }

    /// Whether it means the line with this number and name.
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
    /// Reads what the job schema has already accepted.
    ///
    /// # Errors
    /// One sentence with the cure.
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
    id.map(ResultId).map_err(|_| format!("`{text}` is no id of a job result; write one as $<result.id> shows it"))
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
        let told = ResultSource::read(&json!({"job": "a", "id": "x", "of": "last"})).unwrap_err();
        assert!(told.contains("leave one of them out"), "{told}");
        assert!(ResultSource::read(&json!({"job": "a", "id": "7"})).unwrap_err().contains("`7` is no id"));
    }
}
