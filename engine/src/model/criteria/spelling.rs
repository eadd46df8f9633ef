//! The JSON texts of a value, for stores that compare texts.

use serde_json::{Number, Value};

use super::Operand;
use super::operand::Content;

/// Below this bound, every integer has a double of its own.
const SAFE: i64 = 1 << 53;

impl Operand {
    /// Every JSON text that this program writes for a value equal to the operand. None where they
    /// cannot be listed: for another field, a date or an instant (one instant has many texts), a list,
    /// an object, and an integer that a double would round.
    pub fn spellings(&self) -> Option<Vec<String>> {
        match &self.content {
            Content::Value(value @ (Value::Null | Value::Bool(_)), _)
            | Content::Value(value @ Value::String(_), None) => Some(vec![value.to_string()]),
            Content::Value(Value::Number(number), _) => spellings_of_number(number),
            Content::Value(Value::String(_) | Value::Array(_) | Value::Object(_), _) | Content::Field(_) => None,
        }
    }

    /// The text, if the operand is one.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Value(Value::String(text), _) => Some(text),
            _ => None,
        }
    }

    /// The integer, if the operand is one that a double does not round.
    pub fn safe_integer(&self) -> Option<i64> {
        match &self.content {
            Content::Value(Value::Number(number), _) => whole(number),
            _ => None,
        }
    }
}

fn spellings_of_number(number: &Number) -> Option<Vec<String>> {
    if let Some(whole) = whole(number) {
        let mut texts = vec![whole.to_string(), format!("{whole}.0")];
        texts.extend((whole == 0).then(|| "-0.0".to_owned()));
        return Some(texts);
    }
    // A double with a fraction has one shortest text, and no integer is equal to it.
    let fraction = number.is_f64() && number.as_f64().is_some_and(|double| double.fract() != 0.0);
    fraction.then(|| vec![number.to_string()])
}

/// The integer, stored as an integer or as a double, if a double does not round it.
fn whole(number: &Number) -> Option<i64> {
    let whole = match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => whole,
        (None, Some(double)) if number.is_f64() && double.fract() == 0.0 && double.abs() < SAFE as f64 => double as i64,
        _ => return None,
    };
    (whole.unsigned_abs() < SAFE.unsigned_abs()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use serde_json::json;

    use super::*;
    use crate::model::wall::Zone;

    fn spellings(value: Value) -> Option<Vec<String>> {
        Operand::value(value, Zone(Tz::UTC)).spellings()
    }

    #[test]
    fn equal_values_are_listed_and_those_that_are_too_many_are_not() {
        for (value, expected) in [
            (json!(null), vec!["null"]),
            (json!(true), vec!["true"]),
            (json!("a \"b\"\n"), vec!["\"a \\\"b\\\"\\n\""]),
            (json!(5), vec!["5", "5.0"]),
            (json!(-5.0), vec!["-5", "-5.0"]),
            (json!(-0.0), vec!["0", "0.0", "-0.0"]),
            (json!(0.1), vec!["0.1"]),
            (json!(5e-324), vec!["5e-324"]),
        ] {
            assert_eq!(spellings(value.clone()).unwrap(), expected, "{value}");
        }
        for value in
            [json!("2026-11-20"), json!("2026-11-20T00:00:00Z"), json!([1]), json!({}), json!(1u64 << 53), json!(1e300)]
        {
            assert_eq!(spellings(value.clone()), None, "{value}");
        }
        assert!(spellings(json!((1i64 << 53) - 1)).is_some());
    }

    #[test]
    fn the_listed_spellings_are_equal_and_written_by_this_program() {
        for value in [json!(0), json!(7), json!(-9007199254740991_i64), json!(1e15), json!(0.5), json!("x")] {
            for text in spellings(value.clone()).unwrap() {
                let read: Value = serde_json::from_str(&text).unwrap();
                assert!(values::order::equal(&read, &value), "{text} is {value}");
                assert_eq!(read.to_string(), text);
            }
        }
    }
}
