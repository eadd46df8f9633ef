//! Counts values that are not numbers where sums, averages, min and max expect numbers.

use ropewalk_sdk::Value;
use serde_json::Number;
use values::path::Path;

use super::value::Kind;
use crate::phrase;

/// Most fields that a message names.
const NAMED: usize = 3;
/// Longest example, in characters.
const LONGEST: usize = 40;

/// The values of one field that are not numbers.
pub(super) struct Unfit {
    field: Path,
    /// `sum` and `avg`, which leave out values that are not numbers.
    adding: Vec<&'static str>,
    /// `min` and `max`, which compare any values.
    comparing: Vec<&'static str>,
    /// Texts such as `"12.5"`, which become numbers if the source gives the field a type.
    texts: Seen,
    /// Other values that are not numbers. They only matter to `sum` and `avg`.
    others: Seen,
}

/// How many records have such a value, and the first of the values.
#[derive(Default)]
struct Seen {
    count: usize,
    example: String,
}

impl Unfit {
    /// One entry for each field that is added or compared.
    pub(super) fn of<'a>(kinds: impl Iterator<Item = &'a Kind>) -> Vec<Unfit> {
        let mut all: Vec<Unfit> = Vec::new();
        for kind in kinds {
            let (field, adding, comparing) = match kind {
                Kind::Sum(field) => (field, Some("sum"), None),
                Kind::Avg(field) => (field, Some("avg"), None),
                Kind::Min(field) => (field, None, Some("min")),
                Kind::Max(field) => (field, None, Some("max")),
                _ => continue,
            };
            let at = all.iter().position(|unfit| unfit.field == *field).unwrap_or_else(|| {
                all.push(Unfit::new(field));
                all.len() - 1
            });
            let unfit = &mut all[at];
            unfit.adding.extend(adding.filter(|name| !unfit.adding.contains(name)));
            unfit.comparing.extend(comparing.filter(|name| !unfit.comparing.contains(name)));
        }
        all
    }

    fn new(field: &Path) -> Unfit {
        let (texts, others) = (Seen::default(), Seen::default());
        Unfit { field: field.clone(), adding: Vec::new(), comparing: Vec::new(), texts, others }
    }

    /// Counts the value of a record. Null and missing values are neither added nor compared.
    pub(super) fn count(&mut self, record: &Value) {
        match self.field.of(record) {
            None | Some(Value::Null | Value::Number(_)) => {}
            Some(Value::String(text)) if is_number(text) => self.texts.note(text),
            Some(_) if self.adding.is_empty() => {}
            Some(Value::String(text)) => self.others.note(text),
            Some(other) => self.others.note(&other.to_string()),
        }
    }

    fn sentences(&self) -> Vec<String> {
        let Unfit { field, adding, comparing, texts, others } = self;
        let left_out = (!adding.is_empty()).then(|| format!("left out of {}", adding.join(" and ")));
        let compared = (!comparing.is_empty()).then(|| format!("compared as text by {}", comparing.join(" and ")));
        let effect = left_out.iter().cloned().chain(compared).collect::<Vec<_>>().join(", ");
        let mut sentences = Vec::new();
        if texts.count > 0 {
            let found = format!("\"{field}\" is text instead of a number in {texts}");
            sentences.push(format!("{found}: {effect}; give it a type in the source: types: {{ {field}: number }}."));
        }
        if others.count > 0 {
            let left_out = left_out.unwrap_or_default();
            sentences.push(format!("\"{field}\" is not a number in {others}: {left_out}."));
        }
        sentences
    }
}

impl Seen {
    fn note(&mut self, value: &str) {
        if self.count == 0 {
            self.example = value.chars().take(LONGEST).collect();
        }
        self.count += 1;
    }
}

/// `3 records (for example "12.5")`
impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (for example \"{}\")", phrase::records(self.count), self.example)
    }
}

/// Whether a text is a number in JSON. Texts such as `00501` are codes, which are not added.
fn is_number(text: &str) -> bool {
    text.trim().parse::<Number>().is_ok()
}

/// The message about all fields, which says what to do; `None` if there is nothing to report.
pub(super) fn message(all: &[Unfit]) -> Option<String> {
    let sentences: Vec<Vec<String>> = all.iter().map(Unfit::sentences).filter(|found| !found.is_empty()).collect();
    let more = match sentences.len().saturating_sub(NAMED) {
        0 => None,
        more => Some(format!("The same is true of {}.", phrase::counted(more, "other field"))),
    };
    let shown: Vec<String> = sentences.into_iter().take(NAMED).flatten().chain(more).collect();
    (!shown.is_empty()).then(|| shown.join(" "))
}
