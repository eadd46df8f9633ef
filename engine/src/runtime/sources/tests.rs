use std::io::{Cursor, Read};

use serde_json::{Value, json};

use super::read_all;
use crate::model::source::{FileSource, Source};
use crate::ports::files::{FileFault, Files, Folder};

struct One(&'static [u8]);

impl Files for One {
    fn open(&self, _: &str, _: &str) -> Result<Box<dyn Read + Send>, FileFault> {
        Ok(Box::new(Cursor::new(self.0)))
    }
}

fn source(file: Value) -> FileSource {
    match Source::read(&json!({"file": file})).unwrap() {
        Source::File(file) => file,
        _ => panic!("a file"),
    }
}

fn read(text: &'static [u8], file: Value) -> Result<Vec<Value>, String> {
    read_all(&One(text), &source(file))
}

#[test]
fn cells_are_text_unless_a_column_says_otherwise() {
    let text = b"\xef\xbb\xbfzip,n,x,ok,data,note\n00501,7,.5,TRUE,\"[1]\",\" a\nb\"\n1,,,,,\n";
    let columns = json!({"n": "integer", "x": "number", "ok": "boolean", "data": "json"});
    let records = read(text, json!({"path": "a.csv", "columns": columns})).unwrap();
    let first = json!({"zip": "00501", "n": 7, "x": 0.5, "ok": true, "data": [1], "note": " a\nb"});
    assert_eq!(records, [first, json!({"zip": "1", "n": null, "x": null, "ok": null, "data": null, "note": ""})]);
}

#[test]
fn a_cell_that_does_not_fit_is_told_with_row_and_column() {
    let file = json!({"path": "a.csv", "columns": {"n": "integer"}});
    let told = read(b"n\n1\nx\n", file.clone()).unwrap_err();
    assert_eq!(told, "a.csv row 3, column `n`: `x` is not a whole number; mend the file or the column's type");
    assert!(read(b"m\n1\n", file).unwrap_err().contains("there is no column `n`"));
}

#[test]
fn broken_rows_are_told_with_their_number() {
    let told = read(b"a,b\n1,2\n1,2,3\n", json!("a.csv")).unwrap_err();
    assert!(told.starts_with("a.csv row 3 has 3 cells where the header has 2"), "{told}");
    let swallowed = read(b"a,b\n1,\"2\n3,4\n5,6\n", json!("a.csv")).unwrap_err();
    assert_eq!(swallowed, "a.csv row 2: a quote is opened and never closed; mend the file");
    assert!(read(b"a\n\xff\n", json!("a.csv")).unwrap_err().contains("row 2 is not UTF-8"));
    assert!(read(b"a,a\n", json!("a.csv")).unwrap_err().contains("names column `a` twice"));
}

#[test]
fn large_integers_in_cells_and_documents_stay_exact() {
    let file = json!({"path": "a.csv", "columns": {"n": "number"}});
    assert_eq!(read(b"n\n9007199254740993\n", file).unwrap(), [json!({"n": 9_007_199_254_740_993_u64})]);
    let leading = read(b"n\n09007199254740993\n+7\n", json!({"path": "a.csv", "columns": {"n": "number"}})).unwrap();
    assert_eq!(leading, [json!({"n": 9_007_199_254_740_993_u64}), json!({"n": 7})]);
    assert!(read(b"n\n99999999999999999999999\n", json!({"path": "a.csv", "columns": {"n": "number"}})).is_err());
    assert_eq!(read(b"[{\"n\": 18446744073709551615}]", json!("a.json")).unwrap(), [json!({"n": u64::MAX})]);
    assert!(read(b"[{\"n\": 18446744073709551616}]", json!("a.json")).is_err());
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
    assert!(read(b"[1]", json!("a.json")).unwrap_err().contains("element 0 of the array is not an object"));
    let lines = read(b"{\"a\": 1}\n\n{\"a\": }\n", json!("a.jsonl")).unwrap_err();
    assert!(lines.starts_with("a.jsonl line 3: "), "{lines}");
    assert_eq!(read(b"{\"a\": 1}\r\n{\"a\": 2}", json!("a.jsonl")).unwrap().len(), 2);
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
