//! Scans JSON text once, for what JavaScript and the host understand differently.

use std::borrow::Cow;

/// Depth of nested arrays and objects that the host accepts.
pub(crate) const DEEPEST: usize = 64;

/// What a scan found in a JSON text that JavaScript wrote.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Whether there is a null, which may have been NaN.
    pub(crate) nulls: bool,
    /// Whether a text contains half a surrogate pair.
    pub(crate) halves: bool,
    /// How deep arrays and objects are nested.
    pub(crate) depth: usize,
    /// The ends of integers that do not fit 64 bits. They were floats, because JavaScript writes floats
    /// up to 10^21 with all their digits.
    floats: Vec<usize>,
}

impl Scan {
    /// Scans a text that is known to be JSON.
    pub(crate) fn of(text: &str) -> Scan {
        let mut scan = Scan::default();
        let (bytes, mut at, mut depth) = (text.as_bytes(), 0, 0);
        while at < bytes.len() {
            match bytes[at] {
                b'"' => at = scan.string(bytes, at + 1),
                b'[' | b'{' => {
                    depth += 1;
                    scan.depth = scan.depth.max(depth);
                }
                b']' | b'}' => depth -= 1,
                b'n' => {
                    scan.nulls = true;
                    at += 3;
                }
                b'-' | b'0'..=b'9' => {
                    at = scan.number(text, at);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        scan
    }

    /// Whether the values of the text have to be inspected.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.nulls || self.halves || self.depth > DEEPEST
    }

    /// The text with `.0` after these integers, so that the host reads them as floats.
    pub(crate) fn corrected<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.floats.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut corrected = String::with_capacity(text.len() + 2 * self.floats.len());
        let mut from = 0;
        for end in &self.floats {
            corrected.push_str(&text[from..*end]);
            corrected.push_str(".0");
            from = *end;
        }
        corrected.push_str(&text[from..]);
        Cow::Owned(corrected)
    }

    /// Returns the end of the string that begins before `at`.
    fn string(&mut self, bytes: &[u8], mut at: usize) -> usize {
        while at < bytes.len() && bytes[at] != b'"' {
            if bytes[at] == b'\\' {
                // Only halves are written as escapes; whole pairs are written as characters.
                self.halves |= matches!(bytes.get(at + 1..at + 4), Some([b'u', b'd', b'8'..=b'f']));
                at += 1;
            }
            at += 1;
        }
        at
    }

    /// Returns the end of the number that begins at `start`.
    fn number(&mut self, text: &str, start: usize) -> usize {
        let inside = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
        let length = text.as_bytes()[start..].iter().position(|byte| !inside(byte)).unwrap_or(text.len() - start);
        let (end, number) = (start + length, &text[start..start + length]);
        let integer = length > 18 && !number.contains(['.', 'e', 'E']);
        if integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
            self.floats.push(end);
        }
        end
    }
}

/// Whether the text has 16 digits in a row, so that an integer may be too long for a float.
pub(crate) fn holds_long_digits(text: &str) -> bool {
    let mut run = 0;
    text.bytes().any(|byte| {
        run = if byte.is_ascii_digit() { run + 1 } else { 0 };
        run == 16
    })
}

/// The elements of an array at these positions, which are in ascending order, as they are written.
pub(crate) fn elements(text: &str, positions: &[u32]) -> String {
    let (mut kept, mut wanted, mut position) = (String::from("["), positions.iter().peekable(), 0);
    let (bytes, mut at, mut depth, mut start) = (text.as_bytes(), 0, 0, 0);
    while at < bytes.len() && wanted.peek().is_some() {
        match bytes[at] {
            b'"' => at = Scan::default().string(bytes, at + 1),
            b'[' | b'{' => {
                depth += 1;
                start = if depth == 1 { at + 1 } else { start };
            }
            b']' | b'}' => depth -= 1,
            _ => {}
        }
        let ends = depth == 0 || (depth == 1 && bytes.get(at) == Some(&b','));
        if ends && bytes.get(at) != Some(&b'[') {
            if wanted.next_if(|wanted| **wanted == position).is_some() {
                kept.push_str(if kept.len() > 1 { "," } else { "" });
                kept.push_str(&text[start..at]);
            }
            position += 1;
            start = at + 1;
        }
        at += 1;
    }
    kept.push(']');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubtful_texts_are_found() {
        assert!(!Scan::of(r#"[{"a":[1,-2.5e3,true,"null \\ud800 [[["]}]"#).is_doubtful());
        assert!(Scan::of(r#"[{"a":null}]"#).nulls);
        assert!(Scan::of(r#"[{"a":"x\ud83d"}]"#).halves);
        assert!(!Scan::of(r#"[{"a":"\u0001\\"}]"#).halves);
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!Scan::of(&nested(DEEPEST)).is_doubtful());
        assert!(Scan::of(&nested(DEEPEST + 1)).is_doubtful());
    }

    #[test]
    fn floats_stay_floats() {
        let text = r#"[{"a":100000000000000000000,"b":18446744073709551615,"c":-9223372036854775808,"d":1e30,"e":-100000000000000000000}]"#;
        let corrected = Scan::of(text).corrected(text).into_owned();
        assert_eq!(
            corrected,
            r#"[{"a":100000000000000000000.0,"b":18446744073709551615,"c":-9223372036854775808,"d":1e30,"e":-100000000000000000000.0}]"#
        );
    }

    #[test]
    fn elements_are_cut_as_they_are_written() {
        let text = r#"[{"a":"],\"}"},{"b":[1.0,{"c":2}]}, {"d":{}}]"#;
        assert_eq!(elements(text, &[0]), r#"[{"a":"],\"}"}]"#);
        assert_eq!(elements(text, &[1, 2]), r#"[{"b":[1.0,{"c":2}]}, {"d":{}}]"#);
        assert_eq!(elements(text, &[]), "[]");
        assert_eq!(elements("[]", &[]), "[]");
        assert_eq!(elements("[{}]", &[0]), "[{}]");
    }
}
