//! `docs/limits.md` says what the program does.

use std::collections::BTreeMap;
use std::time::Duration;

use actions::host::Limits as Sandbox;
use api::budget;
use engine::execution::{kill, start};
use engine::model::duration::{LONGEST_JOB, LONGEST_LINE};
use engine::model::lifecycle::isolation;
use engine::model::quota::Quotas;
use engine::model::source::limits as sources;
use engine::model::{collection, effect, fault, job, module, record, result, schema, template, variables, webhook};
use engine::node;
use engine::ports::PAGE_BYTES;
use engine::ports::modules::UPLOADS_AT_MOST;
use engine::services::{collections, jobs};
use values::template as text;

use crate::support::root;

/// `30,000`.
fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or_default().to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `16 MiB`.
fn bytes(number: impl TryInto<u64>) -> String {
    let number = number.try_into().unwrap_or_default();
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = units.iter().find(|(_, shift)| number.is_multiple_of(1 << shift) && number > 0);
    unit.map_or_else(|| format!("{number} bytes"), |(name, shift)| format!("{} {name}", number >> shift))
}

/// `10 s`.
fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

fn characters(number: usize) -> String {
    format!("{number} characters")
}

/// Each limit as the program has it, by what the page calls it.
fn limits() -> Vec<(&'static str, String)> {
    let (api, quotas, sandbox) = (api::Options::default(), Quotas::default(), Sandbox::default());
    let connections = &api.connections;
    let mut all = vec![
        ("starts of jobs in a minute", count(quotas.starts_per_minute)),
        ("job results that have not ended", count(quotas.open_results)),
        ("bytes of history", bytes(quotas.history_bytes)),
        ("bytes of collections", bytes(quotas.collection_bytes)),
        ("versions of modules", count(quotas.modules)),
        ("requests in a minute with one token", count(quotas.requests_per_minute)),
        ("messages in a minute to one webhook", count(quotas.messages_per_minute)),
        ("connections", count(connections.connections as u64)),
        ("connections from one address", count(connections.from_one_address as u64)),
        ("time for the header of a request", seconds(connections.header)),
        ("time without a request on a connection", seconds(connections.idle)),
        ("what a client takes of a waiting answer in 10 s", bytes(connections.pace as u64)),
        ("body of a request, message on a socket", bytes(api.body_limit as u64)),
        ("body of a message to a webhook", bytes(api.hook_limit as u64)),
        ("time for a body to arrive, and again for the answer", seconds(api.timeout)),
        ("time to install a module", seconds(api.install_time)),
        ("requests that run at the same time", count(api.requests_at_once as u64)),
        ("requests of one organization that run at the same time", count(api.requests_of_one_organization as u64)),
        ("bytes of an answer, and read for it", bytes(budget::ANSWER_BYTES as u64)),
        ("bytes of a page of a listing", bytes(PAGE_BYTES as u64)),
        ("answers at once for which more than 1 MiB is read", count(budget::LARGE_AT_ONCE as u64)),
        ("bytes of answers that clients have not read", bytes(budget::UNSENT_BYTES as u64)),
        ("the same of one organization", bytes(budget::UNSENT_OF_ONE_ORGANIZATION as u64)),
        ("HTTP/2", "not spoken".to_owned()),
        ("sockets that are not authenticated", count(api.greetings as u64)),
        ("the same from one address", count(api.greetings_from_one_address as u64)),
        ("time until a socket is authenticated", seconds(api.greeting)),
        ("bytes before that", bytes(connections.before_greeting as u64)),
        ("sockets", count(api.sockets as u64)),
        ("sockets of one organization", count(api.sockets_of_one_organization as u64)),
        ("sockets with one token", count(api.sockets_of_one_token as u64)),
        ("subscriptions of a socket", count(api.subscriptions as u64)),
        ("bytes of a message of a subscription, and read for it", bytes(budget::MESSAGE_BYTES as u64)),
        ("time for a client to take a message", seconds(api.send)),
        ("a module", bytes(sandbox.component as u64)),
        ("time for it to arrive", seconds(api.upload_time)),
        ("files on their way in", count(api.uploads_at_once as u64)),
        ("the same of one organization", count(api.uploads_of_one_organization as u64)),
        ("files that wait to be installed, of one organization", count(UPLOADS_AT_MOST as u64)),
    ];
    all.extend(limits_of_work(&sandbox));
    all
}

fn limits_of_work(sandbox: &Sandbox) -> Vec<(&'static str, String)> {
    vec![
        ("lines of a job", count(job::MAX_LINES as u64)),
        ("patterns of a job, in all criteria and schemas", count(job::MAX_PATTERNS as u64)),
        ("faults that are listed", count(fault::MOST_FAULTS as u64)),
        ("time for all actions of a job to look at their parameters when it is checked", seconds(jobs::CHECK)),
        ("jobs that are checked at once", count(node::CHECKS_AT_ONCE as u64)),
        ("the same of one organization", count(node::CHECKS_OF_ONE_ORGANIZATION as u64)),
        ("filters that are tried out at once", count(node::PREVIEWS_AT_ONCE as u64)),
        ("the same of one organization", count(node::PREVIEWS_OF_ONE_ORGANIZATION as u64)),
        ("parts to which a part of a schema expands", count(schema::MAX_EXPANSION)),
        ("steps to check a value by a schema", count(schema::MAX_STEPS)),
        ("webhooks of a job", count(webhook::MOST_OF_A_JOB as u64)),
        ("key of a job or a filter template", characters(module::MAX_JOB_KEY_CHARACTERS)),
        ("any other key", characters(module::MAX_KEY_CHARACTERS)),
        ("timeout of a line", format!("{} h", LONGEST_LINE.as_secs() / 3600)),
        ("timeout of a job", format!("{} d", LONGEST_JOB.as_secs() / 86_400)),
        ("jobs that one call of `runJobs` starts", count(start::STARTED_AT_ONCE as u64)),
        ("job results that one call of `killJobResults` ends", count(kill::KILLED_AT_ONCE as u64)),
        (
            "crashes while a line runs beside others, and then alone",
            format!("{} + {}", isolation::CRASHES_BESIDE_OTHERS, isolation::CRASHES_ALONE),
        ),
        ("bytes of a template", bytes(text::LONGEST as u64)),
        ("tags and comments", count(text::MOST_TAGS as u64)),
        ("names, numbers and quoted texts in tags", count(text::MAX_TOKENS as u64)),
        ("blocks inside each other", count(text::DEEPEST as u64)),
        ("a path", bytes(values::path::MAX_PATH_BYTES as u64)),
        ("parts of a path", count(text::MAX_PATH_PARTS as u64)),
        ("a pattern of `date` and `format`", bytes(text::MAX_PATTERN_BYTES as u64)),
        ("what a template renders", bytes(template::MAX_RENDERED_BYTES as u64)),
        ("records that a template sees", count(variables::VISIBLE_RECORDS as u64)),
        ("a row of CSV or of a sheet", bytes(sources::MAX_ROW_BYTES)),
        ("separators in a row of CSV, those in quotes included", count(sources::MAX_ROW_SEPARATORS)),
        ("columns of a table", count(sources::MAX_COLUMNS as u64)),
        ("names of columns in all", bytes(sources::MAX_HEADER_BYTES as u64)),
        ("a line of JSON Lines", bytes(sources::MAX_LINE_BYTES as u64)),
        ("a JSON document", bytes(sources::MAX_DOCUMENT_BYTES)),
        ("a record of JSON in memory", bytes(sources::MAX_RECORD_MEMORY as u64)),
        ("other JSON in memory", bytes(values::json::MAX_VALUE_MEMORY as u64)),
        ("a record of a collection", bytes(collection::LARGEST_RECORD as u64)),
        ("key of a record", format!("{} bytes", collection::LONGEST_KEY)),
        ("changes of records in one call", count(collections::CHANGES_AT_MOST as u64)),
        ("bytes of them", bytes(collections::BYTES_AT_MOST as u64)),
        ("memory of an instance", bytes(sandbox.memory as u64)),
        ("output of a call", bytes(sandbox.output as u64)),
        ("messages in the log of a line", count(sandbox.log_messages as u64)),
        ("bytes of a message", bytes(sandbox.log_message as u64)),
        ("calls of the host by a line", count(u64::from(sandbox.calls))),
        ("body of an HTTP request", bytes(sandbox.http.request_body as u64)),
        ("body of an HTTP answer", bytes(sandbox.http.response_body as u64)),
        ("redirects", count(sandbox.http.redirects as u64)),
        ("time of an HTTP request", seconds(sandbox.http.time)),
        ("processor time to compile a module", seconds(sandbox.compile_time)),
        ("time to compile a module", seconds(sandbox.compile_deadline)),
        ("modules that are compiled at once", count(sandbox.compilers as u64)),
        ("records of a sample", count(record::SAMPLE_RECORDS as u64)),
        ("bytes of a sample", bytes(record::SAMPLE_BYTES as u64)),
        ("rejected records on the line", count(result::KEPT_REJECTED as u64)),
        ("effects", count(effect::KEPT_EFFECTS as u64)),
    ]
}

#[test]
fn the_page_of_limits_says_what_the_program_does() {
    let page = std::fs::read_to_string(root().join("docs/limits.md")).expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| what |"));
    let written: Vec<_> = rows
        .map(|row| {
            let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
            (cells.next().unwrap_or_default(), cells.next().unwrap_or_default().to_owned())
        })
        .collect();
    assert_eq!(written, limits());
    // Where one line has several, the same words are said of each.
    let names = written.iter().fold(BTreeMap::<_, u32>::new(), |mut names, (name, _)| {
        *names.entry(name).or_default() += 1;
        names
    });
    assert!(names.iter().all(|(name, times)| *times == 1 || name.starts_with("the same")), "{names:?}");
}
