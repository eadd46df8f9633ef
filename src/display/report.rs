//! A finished job result, for people and as JSON.

use std::io::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use engine::model::dates::stamp;
use engine::model::result::LineResult;
use engine::runtime::perform::Performed;
use serde_json::{Value, json};

use super::output::report_text;

/// How many of the final records are shown.
const SHOWN_RECORDS: usize = 10;
const LONGEST_RECORD: usize = 300;

/// Prints the records, the lines, and the final message.
pub fn print(performed: &Performed) {
    print_records(&performed.records);
    print_rejected(performed);
    say(&format!("{}\n", lines(&performed.lines)));
    say(&format!("{}: {}", performed.result.status, performed.result.message));
}

fn print_records(records: &[Value]) {
    if let Some(text) = report_text(records) {
        say(&format!("{}\n", text.trim_end()));
        return;
    }
    for record in records.iter().take(SHOWN_RECORDS) {
        say(&cut(&record.to_string()));
    }
    if records.len() > SHOWN_RECORDS {
        say(&format!("… {} more; --output FILE writes them all", records.len() - SHOWN_RECORDS));
    }
    if !records.is_empty() {
        say("");
    }
}

fn print_rejected(performed: &Performed) {
    for (line_no, rejected) in performed.rejected.iter().take(SHOWN_RECORDS) {
        say(&format!("rejected at line {line_no}: {} — {}", rejected.reason, cut(&rejected.record.to_string())));
    }
    match performed.rejected.len().saturating_sub(SHOWN_RECORDS) {
        0 if performed.rejected.is_empty() => {}
        0 => say(""),
        more => say(&format!("… {more} more rejected; --json tells them all\n")),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_RECORD) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn lines(lines: &[LineResult]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["line", "name", "what", "status", "in", "out", "rejected", "message"]);
    for line in lines {
        let counters = &line.counters;
        table.add_row([
            line.line_no.to_string(),
            line.name.clone().unwrap_or_default(),
            line.action.clone().unwrap_or_else(|| line.kind.word().to_owned()),
            line.status.to_string(),
            counters.records_in.to_string(),
            counters.records_out.to_string(),
            counters.records_rejected.to_string(),
            line.message.clone(),
        ]);
    }
    for column in [0, 4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Prints one object with everything.
pub fn print_json(performed: &Performed) {
    say(&json(performed).to_string());
}

/// Whoever reads may have heard enough (`| head`); the job has run all the same.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn json(performed: &Performed) -> Value {
    let result = &performed.result;
    let instant = |instant: &Option<engine::model::Instant>| instant.as_ref().map(stamp);
    json!({
        "job": result.job,
        "status": result.status.word(),
        "message": result.message,
        "recordsIn": result.counters.records_in,
        "recordsOut": result.counters.records_out,
        "recordsRejected": result.counters.records_rejected,
        "startedAt": instant(&result.started_at),
        "finishedAt": instant(&result.finished_at),
        "arguments": result.arguments,
        "lines": performed.lines.iter().map(line_json).collect::<Vec<_>>(),
        "records": performed.records,
        "rejected": performed.rejected.iter().map(|(line_no, rejected)| {
            json!({"record": rejected.record, "reason": rejected.reason, "lineNo": line_no})
        }).collect::<Vec<_>>(),
    })
}

fn line_json(line: &LineResult) -> Value {
    json!({
        "lineNo": line.line_no,
        "name": line.name,
        "kind": line.kind.word(),
        "action": line.action,
        "status": line.status.word(),
        "recordsIn": line.counters.records_in,
        "recordsOut": line.counters.records_out,
        "recordsRejected": line.counters.records_rejected,
        "message": line.message,
        "parameters": line.parameters,
        "log": line.log.iter().map(|entry| json!({"level": entry.level.word(), "message": entry.message})).collect::<Vec<_>>(),
    })
}
