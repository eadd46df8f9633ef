//! Telling people of results that ended. What a rule of `notify` asks for is a job result of its
//! own, with one line, started in the very transaction that ends the other: it is as durable,
//! tried again and killed like any other, and its history stands under `JOB/notify`.

use serde_json::{Map, Value, json};

use super::engine::Engine;
use crate::model::job::Job;
use crate::model::line::Line;
use crate::model::notify::{Ended, Occasion, history_of, summary};
use crate::model::organization::{OrgScope, Organization};
use crate::model::overlap::Overlap;
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::variables::Setting;
use crate::ports::StoreError;
use crate::ports::queues::DEFAULT_QUEUE;
use crate::ports::results::NewResult;

/// The argument that says which rule is carried out.
const RULE: &str = "rule";

/// Whose result ended.
#[derive(Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) organization: &'a Organization,
    pub(crate) job: &'a Job,
}

impl Engine {
    /// The results that are to be started when this one has ended.
    pub(crate) async fn notices_of(
        &self,
        about: About<'_>,
        ended: &JobResult,
        lines: &[LineResult],
    ) -> Result<Vec<NewResult>, StoreError> {
        let rules = &about.job.notify;
        if rules.is_empty() || ended.dry_run || ended.notice_of.is_some() {
            return Ok(Vec::new());
        }
        let asks = rules.iter().any(|rule| rule.on.contains(&Occasion::Recovered));
        let scope = OrgScope::of(about.organization.id);
        let previous = if asks { self.results.ended_before(scope, &ended.job, ended.id).await? } else { None };
        let how = Ended::of(ended, previous);
        let told = rules.iter().enumerate().filter_map(|(index, rule)| Some((index, rule.applies(&how)?)));
        Ok(told.map(|(index, occasion)| self.notice((about, ended, lines), index, occasion)).collect())
    }

    fn notice(
        &self,
        (about, ended, lines): (About<'_>, &JobResult, &[LineResult]),
        rule: usize,
        occasion: Occasion,
    ) -> NewResult {
        let now = self.clock.now();
        let organization = (about.organization.key.as_str(), about.organization.name.as_str());
        let zone = about.job.time_zone.unwrap_or(about.organization.time_zone);
        let setting = Setting { result: ended, job_name: &about.job.name, organization, now, zone };
        let arguments = Map::from_iter([(RULE.to_owned(), json!(rule))]);
        NewResult {
            id: ResultId(Self::new_id()),
            job: history_of(&ended.job),
            version: ended.version,
            templates: ended.templates.clone(),
            title: Some(format!("{}: {}", about.job.name, occasion.word()).chars().take(200).collect()),
            started_by: format!("job {} (result {})", ended.job, ended.id.0),
            dry_run: false,
            queue: DEFAULT_QUEUE.to_owned(),
            priority: about.job.priority,
            overlap: Overlap::Allow,
            idempotency: None,
            retry: None,
            notice_of: Some(ended.id),
            scheduled: None,
            started_from: None,
            // What a notice starts is as far from the first result as what its job starts.
            depth: ended.depth,
            born: None,
            arguments,
            since: None,
            records: vec![summary(occasion, &setting, lines)],
            now,
            created_at: now,
        }
    }
}

/// The lines that a result performs: of one that tells of another only the rule.
pub(crate) fn lines<'a>(job: &'a Job, result: &JobResult) -> Vec<&'a Line> {
    if result.notice_of.is_none() {
        return job.lines.iter().collect();
    }
    let rule = result.arguments.get(RULE).and_then(Value::as_u64).and_then(|rule| usize::try_from(rule).ok());
    rule.and_then(|rule| job.notify.get(rule)).map(|rule| &rule.line).into_iter().collect()
}
