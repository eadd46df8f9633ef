//! The cases of a module: the parameters and records of an action, and the expected outcome. A file is a list of
//! cases.

use std::path::{Path, PathBuf};

use engine::execution::outcome::Performed;
use engine::execution::start::Start;
use engine::node::service_error::ServiceError;
use serde_json::{Map, Value, json};
use values::json::{Bounds, parse};

use crate::Failed;
use crate::local_engine::LocalEngine;
use crate::stdio::print;

/// What a case may expect.
const EXPECTATIONS: [&str; 5] = ["status", "message", "records", "rejected", "refused"];

/// Runs every case of a folder.
///
/// # Errors
/// [`Failed::Job`] if a case does not hold.
pub async fn run_all(local: &LocalEngine, module: &str, folder: &Path) -> Result<(), Failed> {
    let (mut held, mut failed) = (0, 0);
    for path in files(folder)? {
        for (number, case) in read(&path)?.iter().enumerate() {
            let name = case["name"].as_str().map_or_else(|| format!("case {}", number + 1), str::to_owned);
            match difference(local, module, case).await? {
                None => held += 1,
                Some(difference) => {
                    failed += 1;
                    print(&format!("{}: {name}: {difference}", path.display()))?;
                }
            }
        }
    }
    print(&format!("{held} of {} cases hold.", held + failed))?;
    if failed > 0 { Err(Failed::Job) } else { Ok(()) }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let unreadable =
        |error: std::io::Error| Failed::Refused(format!("{}: the folder cannot be read: {error}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<Value>, Failed> {
    let refused = |message: String| Failed::Refused(format!("{}: {message}", path.display()));
    let text = std::fs::read(path).map_err(|error| refused(format!("the file cannot be read: {error}")))?;
    let Value::Array(cases) = parse(&text, Bounds::default()).map_err(|fault| refused(fault.to_string()))? else {
        return Err(refused("the file is not a list of cases".to_owned()));
    };
    for (number, case) in cases.iter().enumerate() {
        let expected = case["expect"].as_object().filter(|expected| !expected.is_empty());
        let unknown = expected.into_iter().flat_map(Map::keys).find(|name| !EXPECTATIONS.contains(&name.as_str()));
        if let Some(name) = unknown {
            let known = EXPECTATIONS.join(", ");
            return Err(refused(format!("case {} expects `{name}`; it may expect {known}", number + 1)));
        }
        if expected.is_none() || case["action"].as_str().is_none() {
            return Err(refused(format!("case {} needs an `action` and at least one member in `expect`", number + 1)));
        }
    }
    Ok(cases)
}

/// Runs a case and says how the outcome differs from what it expects, if it does.
async fn difference(local: &LocalEngine, module: &str, case: &Value) -> Result<Option<String>, Failed> {
    let action = format!("{module}/{}", case["action"].as_str().unwrap_or_default());
    let parameters = case.get("parameters").cloned().unwrap_or_else(|| json!({}));
    let job = json!({"key": "case", "onEmpty": "continue", "lines": [{"action": action, "parameters": parameters}]});
    let expected = &case["expect"];
    match local.engine.jobs().save(&local.access, job, None).await {
        Ok(_) => {}
        Err(ServiceError::Store(error)) => return Err(Failed::Broken(error.to_string())),
        Err(refused) => return Ok(differs_refusal(expected, &refused.to_string())),
    }
    let records = case["records"].as_array().cloned().unwrap_or_default();
    let start = Start { job: "case".to_owned(), records: Some(records), ..Start::default() };
    local.engine.jobs().start(&local.access, start).await.map_err(|error| Failed::Broken(error.to_string()))?;
    let performed = local.engine.worker(1).step().await;
    match performed.map_err(|error| Failed::Broken(error.to_string()))? {
        Some(performed) => differs(expected, &performed),
        None => Err(Failed::Broken("the case did not run".to_owned())),
    }
}

fn differs_refusal(expected: &Value, refusal: &str) -> Option<String> {
    match expected["refused"].as_str() {
        Some(part) if refusal.contains(part) => None,
        Some(part) => Some(format!("the refusal should contain «{part}», but it is: {refusal}")),
        None => Some(format!("the job is refused: {refusal}")),
    }
}

fn differs(expected: &Value, performed: &Performed) -> Result<Option<String>, Failed> {
    let records = performed.records.to_vec().map_err(|error| Failed::Broken(error.to_string()))?;
    let line = &performed.lines[0];
    let rejected: Vec<_> = performed.rejected.iter().map(|(_, rejected)| json!(rejected.reason)).collect();
    let found = [
        ("status", json!(line.status.word())),
        ("message", json!(line.message)),
        ("records", json!(records)),
        ("rejected", json!(rejected)),
        ("refused", Value::Null),
    ];
    let different = found.iter().find(|(name, found)| expected.get(*name).is_some_and(|wanted| wanted != found));
    Ok(different.map(|(name, found)| format!("{name} is {found}, not {} ({})", expected[*name], line.message)))
}
