//! URLs that are made from records.

use ropewalk_sdk::{Failure, Value};
use values::template::{Context, Templates, Text};

/// Longest value in a URL, in bytes.
const LONGEST: usize = 8 << 10;

/// A URL with expressions. Values of `{{…}}` are percent-encoded, so that no record can change
/// the path on the server; values of `{{{…}}}` are inserted as they are.
pub(crate) struct Address(Vec<Piece>);

enum Piece {
    Fixed(String),
    Expression { source: String, text: Text, encoded: bool },
}

impl Address {
    /// Reads `/customers/{{id}}?city={{address.city}}`.
    pub(crate) fn parse(source: &str) -> Result<Address, Failure> {
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("{{") {
            pieces.push(Piece::Fixed(before.to_owned()));
            let (open, close) = if after.starts_with('{') { ("{{{", "}}}") } else { ("{{", "}}") };
            let inner = &after[open.len() - 2..];
            let (inner, after) = inner.split_once(close).ok_or_else(|| fault(&format!("{open} has no {close}")))?;
            if inner.starts_with(['#', '/', '^', '>']) {
                return Err(fault(
                    "a URL can only contain simple expressions such as {{id}}; compute the text with `set` and use its field here",
                ));
            }
            let text = words::template(&format!("{{{{{inner}}}}}")).map_err(|error| fault(&error.to_string()))?;
            let source = format!("{open}{inner}{close}");
            pieces.push(Piece::Expression { source, text, encoded: open == "{{" });
            rest = after;
        }
        words::template(rest).map_err(|error| fault(&error.to_string()))?;
        pieces.push(Piece::Fixed(rest.to_owned()));
        Ok(Address(pieces))
    }

    /// The URL for a record. The error is the reason for rejecting the record.
    pub(crate) fn of(&self, templates: &Templates, record: &Context) -> Result<String, String> {
        let mut url = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Fixed(text) => url.push_str(text),
                Piece::Expression { source, text, encoded } => {
                    let value = templates.evaluate(text, record, LONGEST);
                    let value = value.map_err(|fault| format!("perRecord.url: {fault}"))?;
                    let value = plain(&value).ok_or_else(|| format!("perRecord.url: {source} is {}", kind(&value)))?;
                    if *encoded { encode(&value, &mut url) } else { url.push_str(&value) }
                }
            }
        }
        check_segments(&url)?;
        Ok(url)
    }
}

/// Appends a piece of a URL to the URL of the line. If that URL ends with its host, the piece must
/// not become a part of the host's name, because a record must not choose the server.
pub(crate) fn join(base: &str, piece: &str) -> Result<String, String> {
    let bare = base.split_once("://").is_some_and(|(_, rest)| !rest.contains(['/', '?', '#']));
    if bare && !piece.starts_with(['/', '?', '#']) {
        return Err(format!("perRecord.url: {piece} would become a part of the host of {base}; begin it with /"));
    }
    Ok(format!("{base}{piece}"))
}

/// A segment of dots, encoded or not, would lead to another path than the template says.
fn check_segments(url: &str) -> Result<(), String> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.split('/').find(|segment| matches!(*segment, "." | "..")) {
        None => Ok(()),
        Some(dots) => Err(format!("perRecord.url: {url} would lead to another path because of `{dots}`")),
    }
}

fn fault(message: &str) -> Failure {
    Failure::new(format!("perRecord.url: {message}"))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
        _ => "an empty text",
    }
}

/// Percent-encodes everything except the characters that RFC 3986 calls unreserved.
fn encode(value: &str, url: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_sdk::json;

    use super::*;

    fn of(source: &str, record: Value) -> Result<String, String> {
        let address = Address::parse(source).map_err(|failure| failure.message)?;
        address.of(&Templates::of_record(), &Context::from(record))
    }

    #[test]
    fn no_record_becomes_a_part_of_the_host() {
        let refused = join("https://api.example.com", ".evil.net/x").expect_err("it would be another host");
        assert!(refused.contains("begin it with /"), "{refused}");
        assert!(join("https://api.example.com", "7").is_err());
        let joined = |base, piece| join(base, piece).expect("a URL");
        assert_eq!(joined("https://api.example.com", "/7"), "https://api.example.com/7");
        assert_eq!(joined("https://api.example.com/orders/", "7"), "https://api.example.com/orders/7");
    }

    #[test]
    fn values_are_encoded() {
        let record = json!({"id": 7, "name": "a/b?c é", "at": {"on": "2026-03-02T12:00:00Z"}});
        assert_eq!(of("/c/{{id}}/{{name}}", record.clone()), Ok("/c/7/a%2Fb%3Fc%20%C3%A9".to_owned()));
        assert_eq!(of("?y={{date at.on \"%Y\"}}&x", record.clone()), Ok("?y=2026&x".to_owned()));
        assert_eq!(of("{{{name}}}", record), Ok("a/b?c é".to_owned()));
        assert_eq!(of("plain", json!({})), Ok("plain".to_owned()));
    }

    #[test]
    fn urls_that_cannot_be_made_are_reported() {
        assert!(of("/{{idd}}", json!({"id": 1})).is_err_and(|reason| reason.contains("did you mean `id`")));
        let up = of("/x/{{up}}{{up}}/y", json!({"up": "."}));
        assert_eq!(up, Err("perRecord.url: /x/../y would lead to another path because of `..`".to_owned()));
        assert_eq!(of("/{{id}}", json!({"id": null})), Err("perRecord.url: {{id}} is null".to_owned()));
        assert_eq!(of("/{{id}}", json!({"id": ""})), Err("perRecord.url: {{id}} is an empty text".to_owned()));
        assert_eq!(of("/{{id}}", json!({"id": [1]})), Err("perRecord.url: {{id}} is a list".to_owned()));
        for wrong in ["/{{id", "/{{#if id}}x{{/if}}", "/{{uper id}}", "/$<today>"] {
            assert!(of(wrong, json!({"id": 1})).is_err_and(|reason| reason.starts_with("perRecord.url: ")), "{wrong}");
        }
    }
}
