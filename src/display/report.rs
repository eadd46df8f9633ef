//! Shows a finished job result, as text for people and as JSON.

use std::io::{Error, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use engine::execution::outcome::Performed;
use engine::model::dates::stamp;
use engine::model::effect::Effect;
use engine::model::record::Rejected;
use engine::model::result::{LineResult, LogEntry, LogLevel};
use engine::records::Set;
use serde_json::{Value, json};

use super::output::report_in;
use super::{counted, plain};

/// How many records, rejected records, messages and effects are shown of each.
const SHOWN: usize = 10;
const LONGEST_RECORD: usize = 300;

/// The records, what was rejected, the log, the effects, the lines, and the final message.
pub fn text(performed: &Performed) -> String {
    let mut text = records(&performed.records);
    text.push_str(&rejected(performed));
    text.push_str(&log(&performed.lines));
    text.push_str(&effects(&performed.lines, performed.result.dry_run));
    text.push_str(&format!("{}\n\n", lines(&performed.lines)));
    text.push_str(&format!("{}: {}", performed.result.status, plain(&performed.result.message)));
    text
}

fn records(records: &Set) -> String {
    first_records(records.first(SHOWN), records.len(), "; --output FILE writes all of them")
}

/// The first of all records, or the text of a report.
pub fn first_records(first: &[Value], all: usize, more_in: &str) -> String {
    match report_in(first, all) {
        // A carriage return before a line break, as in CSV, is no character to warn of.
        Some(text) => format!("{}\n\n", plain(&text.trim_end().replace("\r\n", "\n"))),
        None => listed(first.iter().map(|record| cut(&plain(&record.to_string()))), all, "record", more_in),
    }
}

fn rejected(performed: &Performed) -> String {
    let first = performed.rejected.iter().take(SHOWN).map(|(line_no, rejected)| {
        format!("rejected at line {line_no}: {} — {}", plain(&rejected.reason), cut(&rejected.record.to_string()))
    });
    let all = usize::try_from(performed.result.counters.records_rejected).unwrap_or(usize::MAX);
    let kept = if all > performed.rejected.len() { "; --json lists the first" } else { ALL_IN_JSON };
    listed(first, all, "rejected record", kept)
}

/// The log of all lines, without the warnings that a line's message repeats: the table shows those.
fn log(lines: &[LineResult]) -> String {
    let entries = lines.iter().flat_map(|line| line.log.iter().map(move |entry| (line, entry)));
    let repeated = |line: &LineResult, entry: &LogEntry| {
        matches!(entry.level, LogLevel::Warn | LogLevel::Error) && line.message.contains(&entry.message)
    };
    let entries = entries.filter(|(line, entry)| !repeated(line, entry));
    let all = entries.clone().count();
    let entries = entries.map(|(line, entry)| {
        format!("{} at line {}: {}", entry.level.word(), line.line_no, cut(&plain(&entry.message)))
    });
    listed(entries, all, "message", ALL_IN_JSON)
}

/// What the lines did outside, or in a dry run would have done.
fn effects(lines: &[LineResult], dry_run: bool) -> String {
    let effects = lines.iter().flat_map(|line| line.effects.iter().map(move |effect| (line.line_no, effect)));
    let all = effects.clone().count();
    let effects = effects.map(|(line_no, effect)| {
        format!("{} at line {line_no}: {}", done(effect.done, dry_run), cut(&plain(&effect.summary)))
    });
    listed(effects, all, "effect", ALL_IN_JSON)
}

/// What became of an effect.
pub fn done(done: bool, dry_run: bool) -> &'static str {
    match (done, dry_run) {
        (true, _) => "did",
        (false, true) => "would do",
        (false, false) => "tried",
    }
}

/// Where the items are that a list leaves out.
pub const ALL_IN_JSON: &str = "; --json lists all of them";

/// The first items, one on each line, and how many more there are.
pub fn listed(items: impl Iterator<Item = String>, all: usize, noun: &str, more_in: &str) -> String {
    let first: Vec<_> = items.take(SHOWN).collect();
    let mut text: String = first.iter().map(|item| format!("{item}\n")).collect();
    if all > first.len() {
        text.push_str(&format!("… {}{more_in}\n", counted(all - first.len(), &format!("more {noun}"))));
    }
    if all > 0 {
        text.push('\n');
    }
    text
}

/// A long text, cut with a mark.
pub fn cut(text: &str) -> String {
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
            plain(&line.message),
        ]);
    }
    for column in [0, 4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Writes everything as one object. The records are written one by one, since the set may be larger than memory.
pub fn write_json(performed: &Performed, out: &mut impl Write) -> std::io::Result<()> {
    let members = json(performed).to_string();
    write!(out, "{},\"records\":[", members.strip_suffix('}').unwrap_or(&members))?;
    for (position, record) in performed.records.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        write!(out, "{comma}{}", record.map_err(Error::other)?)?;
    }
    out.write_all(b"],\"rejected\":[")?;
    for (position, rejected) in performed.rejected.iter().enumerate() {
        let comma = if position == 0 { "" } else { "," };
        write!(out, "{comma}{}", rejected_json(rejected))?;
    }
    out.write_all(b"]}\n")?;
    out.flush()
}

/// Everything but the records.
fn json(performed: &Performed) -> Value {
    let result = &performed.result;
    let instant = |instant: &Option<engine::model::Instant>| instant.as_ref().map(stamp);
    json!({
        "job": result.job,
        "status": result.status.word(),
        "dryRun": result.dry_run,
        "message": result.message,
        "recordsIn": result.counters.records_in,
        "recordsOut": result.counters.records_out,
        "recordsRejected": result.counters.records_rejected,
        "startedAt": instant(&result.started_at),
        "finishedAt": instant(&result.finished_at),
        "arguments": result.arguments,
        "lines": performed.lines.iter().map(line_json).collect::<Vec<_>>(),
        "rejectedCut": (performed.rejected.len() as u64) < result.counters.records_rejected,
    })
}

fn rejected_json((line_no, rejected): &(u32, Rejected)) -> Value {
    json!({"record": rejected.record, "reason": rejected.reason, "lineNo": line_no})
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
        "effects": line.effects.iter().map(effect_json).collect::<Vec<_>>(),
    })
}

fn effect_json(effect: &Effect) -> Value {
    json!({
        "capability": effect.capability.word(),
        "done": effect.done,
        "summary": effect.summary,
        "detail": effect.detail,
    })
}
