//! Reading JSON text strictly: what another reader could understand differently, or
//! what would have to be rounded, is refused with its line and column.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::Fault;

/// How much is accepted.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Arrays and objects inside each other. At most 127, because the reader below stops there.
    pub depth: usize,
    /// Length of the text in bytes.
    pub bytes: usize,
}

impl Default for Bounds {
    /// 64 levels, 64 MiB.
    fn default() -> Bounds {
        Bounds { depth: 64, bytes: 64 << 20 }
    }
}

/// Reads one JSON text (RFC 8259). Fails on a name that stands twice in an object, on
/// an integer outside the range of i64 and u64, beyond the bounds, and on anything
/// after the value.
pub fn parse(text: &[u8], bounds: Bounds) -> Result<Value, Fault> {
    if text.len() > bounds.bytes {
        let (is, most) = (text.len(), bounds.bytes);
        return Err(Fault::new(format!("The JSON text has {is} bytes; at most {most} are allowed")));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let mut doubtful = false;
    let seed = Strict { depth: bounds.depth, most: bounds.depth, doubtful: &mut doubtful };
    let value = seed.deserialize(&mut reader).map_err(fault)?;
    reader.end().map_err(fault)?;
    if doubtful {
        exact_integers(text)?;
    }
    Ok(value)
}

/// serde_json says the place at the end of its sentence; ours stands beside it.
fn fault(error: serde_json::Error) -> Fault {
    let full = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = full.strip_suffix(&place).unwrap_or(&full);
    let mut letters = message.chars();
    let message: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if error.line() == 0 { Fault::new(message) } else { Fault::at(message, error.line(), error.column().max(1)) }
}

/// Reads one value, with so many levels still allowed below it.
struct Strict<'a> {
    depth: usize,
    most: usize,
    /// Set when a float is so large that it may have been written as an integer.
    doubtful: &'a mut bool,
}

impl Strict<'_> {
    fn deeper<E: Error>(&mut self) -> Result<Strict<'_>, E> {
        let most = self.most;
        let depth = self
            .depth
            .checked_sub(1)
            .ok_or_else(|| E::custom(format!("arrays and objects are nested more than {most} deep")))?;
        Ok(Strict { depth, most, doubtful: self.doubtful })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        *self.doubtful |= number.abs() >= 9.2e18;
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self.deeper()?)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(Error::custom(format!("the name \"{name}\" stands twice in one object")));
            }
            map.insert(name, fields.next_value_seed(self.deeper()?)?);
        }
        Ok(Value::Object(map))
    }
}

/// Finds an integer that no i64 or u64 holds. Only called when a huge number was seen;
/// the text is known to be JSON by now.
fn exact_integers(text: &[u8]) -> Result<(), Fault> {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => at += string_length(&text[at..]),
            b'-' | b'0'..=b'9' => {
                let number = number(&text[at..]);
                check_integer(text, at, number)?;
                at += number.len();
            }
            _ => at += 1,
        }
    }
    Ok(())
}

fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

fn number(text: &[u8]) -> &str {
    let inside = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
    let length = text.iter().position(|byte| !inside(byte)).unwrap_or(text.len());
    std::str::from_utf8(&text[..length]).unwrap_or_default()
}

fn check_integer(text: &[u8], at: usize, number: &str) -> Result<(), Fault> {
    let fractional = number.contains(['.', 'e', 'E']);
    if fractional || number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return Ok(());
    }
    let shown: String = number.chars().take(40).collect();
    let message = format!("The integer {shown} is too large to be kept exactly: write it as a string");
    Err(Fault::at_byte(message, std::str::from_utf8(text).unwrap_or_default(), at))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        parse(text.as_bytes(), Bounds::default()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn reads_what_is_json() {
        let text = r#"{"b": [1, -2, 3.5, 1e20, true, null, "x\n"], "a": 18446744073709551615}"#;
        let value = read(text).expect("valid");
        assert_eq!(value["b"], json!([1, -2, 3.5, 1e20, true, null, "x\n"]));
        assert_eq!(value["a"], json!(u64::MAX));
        assert_eq!(value.to_string().find('b'), Some(2), "fields keep their order");
        assert_eq!(read("-9223372036854775808"), Ok(json!(i64::MIN)));
        assert_eq!(read(r#"["123456789012345678901234", 1e30]"#).map(|v| v[1].clone()), Ok(json!(1e30)));
    }

    #[test]
    fn floats_come_back_as_they_went() {
        for number in [0.1 + 0.2, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, 123456.789e-30] {
            assert_eq!(read(&json!(number).to_string()), Ok(json!(number)));
        }
    }

    #[test]
    fn refuses_with_line_and_column() {
        let cases = [
            ("{\"a\": 1,\n \"a\": 2}", "The name \"a\" stands twice in one object (line 2, column 4)"),
            (
                "[1,\n18446744073709551616]",
                "The integer 18446744073709551616 is too large to be kept exactly: write it as a string (line 2, column 1)",
            ),
            (
                "[-9223372036854775809]",
                "The integer -9223372036854775809 is too large to be kept exactly: write it as a string (line 1, column 2)",
            ),
            ("{\"a\": }", "Expected value (line 1, column 7)"),
            ("[1] 2", "Trailing characters (line 1, column 5)"),
            ("", "EOF while parsing a value (line 1, column 1)"),
            ("1e999", "Number out of range (line 1, column 5)"),
        ];
        for (text, fault) in cases {
            assert_eq!(read(text), Err(fault.to_owned()));
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(read(&nested(64)).is_ok());
        let fault = read(&nested(65)).expect_err("too deep");
        assert!(fault.contains("nested more than 64 deep"), "{fault}");
        assert!(read(&"[".repeat(1_000_000)).is_err());
        assert!(read(&"{\"a\":".repeat(1_000_000)).is_err());
        assert!(parse(b"[1]", Bounds { bytes: 2, ..Bounds::default() }).is_err());
    }
}
