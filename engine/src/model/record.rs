//! Records: the JSON objects that travel from line to line.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::text::shortened;

/// An ordered set of records. Each value is a JSON object.
pub type Records = Vec<Value>;

/// Records of a sample.
pub const SAMPLE_RECORDS: usize = 20;
/// Bytes of JSON of a sample.
pub const SAMPLE_BYTES: usize = 64 * 1024;

/// The first records of a set, which are stored with its result.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    /// The first records, as many as the limits allow.
    pub records: Arc<Records>,
    /// Whether the set had more.
    pub cut: bool,
}

impl Sample {
    /// The sample of a set of `all` records that begins with `first`.
    pub fn of(first: &[Value], all: usize) -> Self {
        let kept = &first[..fitting(first)];
        Self { records: Arc::new(kept.to_vec()), cut: kept.len() < all }
    }

    /// The sample of a set in memory. A small set is shared.
    pub fn of_all(records: &Arc<Records>) -> Self {
        match fitting(records) == records.len() {
            true => Self { records: Arc::clone(records), cut: false },
            false => Self::of(records, records.len()),
        }
    }
}

/// How many of these records a sample holds.
fn fitting(records: &[Value]) -> usize {
    let mut bytes = 0;
    let fitting = records.iter().take(SAMPLE_RECORDS).take_while(|record| {
        bytes += size_of_text(record);
        bytes <= SAMPLE_BYTES
    });
    fitting.count()
}

/// The first rejected records: at most `most`, and as many as the limits allow.
pub fn sample_of_rejected(rejected: &[Rejected], most: usize) -> Vec<Rejected> {
    let mut bytes = 0;
    let fitting = rejected.iter().take(most).take_while(|rejected| {
        bytes += size_of_text(&rejected.record) + rejected.reason.len();
        bytes <= SAMPLE_BYTES
    });
    fitting.cloned().collect()
}

/// The value as it is stored with a result. A value that is too large is replaced by a text that says so.
pub fn kept(value: &Arc<Value>) -> Arc<Value> {
    match size_of_text(value.as_ref()) {
        bytes if bytes > SAMPLE_BYTES => Arc::new(Value::String(format!("… {bytes} bytes, too large to keep"))),
        _ => Arc::clone(value),
    }
}

/// The sentence as it is stored with a result: cut after 2,000 characters, with a mark.
pub fn kept_sentence(sentence: &str) -> String {
    shortened(sentence, 2000)
}

/// A record that left the set, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// The record as it came into the line.
    pub record: Value,
    /// One sentence for the person who has to correct it.
    pub reason: String,
}

/// How many bytes a value takes as JSON text.
pub fn size_of_text(value: &(impl Serialize + ?Sized)) -> usize {
    size_up_to(value, usize::MAX).unwrap_or(usize::MAX)
}

/// How many bytes a value takes as JSON text; none if these are more than `most`.
pub fn size_up_to(value: &(impl Serialize + ?Sized), most: usize) -> Option<usize> {
    struct Count(usize, usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            if self.0 > self.1 { Err(std::io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes.len()) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0, most);
    serde_json::to_writer(&mut count, value).ok().map(|()| count.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sample_says_when_it_was_cut() {
        let few = vec![json!({"a": 1}); 3];
        assert_eq!(Sample::of(&few, 3), Sample { records: Arc::new(few.clone()), cut: false });
        let many = Sample::of(&vec![json!({"a": 1}); 500], 500);
        assert_eq!((many.records.len(), many.cut), (SAMPLE_RECORDS, true));
        let wide = Sample::of(&[json!({"a": "x".repeat(SAMPLE_BYTES)})], 1);
        assert_eq!((wide.records.len(), wide.cut), (0, true));
    }
}
