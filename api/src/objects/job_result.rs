//! Job results.

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Object, SimpleObject};
use engine::model::record::size_of_text;
use engine::model::result as model;
use engine::ports;
use engine::ports::notices;
use engine::ports::results::ResultFilter;
use serde_json::Value;

use super::global_id::GlobalId;
use super::line_result::LineResult;
use super::lines::Lines;
use super::moment::Moment;
use super::page::{self, Cursor, Page};
use super::status::Status;
use super::waiting::{Waits, WaitsFor};
use super::{Result, engine, scope};

/// How many lines and modules a job is expected to have when a document is weighed.
const EXPECTED: usize = 10;

/// The record of one execution of a job.
pub(crate) struct JobResult {
    result: model::JobResult,
    progress: Option<notices::Progress>,
}

impl JobResult {
    /// A result whose lines are read when they are asked for.
    pub(crate) fn of(result: model::JobResult) -> Self {
        Self { result, progress: None }
    }

    /// A result as somebody who watches sees it.
    pub(crate) fn watched(result: model::JobResult, progress: Option<notices::Progress>) -> Self {
        Self { result, progress }
    }
}

/// The record of one execution of a job.
#[Object]
impl JobResult {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::JobResult(self.result.id).encode()
    }

    /// The bare UUID, as templates, logs and the command line show it.
    async fn uuid(&self) -> String {
        self.result.id.0.to_string()
    }

    /// Key of the job.
    async fn job(&self) -> &str {
        &self.result.job
    }

    /// Version of the job that it runs, whatever is edited later.
    async fn version(&self) -> u32 {
        self.result.version
    }

    /// What the start called it.
    async fn title(&self) -> Option<&str> {
        self.result.title.as_deref()
    }

    /// Where it stands.
    async fn status(&self) -> Status {
        self.result.status.into()
    }

    /// One sentence for a clerk; empty while it is pending.
    async fn message(&self) -> &str {
        &self.result.message
    }

    /// Who or what started it.
    async fn started_by(&self) -> &str {
        &self.result.started_by
    }

    /// Whether what its lines do outside was only noted, not carried out.
    async fn dry_run(&self) -> bool {
        self.result.dry_run
    }

    /// Arguments of the start, defaults filled in: a JSON object.
    async fn arguments(&self) -> Value {
        Value::Object(self.result.arguments.clone())
    }

    /// The start of the job's last full success, or what the start gave.
    async fn since(&self) -> Option<Moment> {
        self.result.since.map(Moment)
    }

    /// Key of the queue it waits in.
    async fn queue(&self) -> &str {
        &self.result.queue
    }

    /// Higher comes first in its queue.
    async fn priority(&self) -> i32 {
        self.result.priority
    }

    /// The one clock reading of all its templates and dates: when its start was accepted; of one that a
    /// schedule started, the instant that was meant; of one that tries another again, that of the other.
    async fn now(&self) -> Moment {
        Moment(self.result.now)
    }

    /// Global id of the job result that it tries again; null if it is the first.
    async fn retry_of(&self) -> Option<ID> {
        self.result.retry_of.map(|id| GlobalId::JobResult(id).encode())
    }

    /// Global ids of the job results that try it again, oldest first, at most 100.
    #[graphql(complexity = "page::STATEMENT")]
    async fn retries(&self, context: &Context<'_>) -> Result<Vec<ID>> {
        let retries = engine(context).results.retries(scope(context), self.result.id).await?;
        Ok(retries.into_iter().map(|id| GlobalId::JobResult(id).encode()).collect())
    }

    /// Global id of the job result that it tells somebody of; null unless it carries out a rule
    /// of `notify`.
    async fn notice_of(&self) -> Option<ID> {
        self.result.notice_of.map(|id| GlobalId::JobResult(id).encode())
    }

    /// Key of the schedule that started it; null unless one did.
    async fn schedule(&self) -> Option<&str> {
        self.result.scheduled.as_ref().map(|scheduled| scheduled.schedule.as_str())
    }

    /// The instant that its start was meant for, however late it came; null unless a schedule started it.
    async fn scheduled_at(&self) -> Option<Moment> {
        self.result.scheduled.as_ref().map(|scheduled| Moment(scheduled.at))
    }

    /// Global id of the job result whose line started it; null unless one did.
    async fn started_from(&self) -> Option<ID> {
        self.result.started_from.map(|id| GlobalId::JobResult(id).encode())
    }

    /// Global ids of the job results that its lines started, oldest first, at most 100.
    #[graphql(complexity = "page::STATEMENT")]
    async fn started(&self, context: &Context<'_>) -> Result<Vec<ID>> {
        let started = engine(context).results.started_from(scope(context), self.result.id).await?;
        Ok(started.into_iter().map(|id| GlobalId::JobResult(id).encode()).collect())
    }

    /// How many job results started one another until this one: 0 unless a line started it.
    async fn depth(&self) -> u32 {
        self.result.depth
    }

    /// Number of the first line in error from which it can be tried again; null if there is none.
    async fn failed_line(&self) -> Option<u32> {
        self.result.failed_line
    }

    /// What it waits for; null unless it waits.
    async fn waits_for(&self, context: &Context<'_>) -> Result<Option<WaitsFor>> {
        match self.result.status.is_final() {
            true => Ok(None),
            false => context.data_unchecked::<DataLoader<Waits>>().load_one(self.result.id).await,
        }
    }

    /// When the start was accepted.
    async fn created_at(&self) -> Moment {
        Moment(self.result.created_at)
    }

    /// When a worker first took it up.
    async fn started_at(&self) -> Option<Moment> {
        self.result.started_at.map(Moment)
    }

    /// When it ended.
    async fn finished_at(&self) -> Option<Moment> {
        self.result.finished_at.map(Moment)
    }

    /// How often a worker took it up.
    async fn attempt(&self) -> u32 {
        self.result.attempt
    }

    /// Records that the first line was given or took from its source.
    async fn records_in(&self) -> u64 {
        self.result.counters.records_in
    }

    /// Records that went out of the last line.
    async fn records_out(&self) -> u64 {
        self.result.counters.records_out
    }

    /// Records that left the set with a reason, over all lines.
    async fn records_rejected(&self) -> u64 {
        self.result.counters.records_rejected
    }

    /// The modules it ran with.
    #[graphql(complexity = "page::times(EXPECTED, child_complexity)")]
    async fn modules(&self) -> Vec<ModuleDigest<'_>> {
        self.result.modules.iter().map(ModuleDigest::of).collect()
    }

    /// The versions of filter templates it runs with, whatever is edited later.
    #[graphql(complexity = "page::times(EXPECTED, child_complexity)")]
    async fn templates(&self) -> Vec<TemplateVersion<'_>> {
        self.result.templates.iter().map(TemplateVersion::of).collect()
    }

    /// Its lines so far, by `lineNo`.
    #[graphql(complexity = "page::times(EXPECTED, child_complexity)")]
    async fn lines(&self, context: &Context<'_>) -> Result<Vec<LineResult>> {
        let lines = context.data_unchecked::<DataLoader<Lines>>().load_one(self.result.id).await?;
        Ok(lines
            .iter()
            .flat_map(|lines| lines.iter().cloned().map(|line| LineResult::of(self.result.id, line)))
            .collect())
    }

    /// How far the running line has come; null if none runs, or nothing was heard of it yet.
    async fn progress(&self, context: &Context<'_>) -> Option<Progress> {
        let known = || engine(context).progress(self.result.id);
        self.progress.clone().or_else(known).filter(|_| !self.result.status.is_final()).map(Progress::told)
    }
}

/// The version of a module that a job result ran with.
#[derive(SimpleObject)]
pub(crate) struct ModuleDigest<'a> {
    /// Key of the module.
    module: &'a str,
    /// Semantic version.
    version: &'a str,
    /// SHA-256 of the component, in hexadecimal.
    digest: &'a str,
}

impl<'a> ModuleDigest<'a> {
    fn of(pinned: &'a engine::model::action::ModuleDigest) -> Self {
        Self { module: &pinned.module, version: &pinned.version, digest: &pinned.digest }
    }
}

/// The version of a filter template that a job result runs with.
#[derive(SimpleObject)]
pub(crate) struct TemplateVersion<'a> {
    /// Key of the template.
    key: &'a str,
    /// 1 for the first, then one more each time it is saved.
    version: u32,
}

impl<'a> TemplateVersion<'a> {
    fn of(named: &'a engine::model::filter_template::TemplateVersion) -> Self {
        Self { key: &named.key, version: named.version }
    }
}

/// How far a line has come.
#[derive(SimpleObject)]
pub(crate) struct Progress {
    /// Number of the line.
    line_no: u32,
    /// How people call the line.
    line: String,
    /// Records taken so far.
    taken: u64,
    /// Of how many.
    of: u64,
}

impl Progress {
    fn told(progress: notices::Progress) -> Self {
        let notices::Progress { line_no, line, taken, of } = progress;
        Self { line_no, line, taken, of }
    }
}

/// What else a page of job results tells.
pub(crate) struct AllJobResults(ResultFilter);

/// What else a page of job results tells.
#[Object]
impl AllJobResults {
    /// How many job results the listing has in all. Counted only when it is asked for.
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        Ok(engine(context).results.count(scope(context), &self.0).await?)
    }
}

/// A job result of the caller, if it is there.
pub(crate) async fn find(context: &Context<'_>, id: model::ResultId) -> Result<Option<JobResult>> {
    let result = async { Ok(engine(context).results.find(scope(context), id).await?) };
    let result = page::find(context, result, |result| size_of_text(&result.arguments)).await?;
    Ok(result.map(JobResult::of))
}

/// A page of the caller's job results, newest first.
pub(crate) async fn list(
    context: &Context<'_>,
    first: i32,
    after: Option<&str>,
    filter: ResultFilter,
) -> Result<Page<JobResult, AllJobResults>> {
    let (limit, after) = (page::size(first)?, page::start(after)?);
    let parsed = after.as_ref().map(|key| key.parse().map(model::ResultId)).transpose();
    let before = parsed.map_err(|_| page::unknown_cursor())?;
    let page = ports::Page { before, limit };
    let listed = async { Ok(engine(context).results.list(scope(context), &filter, page).await?) };
    let listed = page::read(context, listed, |result| size_of_text(&result.arguments)).await?;
    let edge = |result: model::JobResult| (Cursor::behind(result.id.0), JobResult::of(result));
    Ok(page::of(listed, after.as_ref(), AllJobResults(filter), edge))
}
