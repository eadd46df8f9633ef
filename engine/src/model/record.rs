//! Records: the JSON objects that travel from line to line.

use serde::Serialize;
use serde_json::Value;

/// An ordered set of records. Each value is a JSON object.
pub type Records = Vec<Value>;

/// How many records a sample holds at most.
pub const SAMPLE_RECORDS: usize = 20;
/// How many bytes of JSON a sample holds at most.
pub const SAMPLE_BYTES: usize = 64 * 1024;

/// The first records of a set, as a result keeps them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// The records that fitted.
    pub records: Records,
    /// Whether there were more.
    pub cut: bool,
}

impl Sample {
    /// As many of the first records as the bounds allow, of a set of `all`.
    pub fn of(first: &[Value], all: usize) -> Self {
        let mut bytes = 0;
        let fitting = first.iter().take(SAMPLE_RECORDS).take_while(|record| {
            bytes += size_of_text(record);
            bytes <= SAMPLE_BYTES
        });
        let kept: Records = fitting.cloned().collect();
        let cut = kept.len() < all;
        Self { records: kept, cut }
    }
}

/// The first rejected records, as many as the bounds allow.
pub fn sample_of_rejected(rejected: &[Rejected], most: usize) -> Vec<Rejected> {
    let mut bytes = 0;
    let fitting = rejected.iter().take(most).take_while(|one| {
        bytes += size_of_text(&one.record) + one.reason.len();
        bytes <= SAMPLE_BYTES
    });
    fitting.cloned().collect()
}

/// A value as a result keeps it: itself, or a mark where it is too large to keep.
pub fn kept(value: &Value) -> Value {
    match size_of_text(value) {
        bytes if bytes > SAMPLE_BYTES => Value::String(format!("… {bytes} bytes, too many to keep")),
        _ => value.clone(),
    }
}

/// A sentence as a result keeps it: cut, with a mark, where it goes on for too long.
pub fn kept_sentence(sentence: &str) -> String {
    const MOST: usize = 2000;
    match sentence.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &sentence[..end]),
        None => sentence.to_owned(),
    }
}

/// A record that left the set, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// The record as the line got it.
    pub record: Value,
    /// One sentence for the person who has to mend it.
    pub reason: String,
}

/// How many bytes a value takes as JSON text.
pub fn size_of_text(value: &(impl Serialize + ?Sized)) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).map_or(usize::MAX, |()| count.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sample_says_when_it_was_cut() {
        let few = vec![json!({"a": 1}); 3];
        assert_eq!(Sample::of(&few, 3), Sample { records: few.clone(), cut: false });
        let many = Sample::of(&vec![json!({"a": 1}); 500], 500);
        assert_eq!((many.records.len(), many.cut), (SAMPLE_RECORDS, true));
        let wide = Sample::of(&[json!({"a": "x".repeat(SAMPLE_BYTES)})], 1);
        assert_eq!((wide.records.len(), wide.cut), (0, true));
    }
}
