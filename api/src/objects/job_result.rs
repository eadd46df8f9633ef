//! Job results.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Lookahead, Object, SimpleObject};
use engine::model::record::size_of_text;
use engine::model::result as model;
use engine::node::events;
use engine::ports;
use engine::ports::results::{ResultFilter, ResultRelation};
use serde_json::Value;

use super::global_id::GlobalId;
use super::line_loader::{self, LineLoader};
use super::line_result::{self, LineResult};
use super::moment::Moment;
use super::page::{self, Cursor, Page};
use super::status::Status;
use super::waits_for::{WaitLoader, WaitsFor};
use crate::resolver::{Result, budget, engine, scope};

/// How many lines and modules a job is assumed to have when the cost of a document is computed.
const EXPECTED: usize = 10;

/// The record of one execution of a job.
pub(crate) struct JobResult {
    result: model::JobResult,
    progress: Option<events::Progress>,
    /// Its lines, if they were read with the page.
    lines: Option<Arc<Vec<model::LineResult>>>,
}

impl JobResult {
    /// A result whose lines are read when they are asked for.
    pub(crate) fn of(result: model::JobResult) -> Self {
        Self { result, progress: None, lines: None }
    }

    /// A result with the progress that a subscription has heard of.
    pub(crate) fn watched(result: model::JobResult, progress: Option<events::Progress>) -> Self {
        Self { result, progress, lines: None }
    }
}

/// The record of one execution of a job.
#[Object]
impl JobResult {
    /// Global id.
    pub(crate) async fn id(&self) -> ID {
        GlobalId::JobResult(self.result.id).encode()
    }

    /// The UUID, as templates, logs and the command line show it.
    async fn uuid(&self) -> String {
        self.result.id.0.to_string()
    }

    /// Key of the job.
    async fn job(&self) -> &str {
        &self.result.job
    }

    /// Version of the job that it runs. Later edits of the job do not change it.
    async fn version(&self) -> u32 {
        self.result.version
    }

    /// Title that the start gave it.
    async fn title(&self) -> Option<&str> {
        self.result.title.as_deref()
    }

    /// Its status.
    async fn status(&self) -> Status {
        self.result.status.into()
    }

    /// Summary in one sentence; empty while it is pending.
    async fn message(&self) -> &str {
        &self.result.message
    }

    /// Who or what started it.
    async fn started_by(&self) -> &str {
        &self.result.started_by
    }

    /// Whether the effects of its lines were only recorded, not carried out.
    async fn dry_run(&self) -> bool {
        self.result.dry_run
    }

    /// Arguments of the start with defaults: a JSON object.
    async fn arguments(&self) -> Value {
        Value::Object(self.result.arguments.clone())
    }

    /// The `since` of the start, or the start of the last full success of the job.
    async fn since(&self) -> Option<Moment> {
        self.result.since.map(Moment)
    }

    /// Key of the queue it waits in.
    async fn queue(&self) -> &str {
        &self.result.queue
    }

    /// Priority in its queue; higher ones run first.
    async fn priority(&self) -> i32 {
        self.result.priority
    }

    /// The instant that all its templates and dates use: when its start was accepted. Of a scheduled start, the nominal
    /// instant; of a retry, usually the instant of the retried result.
    async fn now(&self) -> Moment {
        Moment(self.result.now)
    }

    /// Global id of the job result that it retries; null if it is no retry.
    async fn retry_of(&self) -> Option<ID> {
        self.result.retry_of.map(|id| GlobalId::JobResult(id).encode())
    }

    /// Global ids of its retries, oldest first, at most 100.
    #[graphql(complexity = "page::STATEMENT")]
    async fn retries(&self, context: &Context<'_>) -> Result<Vec<ID>> {
        let retries =
            engine(context).results().related(scope(context), self.result.id, ResultRelation::Retries).await?;
        Ok(retries.into_iter().map(|id| GlobalId::JobResult(id).encode()).collect())
    }

    /// Global id of the job result that it is a notification of; null unless a `notify` rule started it.
    async fn notification_of(&self) -> Option<ID> {
        self.result.notification_of.map(|id| GlobalId::JobResult(id).encode())
    }

    /// Key of the schedule that started it, if one did.
    async fn schedule(&self) -> Option<&str> {
        self.result.scheduled.as_ref().map(|scheduled| scheduled.schedule.as_str())
    }

    /// The nominal instant of its scheduled start, even if it started late; null unless a schedule started it.
    async fn scheduled_at(&self) -> Option<Moment> {
        self.result.scheduled.as_ref().map(|scheduled| Moment(scheduled.at))
    }

    /// Global id of the job result whose line started it, if one did.
    async fn started_from(&self) -> Option<ID> {
        self.result.started_from.map(|id| GlobalId::JobResult(id).encode())
    }

    /// Global ids of the job results that its lines started, oldest first, at most 100.
    #[graphql(complexity = "page::STATEMENT")]
    async fn started(&self, context: &Context<'_>) -> Result<Vec<ID>> {
        let started =
            engine(context).results().related(scope(context), self.result.id, ResultRelation::Started).await?;
        Ok(started.into_iter().map(|id| GlobalId::JobResult(id).encode()).collect())
    }

    /// How many starts by lines led to it: 0 unless a line started it.
    async fn depth(&self) -> u32 {
        self.result.depth
    }

    /// Number of the first failed line, from which it can be retried; null if there is none.
    async fn failed_line(&self) -> Option<u32> {
        self.result.failed_line
    }

    /// What it waits for, if it waits.
    async fn waits_for(&self, context: &Context<'_>) -> Result<Option<WaitsFor>> {
        match self.result.status.is_final() {
            true => Ok(None),
            false => context.data_unchecked::<DataLoader<WaitLoader>>().load_one(self.result.id).await,
        }
    }

    /// When the start was accepted.
    async fn created_at(&self) -> Moment {
        Moment(self.result.created_at)
    }

    /// When a worker first began to run it.
    async fn started_at(&self) -> Option<Moment> {
        self.result.started_at.map(Moment)
    }

    /// When it ended.
    async fn finished_at(&self) -> Option<Moment> {
        self.result.finished_at.map(Moment)
    }

    /// How often a worker began to run it.
    async fn attempt(&self) -> u32 {
        self.result.attempt
    }

    /// Records that the first line got from the start or from its source.
    async fn records_in(&self) -> u64 {
        self.result.counters.records_in
    }

    /// Records that the last line passed on.
    async fn records_out(&self) -> u64 {
        self.result.counters.records_out
    }

    /// Rejected records of all lines.
    async fn records_rejected(&self) -> u64 {
        self.result.counters.records_rejected
    }

    /// The modules that it runs with.
    #[graphql(complexity = "page::times(EXPECTED, child_complexity)")]
    async fn modules(&self) -> Vec<ModuleDigest<'_>> {
        self.result.modules.iter().map(ModuleDigest::of).collect()
    }

    /// The versions of filter templates that it runs with. Later edits of the templates do not change them.
    #[graphql(complexity = "page::times(EXPECTED, child_complexity)")]
    async fn templates(&self) -> Vec<TemplateVersion<'_>> {
        self.result.templates.iter().map(TemplateVersion::of).collect()
    }

    /// Its lines so far, by `lineNo`.
    #[graphql(complexity = "page::times(EXPECTED, child_complexity)")]
    async fn lines(&self, context: &Context<'_>) -> Result<Vec<LineResult>> {
        let lines = match &self.lines {
            Some(lines) => Some(Arc::clone(lines)),
            None => context.data_unchecked::<DataLoader<LineLoader>>().load_one(self.result.id).await?,
        };
        let Some(lines) = lines else { return Ok(Vec::new()) };
        Ok((0..lines.len()).map(|index| LineResult::of(self.result.id, Arc::clone(&lines), index)).collect())
    }

    /// Progress of the running line; null if no line runs, or its progress is not known yet.
    async fn progress(&self, context: &Context<'_>) -> Option<Progress> {
        let known = || engine(context).results().progress(self.result.id);
        self.progress.clone().or_else(known).filter(|_| !self.result.status.is_final()).map(Progress::read)
    }
}

/// A version of a module that a job result runs with.
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

/// A version of a filter template that a job result runs with.
#[derive(SimpleObject)]
pub(crate) struct TemplateVersion<'a> {
    /// Key of the template.
    key: &'a str,
    /// Number of the version: 1 for the first, then one more each time it is saved.
    version: u32,
}

impl<'a> TemplateVersion<'a> {
    fn of(named: &'a engine::model::template_version::TemplateVersion) -> Self {
        Self { key: &named.key, version: named.version }
    }
}

/// Progress of a line.
#[derive(SimpleObject)]
pub(crate) struct Progress {
    /// Number of the line.
    line_no: u32,
    /// Name of the line for people.
    line: String,
    /// Records processed so far.
    taken: u64,
    /// Records in total.
    of: u64,
}

impl Progress {
    fn read(progress: events::Progress) -> Self {
        let events::Progress { line_no, line, taken, of } = progress;
        Self { line_no, line, taken, of }
    }
}

/// Additional fields of a page of job results.
pub(crate) struct AllJobResults(ResultFilter);

/// Additional fields of a page of job results.
#[Object]
impl AllJobResults {
    /// How many job results the listing has in total. They are counted only when this field is requested.
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        Ok(engine(context).results().count(scope(context), &self.0).await?)
    }
}

/// The lines of the results of a page, if the document asks for them.
async fn read_lines(
    context: &Context<'_>,
    results: &[model::JobResult],
) -> Result<Option<HashMap<model::ResultId, Arc<Vec<model::LineResult>>>>> {
    let (nodes, edges) = (context.look_ahead().field("nodes"), context.look_ahead().field("edges").field("node"));
    let asked: Vec<_> = [nodes, edges].into_iter().map(|node| node.field("lines")).filter(Lookahead::exists).collect();
    if asked.is_empty() || results.is_empty() {
        return Ok(None);
    }
    let details = asked.iter().any(|lines| line_result::DETAILS.iter().any(|name| lines.field(name).exists()));
    let ids: Vec<_> = results.iter().map(|result| result.id).collect();
    line_loader::read((engine(context), scope(context), budget(context)), &ids, details).await.map(Some)
}

/// A job result of the caller, if it exists.
pub(crate) async fn find(context: &Context<'_>, id: model::ResultId) -> Result<Option<JobResult>> {
    let result = async { Ok(engine(context).results().find(scope(context), id).await?) };
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
    let listed = async { Ok(engine(context).results().list(scope(context), &filter, page).await?) };
    let listed = page::read(context, listed, |result| size_of_text(&result.arguments)).await?;
    let lines = read_lines(context, &listed.items).await?;
    let edge = |result: model::JobResult| {
        let lines = lines.as_ref().map(|lines| lines.get(&result.id).cloned().unwrap_or_default());
        (Cursor::behind(result.id.0), JobResult { lines, ..JobResult::of(result) })
    };
    Ok(page::of(listed, after.as_ref(), AllJobResults(filter), edge))
}
