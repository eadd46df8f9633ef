//! Notifying people of results that have ended. A notification is a job result of its own with one line, started in the
//! transaction that ends the other result. So it is as durable, and is retried and killed like any other. Its history
//! has its own key (see [`history_of`]).

use serde_json::{Map, Value, json};

use super::job_loading::load_job;
use crate::model::job::Job;
use crate::model::line::Line;
use crate::model::notify::{Ended, Occasion, history_of, summary};
use crate::model::organization::{OrgScope, Organization};
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::variables::Setting;
use crate::node::{Node, new_id};
use crate::ports::StoreError;
use crate::ports::results::NewResult;

/// The argument that holds the index of the rule.
const RULE: &str = "rule";

/// The notifications for the end of a result whose job is not loaded. There are none if the job cannot run any more.
pub(crate) async fn of_result(
    node: &Node,
    scope: OrgScope,
    ended: &JobResult,
    lines: &[LineResult],
) -> Result<Vec<NewResult>, StoreError> {
    if ended.dry_run || ended.notification_of.is_some() {
        return Ok(Vec::new());
    }
    match load_job(node, scope, ended).await? {
        Ok((organization, job)) => of_end(node, (&organization, &job), ended, lines).await,
        Err(_) => Ok(Vec::new()),
    }
}

/// The notifications that the rules of a job require for the end of a result.
pub(crate) async fn of_end(
    node: &Node,
    (organization, job): (&Organization, &Job),
    ended: &JobResult,
    lines: &[LineResult],
) -> Result<Vec<NewResult>, StoreError> {
    let rules = &job.notify;
    if rules.is_empty() || ended.dry_run || ended.notification_of.is_some() {
        return Ok(Vec::new());
    }
    let needs_previous = rules.iter().any(|rule| rule.on.contains(&Occasion::Recovered));
    let scope = OrgScope::of(organization.id);
    let previous =
        if needs_previous { node.stores.starts.ended_before(scope, &ended.job, ended.id).await? } else { None };
    let ending = Ended::of(ended, previous);
    let due = rules.iter().enumerate().filter_map(|(index, rule)| Some((index, rule.applies(&ending)?)));
    Ok(due.map(|(index, occasion)| notification(node, (organization, job), (ended, lines), index, occasion)).collect())
}

fn notification(
    node: &Node,
    (organization, job): (&Organization, &Job),
    (ended, lines): (&JobResult, &[LineResult]),
    rule: usize,
    occasion: Occasion,
) -> NewResult {
    let now = node.clock.now();
    let zone = job.time_zone.unwrap_or(organization.time_zone);
    let names = (organization.key.as_str(), organization.name.as_str());
    let setting = Setting { result: ended, job_name: &job.name, organization: names, now, zone };
    let started_by = format!("job {} (result {})", ended.job, ended.id.0);
    NewResult {
        templates: ended.templates.clone(),
        title: Some(format!("{}: {}", job.name, occasion.word()).chars().take(200).collect()),
        priority: job.priority,
        notification_of: Some(ended.id),
        // Jobs that the notification starts count as if the job itself had started them.
        depth: ended.depth,
        arguments: Map::from_iter([(RULE.to_owned(), json!(rule))]),
        records: vec![summary(occasion, &setting, lines)],
        ..NewResult::new(ResultId(new_id()), (&history_of(&ended.job), ended.version), &started_by, now)
    }
}

/// The lines that a result runs: those of the job, or the one line of a notification rule.
pub(crate) fn lines<'a>(job: &'a Job, result: &JobResult) -> Vec<&'a Line> {
    if result.notification_of.is_none() {
        return job.lines.iter().collect();
    }
    let rule = result.arguments.get(RULE).and_then(Value::as_u64).and_then(|rule| usize::try_from(rule).ok());
    rule.and_then(|rule| job.notify.get(rule)).map(|rule| &rule.line).into_iter().collect()
}
