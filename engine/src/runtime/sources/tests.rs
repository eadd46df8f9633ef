use std::io::Cursor;
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{FileReading, Stop, Typed, read_all};
use crate::model::filter::Filter;
use crate::model::source::{FileSource, Source};
use crate::ports::files::{FileFault, Files, Folder, OpenFile};
use crate::runtime::perform::Broken;

struct One(Vec<u8>);

impl Files for One {
    fn open(&self, _: &str, _: &str) -> Result<Box<dyn OpenFile>, FileFault> {
        Ok(Box::new(Cursor::new(self.0.clone())))
    }
}

/// What a filter without criteria takes of a file: records, and the reasons of those that were rejected.
pub(super) fn take(bytes: &[u8], file: Value, stop: &Stop) -> Result<(Vec<Value>, Vec<String>), Broken> {
    let filter = Filter::read(&json!({"source": {"file": file}}), "filter", Tz::UTC).unwrap();
    let Some(Source::File(source)) = &filter.source else { panic!("a file") };
    let zone = chrono_tz::Europe::Madrid;
    let mut typed = Typed::of(filter.source.as_ref(), &filter.types, zone);
    let mut records = Vec::new();
    let reading = FileReading { source, types: &filter.types, zone, stop };
    super::read(&One(bytes.to_vec()), "", &reading, |row| {
        records.extend(typed.take_row(row)?);
        Ok(())
    })?;
    let rejected = typed.finish().1.into_first().map(|one| format!("{}: {}", one.reason, one.record));
    Ok((records, rejected.collect()))
}

pub(super) fn patient() -> Stop {
    Stop::new(CancellationToken::new(), Duration::from_secs(60))
}

/// The same, with the message of what could not be read.
pub(super) fn read_rejecting(bytes: &[u8], file: Value) -> Result<(Vec<Value>, Vec<String>), String> {
    take(bytes, file, &patient()).map_err(|broken| match broken {
        Broken::Error(message) => message,
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
fn broken_json_is_told_with_its_place() {
    assert!(read(b"[{\"a\": 1,]", json!("a.json")).unwrap_err().contains("line 1"));
    assert!(read(b"[{\"a\": 1, \"a\": 2}]", json!("a.json")).is_err(), "duplicate keys");
    assert!(read(b"[{}, 1]", json!("a.json")).unwrap_err().starts_with("a.json record 2 is not a JSON object"));
    let lines = read(b"{\"a\": 1}\n\n{\"a\": }\n", json!("a.jsonl")).unwrap_err();
    assert!(lines.starts_with("a.jsonl line 3 is not JSON: "), "{lines}");
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
    assert!(rejected.len() == 1 && rejected[0].starts_with("line 2 is not JSON: "), "{rejected:?}");
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
    let told = |path: &str| folder.open("inside", path).map(|_| ()).map_err(|fault| fault.to_string());
    assert_eq!(told("a.jsonl"), Ok(()));
    for path in [
        "../outside.jsonl",
        "../other/a.jsonl",
        "../../outside.jsonl",
        "/etc/passwd",
        "link.jsonl",
        "x/../../outside.jsonl",
    ] {
        assert!(
            told(path).unwrap_err().contains("outside the organization's folder on the server"),
            "{path}: {:?}",
            told(path)
        );
    }
    assert!(told("absent.csv").unwrap_err().contains("there is no file"));
    assert!(told("").unwrap_err().contains("not a file"));
    std::fs::remove_dir_all(root).unwrap();
}
