//! Saves what a plan changes, one document after the other, and says what was done if one fails.

use serde_json::{Value, json};

use crate::Failed;
use crate::api_client::Server;
use crate::comparison::{Change, Compared};
use crate::failure::BROKEN;

fn to_do(plan: &[Compared]) -> impl Iterator<Item = &Compared> {
    plan.iter().filter(|document| document.change != Change::Unchanged)
}

/// Saves and deletes in the order of the plan. Returns the version of each document that is not unchanged; that of a
/// deleted one is the last it had.
///
/// # Errors
/// The first failure, with what was saved before it and what was not.
pub async fn save(server: &Server, plan: &[Compared]) -> Result<Vec<u64>, Failed> {
    let mut versions = Vec::new();
    for document in to_do(plan) {
        let saved = match document.document() {
            Some(content) => server.save_document(document.kind, content, document.version()).await,
            None => {
                let deleted = server.delete_document(document.kind, &document.key, document.version()).await;
                deleted.map(|()| document.version())
            }
        };
        match saved {
            Ok(version) => versions.push(version),
            Err(failed) => return Err(interrupted(failed, document, plan, &versions)),
        }
    }
    Ok(versions)
}

fn interrupted(failed: Failed, document: &Compared, plan: &[Compared], versions: &[u64]) -> Failed {
    let mut report = failed.into_report();
    let name = document.name();
    let verb = if document.change == Change::Deleted { "deleted" } else { "saved" };
    let reason = match document.change {
        Change::Deleted => {
            let command = format!("`ropewalk jobs delete {} --kill-open`", document.key);
            report.message.replace("delete the job with `killOpen: true`", &format!("delete it with {command}"))
        }
        _ => report.message,
    };
    let first = match report.exit {
        BROKEN => format!("It is not known whether the {name} was {verb}; `ropewalk diff` shows it: {reason}"),
        _ => format!("The {name} was not {verb}: {reason}"),
    };
    let done = match sentences(plan, versions).as_slice() {
        [] => "Nothing was saved before that.".to_owned(),
        done => done.join("\n"),
    };
    let rest = to_do(plan).skip(versions.len() + 1).map(|document| format!("\nNot done: {}", document.name()));
    report.message = format!("{first}\n{done}{}", rest.collect::<String>());
    report.details.insert("changes".to_owned(), json!(changes(plan, versions)));
    report.into()
}

/// What was done with each document that has a version.
pub fn sentences(plan: &[Compared], versions: &[u64]) -> Vec<String> {
    let done = to_do(plan).zip(versions);
    done.map(|(document, version)| match document.change {
        Change::Deleted => format!("Deleted {}.", document.name()),
        _ => format!("Saved {} as version {version}.", document.name()),
    })
    .collect()
}

/// The plan for programs. `saved` is true where something was saved or deleted.
pub fn changes(plan: &[Compared], versions: &[u64]) -> Vec<Value> {
    let mut versions = versions.iter();
    let change = |document: &Compared| {
        let mut change = document.json();
        let version = if document.change == Change::Unchanged { None } else { versions.next() };
        change["saved"] = json!(version.is_some());
        if let Some(version) = version {
            change["version"] = json!(version);
        }
        change
    };
    plan.iter().map(change).collect()
}
