//! Filters: which records go on, in which order, with which fields.

use std::sync::LazyLock;

use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use values::order::Key;
use values::path::Path;

use super::criteria::{self, Criteria, Reading, Verdict};
use super::fault::{Fault, element, field};
use super::schema::Schema;
use super::source::Source;
use super::wall::Zone;

/// A field to sort by.
pub type SortKey = Key<Zone>;

/// A filter definition, rendered and read. Applied in this order:
/// `where`, `script`, `orderBy`, `distinct`, `offset` and `limit`, `select`.
#[derive(Debug)]
pub struct Filter {
    /// Where records come from; none chooses from the set that came in.
    pub source: Option<Source>,
    criteria: Criteria,
    /// Whether a script is asked about the records that meet the criteria.
    asks: bool,
    order_by: Vec<SortKey>,
    distinct: Option<Distinct>,
    offset: usize,
    limit: Option<usize>,
    select: Option<Vec<(String, Path)>>,
}

#[derive(Debug)]
enum Distinct {
    Whole,
    By(Vec<Path>),
}

static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| {
    let mut schema = super::job::schema();
    let definitions = schema["$defs"].take();
    Schema::compile(&json!({"$ref": "#/$defs/filter", "$defs": definitions}))
});

/// What the schema says of a definition whose placeholders are not rendered yet.
pub fn faults_of_shape(written: &Value, path: &str) -> Vec<Fault> {
    match SCHEMA.as_ref() {
        Ok(schema) => schema.faults(written, path, Reading::Written),
        Err(error) => vec![Fault::at(path, error.clone())],
    }
}

impl Filter {
    /// Every fault that a schema cannot say and that can be told before placeholders are rendered.
    pub fn check(written: &Value, path: &str) -> Vec<Fault> {
        match Reader::new(Reading::Written, path, Tz::UTC).filter(written) {
            Ok(_) => Vec::new(),
            Err(faults) => faults,
        }
    }

    /// Reads a rendered definition. A bare date is midnight in `zone`.
    ///
    /// # Errors
    /// Every fault, with its path below `path`.
    pub fn read(rendered: &Value, path: &str, zone: Tz) -> Result<Self, Vec<Fault>> {
        let schema = SCHEMA.as_ref().map_err(|error| vec![Fault::at(path, error.clone())])?;
        let faults = schema.faults(rendered, path, Reading::Rendered);
        if faults.is_empty() { Reader::new(Reading::Rendered, path, zone).filter(rendered) } else { Err(faults) }
    }

    /// Whether a record meets the criteria.
    pub fn keeps(&self, record: &Value) -> bool {
        self.criteria.matches(record)
    }

    /// Whether a record meets the criteria, or whether that cannot be decided.
    pub fn judge(&self, record: &Value) -> Verdict {
        self.criteria.judge(record)
    }

    /// Every field of the records that it relies on.
    pub fn fields(&self) -> Vec<Path> {
        let mut fields = self.criteria.fields();
        fields.extend(self.order_by.iter().map(|key| key.path.clone()));
        if let Some(Distinct::By(paths)) = &self.distinct {
            fields.extend(paths.iter().cloned());
        }
        fields.extend(self.select.iter().flatten().map(|(_, path)| path.clone()));
        fields
    }

    /// Which records are kept.
    pub fn criteria(&self) -> &Criteria {
        &self.criteria
    }

    /// How many of the records that meet the criteria, from the first, say all that the filter
    /// has to know; none if it has to see every one.
    pub fn suffices(&self) -> Option<usize> {
        let first_come = self.order_by.is_empty() && self.distinct.is_none() && !self.asks;
        self.limit.filter(|_| first_come).map(|limit| limit.saturating_add(self.offset))
    }

    /// The order of the records that go on; none if they stay as they come.
    pub fn order(&self) -> &[SortKey] {
        &self.order_by
    }

    /// How many records can go on at most, in their order; none if that cannot be told, since
    /// some may be passed over.
    pub fn at_most(&self) -> Option<usize> {
        self.limit.filter(|_| self.distinct.is_none()).map(|limit| limit.saturating_add(self.offset))
    }

    /// What a record must not share with one before it; none if all are different.
    pub fn digest(&self, record: &Value) -> Option<Digest> {
        self.distinct.as_ref().map(|distinct| distinct.digest(record))
    }

    /// How many of the first records are passed over.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// How many records go on after these.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// A record as it goes on.
    pub fn shown(&self, record: Value) -> Value {
        match &self.select {
            Some(fields) => select(&record, fields),
            None => record,
        }
    }
}

/// Stands for what `distinct` looks at in a record: half a SHA-256, so that nobody can make
/// two different ones that share it.
pub type Digest = [u8; 16];

impl Distinct {
    /// A missing field is told apart from null, and no field runs into the next.
    fn digest(&self, record: &Value) -> Digest {
        let mut hash = Sha256::new();
        match self {
            Self::Whole => hash.update(values::order::identity(record)),
            Self::By(paths) => paths.iter().for_each(|path| match path.of(record).map(values::order::identity) {
                Some(identity) => {
                    hash.update((identity.len() as u64).to_be_bytes());
                    hash.update(identity);
                }
                None => hash.update(u64::MAX.to_be_bytes()),
            }),
        }
        let mut digest = Digest::default();
        digest.copy_from_slice(&hash.finalize()[..16]);
        digest
    }
}

fn select(record: &Value, fields: &[(String, Path)]) -> Value {
    let chosen = fields.iter().filter_map(|(name, path)| Some((name.clone(), path.of(record)?.clone())));
    Value::Object(chosen.collect::<Map<_, _>>())
}

struct Reader<'a> {
    reading: Reading,
    path: &'a str,
    zone: Tz,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    fn new(reading: Reading, path: &'a str, zone: Tz) -> Self {
        Self { reading, path, zone, faults: Vec::new() }
    }

    fn filter(mut self, definition: &Value) -> Result<Filter, Vec<Fault>> {
        let filter = Filter {
            source: self.source(definition),
            criteria: self.criteria(definition),
            asks: definition.get("script").is_some(),
            order_by: self.order_by(definition),
            distinct: self.distinct(definition),
            offset: self.count(definition, "offset").unwrap_or(0),
            limit: self.count(definition, "limit"),
            select: self.select(definition),
        };
        if self.faults.is_empty() { Ok(filter) } else { Err(self.faults) }
    }

    fn fault(&mut self, name: &str, message: impl Into<String>) {
        self.faults.push(Fault::at(field(self.path, name), message));
    }

    fn source(&mut self, definition: &Value) -> Option<Source> {
        let source = definition.get("source")?;
        // A templated path says nothing about the file yet.
        if self.reading == Reading::Written && super::template::holds_placeholder(source) {
            return None;
        }
        Source::read(source).map_err(|message| self.fault("source", message)).ok()
    }

    fn criteria(&mut self, definition: &Value) -> Criteria {
        let Some(written) = definition.get("where") else { return Criteria::All(Vec::new()) };
        criteria::parse(written, &field(self.path, "where"), self.reading, self.zone).unwrap_or_else(|faults| {
            self.faults.extend(faults);
            Criteria::All(Vec::new())
        })
    }

    fn order_by(&mut self, definition: &Value) -> Vec<SortKey> {
        if let Some(written) = definition.get("orderBy").and_then(Value::as_str).filter(|text| text.contains(',')) {
            let list: Vec<_> = written.split(',').map(str::trim).collect();
            self.fault("orderBy", format!("\"{written}\" is one text; write a list, {}", json!(list)));
            return Vec::new();
        }
        let (names, zone) = (self.names(definition, "orderBy"), Zone(self.zone));
        names
            .into_iter()
            .filter_map(|(place, name)| {
                Key::parse_in(&name, zone).map_err(|error| self.faults.push(Fault::at(place, error.to_string()))).ok()
            })
            .collect()
    }

    fn distinct(&mut self, definition: &Value) -> Option<Distinct> {
        match definition.get("distinct")? {
            Value::Bool(wanted) => wanted.then_some(Distinct::Whole),
            _ => Some(Distinct::By(self.paths(definition, "distinct").into_iter().map(|(_, path)| path).collect())),
        }
    }

    fn select(&mut self, definition: &Value) -> Option<Vec<(String, Path)>> {
        match definition.get("select")? {
            Value::Object(fields) => {
                let place = field(self.path, "select");
                let named = fields.iter().filter_map(|(name, path)| {
                    Some((name.clone(), self.path_of(field(&place, name), path.as_str()?)?))
                });
                Some(named.collect())
            }
            _ => Some(self.paths(definition, "select")),
        }
    }

    fn paths(&mut self, definition: &Value, name: &str) -> Vec<(String, Path)> {
        let names = self.names(definition, name);
        names.into_iter().filter_map(|(place, name)| Some((name.clone(), self.path_of(place, &name)?))).collect()
    }

    fn path_of(&mut self, place: String, name: &str) -> Option<Path> {
        Path::parse(name).map_err(|error| self.faults.push(Fault::at(place, error.to_string()))).ok()
    }

    /// One text or a list of texts, each with its place.
    fn names(&self, definition: &Value, name: &str) -> Vec<(String, String)> {
        let place = field(self.path, name);
        match definition.get(name) {
            Some(Value::String(one)) => vec![(place, one.clone())],
            Some(Value::Array(all)) => {
                let texts = all
                    .iter()
                    .enumerate()
                    .filter_map(|(index, one)| Some((element(&place, index), one.as_str()?.to_owned())));
                texts.collect()
            }
            _ => Vec::new(),
        }
    }

    fn count(&mut self, definition: &Value, name: &str) -> Option<usize> {
        match definition.get(name)? {
            Value::Number(number) => number.as_u64().and_then(|count| usize::try_from(count).ok()),
            _ if self.reading == Reading::Written => None,
            other => {
                self.fault(name, format!("{other} is not a whole number"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rendered_definition_is_checked_again() {
        let faults =
            Filter::read(&json!({"limit": "five", "where": {"a": {"in": 1}}}), "lines[0].filter", Tz::UTC).unwrap_err();
        assert_eq!(faults[0].to_string(), "lines[0].filter.limit: \"five\" is not an integer");
        let faults = Filter::read(&json!({"where": {"a": {"in": 1}}, "orderBy": ["a..b"]}), "f", Tz::UTC).unwrap_err();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(Filter::read(&json!({"distinct": []}), "f", Tz::UTC).is_err());
    }

    #[test]
    fn a_limit_suffices_unless_every_record_has_to_be_seen() {
        for (definition, expected) in [
            (json!({"limit": 5}), Some(5)),
            (json!({"limit": 5, "offset": 2, "select": ["a"], "where": {"a": 1}}), Some(7)),
            (json!({"offset": 2}), None),
            (json!({"limit": 5, "orderBy": "a"}), None),
            (json!({"limit": 5, "distinct": true}), None),
            (json!({"limit": 5, "script": "r => r.a"}), None),
            (json!({"limit": 5, "distinct": false}), Some(5)),
        ] {
            assert_eq!(Filter::read(&definition, "f", Tz::UTC).unwrap().suffices(), expected, "{definition}");
        }
    }

    #[test]
    fn every_part_that_relies_on_a_field_names_it() {
        let definition = json!({
            "where": {"a": {"gt": {"field": "b"}}, "c": {"exists": true}},
            "orderBy": ["-d", "a"], "distinct": ["e.f"], "select": {"shown": "g"},
        });
        let fields = Filter::read(&definition, "f", Tz::UTC).unwrap().fields();
        let fields: Vec<_> = fields.iter().map(Path::as_str).collect();
        assert_eq!(fields, ["a", "b", "d", "a", "e.f", "g"]);
        assert!(Filter::read(&json!({"distinct": true}), "f", Tz::UTC).unwrap().fields().is_empty());
    }

    #[test]
    fn forms_of_other_tools_are_refused_before_anything_runs() {
        let cases = [
            (json!({"orderBy": "n desc"}), "f.orderBy: \"n desc\" is not a key to sort by; write \"-n\""),
            (json!({"orderBy": ["a", "n ASC"]}), "f.orderBy[1]: \"n ASC\" is not a key to sort by; write \"n\""),
            (json!({"orderBy": "-n, c"}), "f.orderBy: \"-n, c\" is one text; write a list, [\"-n\",\"c\"]"),
            (json!({"where": {"$or": [{"a": 1}]}}), "f.where.$or: `$or` is not known here; write `or`"),
            (json!({"where": {"n": {"$gt": 5}}}), "f.where.n.$gt: `$gt` is not known here; write `gt`"),
            (
                json!({"where": {"n": ">5"}}),
                "f.where.n: \">5\" is a text here; write {gt: 5}, or {eq: \">5\"} for the text",
            ),
            (
                json!({"where": {"b": "yes"}}),
                "f.where.b: \"yes\" is a text here; write true, or {eq: \"yes\"} for the text",
            ),
        ];
        for (definition, expected) in cases {
            let faults: Vec<_> = Filter::check(&definition, "f").iter().map(ToString::to_string).collect();
            assert_eq!(faults, [expected]);
        }
        let literal =
            json!({"where": {"n": {"eq": ">5"}, "b": {"eq": "yes"}, "c": {"in": ["no"]}}, "orderBy": ["Last, First"]});
        assert_eq!(Filter::check(&literal, "f"), []);
    }

    #[test]
    fn a_bound_that_renders_to_null_is_an_error() {
        for test in [json!({"gte": null}), json!({"lt": null}), json!({"between": [1, null]})] {
            let faults = Filter::read(&json!({"where": {"updated": test}}), "f", Tz::UTC).unwrap_err();
            assert_eq!(faults.len(), 1, "{test}");
            assert!(faults[0].message.starts_with("the value is null; it must be"), "{test}");
        }
        let by_name = json!({"where": {"a": null, "b": {"eq": null}, "c": {"in": [null]}}});
        assert!(Filter::read(&by_name, "f", Tz::UTC).is_ok());
    }

    #[test]
    fn a_bare_date_is_midnight_in_the_zone_of_the_filter() {
        let definition = json!({"where": {"at": {"gte": "2026-11-20"}}});
        let filter = |zone| Filter::read(&definition, "f", zone).unwrap();
        let record = json!({"at": "2026-11-19T23:30:00Z"});
        assert!(filter(chrono_tz::Europe::Madrid).keeps(&record));
        assert!(!filter(Tz::UTC).keeps(&record));
    }

    #[test]
    fn placeholders_pass_the_check() {
        let written =
            json!({"limit": "$<args.top>", "where": {"d": {"lt": "$<today>"}}, "source": {"file": "$<args.file>"}});
        assert_eq!(Filter::check(&written, "f"), []);
    }
}
