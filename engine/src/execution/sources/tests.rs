use std::io::{Cursor, Read, Seek, SeekFrom};
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::deadline::Deadline;
use crate::execution::outcome::LineError;
use crate::execution::sources::{FileReading, Row, TypeConverter, read_all};
use crate::model::filter::Filter;
use crate::model::source::limits::MAX_DOCUMENT_BYTES;
use crate::model::source::{FileSource, Source, Types};
use crate::ports::files::{FileFault, Files, Folder, OpenFile};

struct One(Vec<u8>);

impl Files for One {
    fn open(&self, _: &str, _: &str) -> Result<Box<dyn OpenFile>, FileFault> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

/// What a filter without criteria reads from a file: records, and the reasons of those that were rejected.
pub(super) fn take(bytes: &[u8], file: Value, deadline: &Deadline) -> Result<(Vec<Value>, Vec<String>), LineError> {
    let filter = Filter::read(&json!({"source": {"file": file}}), "filter", Tz::UTC).unwrap();
    let Some(Source::File(source)) = &filter.source else { panic!("a file") };
    let zone = chrono_tz::Europe::Madrid;
    let mut converter = TypeConverter::new(filter.source.as_ref(), &filter.types, zone);
    let mut records = Vec::new();
    let reading = FileReading { source, types: &filter.types, zone, deadline };
    super::read(&One(bytes.to_vec()), "", &reading, |row| {
        records.extend(converter.convert_row(row)?);
        Ok(())
    })?;
    let rejected = converter.finish().1.into_first().map(|one| format!("{}: {}", one.reason, one.record));
    Ok((records, rejected.collect()))
}

pub(super) fn patient() -> Deadline {
    Deadline::new(CancellationToken::new(), Duration::from_secs(60))
}

/// The same, with the message if the file could not be read.
pub(super) fn read_rejecting(bytes: &[u8], file: Value) -> Result<(Vec<Value>, Vec<String>), String> {
    take(bytes, file, &patient()).map_err(|error| match error {
        LineError::Failed(message) => message,
        other => panic!("{other:?}"),
    })
}

pub(super) fn read(bytes: &[u8], file: Value) -> Result<Vec<Value>, String> {
    let (records, rejected) = read_rejecting(bytes, file)?;
    assert!(rejected.is_empty(), "{rejected:?}");
    Ok(records)
}

#[test]
fn a_pointer_finds_the_array_in_a_document() {
    let text = b"{\"type\": \"x\", \"features\": [{\"id\": 1}]}";
    assert_eq!(read(text, json!({"path": "a.json", "pointer": "/features"})).unwrap(), [json!({"id": 1})]);
    assert!(read(text, json!("a.json")).unwrap_err().contains("add a pointer"));
    assert!(
        read(text, json!({"path": "a.json", "pointer": "/nope"})).unwrap_err().contains("nothing at pointer `/nope`")
    );
    assert!(read(text, json!({"path": "a.json", "pointer": "/type"})).unwrap_err().contains("not an array"));
}

#[test]
fn the_message_says_where_json_is_broken() {
    assert!(read(b"[{\"a\": 1,]", json!("a.json")).unwrap_err().contains("line 1"));
    assert!(read(b"[{\"a\": 1, \"a\": 2}]", json!("a.json")).is_err(), "duplicate keys");
    assert!(read(b"[{}, 1]", json!("a.json")).unwrap_err().starts_with("a.json record 2 is not a JSON object"));
    let lines = read(b"{\"a\": 1}\n\n{\"a\": }\n", json!("a.jsonl")).unwrap_err();
    assert!(lines.starts_with("a.jsonl line 3 cannot be read as JSON: "), "{lines}");
    assert_eq!(read(b"{\"a\": 1}\r\n{\"a\": 2}", json!("a.jsonl")).unwrap().len(), 2);
}

#[test]
fn what_is_no_record_is_rejected_where_that_is_asked_for() {
    let document = json!({"path": "a.json", "onBadRow": "reject"});
    let (records, rejected) = read_rejecting(b"[{\"a\": 1}, 7]", document).unwrap();
    assert_eq!(
        (records, rejected),
        (vec![json!({"a": 1})], vec!["record 2 is not a JSON object: {\"value\":7}".to_owned()])
    );
    let (records, rejected) =
        read_rejecting(b"{\"a\": 1}\n{\n", json!({"path": "a.jsonl", "onBadRow": "reject"})).unwrap();
    assert_eq!(records, [json!({"a": 1})]);
    assert!(rejected.len() == 1 && rejected[0].starts_with("line 2 cannot be read as JSON: "), "{rejected:?}");
}

#[test]
fn records_of_a_start_name_the_place_of_a_fault() {
    let data = |bytes: &[u8], path| read_all(&One(bytes.to_vec()), &FileSource::of_path(path).unwrap());
    assert_eq!(data(b"a\n1\n", "a.csv").unwrap(), [json!({"a": "1"})]);
    assert!(data(b"a,b\n1\n", "a.csv").unwrap_err().starts_with("a.csv row 2 has 1 cells where the header has 2;"));
}

#[test]
fn a_confined_folder_lets_nothing_out() {
    let root = std::env::temp_dir().join(format!("ropewalk-files-{}", std::process::id()));
    std::fs::create_dir_all(root.join("files/inside")).unwrap();
    std::fs::create_dir_all(root.join("files/other")).unwrap();
    std::fs::write(root.join("files/inside/a.jsonl"), "{}").unwrap();
    std::fs::write(root.join("files/other/a.jsonl"), "{}").unwrap();
    std::fs::write(root.join("outside.jsonl"), "{}").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(root.join("outside.jsonl"), root.join("files/inside/link.jsonl")).unwrap_or_default();
    let folder = Folder::confined_to(root.join("files"));
    let message_for = |path: &str| folder.open("inside", path).map(|_| ()).map_err(|fault| fault.to_string());
    assert_eq!(message_for("a.jsonl"), Ok(()));
    for path in [
        "../outside.jsonl",
        "../other/a.jsonl",
        "../../outside.jsonl",
        "/etc/passwd",
        "link.jsonl",
        "x/../../outside.jsonl",
    ] {
        assert!(
            message_for(path).unwrap_err().contains("outside the organization's folder on the server"),
            "{path}: {:?}",
            message_for(path)
        );
    }
    assert!(message_for("absent.csv").unwrap_err().contains("there is no file"));
    assert!(message_for("").unwrap_err().contains("not a file"));
    std::fs::remove_dir_all(root).unwrap();
}

/// A kill or a timeout ends the reading at the next row, in every format.
#[test]
fn no_row_follows_a_kill() {
    let files = [
        ("a.csv", "n\n1\n2\n3\n"),
        ("a.tsv", "n\n1\n2\n3\n"),
        ("a.json", r#"[{"n": 1}, {"n": 2}, {"n": 3}]"#),
        ("a.jsonl", "{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3}\n"),
    ];
    for (path, text) in files {
        let cancellation = CancellationToken::new();
        let deadline = Deadline::new(cancellation.clone(), Duration::from_secs(60));
        let (source, types) = (FileSource::of_path(path).unwrap(), Types::default());
        let reading = FileReading { source: &source, types: &types, zone: Tz::UTC, deadline: &deadline };
        let mut rows = 0;
        let read = super::read(&One(text.into()), "", &reading, |_: Row| {
            rows += 1;
            cancellation.cancel();
            Ok(())
        });
        assert!(matches!(read, Err(LineError::Cancelled)) && rows == 1, "{path}: {read:?} after {rows} rows");
    }
}

/// Text that becomes many small values takes much more memory than it is long.
#[test]
fn a_record_may_take_so_much_memory() {
    let wide = format!("{{\"a\": [{}1]}}", "1,".repeat(2_000_000));
    let document = read(format!("[{{}}, {wide}]").as_bytes(), json!("a.json")).unwrap_err();
    assert!(document.starts_with("a.json, after record 1: The values take more than 128 MiB of memory"), "{document}");
    let lines = read(format!("{{}}\n{wide}\n").as_bytes(), json!("a.jsonl")).unwrap_err();
    let expected = "a.jsonl line 2 cannot be read as JSON: The values take more than 128 MiB of memory";
    assert!(lines.starts_with(expected), "{lines}");
    let cell = format!("a\n\"[{}0]\"\n", "{\"\"b\"\":1},".repeat(900_000));
    let cell = read(cell.as_bytes(), json!({"path": "a.csv", "columns": {"a": "json"}})).unwrap_err();
    assert!(cell.starts_with("a.csv row 2, column `a`: ") && cell.contains("is not JSON"), "{cell}");
}

/// A document is no longer in memory as values: only its text and one record are.
#[test]
fn many_small_elements_are_read_one_by_one() {
    let text = format!("{{\"items\": [{}{{\"n\": 1}}]}}", "1,".repeat(2_000_000));
    let file = json!({"path": "a.json", "pointer": "/items", "onBadRow": "reject"});
    let (records, rejected) = read_rejecting(text.as_bytes(), file).unwrap();
    assert_eq!((records, rejected.len()), (vec![json!({"n": 1})], 10_000));
}

/// A file that says how long it is, and must not be read.
struct Large(u64);

impl Read for Large {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("it was read")
    }
}

impl Seek for Large {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        Ok(if to == SeekFrom::End(0) { self.0 } else { 0 })
    }
}

impl Files for Large {
    fn open(&self, _: &str, _: &str) -> Result<Box<dyn OpenFile>, FileFault> {
        Ok(Box::new(Large(self.0)))
    }
}

#[test]
fn a_document_that_is_too_large_is_not_read() {
    let fault = read_all(&Large(MAX_DOCUMENT_BYTES + 1), &FileSource::of_path("a.json").unwrap()).unwrap_err();
    assert_eq!(
        fault,
        "a.json has 536870913 bytes; at most 536870912 of a JSON document can be read, so write it as JSON Lines"
    );
}

/// The text is in memory twice here, once as the file; its values took 50 times as much.
#[test]
#[ignore = "long version: reads 60 MB, and measures the memory of the whole process"]
fn sixty_megabytes_of_small_elements_take_little_memory() {
    let text = format!("[{}1]", "1,".repeat(30_000_000));
    let started = std::time::Instant::now();
    let (_, rejected) = read_rejecting(text.as_bytes(), json!({"path": "a.json", "onBadRow": "reject"})).unwrap();
    assert_eq!(rejected.len(), 10_000);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("read in {:?}, with at most{peak}", started.elapsed());
    let kilobytes: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(kilobytes < 300_000, "{peak}");
}
