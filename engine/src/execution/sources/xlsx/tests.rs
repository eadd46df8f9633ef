use std::io::{Cursor, Write};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::deadline::Deadline;
use crate::execution::outcome::LineError;
use crate::execution::sources::tests::{read, read_rejecting, take};

const TYPES: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const TEXTS: &str = r#"<sst uniqueCount="3"><si><t>name</t></si><si><t>when</t></si><si><t>Peña</t></si></sst>"#;
/// Styles: 0 none, 1 a date, 2 a date and time, 3 a duration.
const STYLES: &str = r#"<styleSheet><numFmts count="1"><numFmt numFmtId="164" formatCode="[h]:mm:ss"/></numFmts>
    <cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="164"/></cellXfs></styleSheet>"#;

fn archive(parts: &[(&str, String)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A workbook with these sheets, of which each is the rows in its data.
fn workbook_with(sheets: &[(&str, &str)], texts: &str) -> Vec<u8> {
    let link = |id: &str, kind: &str, target: &str| {
        format!(r#"<Relationship Id="{id}" Type="{TYPES}/{kind}" Target="{target}"/>"#)
    };
    let numbered = || sheets.iter().enumerate().map(|(at, (name, rows))| (at + 1, *name, *rows));
    let names: String =
        numbered().map(|(no, name, _)| format!(r#"<sheet name="{name}" sheetId="{no}" r:id="s{no}"/>"#)).collect();
    let links: String =
        numbered().map(|(no, ..)| link(&format!("s{no}"), "worksheet", &format!("sheet{no}.xml"))).collect();
    let mut parts = vec![
        (
            "_rels/.rels".to_owned(),
            format!("<Relationships>{}</Relationships>", link("b", "officeDocument", "xl/workbook.xml")),
        ),
        ("xl/workbook.xml".to_owned(), format!("<workbook><sheets>{names}</sheets></workbook>")),
        ("xl/_rels/workbook.xml.rels".to_owned(), format!("<Relationships>{links}</Relationships>")),
        ("xl/styles.xml".to_owned(), STYLES.to_owned()),
        ("xl/sharedStrings.xml".to_owned(), texts.to_owned()),
    ];
    parts.extend(numbered().map(|(no, _, rows)| {
        (format!("xl/sheet{no}.xml"), format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"))
    }));
    archive(&parts.iter().map(|(name, text)| (name.as_str(), text.clone())).collect::<Vec<_>>())
}

fn workbook(rows: &str) -> Vec<u8> {
    workbook_with(&[("People", rows)], TEXTS)
}

/// A row of cells, of which each is its attributes and what is in it.
fn row(number: u32, cells: &[(&str, &str)]) -> String {
    let cells: String = cells.iter().map(|(attributes, inner)| format!("<c {attributes}>{inner}</c>")).collect();
    format!(r#"<row r="{number}">{cells}</row>"#)
}

fn header(number: u32) -> String {
    row(number, &[(r#"r="A{n}" t="s""#, "<v>0</v>"), (r#"r="B{n}" t="s""#, "<v>1</v>")])
        .replace("{n}", &number.to_string())
}

#[test]
fn numbers_stay_numbers_and_dates_become_rfc_3339() {
    let rows = [
        header(2),
        row(3, &[(r#"r="A3" t="s""#, "<v>2</v>"), (r#"r="B3" s="1""#, "<v>46346</v>")]),
        row(5, &[(r#"r="A5""#, "<v>7</v>"), (r#"r="B5" s="2""#, "<v>46346.5</v>")]),
        row(6, &[(r#"r="A6""#, "<v>0.5</v>"), (r#"r="B6" s="3""#, "<v>1.5</v>")]),
        row(7, &[(r#"r="A7" t="b""#, "<v>1</v>"), (r#"r="B7" s="1""#, "")]),
        row(8, &[(r#"r="A8" t="inlineStr""#, "<is><t>x</t></is>"), (r#"r="B8" t="d""#, "<v>2026-11-20T08:30:00</v>")]),
        row(9, &[(r#"r="A9" s="1""#, "<v/>")]),
    ];
    let records = read(&workbook(&rows.concat()), json!("people.xlsx")).unwrap();
    let expected = [
        json!({"name": "Peña", "when": "2026-11-20"}),
        json!({"name": 7, "when": "2026-11-20T12:00:00+01:00"}),
        json!({"name": 0.5, "when": "36:00:00"}),
        json!({"name": true, "when": null}),
        json!({"name": "x", "when": "2026-11-20T08:30:00+01:00"}),
    ];
    assert_eq!(records, expected);
}

#[test]
fn a_sheet_is_found_by_its_name_and_the_first_is_the_default() {
    let data =
        |text: &str| [header(1), row(2, &[(r#"r="A2" t="inlineStr""#, &format!("<is><t>{text}</t></is>"))])].concat();
    let book = workbook_with(&[("One", &data("1")), ("Two", &data("2"))], TEXTS);
    let names = |file: Value| read(&book, file).map(|records| records[0]["name"].clone());
    assert_eq!(names(json!("a.xlsx")), Ok(json!("1")));
    assert_eq!(names(json!({"path": "a.xlsx", "sheet": "Two"})), Ok(json!("2")));
    let near = names(json!({"path": "a.xlsx", "sheet": "Twoo"})).unwrap_err();
    assert_eq!(near, "a.xlsx has no sheet `Twoo`; did you mean `Two`?");
    let far = names(json!({"path": "a.xlsx", "sheet": "Orders"})).unwrap_err();
    assert_eq!(far, "a.xlsx has no sheet `Orders`; it has `One`, `Two`");
}

#[test]
fn typed_columns_and_bad_rows_are_as_in_csv() {
    let rows = [
        header(1),
        row(2, &[(r#"r="A2""#, "<v>1</v>")]),
        row(3, &[(r#"r="A3" t="s""#, "<v>2</v>")]),
        row(4, &[(r#"r="A4" t="e""#, "<v>#N/A</v>")]),
        row(5, &[(r#"r="A5""#, "<v>2</v>"), (r#"r="C5""#, "<v>3</v>")]),
        row(6, &[(r#"r="A6""#, "<v>3</v>"), (r#"r="B6" s="1""#, "<v>60</v>")]),
    ];
    let book = workbook(&rows.concat());
    let file = json!({"path": "a.xlsx", "columns": {"name": "integer"}, "onBadRow": "reject"});
    let (records, rejected) = read_rejecting(&book, file).unwrap();
    assert_eq!(records, [json!({"name": 1, "when": null})]);
    let expected = [
        r#"row 3, column `name`: `Peña` is not a whole number: {"name":"Peña","when":null}"#,
        r##"row 4 has the error #N/A in column `name`: {"name":"the error #N/A","when":null}"##,
        r#"row 5 has a value in column 3, which has no name: {"name":2,"when":null,"column 3":3}"#,
        r#"row 6 has a date that is not in the calendar (60) in column `when`: {"name":3,"when":"a date that is not in the calendar (60)"}"#,
    ];
    assert_eq!(rejected, expected);
    let fatal = read(&book, json!({"path": "a.xlsx", "columns": {"name": "integer"}})).unwrap_err();
    assert!(fatal.starts_with("a.xlsx row 3, column `name`: `Peña` is not a whole number."), "{fatal}");
    let unknown = read(&book, json!({"path": "a.xlsx", "columns": {"nmae": "integer"}})).unwrap_err();
    assert_eq!(unknown, "a.xlsx has no column `nmae`; did you mean `name`?");
}

#[test]
fn what_is_no_workbook_is_refused_with_the_cure() {
    let fault = |bytes: &[u8]| read(bytes, json!("a.xlsx")).unwrap_err();
    assert!(fault(b"a,b\n1,2\n").starts_with("a.xlsx is not an XLSX workbook"));
    assert!(fault(b"").starts_with("a.xlsx is not an XLSX workbook"));
    let old = [&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"[..], &[0; 600]].concat();
    assert!(fault(&old).contains("save it as .xlsx without a password"));
    assert!(fault(&archive(&[("readme.txt", "hello".to_owned())])).contains("cannot be read as a workbook"));
    let twice = row(1, &[(r#"r="A1" t="s""#, "<v>0</v>"), (r#"r="B1" t="s""#, "<v>0</v>")]);
    assert!(fault(&workbook(&twice)).contains("names column `name` twice"));
    let wide = row(1, &[(r#"r="XFE1" t="s""#, "<v>0</v>")]);
    assert!(fault(&workbook(&wide)).contains("columns"));
}

#[test]
fn what_unpacks_to_too_much_is_refused_before_it_is_unpacked() {
    // 8 MiB of spaces, more often than the bound allows.
    let padding = " ".repeat(8 * 1024 * 1024);
    let parts: Vec<_> = (0..65).map(|part| (format!("x{part}.xml"), padding.clone())).collect();
    let bomb = archive(&parts.iter().map(|(name, text)| (name.as_str(), text.clone())).collect::<Vec<_>>());
    assert!(bomb.len() < 2 * 1024 * 1024, "{}", bomb.len());
    assert!(read(&bomb, json!("a.xlsx")).unwrap_err().contains("bytes when it is unpacked; save the sheet as CSV"));
    let many: Vec<_> = (0..10_001).map(|part| (format!("{part}"), String::new())).collect();
    let many = archive(&many.iter().map(|(name, text)| (name.as_str(), text.clone())).collect::<Vec<_>>());
    assert!(read(&many, json!("a.xlsx")).unwrap_err().contains("has 10001 parts"));
}

/// SpillConfig for all shared texts is made at once: a number without the texts would end the process.
#[test]
fn texts_that_are_only_announced_are_refused() {
    for announced in [r#"uniqueCount="99999999999""#, "uniqueCount = '99999999999'"] {
        let texts = TEXTS.replace(r#"uniqueCount="3""#, announced);
        let message = read(&workbook_with(&[("A", &header(1))], &texts), json!("a.xlsx")).unwrap_err();
        assert!(message.contains("announces more texts than it has"), "{message}");
    }
    let wide: String = TEXTS.chars().flat_map(|letter| [letter, '\0']).collect();
    let message = read(&workbook_with(&[("A", &header(1))], &wide), json!("a.xlsx")).unwrap_err();
    assert!(message.contains("encoding other than UTF-8"), "{message}");
}

#[test]
fn reading_can_be_stopped() {
    let rows: String = (2..5000).map(|number| row(number, &[("", "<v>1</v>")])).collect();
    let book = workbook(&[header(1), rows].concat());
    assert_eq!(read(&book, json!("a.xlsx")).unwrap().len(), 4998);
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let deadline = Deadline::new(cancelled, Duration::from_secs(60));
    assert!(matches!(take(&book, json!("a.xlsx"), &deadline), Err(LineError::Cancelled)));
}
