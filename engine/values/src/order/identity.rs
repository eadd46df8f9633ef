//! Identities of values: texts that are equal exactly for equal values.

use serde_json::Value;

/// The identity of a value, for finding duplicates: the same for `1` and `1.0`, but not for `1` and
/// `"1"`. The order of the fields of an object does not matter. Unlike with [`super::equal`], two texts
/// for the same instant are different.
pub fn identity(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => match whole(number) {
            Some(whole) => text.push_str(&whole.to_string()),
            None => text.push_str(&number.to_string()),
        },
        Value::Array(elements) => {
            text.push('[');
            for element in elements {
                write(element, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (name, field) in fields {
                text.push_str(&Value::String(name.clone()).to_string());
                text.push(':');
                write(field, text);
                text.push(',');
            }
            text.push('}');
        }
        other => text.push_str(&other.to_string()),
    }
}

/// The integer that is equal to a float, up to 2^53, where every integer has a float of its own.
fn whole(number: &serde_json::Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = number.as_f64().filter(|_| number.is_f64())?;
    (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_share_an_identity_and_others_do_not() {
        assert_eq!(identity(&json!({"a": 1, "b": [2.0]})), identity(&json!({"b": [2], "a": 1.0})));
        let different =
            [json!(1), json!("1"), json!(null), json!("null"), json!([1]), json!([[1]]), json!({"a": 1}), json!(1.5)];
        for (at, one) in different.iter().enumerate() {
            for other in &different[at + 1..] {
                assert_ne!(identity(one), identity(other));
            }
        }
    }
}
