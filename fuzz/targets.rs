//! What each fuzz target does with its input. None of it may panic, take long, or use much memory, whatever the input.

#![allow(dead_code, reason = "each target uses one of these")]

use std::io::Cursor;
use std::sync::Arc;

use engine::execution::sources::read_all;
use engine::model::catalogue::{Catalogue, Choice};
use engine::model::criteria::{self, Reading};
use engine::model::job::Job;
use engine::model::schema::Schema;
use engine::model::source::FileSource;
use engine::model::template::Template;
use engine::model::webhook::{Signature, SigningSecret};
use engine::ports::files::{FileFault, Files, OpenFile};
use serde_json::{Value, json};
use values::template::Context;

/// What is done with an input.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const ALL: [(&str, Target); 8] = [
    ("job", job),
    ("template", template),
    ("criteria", criteria),
    ("schema", schema),
    ("graphql", graphql),
    ("signature", signature),
    ("csv", csv),
    ("component", component),
];

fn text(data: &[u8]) -> &str {
    std::str::from_utf8(data).unwrap_or_default()
}

fn value(data: &[u8]) -> Option<Value> {
    values::json::parse(data, values::json::Bounds::default()).ok()
}

/// A job document is read.
pub fn job(data: &[u8]) {
    if let Some(document) = value(data) {
        let _ = Job::read(&document, &Catalogue::new([]), Choice::Newest(&[]));
    }
}

/// A template is read and filled in.
pub fn template(data: &[u8]) {
    let Ok(template) = Template::parse(&text(data).into(), "text", |_| false) else { return };
    let variables = json!({"a": {"b": [1, "x", null]}, "today": "2026-11-20T09:30:00+01:00", "records": [{"n": 1}]});
    if let Ok(context) = Context::wraps(variables) {
        let _ = template.render(&context, "text");
    }
}

/// Criteria are read and asked about records.
pub fn criteria(data: &[u8]) {
    let Some(written) = value(data) else { return };
    let zone = "UTC".parse().unwrap_or_default();
    if let Ok(criteria) = criteria::parse(&written, "where", Reading::Rendered, zone) {
        for record in [json!({}), json!({"a": 1, "b": "x", "c": [1, {"d": null}], "e": "2026-01-01"})] {
            let _ = criteria.judge(&record);
        }
    }
}

/// A schema is compiled, and judges a value: the input is `[schema, value]`.
pub fn schema(data: &[u8]) {
    let Some(Value::Array(both)) = value(data) else { return };
    let [schema, value] = both.as_slice() else { return };
    if let Ok(schema) = Schema::compile_foreign(schema) {
        let _ = schema.faults(value, "value", Reading::Rendered);
    }
}

/// A GraphQL document comes to the walls.
pub fn graphql(data: &[u8]) {
    let _ = api::document::read(text(data), &api::document::DOCUMENT_LIMITS);
}

/// A message has a signature: header and body with a line break between them.
pub fn signature(data: &[u8]) {
    let Ok(secret) = SigningSecret::fresh() else { return };
    let (header, body) = text(data).split_once('\n').unwrap_or_default();
    let (id, rest) = header.split_once('|').unwrap_or_default();
    let (timestamp, signatures) = rest.split_once('|').unwrap_or_default();
    let standard = Signature::Standard { id: id.into(), timestamp: timestamp.into(), signatures: signatures.into() };
    for signature in [Signature::Hub(header.to_owned()), standard] {
        assert!(signature.check(&secret, body.as_bytes(), Default::default()).is_err(), "nobody knows the secret");
    }
}

/// A file is read as CSV, as JSON, and as lines of JSON.
pub fn csv(data: &[u8]) {
    let files = OneFile(Arc::from(data));
    for path in ["file.csv", "file.json", "file.jsonl"] {
        let _ = FileSource::of_path(path).and_then(|source| read_all(&files, &source));
    }
}

/// A component is looked at before it is compiled.
pub fn component(data: &[u8]) {
    let _ = actions::host::look_at(data, &actions::host::Limits::default());
}

struct OneFile(Arc<[u8]>);

impl Files for OneFile {
    fn open(&self, _: &str, _: &str) -> Result<Box<dyn OpenFile>, FileFault> {
        Ok(Box::new(Cursor::new(Arc::clone(&self.0))))
    }
}
