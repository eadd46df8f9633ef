//! `ropewalk show RESULT`: shows everything about a job result.

use clap::Args;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};

use crate::Failed;
use crate::api_client::Server;
use crate::api_client::log::absent;
use crate::api_client::started::has_failed;
use crate::display::report::{ALL_IN_JSON, cut, done, first_records, listed};
use crate::display::{elapsed, plain};
use crate::stdio::print;

/// Which job result to show.
#[derive(Args)]
pub struct Options {
    /// Id or UUID of the job result
    result: String,
    /// Print the job result as one JSON object, as the API gives it
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

const RESULT: &str = "query ($id: ID!) { jobResult(id: $id) {
    id uuid job version title status message startedBy dryRun arguments since queue priority now
    retryOf retries notificationOf schedule scheduledAt startedFrom started depth failedLine
    waitsFor { reason message until jobResult } createdAt startedAt finishedAt attempt
    recordsIn recordsOut recordsRejected modules { module version digest } templates { key version }
    progress { lineNo line taken of }
    lines { lineNo name kind action status message startedAt finishedAt attempt retryAt
        recordsIn recordsOut recordsRejected parameters sample { records cut } rejected { record reason }
        effects { capability done summary detail } } } }";

const SAMPLE: &str = "sample { records cut }";

/// How many retries and started results are named.
const MOST_RELATED: usize = 10;

/// Prints it.
pub async fn show(options: &Options) -> Result<(), Failed> {
    let result = read(&options.server, &options.result).await?;
    if result.is_null() {
        return Err(absent(&options.result));
    }
    if options.json {
        return print(&result.to_string());
    }
    let related = related(&options.server, &result).await?;
    let mut text = format!("{}\n\n{}", summary(&result, &related), records(&result));
    if !lines_of(&result).is_empty() {
        text.push_str(&format!("{}\n\n", lines(&result)));
    }
    text.push_str(&rejected(&result));
    text.push_str(&effects(&result));
    print(text.trim_end())
}

/// Reads the result; if an answer cannot hold it, without the first records of the lines.
async fn read(server: &Server, id: &str) -> Result<Value, Failed> {
    let variables = json!({"id": id});
    let answer = match server.ask(RESULT, variables.clone()).await {
        Err(Failed::Reported(report)) if report.code.as_deref() == Some("TOO_LARGE") => {
            server.ask(&RESULT.replace(SAMPLE, ""), variables).await
        }
        answer => answer,
    };
    Ok(answer?["jobResult"].take())
}

fn text(value: &Value) -> String {
    plain(value.as_str().unwrap_or_default())
}

fn lines_of(result: &Value) -> &[Value] {
    result["lines"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What is linked to the result: how, and the id.
fn links(result: &Value) -> Vec<(&'static str, &str)> {
    let one = |what, id: &'static str| result[id].as_str().map(|id| (what, id));
    let several = |what: &'static str, ids: &'static str| {
        let ids = result[ids].as_array().into_iter().flatten().filter_map(Value::as_str);
        ids.take(MOST_RELATED).map(move |id| (what, id))
    };
    let single =
        [one("retry of", "retryOf"), one("notification of", "notificationOf"), one("started from", "startedFrom")];
    let single = single.into_iter().flatten();
    single.chain(several("retried by", "retries")).chain(several("started", "started")).collect()
}

/// A sentence for each linked result that still exists.
async fn related(server: &Server, result: &Value) -> Result<Vec<(&'static str, String)>, Failed> {
    let links = links(result);
    if links.is_empty() {
        return Ok(Vec::new());
    }
    let (mut names, mut fields, mut variables) = (String::new(), String::new(), json!({}));
    for (index, (_, id)) in links.iter().enumerate() {
        names.push_str(&format!("$id{index}: ID! "));
        fields.push_str(&format!("r{index}: jobResult(id: $id{index}) {{ uuid job status }} "));
        variables[format!("id{index}")] = json!(id);
    }
    let found = server.ask(&format!("query ({names}) {{ {fields} }}"), variables).await?;
    let sentences = links.iter().enumerate().filter_map(|(index, (what, _))| {
        let other = found.get(format!("r{index}")).filter(|other| !other.is_null())?;
        let status = text(&other["status"]).to_lowercase();
        Some((*what, format!("{} of {}: {status}", text(&other["uuid"]), text(&other["job"]))))
    });
    Ok(sentences.collect())
}

fn summary(result: &Value, related: &[(&'static str, String)]) -> Table {
    let field = |name: &str| text(&result[name]);
    let dry_run = if result["dryRun"] == json!(true) { " (dry run)" } else { "" };
    let waits_for = text(&result["waitsFor"]["message"]);
    let scheduled = match (field("schedule"), field("scheduledAt")) {
        (schedule, _) if schedule.is_empty() => String::new(),
        (schedule, at) => format!("{schedule}, for {at}"),
    };
    let mut rows = vec![
        ("job result", field("uuid")),
        ("job", format!("{}, version {}", field("job"), result["version"])),
        ("title", field("title")),
        ("status", format!("{}{dry_run}", field("status").to_lowercase())),
        ("message", field("message")),
        ("waits for", waits_for),
        ("progress", progress(&result["progress"])),
        ("started by", field("startedBy")),
        ("schedule", scheduled),
        ("queue", format!("{}, priority {}", field("queue"), result["priority"])),
        ("accepted", field("createdAt")),
        ("began", with_time(result, "startedAt", "createdAt", "it waited")),
        ("ended", with_time(result, "finishedAt", "startedAt", "it ran")),
        ("clock reading", field("now")),
        ("arguments", cut(&plain(&result["arguments"].to_string()))),
        ("records", counters(result)),
    ];
    rows.extend(related.iter().map(|(what, sentence)| (*what, sentence.clone())));
    let mut table = Table::new();
    table.load_style(NOTHING);
    for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
        table.add_row([name, &value]);
    }
    table
}

fn progress(progress: &Value) -> String {
    match progress["taken"].as_u64() {
        Some(taken) => format!("{} of {} records in line {}", taken, progress["of"], progress["lineNo"]),
        None => String::new(),
    }
}

fn counters(result: &Value) -> String {
    let [taken, passed, rejected] = ["recordsIn", "recordsOut", "recordsRejected"].map(|name| result[name].to_string());
    format!("{taken} in, {passed} out, {rejected} rejected")
}

/// An instant, and how long after another one it was.
fn with_time(result: &Value, name: &str, before: &str, what: &str) -> String {
    match elapsed(&result[before], &result[name]) {
        time if time.is_empty() => text(&result[name]),
        time => format!("{}, {what} {time}", text(&result[name])),
    }
}

fn lines(result: &Value) -> Table {
    let mut table = Table::new();
    let header = ["line", "name", "what", "status", "in", "out", "rejected", "time", "attempts", "message"];
    table.load_style(NOTHING).set_header(header);
    for line in lines_of(result) {
        let what = line["action"].as_str().map_or_else(|| text(&line["kind"]).to_lowercase(), plain);
        let message = match text(&line["retryAt"]) {
            at if at.is_empty() => text(&line["message"]),
            at => format!("{} (tried again at {at})", text(&line["message"])),
        };
        let [taken, passed, rejected] =
            ["recordsIn", "recordsOut", "recordsRejected"].map(|name| line[name].to_string());
        table.add_row([
            line["lineNo"].to_string(),
            text(&line["name"]),
            what,
            text(&line["status"]).to_lowercase(),
            taken,
            passed,
            rejected,
            elapsed(&line["startedAt"], &line["finishedAt"]),
            line["attempt"].to_string(),
            message,
        ]);
    }
    for column in [0, 4, 5, 6, 7, 8] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The first records that came out, or the text of a report.
fn records(result: &Value) -> String {
    let worked = |line: &&Value| matches!(line["status"].as_str(), Some("SUCCESS" | "INFO" | "WARNING"));
    let last = lines_of(result).iter().rfind(worked).filter(|_| !result["finishedAt"].is_null() && !has_failed(result));
    let Some(last) = last else { return String::new() };
    let first = last["sample"]["records"].as_array().map(Vec::as_slice).unwrap_or_default();
    let all = last["recordsOut"].as_u64().and_then(|all| usize::try_from(all).ok()).unwrap_or_default();
    first_records(first, all, "; --json has the first 20, and `keep: true` in a line keeps all")
}

fn rejected(result: &Value) -> String {
    let each = lines_of(result).iter().flat_map(|line| {
        let rejected = line["rejected"].as_array().into_iter().flatten();
        rejected.map(|one| (line["lineNo"].clone(), &one["reason"], &one["record"]))
    });
    let each = each.map(|(line_no, reason, record)| {
        format!("rejected at line {line_no}: {} — {}", cut(&text(reason)), cut(&plain(&record.to_string())))
    });
    let all = result["recordsRejected"].as_u64().and_then(|all| usize::try_from(all).ok()).unwrap_or_default();
    listed(each, all, "rejected record", "; --json lists the first 100 of each line")
}

fn effects(result: &Value) -> String {
    let dry_run = result["dryRun"] == json!(true);
    let each = lines_of(result).iter().flat_map(|line| {
        let effects = line["effects"].as_array().into_iter().flatten();
        effects.map(|effect| (line["lineNo"].clone(), effect))
    });
    let all = each.clone().count();
    let each = each.map(|(line_no, effect)| {
        let what = done(effect["done"] == json!(true), dry_run);
        format!("{what} at line {line_no}: {}", cut(&text(&effect["summary"])))
    });
    listed(each, all, "effect", ALL_IN_JSON)
}
