//! Notification rules: which ends of a job's results are reported, and by which action.
//!
//! A rule is carried out by an action line, which gets one record that describes the result
//! ([`summary`]). Whether a rule applies depends only on how the result ended.

mod occasion;
mod summary;

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::catalogue::{Catalogue, Choice};
use super::duration::{LONGEST_JOB, of_field};
use super::fault::{Fault, element, field};
use super::line::{HIGHEST_LINE_NO, Line};
use super::template::is_templated;
use super::variables::{Names, TemplateLocation};

pub use occasion::{Ended, Occasion};
pub use summary::{summary, variables};

/// The action that sends a webhook.
const WEBHOOK_ACTION: &str = "http/http.request";
/// How often a notification is tried, unless the rule says otherwise.
const TRIES: u32 = 5;

/// The end of the key under which the notifications of a job are kept. No job has such a key.
const HISTORY: &str = "/notify";

/// The key under which the notifications of a job are kept.
pub fn history_of(job: &str) -> String {
    format!("{job}{HISTORY}")
}

/// The key of the job whose results or notifications are kept under `key`.
pub fn job_of(key: &str) -> &str {
    key.strip_suffix(HISTORY).unwrap_or(key)
}

/// A rule of a valid job.
#[derive(Debug)]
pub struct NotifyRule {
    /// The ends that are reported.
    pub on: Vec<Occasion>,
    /// Results that took longer than this are reported too.
    pub slower_than: Option<Duration>,
    /// The action line that reports. Its number is higher than that of any line of a job.
    pub line: Line,
    /// The path of its parameters in the job's document.
    pub place: String,
}

impl NotifyRule {
    /// Reads the rule at `notify[index]`, whose shape was checked.
    ///
    /// # Errors
    /// Every fault, with its path.
    pub fn read(
        written: &Value,
        index: usize,
        (catalogue, choice): (&Catalogue, Choice<'_>),
    ) -> Result<Self, Vec<Fault>> {
        let path = element("notify", index);
        let mut faults = Vec::new();
        let slower_than = of_field((written, "slowerThan", &path), LONGEST_JOB, &mut faults);
        if written.get("on").is_none() && written.get("slowerThan").is_none() {
            faults
                .push(Fault::at(&path, "has neither `on` nor `slowerThan`, so it would never apply; add one of them"));
        }
        let line_no = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(HIGHEST_LINE_NO + 1);
        faults.extend(written.get("webhook").and_then(|webhook| fault_of_address(webhook, &path)));
        let line = as_line(written, &path)
            .and_then(|line| Line::read(&line, line_no, &path, catalogue, choice))
            .and_then(known_names)
            .map_err(|more| faults.extend(more.into_iter().map(|fault| at_webhook(fault, written, &path))));
        let (Ok(line), true) = (line, faults.is_empty()) else { return Err(faults) };
        let words = written["on"].as_array().into_iter().flatten();
        let place = field(&path, if written.get("webhook").is_some() { "webhook" } else { "parameters" });
        Ok(Self {
            on: words.filter_map(|word| Occasion::from_word(word.as_str()?)).collect(),
            slower_than,
            line,
            place,
        })
    }

    /// Why a result that ended like this is reported; none if the rule does not apply. A result is
    /// reported once: of several reasons, the rarest is used.
    pub fn applies(&self, ended: &Ended) -> Option<Occasion> {
        let wanted = |occasion: Occasion| self.on.contains(&occasion).then_some(occasion);
        let recovered = ended.recovered().then_some(Occasion::Recovered).and_then(wanted);
        let slow = ended.duration.zip(self.slower_than).is_some_and(|(took, most)| took > most);
        recovered.or_else(|| wanted(Occasion::Ended(ended.status))).or(slow.then_some(Occasion::Slow))
    }
}

/// The rule as the action line that carries it out.
fn as_line(written: &Value, path: &str) -> Result<Value, Vec<Fault>> {
    let fault = |place: &str, message: &str| Err(vec![Fault::at(place, message)]);
    let (action, parameters) = match (written.get("webhook"), written.get("action")) {
        (Some(_), Some(_)) => return fault(path, "has both `webhook` and `action`; split it into two rules"),
        (None, None) => return fault(path, "has neither `webhook` nor `action`; add one of them"),
        (Some(_), None) if written.get("parameters").is_some() => {
            return fault(&field(path, "parameters"), "belong to an action; a webhook takes `url` and `headers`");
        }
        (Some(webhook), None) => (json!(WEBHOOK_ACTION), request_parameters(webhook)),
        (None, Some(action)) => (action.clone(), written.get("parameters").cloned().unwrap_or_else(|| json!({}))),
    };
    let mut retry = written.get("retry").and_then(Value::as_object).cloned().unwrap_or_default();
    retry.entry("attempts").or_insert(TRIES.into());
    let mut line = json!({"action": action, "parameters": parameters, "retry": retry, "onError": "continue"});
    if let Some(timeout) = written.get("timeout") {
        line["timeout"] = timeout.clone();
    }
    Ok(line)
}

/// The parameters of the action that sends a webhook. With `per: record` and without a body, the
/// body is the record.
fn request_parameters(webhook: &Value) -> Value {
    let mut parameters = match webhook {
        Value::Object(more) => more.clone(),
        url => Map::from_iter([("url".to_owned(), url.clone())]),
    };
    parameters.insert("method".to_owned(), json!("POST"));
    parameters.insert("per".to_owned(), json!("record"));
    Value::Object(parameters)
}

/// A fault for an address that cannot be right. Otherwise it would only be found when the first
/// notification is sent.
fn fault_of_address(webhook: &Value, path: &str) -> Option<Fault> {
    let place = field(path, "webhook");
    let (url, place) = match webhook {
        Value::Object(more) => (more.get("url")?.as_str()?, field(&place, "url")),
        url => (url.as_str()?, place),
    };
    let is_possible = is_templated(url) || ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
    let message = || format!("`{url}` is not an address; it must begin with https:// or http://");
    (!is_possible).then(|| Fault::at(place, message()))
}

fn known_names(line: Line) -> Result<Line, Vec<Fault>> {
    let names = Names { location: TemplateLocation::Notification, ..Names::default() };
    let faults = names.faults(line.variables());
    if faults.is_empty() { Ok(line) } else { Err(faults) }
}

/// Moves a fault from the parameters that were made of a webhook to the webhook.
fn at_webhook(fault: Fault, written: &Value, path: &str) -> Fault {
    let Some(webhook) = written.get("webhook") else { return fault };
    let (parameters, place) = (field(path, "parameters"), field(path, "webhook"));
    let moved = match fault.path.strip_prefix(&parameters) {
        _ if fault.path == field(path, "action") => place,
        Some(".url") if webhook.is_string() => place,
        Some(below) if written.get("parameters").is_none() => format!("{place}{below}"),
        _ => fault.path,
    };
    Fault { path: moved, ..fault }
}

#[cfg(test)]
mod tests;
