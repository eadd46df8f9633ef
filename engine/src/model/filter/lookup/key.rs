//! Keys of lookups: two keys are equal exactly if criteria find the two values equal.

use std::fmt;

use chrono::DateTime;
use serde_json::{Number, Value};
use values::order::instant;

use crate::model::text::shortened;

/// Characters of a key that a message shows.
const SHOWN: usize = 100;

/// A key. The first byte of its text is the kind of the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of a value: the same for `1` and `1.0`, and for two texts that name the same instant.
    /// None for null, lists and objects.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => {
                let at = instant(text).and_then(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos));
                Some(at.map_or_else(|| Self::verbatim(text), |at| Self(format!("t{}", at.to_rfc3339()))))
            }
            Value::Number(number) => Some(Self(format!("n{}", exact(number)))),
            Value::Bool(truth) => Some(Self(format!("b{truth}"))),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The key of a value that is looked for among the keys of a collection. These are texts, so a
    /// number is looked for as the text in which it is written.
    pub fn for_collection(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::verbatim(text)),
            Value::Number(number) => Some(Self::verbatim(&exact(number))),
            _ => None,
        }
    }

    /// The key of a text that is never read as a date or an instant.
    pub fn verbatim(text: &str) -> Self {
        Self(format!("s{text}"))
    }

    /// The key as text. Equal keys have equal texts.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The key with this text.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The kind of the value, with its article, for messages.
    pub fn kind(&self) -> &'static str {
        match self.0.as_bytes().first() {
            Some(b'n') => "a number",
            Some(b'b') => "true or false",
            _ => "a text",
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = shortened(self.0.get(1..).unwrap_or_default(), SHOWN);
        match self.kind() {
            "a text" => write!(f, "\"{text}\""),
            _ => f.write_str(&text),
        }
    }
}

/// A number as text, without the fraction `.0`.
fn exact(number: &Number) -> String {
    // Below this bound, a float without a fraction fits into an integer of 128 bits.
    const BEYOND: f64 = 1.0e30;
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < BEYOND);
    float.map_or_else(|| number.to_string(), |whole| (whole as i128).to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;
    use values::order::equal;

    use super::*;

    fn some_scalar() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            (-3_i64..3).prop_map(Value::from),
            (-3_i64..3).prop_map(|whole| json!(whole as f64)),
            select(vec![
                json!(9_007_199_254_740_994_u64),
                json!(9_007_199_254_740_994.0),
                json!(18_446_744_073_709_551_615_u64),
                json!(18_446_744_073_709_551_616.0),
                json!(0.0),
                json!(-0.0),
                json!("2026-11-20"),
                json!("2026-11-20T00:00:00Z"),
                json!("2026-11-20T01:00:00+01:00"),
                json!("2026-11-20T01:00:00.000000001+01:00"),
                json!("1"),
                json!("true"),
                json!(true),
                json!(""),
            ]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn keys_are_equal_exactly_where_criteria_find_values_equal(a in some_scalar(), b in some_scalar()) {
            // A float that is not finite is null in JSON.
            prop_assume!(!a.is_null() && !b.is_null());
            prop_assert_eq!(Key::from_value(&a) == Key::from_value(&b), equal(&a, &b), "{} and {}", a, b);
        }
    }

    #[test]
    fn a_number_finds_the_key_of_a_collection_that_it_is_written_as() {
        assert_eq!(Key::for_collection(&json!(7.0)), Some(Key::verbatim("7")));
        assert_eq!(Key::for_collection(&json!("2026-11-20")), Some(Key::verbatim("2026-11-20")));
        assert_eq!(Key::for_collection(&json!(true)), None);
    }

    #[test]
    fn lists_objects_and_null_are_no_keys() {
        for value in [json!(null), json!([1]), json!({"a": 1})] {
            assert_eq!((Key::from_value(&value), Key::for_collection(&value)), (None, None));
        }
    }

    #[test]
    fn a_message_shows_a_key_as_json_writes_it_and_cuts_what_is_long() {
        let shown = |value: Value| Key::from_value(&value).map(|key| key.to_string());
        assert_eq!(shown(json!("a")).as_deref(), Some("\"a\""));
        assert_eq!(shown(json!(7.0)).as_deref(), Some("7"));
        assert_eq!(shown(json!("2026-11-20T01:00:00+01:00")).as_deref(), Some("\"2026-11-20T00:00:00+00:00\""));
        assert_eq!(shown(json!("x".repeat(200))), Some(format!("\"{}…\"", "x".repeat(100))));
    }
}
