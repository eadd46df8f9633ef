//! A URL that is made of a record.

use ropewalk_sdk::{Failure, Value};
use values::template::{Context, Templates, Text};

/// Longest value in a URL, in bytes.
const LONGEST: usize = 8 << 10;

/// A URL with expressions in it. What `{{…}}` gives is percent-encoded, so that no value
/// of a record can lead to another place on the server; `{{{…}}}` is taken as it is.
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
                return Err(fault("a URL holds plain {{…}} only; make the text with `set` and name its field here"));
            }
            let text = words::template(&format!("{{{{{inner}}}}}")).map_err(|said| fault(&said.to_string()))?;
            let source = format!("{open}{inner}{close}");
            pieces.push(Piece::Expression { source, text, encoded: open == "{{" });
            rest = after;
        }
        words::template(rest).map_err(|said| fault(&said.to_string()))?;
        pieces.push(Piece::Fixed(rest.to_owned()));
        Ok(Address(pieces))
    }

    /// The URL for a record. The error is for whoever mends the record.
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
        no_detour(&url)?;
        Ok(url)
    }
}

/// A piece of a URL behind the URL of the line. Behind a bare host it must not become a part of
/// the host's name, or a record would choose where the request goes.
pub(crate) fn joined(base: &str, piece: &str) -> Result<String, String> {
    let bare = base.split_once("://").is_some_and(|(_, rest)| !rest.contains(['/', '?', '#']));
    if bare && !piece.starts_with(['/', '?', '#']) {
        return Err(format!("perRecord.url: {piece} stands right behind the host of {base}; begin it with /"));
    }
    Ok(format!("{base}{piece}"))
}

/// A segment of dots, encoded or not, leads to another place than the template says.
fn no_detour(url: &str) -> Result<(), String> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.split('/').find(|segment| matches!(*segment, "." | "..")) {
        None => Ok(()),
        Some(dots) => Err(format!("perRecord.url: {url} would leave its place by `{dots}`")),
    }
}

fn fault(said: &str) -> Failure {
    Failure::new(format!("perRecord.url: {said}"))
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

/// Leaves what RFC 3986 calls unreserved.
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
        address.of(&Templates::plain().of_record(), &Context::from(record))
    }

    #[test]
    fn no_record_becomes_a_part_of_the_host() {
        let refused = joined("https://api.example.com", ".evil.net/x").expect_err("it would be another host");
        assert!(refused.contains("begin it with /"), "{refused}");
        assert!(joined("https://api.example.com", "7").is_err());
        let joined = |base, piece| joined(base, piece).expect("a URL");
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
    fn what_leads_nowhere_is_told() {
        assert!(of("/{{idd}}", json!({"id": 1})).is_err_and(|said| said.contains("did you mean \"id\"")));
        let up = of("/x/{{up}}{{up}}/y", json!({"up": "."}));
        assert_eq!(up, Err("perRecord.url: /x/../y would leave its place by `..`".to_owned()));
        assert_eq!(of("/{{id}}", json!({"id": null})), Err("perRecord.url: {{id}} is null".to_owned()));
        assert_eq!(of("/{{id}}", json!({"id": ""})), Err("perRecord.url: {{id}} is an empty text".to_owned()));
        assert_eq!(of("/{{id}}", json!({"id": [1]})), Err("perRecord.url: {{id}} is a list".to_owned()));
        for wrong in ["/{{id", "/{{#if id}}x{{/if}}", "/{{uper id}}", "/$<today>"] {
            assert!(of(wrong, json!({"id": 1})).is_err_and(|said| said.starts_with("perRecord.url: ")), "{wrong}");
        }
    }
}
