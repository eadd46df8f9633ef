//! `report`: makes one text from all records, with a template or as CSV.

mod csv;

use ropewalk_sdk::{Action, Context, Failure, Intake, Outcome, Records, Value, json};
use serde::Deserialize;
use serde_json::Map;
use values::template::{self, Templates, Text};

use crate::phrase;

/// Longest report, in bytes.
const LONGEST: usize = 16 << 20;

#[derive(Deserialize)]
pub struct Parameters {
    #[serde(default)]
    format: Format,
    template: Option<String>,
    #[serde(flatten)]
    table: csv::Parameters,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Text,
    Html,
    Csv,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Html => "html",
            Format::Csv => "csv",
        }
    }
}

pub struct Report {
    format: Format,
    maker: Maker,
    known: Map<String, Value>,
}

/// How the text is made.
enum Maker {
    Template(Box<Text>),
    Table(csv::Table),
}

impl Action for Report {
    const NAME: &'static str = "report";
    const TITLE: &'static str = "Report";
    const SUMMARY: &'static str = "Makes one text from all records, with a template or as CSV. One record with `format` and `text` replaces the records.";
    const INTAKE: Intake = Intake::Whole;
    type Parameters = Parameters;

    fn schema() -> Value {
        let mut properties = csv::schema();
        let own = json!({
            "format": {
                "enum": ["text", "html", "csv"],
                "default": "text",
                "title": "Format",
                "description": "html escapes the values. csv needs no template."
            },
            "template": {
                "type": "string",
                "title": "Template",
                "description": "A handlebars template, which can use records, count, args, since, now and the other dates. Required for text and html.",
                "format": "handlebars",
                "raw": true,
                "examples": ["{{count}} open:\n{{#each records}}{{title}} ({{dueDate}})\n{{/each}}"]
            }
        });
        properties.extend(own.as_object().cloned().unwrap_or_default());
        json!({ "type": "object", "additionalProperties": false, "properties": properties })
    }

    fn open(parameters: Parameters, context: &Context) -> Result<Report, Failure> {
        let Parameters { format, template, table } = parameters;
        let maker = match (format, template) {
            (Format::Csv, None) => Maker::Table(csv::Table::open(table)?),
            (Format::Csv, Some(_)) => return Err(Failure::new("template: a csv report has columns, not a template")),
            (_, None) => return Err(Failure::new("template: a text or html report needs a template")),
            (_, Some(source)) => {
                let text = phrase::template(&source);
                Maker::Template(Box::new(text.map_err(|fault| Failure::new(format!("template: {fault}")))?))
            }
        };
        Ok(Report { format, maker, known: phrase::known(context) })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let records = records.values()?;
        let count = records.len();
        let text = match &self.maker {
            Maker::Table(table) => table.write(&records, LONGEST)?,
            Maker::Template(text) => self.render(text, records)?,
        };
        let (format, length) = (self.format.name(), size(text.len()));
        let message = format!("Made a {format} report of {}, {length}.", phrase::records(count));
        Ok(Outcome::of(vec![json!({"format": format, "text": text})]).saying(message))
    }
}

impl Report {
    fn render(&self, text: &Text, records: Vec<Value>) -> Result<String, Failure> {
        let templates = if self.format == Format::Html { Templates::html() } else { Templates::plain() };
        let mut data = self.known.clone();
        data.insert("count".to_owned(), records.len().into());
        data.insert("records".to_owned(), Value::Array(records));
        let data = template::Context::from(Value::Object(data));
        let rendered = templates.render(text, &data, LONGEST);
        rendered.map_err(|fault| Failure::new(format!("template: {fault}")))
    }
}

/// `812 bytes`, `12 KB`, `3.4 MB`.
fn size(bytes: usize) -> String {
    match bytes {
        0..1_000 => phrase::counted(bytes, "byte"),
        1_000..1_000_000 => format!("{} KB", bytes.div_ceil(1_000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::testing::run;

    use super::*;

    fn report(parameters: Value, records: Value) -> Result<Value, String> {
        let report = run::<Report>(parameters, &[records]).map_err(|failure| failure.message)?;
        Ok(report.records[0]["text"].clone())
    }

    #[test]
    fn fills_a_template() {
        let template = "{{count}} on {{today}}:\n{{#each records}}{{title}} {{date}}\n{{/each}}{{args.top}}";
        let records = json!([{"title": "<One>", "date": "2026-03-01"}, {"title": "Two", "date": null}]);
        let text = report(json!({"template": template}), records.clone());
        assert_eq!(text, Ok(json!("2 on 2026-03-02:\n<One> 2026-03-01\nTwo \n5")));
        let html = report(json!({"template": template, "format": "html"}), records);
        assert_eq!(html, Ok(json!("2 on 2026-03-02:\n&lt;One&gt; 2026-03-01\nTwo \n5")));
    }

    #[test]
    fn says_what_it_made() {
        let done = run::<Report>(json!({"template": "{{count}}"}), &[json!([{}, {}, {}])]).expect("runs");
        assert_eq!(done.message(), "Made a text report of 3 records, 1 byte.");
        assert_eq!(done.records, json!([{"format": "text", "text": "3"}]));
    }

    #[test]
    fn a_table_has_commas_unless_another_delimiter_is_set() {
        let records = json!([{"a": 1, "b": "x;y"}]);
        let csv = |more: (&str, &str)| report(json!({"format": "csv", more.0: more.1}), records.clone());
        assert_eq!(csv(("format", "csv")), Ok(json!("a,b\r\n1,x;y\r\n")));
        for name in ["delimiter", "separator"] {
            assert_eq!(csv((name, ";")), Ok(json!("a;b\r\n1;\"x;y\"\r\n")), "{name}");
        }
    }

    /// Each of these once took tens of seconds or hundreds of megabytes.
    #[test]
    fn long_paths_and_patterns_are_refused() {
        let wrong = |template: String| report(json!({"template": template}), json!([{"a": 1}])).expect_err("wrong");
        let path = wrong(format!("{{{{a{}}}}}", ".a".repeat(30_000)));
        assert_eq!(path, "template: A path has more than 64 parts (line 1, column 1)");
        let pattern = wrong(format!("{{{{date today \"{}\"}}}}", "%Y".repeat(30_000)));
        assert!(pattern.contains("the pattern has 60000 bytes; at most 256 are allowed"), "{pattern}");
        let words = wrong(format!("{{{{concat{}}}}}", " 1".repeat(32_000)));
        assert!(words.contains("more than 10000 words in its tags"), "{words}");
    }

    #[test]
    fn faults_are_reported_with_their_place() {
        let wrong = |parameters: Value| report(parameters, json!([{"a": 1}])).expect_err("wrong");
        assert_eq!(
            wrong(json!({"template": "x\n{{recrods}}"})),
            "template: There is no variable `recrods`; did you mean `records`? (line 2, column 1)"
        );
        assert!(wrong(json!({"format": "html"})).contains("needs a template"));
        assert!(wrong(json!({"format": "csv", "template": "x"})).contains("not a template"));
        assert!(
            wrong(json!({"template": "{{#each records}}{{#each ../records}}{{/each}}"})).contains("cannot be read")
        );
    }
}
