use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::deadline::Deadline;
use crate::execution::outcome::LineError;
use crate::execution::sources::tests::{patient, read, read_rejecting, take};

const CURE: &str = "Correct it or its type, or write `onBadRow: reject` to leave such records out.";

#[test]
fn cells_are_text_unless_a_column_says_otherwise() {
    let text = b"\xef\xbb\xbfzip,n,x,ok,data,note\n00501,7,.5,TRUE,\"[1]\",\" a\nb\"\n1,,,,,\n";
    let columns = json!({"n": "integer", "x": "number", "ok": "boolean", "data": "json"});
    let records = read(text, json!({"path": "a.csv", "columns": columns})).unwrap();
    let first = json!({"zip": "00501", "n": 7, "x": 0.5, "ok": true, "data": [1], "note": " a\nb"});
    assert_eq!(records, [first, json!({"zip": "1", "n": null, "x": null, "ok": null, "data": null, "note": ""})]);
}

#[test]
fn a_cell_that_does_not_fit_is_named_with_row_and_column() {
    let file = json!({"path": "a.csv", "columns": {"n": "integer"}});
    let message = read(b"n\n1\nx\n", file.clone()).unwrap_err();
    assert_eq!(message, format!("a.csv row 3, column `n`: `x` is not a whole number. {CURE}"));
    assert!(read(b"m\n1\n", file).unwrap_err().contains("has no column `n`"));
}

#[test]
fn bad_rows_are_rejected_where_that_is_asked_for_and_leave_the_set() {
    let file = json!({"path": "a.csv", "columns": {"n": "integer"}, "onBadRow": "reject"});
    let (records, rejected) = read_rejecting(b"n,m\n1,a\nx,b\n2\n3,c,d\n4,\xff\n5,e\n", file).unwrap();
    assert_eq!(records, [json!({"n": 1, "m": "a"}), json!({"n": 5, "m": "e"})]);
    let length = "where the header has 2; a cell that contains a `,` needs quotes around it";
    let encoding = "is not UTF-8; name the encoding of the file, such as `encoding: windows-1252`";
    let expected = [
        r#"row 3, column `n`: `x` is not a whole number: {"n":"x","m":"b"}"#.to_owned(),
        format!(r#"row 4 has 1 cells {length}: {{"n":"2"}}"#),
        format!(r#"row 5 has 3 cells {length}: {{"n":"3","m":"c","column 3":"d"}}"#),
        format!(r#"row 6 {encoding}: {{"n":"4","m":"{}"}}"#, '\u{fffd}'),
    ];
    assert_eq!(rejected, expected);
}

#[test]
fn broken_rows_are_errors_with_their_number() {
    let message = read(b"a,b\n1,2\n1,2,3\n", json!("a.csv")).unwrap_err();
    assert!(message.starts_with("a.csv row 3 has 3 cells where the header has 2"), "{message}");
    let swallowed = read(b"a,b\n1,\"2\n3,4\n5,6\n", json!("a.csv")).unwrap_err();
    assert_eq!(swallowed, "a.csv row 2: a quote is opened and never closed; correct the file");
    let swallowed = read_rejecting(b"a,b\n1,\"2\n3,4\n", json!({"path": "a.csv", "onBadRow": "reject"})).unwrap_err();
    assert!(swallowed.contains("never closed"), "it hides an unknown number of rows: {swallowed}");
    assert!(read(b"a\n\xff\n", json!("a.csv")).unwrap_err().contains("row 2 is not UTF-8"));
}

#[test]
fn a_header_needs_a_name_for_each_column() {
    let fault = |text: &[u8]| read(text, json!({"path": "a.csv", "onBadRow": "reject"})).unwrap_err();
    assert!(fault(b"a,b,a\n").starts_with("a.csv names column `a` twice in its header"));
    assert!(fault(b"a,,b\n").starts_with("a.csv has no name for column 2 in its header"));
    assert!(fault(b"a, \n").starts_with("a.csv has no name for column 2"));
    assert!(fault(b"a,\xff\n").starts_with("a.csv row 1 is not UTF-8"));
    let wide: Vec<_> = (0..16_385).map(|column| column.to_string()).collect();
    assert!(fault(wide.join(",").as_bytes()).starts_with("a.csv has 16385 columns; at most 16384"));
}

#[test]
fn one_column_with_another_separator_in_its_name_is_an_error_that_names_the_delimiter() {
    let semicolons = "a.csv has one column, and its name `a;b` contains a semicolon; write `delimiter: \";\"` if that \
                      separates the cells, or name the delimiter that does";
    assert_eq!(read(b"a;b\n1;2\n", json!("a.csv")).unwrap_err(), semicolons);
    assert!(read(b"a\tb\n1\t2\n", json!("a.csv")).unwrap_err().contains("contains a tab; write `delimiter: tab`"));
    assert!(read(b"a,b\n1,2\n", json!("a.tsv")).unwrap_err().contains("contains a comma"));
    let meant = read(b"a;b\n1;2\n", json!({"path": "a.csv", "delimiter": ","})).unwrap();
    assert_eq!(meant, [json!({"a;b": "1;2"})]);
    assert_eq!(read(b"n\n1\n", json!("a.csv")).unwrap(), [json!({"n": "1"})]);
}

#[test]
fn other_delimiters_separate_cells() {
    let expected = [json!({"a": "1,5", "b": "2"})];
    assert_eq!(read(b"a;b\n1,5;2\n", json!({"path": "a.csv", "delimiter": ";"})).unwrap(), expected);
    assert_eq!(read(b"a\tb\n1,5\t2\n", json!("a.tsv")).unwrap(), expected);
    assert_eq!(read(b"a\tb\n1,5\t2\n", json!({"path": "a.txt", "format": "tsv"})).unwrap(), expected);
    let wrong = read(b"a;b\n1;2;3\n", json!({"path": "a.csv", "delimiter": ";"})).unwrap_err();
    assert!(wrong.contains("a cell that contains a `;` needs quotes"), "{wrong}");
}

#[test]
fn text_is_decoded() {
    let expected = [json!({"name": "Peña €"})];
    let windows = json!({"path": "a.csv", "encoding": "windows-1252"});
    assert_eq!(read(b"name\nPe\xf1a \x80\n", windows).unwrap(), expected);
    let utf16: Vec<u8> = "\u{feff}name\nPeña €\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&utf16, json!("a.csv")).unwrap(), expected);
}

#[test]
fn large_integers_in_cells_stay_exact() {
    let file = json!({"path": "a.csv", "columns": {"n": "number"}});
    assert_eq!(read(b"n\n9007199254740993\n", file.clone()).unwrap(), [json!({"n": 9_007_199_254_740_993_u64})]);
    let leading = read(b"n\n09007199254740993\n+7\n", file.clone()).unwrap();
    assert_eq!(leading, [json!({"n": 9_007_199_254_740_993_u64}), json!({"n": 7})]);
    assert!(read(b"n\n99999999999999999999999\n", file).is_err());
}

#[test]
fn dates_become_rfc_3339_in_the_zone_of_the_job() {
    let columns = json!({"day": {"date": "%d/%m/%Y"}, "at": {"instant": "%Y-%m-%d %H:%M"}, "ms": "epochMillis"});
    let file = json!({"path": "a.csv", "columns": columns});
    let records = read(b"day,at,ms\n20/11/2026,2026-11-21 23:00,1795302306000\n,,\n", file).unwrap();
    let first = json!({"day": "2026-11-20", "at": "2026-11-21T23:00:00+01:00", "ms": "2026-11-22T00:05:06+01:00"});
    assert_eq!(records, [first, json!({"day": null, "at": null, "ms": null})]);
}

#[test]
fn a_row_without_end_is_refused_and_reading_can_be_stopped_within_it() {
    let endless = [b"a\n\"".to_vec(), vec![b'x'; 17 * 1024 * 1024]].concat();
    let message = read(&endless, json!("a.csv")).unwrap_err();
    assert!(message.starts_with("a.csv row 2 is longer than 16777216 bytes"), "{message}");
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let deadline = Deadline::new(cancelled, Duration::from_secs(60));
    assert!(matches!(take(&endless, json!("a.csv"), &deadline), Err(LineError::Cancelled)));
    let late = Deadline::new(CancellationToken::new(), Duration::ZERO);
    assert!(matches!(take(b"a\n1\n", json!("a.csv"), &late), Err(LineError::Retryable(..))));
}

#[test]
fn a_file_without_rows_has_no_records() {
    assert_eq!(read(b"", json!("a.csv")).unwrap(), Vec::<Value>::new());
    assert_eq!(take(b"a,b\n", json!("a.csv"), &patient()).unwrap(), (vec![], vec![]));
}

#[test]
fn a_row_with_too_many_cells_is_counted_and_shown_in_part() {
    let text = format!("a,b\n{}\n1,2\n", ",".repeat(499_999));
    let (records, rejected) = read_rejecting(text.as_bytes(), json!({"path": "a.csv", "onBadRow": "reject"})).unwrap();
    assert_eq!(records, [json!({"a": "1", "b": "2"})]);
    assert!(rejected[0].starts_with("row 2 has 500000 cells where the header has 2"), "{}", &rejected[0][..100]);
    assert!(rejected[0].contains("\"column 102\"") && !rejected[0].contains("\"column 103\""));
}

#[test]
fn a_row_of_separators_without_end_is_refused() {
    let text = [b"a,b\n".to_vec(), vec![b','; 2_000_000]].concat();
    let message = read(&text, json!({"path": "a.csv", "onBadRow": "reject"})).unwrap_err();
    assert!(message.starts_with("a.csv row 2 has more than 1000000 separators"), "{message}");
}

#[test]
fn a_header_is_bounded() {
    let fault = |text: String| read(text.as_bytes(), json!("a.csv")).unwrap_err();
    let columns = (0..500_000).map(|column| column.to_string()).collect::<Vec<_>>().join(",");
    assert_eq!(fault(columns), "a.csv has 500000 columns; at most 16384 can be read");
    let long = format!("a,{}\n", "b".repeat(1 << 20));
    assert!(fault(long).starts_with("a.csv has a header of 1048577 bytes; at most 1048576 can be read"));
}

#[test]
fn the_widest_table_may_have_types_in_its_last_columns() {
    let names: Vec<_> = (0..16_384).map(|column| format!("c{column:05}")).collect();
    let typed = names.iter().rev().take(1000).map(|name| (name.clone(), json!("integer")));
    let types: Value = typed.collect::<serde_json::Map<_, _>>().into();
    let row = vec!["7"; names.len()].join(",");
    let text = format!("{}\n{row}\n", names.join(","));
    let records = read(text.as_bytes(), json!({"path": "a.csv", "columns": types})).unwrap();
    assert_eq!(records[0]["c16383"], json!(7));
}
