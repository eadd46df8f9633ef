//! Checks whether the fields that a definition names exist in its records.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;
use values::nearest;
use values::path::Path;

use super::text::shortened;

/// Records from which names are collected, to suggest one for a name that is missing.
const SEARCHED_RECORDS: usize = 100;
/// Names that are collected.
const NAMES: usize = 500;
/// Bytes of a name that is collected.
const NAME_BYTES: usize = 200;
/// Levels of nested fields from which names are collected.
const DEPTH: usize = 4;
/// Missing fields that one warning describes.
const SHOWN_MISSING: usize = 3;
/// Known fields that are listed if none is near.
const SHOWN_KNOWN: usize = 8;
/// Characters of a name that are shown.
const SHOWN_CHARACTERS: usize = 100;

/// Looks for the fields that a definition names in the records that pass. A field that no record has
/// is probably misspelt.
#[derive(Debug, Clone, Default)]
pub struct FieldUse {
    /// Fields that no record has had so far, in the order in which they were named.
    missing: Vec<Path>,
    /// Names of fields in the first records. Nested fields are dotted paths.
    known: BTreeSet<String>,
    records: usize,
}

impl FieldUse {
    /// Looks for these fields, each once.
    pub fn new(fields: impl IntoIterator<Item = Path>) -> Self {
        let mut named = HashSet::new();
        let missing = fields.into_iter().filter(|field| named.insert(field.clone())).collect();
        Self { missing, ..Self::default() }
    }

    /// Looks at one record. This is fast after every field was found.
    pub fn see(&mut self, record: &Value) {
        self.records += 1;
        self.missing.retain(|field| field.of(record).is_none());
        if !self.missing.is_empty() && self.records <= SEARCHED_RECORDS {
            collect_names(&mut self.known, record, "", DEPTH);
        }
    }

    /// Notes that a field was found elsewhere.
    pub fn found(&mut self, field: &Path) {
        self.missing.retain(|missing| missing != field);
    }

    /// The fields that no record has had so far.
    pub fn missing(&self) -> &[Path] {
        &self.missing
    }

    /// One sentence for each field that no record has, with the nearest known field. None if every
    /// field was found, or if there were no records.
    pub fn warning(&self) -> Option<String> {
        if self.records == 0 || self.missing.is_empty() {
            return None;
        }
        let mut sentences: Vec<_> = self.missing.iter().take(SHOWN_MISSING).map(|field| self.sentence(field)).collect();
        match self.missing.len().saturating_sub(SHOWN_MISSING) {
            0 => {}
            1 => sentences.push("One more field is missing.".to_owned()),
            more => sentences.push(format!("{more} more fields are missing.")),
        }
        Some(sentences.join(" "))
    }

    fn sentence(&self, field: &Path) -> String {
        let missing = format!("No record has a field \"{}\"", shown(field.as_str()));
        match self.nearest(field.as_str()) {
            Some(near) => format!("{missing}; did you mean \"{}\"?", shown(&near)),
            None => match self.top_level().as_str() {
                "" => format!("{missing}."),
                listed => format!("{missing}; the fields are {listed}."),
            },
        }
    }

    /// The known path that is nearest, corrected part by part.
    fn nearest(&self, path: &str) -> Option<String> {
        let mut corrected = String::new();
        for part in path.split('.') {
            let parent = if corrected.is_empty() { String::new() } else { format!("{corrected}.") };
            let wanted = format!("{parent}{part}");
            corrected = match self.known.contains(&wanted) {
                true => wanted,
                false => format!("{parent}{}", nearest(part, self.children(&parent))?),
            };
        }
        (corrected != path).then_some(corrected)
    }

    /// The names directly below `parent`, which is empty or ends with a dot.
    fn children<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = &'a str> {
        let below = self.known.iter().filter_map(move |name| name.strip_prefix(parent));
        below.filter(|name| !name.contains('.'))
    }

    fn top_level(&self) -> String {
        let mut names: Vec<_> = self.children("").map(|name| format!("\"{}\"", shown(name))).collect();
        if names.len() > SHOWN_KNOWN {
            names.truncate(SHOWN_KNOWN);
            names.push("…".to_owned());
        }
        names.join(", ")
    }
}

/// Collects the names of the fields in a record. The first element of a list stands for all.
fn collect_names(known: &mut BTreeSet<String>, value: &Value, parent: &str, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let fields: Vec<(&str, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.as_str(), value)).take(NAMES).collect(),
        Value::Array(list) => list.iter().take(1).map(|first| ("0", first)).collect(),
        _ => return,
    };
    for (name, value) in fields {
        if known.len() >= NAMES {
            return;
        }
        let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        if path.len() <= NAME_BYTES {
            collect_names(known, value, &path, depth);
            known.insert(path);
        }
    }
}

fn shown(name: &str) -> String {
    shortened(name, SHOWN_CHARACTERS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(fields: &[&str], records: &[Value]) -> FieldUse {
        let mut used = FieldUse::new(fields.iter().map(|field| Path::parse(field).unwrap()));
        records.iter().for_each(|record| used.see(record));
        used
    }

    fn warning(fields: &[&str], records: &[Value]) -> String {
        after(fields, records).warning().unwrap_or_default()
    }

    #[test]
    fn a_field_that_no_record_has_is_named_with_the_nearest() {
        let records = [json!({"status": "open", "customer": {"name": "A", "city": null}})];
        let cases = [
            ("sttus", "No record has a field \"sttus\"; did you mean \"status\"?"),
            ("customer.nme", "No record has a field \"customer.nme\"; did you mean \"customer.name\"?"),
            ("custmer.city", "No record has a field \"custmer.city\"; did you mean \"customer.city\"?"),
            ("total", "No record has a field \"total\"; the fields are \"customer\", \"status\"."),
            ("customer.vat", "No record has a field \"customer.vat\"; the fields are \"customer\", \"status\"."),
        ];
        for (field, expected) in cases {
            assert_eq!(warning(&[field], &records), expected);
        }
    }

    #[test]
    fn a_field_that_one_record_has_is_found_even_if_it_is_null() {
        assert_eq!(after(&["a", "b.c"], &[json!({}), json!({"a": null}), json!({"b": {"c": 1}})]).warning(), None);
        let used = after(&["a", "b"], &[json!({"b": 1})]);
        assert_eq!(used.missing(), [Path::parse("a").unwrap()]);
    }

    #[test]
    fn nothing_is_missing_where_there_are_no_records() {
        assert_eq!(after(&["a"], &[]).warning(), None);
        assert_eq!(after(&[], &[json!({})]).warning(), None);
    }

    #[test]
    fn a_field_that_was_seen_elsewhere_is_not_missing() {
        let mut used = after(&["a", "b"], &[json!({"c": 1})]);
        used.found(&Path::parse("a").unwrap());
        assert_eq!(used.missing(), [Path::parse("b").unwrap()]);
    }

    #[test]
    fn a_warning_names_each_field_once_and_few_of_many() {
        let many = ["one", "two", "two", "three", "four", "five"];
        let message = warning(&many, &[json!({})]);
        assert_eq!(message.matches("\"two\"").count(), 1, "{message}");
        assert!(message.ends_with("No record has a field \"three\". 2 more fields are missing."), "{message}");
    }

    #[test]
    fn the_collected_names_are_bounded() {
        let wide: Value = (0..2000).map(|n| (format!("field{n}"), json!(n))).collect();
        let deep = (0..100).fold(json!(1), |inner, _| json!({"deep": inner}));
        let used = after(&["x"], &[json!({"long".repeat(1000): 1}), deep, wide]);
        assert_eq!(used.known.len(), NAMES);
        assert!(used.known.iter().all(|name| name.len() <= NAME_BYTES && name.split('.').count() <= DEPTH));
        assert!(used.warning().unwrap().len() < 1000);
    }
}
