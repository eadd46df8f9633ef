//! CSV (RFC 4180) with quotes where they are needed, and without formulas for spreadsheets.

use ropewalk_sdk::{Failure, Value, json};
use serde::Deserialize;
use serde_json::Map;
use values::path::Path;

#[derive(Deserialize)]
pub(super) struct Parameters {
    #[serde(default)]
    columns: Vec<Column>,
    /// Jobs of earlier versions call it `separator`.
    #[serde(default = "comma", alias = "separator")]
    delimiter: char,
    #[serde(default = "yes")]
    header: bool,
    #[serde(default = "yes")]
    protect: bool,
}

fn comma() -> char {
    ','
}

fn yes() -> bool {
    true
}

/// A field, with or without its own title.
#[derive(Deserialize)]
#[serde(untagged)]
enum Column {
    Field(String),
    Titled { field: String, title: String },
}

/// The part of the schema that is about CSV.
pub(super) fn schema() -> Map<String, Value> {
    let schema = json!({
        "columns": {
            "type": "array",
            "title": "Columns",
            "description": "csv only: the fields, in order. Without it, all fields in the order in which they first appear.",
            "items": {
                "anyOf": [
                    { "type": "string", "minLength": 1, "title": "Field", "field": true },
                    {
                        "type": "object",
                        "required": ["field", "title"],
                        "additionalProperties": false,
                        "properties": {
                            "field": { "type": "string", "minLength": 1, "title": "Field", "field": true },
                            "title": { "type": "string", "title": "Title" }
                        }
                    }
                ]
            },
            "examples": [["id", { "field": "customer.name", "title": "Customer" }]]
        },
        "delimiter": {
            "enum": [",", ";", "\t", "|"],
            "default": ",",
            "title": "Delimiter",
            "description": "csv only: the character between two cells. A tab is written \"\\t\"."
        },
        "separator": {
            "enum": [",", ";", "\t", "|"],
            "deprecated": true,
            "title": "Separator",
            "description": "The earlier name of Delimiter."
        },
        "header": {
            "type": "boolean",
            "default": true,
            "title": "Header",
            "description": "csv only: whether the first row holds the titles."
        },
        "protect": {
            "type": "boolean",
            "default": true,
            "title": "Protect spreadsheets",
            "description": "csv only: puts ' before texts that a spreadsheet would run as a formula (those that begin with = + - @, a tab or a carriage return)."
        }
    });
    schema.as_object().cloned().unwrap_or_default()
}

/// The layout of the table.
pub(super) struct Table {
    columns: Vec<(Path, String)>,
    delimiter: char,
    header: bool,
    protect: bool,
}

impl Table {
    pub(super) fn open(parameters: Parameters) -> Result<Table, Failure> {
        let Parameters { columns, delimiter, header, protect } = parameters;
        let columns = columns.into_iter().enumerate().map(|(at, column)| {
            let (field, title) = match column {
                Column::Field(field) => (field.clone(), field),
                Column::Titled { field, title } => (field, title),
            };
            let path = Path::parse(&field).map_err(|fault| Failure::new(format!("columns[{at}]: {fault}")))?;
            Ok((path, title))
        });
        Ok(Table { columns: columns.collect::<Result<_, Failure>>()?, delimiter, header, protect })
    }

    /// Writes the whole table. Rows end with CRLF. Fails if it has more than `limit` bytes.
    pub(super) fn write(&self, records: &[Value], limit: usize) -> Result<String, Failure> {
        let all;
        let columns = if self.columns.is_empty() {
            all = all_fields(records)?;
            &all
        } else {
            &self.columns
        };
        let mut text = String::new();
        if self.header {
            let titles = columns.iter().map(|(_, title)| self.text(title));
            self.row(&mut text, titles);
        }
        for record in records {
            let cells = columns.iter().map(|(path, _)| self.cell(path.of(record)));
            self.row(&mut text, cells);
            if text.len() > limit {
                return Err(Failure::new(format!(
                    "The report is longer than {} MiB: use fewer records or columns",
                    limit >> 20
                )));
            }
        }
        Ok(text)
    }

    fn row(&self, text: &mut String, cells: impl Iterator<Item = String>) {
        for (at, cell) in cells.enumerate() {
            if at > 0 {
                text.push(self.delimiter);
            }
            text.push_str(&cell);
        }
        text.push_str("\r\n");
    }

    fn cell(&self, value: Option<&Value>) -> String {
        match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => self.text(text),
            // A spreadsheet reads a number as a number, so its minus is harmless.
            Some(other) => self.quoted(&other.to_string()),
        }
    }

    fn text(&self, text: &str) -> String {
        // A plain number is not a formula, even if it is a text.
        let number = text.parse::<f64>().is_ok_and(f64::is_finite);
        if self.protect && !number && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            return self.quoted(&format!("'{text}"));
        }
        self.quoted(text)
    }

    fn quoted(&self, text: &str) -> String {
        let plain = !text.contains([self.delimiter, '"', '\r', '\n']) && text.trim() == text;
        if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
    }
}

/// All fields of all records, in the order in which they first appear.
fn all_fields(records: &[Value]) -> Result<Vec<(Path, String)>, Failure> {
    let mut found: Map<String, Value> = Map::new();
    for name in records.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !found.contains_key(name) {
            found.insert(name.clone(), Value::Null);
        }
    }
    let column = |(name, _): (String, Value)| {
        let path = Path::parse(&name).map_err(|fault| Failure::new(format!("columns: {fault}")))?;
        Ok((path, name))
    };
    found.into_iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(parameters: Value, records: Value) -> String {
        let parameters = serde_json::from_value(parameters).expect("parameters");
        let table = Table::open(parameters).expect("opens");
        table.write(records.as_array().expect("an array"), 1 << 20).expect("writes")
    }

    #[test]
    fn quotes_what_needs_it() {
        let records = json!([{"a": "x,y", "b": "say \"hi\""}, {"b": "two\nlines", "c": -5}, {"a": " pad", "c": [1]}]);
        let expected = "a,b,c\r\n\"x,y\",\"say \"\"hi\"\"\",\r\n,\"two\nlines\",-5\r\n\" pad\",,[1]\r\n";
        assert_eq!(csv(json!({}), records), expected);
    }

    #[test]
    fn columns_have_titles_and_paths() {
        let parameters = json!({"columns": ["id", {"field": "c.name", "title": "Customer"}], "delimiter": ";"});
        let records = json!([{"id": 1, "c": {"name": "A;B"}}, {"id": 2}]);
        assert_eq!(csv(parameters, records), "id;Customer\r\n1;\"A;B\"\r\n2;\r\n");
    }

    #[test]
    fn every_delimiter_in_a_cell_is_quoted() {
        let records = json!([{"a": "x,y", "b": "x;y", "c": "x\ty", "d": "x|y"}]);
        let cases = [
            (json!({}), "\"x,y\",x;y,x\ty,x|y\r\n"),
            (json!({"delimiter": ";"}), "x,y;\"x;y\";x\ty;x|y\r\n"),
            (json!({"delimiter": "\t"}), "x,y\tx;y\t\"x\ty\"\tx|y\r\n"),
            (json!({"separator": "|"}), "x,y|x;y|x\ty|\"x|y\"\r\n"),
        ];
        for (mut parameters, expected) in cases {
            parameters["header"] = json!(false);
            assert_eq!(csv(parameters, records.clone()), expected);
        }
    }

    #[test]
    fn formulas_are_made_harmless() {
        let records = json!([{"a": "=1+1"}, {"a": "@x"}, {"a": "-2"}, {"a": -2}]);
        assert_eq!(csv(json!({"header": false}), records.clone()), "'=1+1\r\n'@x\r\n-2\r\n-2\r\n");
        assert_eq!(csv(json!({"header": false, "protect": false}), records), "=1+1\r\n@x\r\n-2\r\n-2\r\n");
    }
}
