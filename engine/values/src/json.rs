//! A strict JSON parser: text that other parsers could read differently, or numbers that would have to
//! be rounded, are refused with their line and column.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::Fault;

/// Limits of one JSON text.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Levels of nested arrays and objects. At most 127, the limit of `serde_json`.
    pub depth: usize,
    /// Length of the text in bytes.
    pub bytes: usize,
    /// Bytes of memory that the values may take. A text of small values takes up to 50 times its length.
    pub memory: usize,
}

/// The default of [`Bounds::memory`], in bytes.
pub const MAX_VALUE_MEMORY: usize = 512 << 20;

impl Default for Bounds {
    /// 64 levels, 64 MiB of text, 512 MiB of memory.
    fn default() -> Bounds {
        Bounds { depth: 64, bytes: 64 << 20, memory: MAX_VALUE_MEMORY }
    }
}

/// Parses one JSON text (RFC 8259).
///
/// # Errors
/// The text is not JSON, exceeds the bounds, has a name twice in one object, an integer outside of the
/// range of i64 and u64, or more text after the value.
pub fn parse(text: &[u8], bounds: Bounds) -> Result<Value, Fault> {
    parse_unless(text, bounds, &|| false)
}

/// As [`parse`], but stops when `stopped` returns true. It is called regularly.
///
/// # Errors
/// As [`parse`], or it was stopped.
pub fn parse_unless(text: &[u8], bounds: Bounds, stopped: &dyn Fn() -> bool) -> Result<Value, Fault> {
    Reader::new(bounds, stopped, None).read(text, None)
}

/// As [`parse_unless`], for a text with a long array at `pointer` (RFC 6901). Each element of the array
/// is passed to `each` and is not kept, until `each` returns false. The limit of the memory applies to
/// one element and to everything outside of the array. The result has the array without its elements.
///
/// # Errors
/// As [`parse_unless`], or `each` returned false.
pub fn parse_elements(
    text: &[u8],
    bounds: Bounds,
    pointer: &str,
    stopped: &dyn Fn() -> bool,
    each: &mut dyn FnMut(Value) -> bool,
) -> Result<Value, Fault> {
    let unescaped = |name: &str| name.replace("~1", "/").replace("~0", "~");
    let path: Option<Vec<String>> = match pointer.strip_prefix('/') {
        Some(names) => Some(names.split('/').map(unescaped).collect()),
        None => pointer.is_empty().then(Vec::new),
    };
    Reader::new(bounds, stopped, Some(each)).read(text, path.as_deref())
}

/// Converts an error. `serde_json` writes the position at the end of the message; a fault has it apart.
fn fault(error: serde_json::Error) -> Fault {
    let full = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    let message = full.strip_suffix(&position).unwrap_or(&full);
    let mut letters = message.chars();
    let message: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if error.line() == 0 { Fault::new(message) } else { Fault::at(message, error.line(), error.column().max(1)) }
}

/// Reads one text.
struct Reader<'a> {
    bounds: Bounds,
    /// Bytes of memory that are left.
    memory: Cell<usize>,
    /// The number of values so far.
    values: Cell<usize>,
    /// Set when a float is so large that it may have been written as an integer.
    has_huge_number: Cell<bool>,
    stopped: &'a dyn Fn() -> bool,
    each: Option<RefCell<&'a mut dyn FnMut(Value) -> bool>>,
}

impl<'a> Reader<'a> {
    fn new(bounds: Bounds, stopped: &'a dyn Fn() -> bool, each: Option<&'a mut dyn FnMut(Value) -> bool>) -> Self {
        let (memory, values, has_huge_number) = (Cell::new(bounds.memory), Cell::new(0), Cell::new(false));
        Reader { bounds, memory, values, has_huge_number, stopped, each: each.map(RefCell::new) }
    }

    fn read(&self, text: &[u8], path: Option<&[String]>) -> Result<Value, Fault> {
        if text.len() > self.bounds.bytes {
            let (size, most) = (text.len(), self.bounds.bytes);
            return Err(Fault::new(format!("The JSON text has {size} bytes; at most {most} are allowed")));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let seed = Strict { depth: self.bounds.depth, reader: self, path };
        let value = seed.deserialize(&mut deserializer).map_err(fault)?;
        deserializer.end().map_err(fault)?;
        if self.has_huge_number.get() {
            check_integers(text)?;
        }
        Ok(value)
    }

    /// Takes the memory for a value from the memory that is left.
    fn take<E: Error>(&self, bytes: usize) -> Result<(), E> {
        const VALUES_BETWEEN_CHECKS: usize = 4096;
        self.values.set(self.values.get() + 1);
        if self.values.get().is_multiple_of(VALUES_BETWEEN_CHECKS) && (self.stopped)() {
            return Err(E::custom("reading was stopped"));
        }
        let left = self.memory.get().checked_sub(bytes).ok_or_else(|| {
            let most = self.bounds.memory >> 20;
            E::custom(format!("the values take more than {most} MiB of memory; use fewer or smaller ones"))
        })?;
        self.memory.set(left);
        Ok(())
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
struct Strict<'a, 'r> {
    /// The levels that are allowed below the value.
    depth: usize,
    reader: &'a Reader<'r>,
    /// The names from here to the array whose elements are passed on, if it is inside of this value.
    path: Option<&'a [String]>,
}

impl<'a, 'r> Strict<'a, 'r> {
    /// The state for the value inside whose name fulfils `name`.
    fn deeper<E: Error>(self, name: impl Fn(&str) -> bool) -> Result<Strict<'a, 'r>, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| {
            E::custom(format!("arrays and objects are nested more than {} deep", self.reader.bounds.depth))
        })?;
        let path = self.path.and_then(|path| path.split_first()).filter(|(first, _)| name(first)).map(|(_, rest)| rest);
        Ok(Strict { depth, path, ..self })
    }

    /// Passes on the elements of the array at the pointer.
    fn pass_on<'de, A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let Some(each) = &self.reader.each else { return Ok(Value::Null) };
        let left = self.reader.memory.get();
        while let Some(value) = list.next_element_seed(self.deeper(|_| false)?)? {
            if !each.borrow_mut()(value) {
                return Err(A::Error::custom("reading was stopped"));
            }
            self.reader.memory.set(left);
        }
        Ok(Value::Array(Vec::new()))
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.reader.take(size_of::<Value>())?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_, '_> {
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
        self.reader.has_huge_number.set(self.reader.has_huge_number.get() | (number.abs() >= 9.2e18));
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        self.reader.take(text.len())?;
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        if self.path.is_some_and(<[String]>::is_empty) {
            return self.pass_on(list);
        }
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self.deeper(|name| is_position(name, values.len()))?)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        /// Bytes that a map needs for a field besides its value: for the name, its hash and its position.
        const FIELD: usize = size_of::<String>() + 3 * size_of::<usize>();
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(Error::custom(format!("the name \"{name}\" occurs twice in one object")));
            }
            self.reader.take(FIELD + name.len())?;
            let value = fields.next_value_seed(self.deeper(|wanted| wanted == name)?)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

/// Whether a name in a pointer means this position in an array.
fn is_position(name: &str, position: usize) -> bool {
    name.len() < 20 && name.parse() == Ok(position) && (name == "0" || !name.starts_with(['0', '+']))
}

/// Refuses an integer that does not fit into i64 or u64. Called only for valid JSON with a huge number.
fn check_integers(text: &[u8]) -> Result<(), Fault> {
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
            ("{\"a\": 1,\n \"a\": 2}", "The name \"a\" occurs twice in one object (line 2, column 4)"),
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

    /// A value of two bytes of text takes many more bytes of memory.
    #[test]
    fn memory_is_bounded() {
        let bounds = Bounds { memory: 1 << 20, ..Bounds::default() };
        for (many, few) in [("1,", 10_000), ("{\"a\":1},", 3_000), ("[],", 10_000), ("\"\",", 10_000)] {
            let list = |count: usize| format!("[{}0]", many.repeat(count));
            assert!(parse(list(few).as_bytes(), bounds).is_ok(), "{many}");
            let fault = parse(list(20_000).as_bytes(), bounds).expect_err(many);
            assert!(fault.message.contains("take more than 1 MiB of memory"), "{fault}");
            assert_eq!(fault.at.map(|at| at.line), Some(1));
        }
    }

    #[test]
    fn elements_are_passed_on_one_by_one() {
        let elements = |text: &str, pointer: &str| {
            let mut found = Vec::new();
            let bounds = Bounds { memory: 1 << 13, ..Bounds::default() };
            let rest = parse_elements(text.as_bytes(), bounds, pointer, &|| false, &mut |value| {
                found.push(value);
                true
            });
            rest.map(|rest| (rest, found)).map_err(|fault| fault.to_string())
        };
        assert_eq!(elements("[1,[2]]", ""), Ok((json!([]), vec![json!(1), json!([2])])));
        let text = r#"{"a": [{"b/~": [1]}, {"b/~": [2, 3], "c": [4]}], "d": 5}"#;
        let rest = json!({"a": [{"b/~": [1]}, {"b/~": [], "c": [4]}], "d": 5});
        assert_eq!(elements(text, "/a/1/b~1~0"), Ok((rest, vec![json!(2), json!(3)])));
        for nowhere in ["/a/01/b~1~0", "/a/2", "a", "/a/+1/b~1~0", "/d"] {
            assert_eq!(elements(text, nowhere).map(|(_, found)| found), Ok(vec![]), "{nowhere}");
        }
        // Elements that were passed on take no memory; the limit applies to each alone.
        assert_eq!(elements(&format!("[{}0]", "1,".repeat(10_000)), "").map(|(_, found)| found.len()), Ok(10_001));
        assert!(elements(&format!("[[{}0]]", "1,".repeat(10_000)), "").is_err_and(|fault| fault.contains("memory")));
        assert!(elements("[1, 2", "").is_err());
        assert!(elements(r#"{"a": [1], "a": [2]}"#, "/a").is_err_and(|fault| fault.contains("occurs twice")));
        let text = format!("[{}[]{}]", "[".repeat(63), "]".repeat(63));
        assert!(elements(&text, "").is_err_and(|fault| fault.contains("nested more than 64 deep")));
    }

    #[test]
    fn reading_can_be_stopped() {
        let text = format!("[{}0]", "1,".repeat(100_000));
        let asked = Cell::new(0);
        let stopped = || {
            asked.set(asked.get() + 1);
            asked.get() > 2
        };
        assert!(parse_unless(text.as_bytes(), Bounds::default(), &stopped).is_err());
        assert_eq!(asked.get(), 3);
        let mut count = 0;
        let taken = parse_elements(text.as_bytes(), Bounds::default(), "", &|| false, &mut |_| {
            count += 1;
            count < 3
        });
        assert!(taken.is_err() && count == 3);
    }
}
