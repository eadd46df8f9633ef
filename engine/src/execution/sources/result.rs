//! Reading the set that a line of an earlier job result passed on.

use crate::execution::filter_scope::FilterScope;
use crate::execution::outcome::{LineError, Stopped};
use crate::execution::stored_sets::read_stored_set;
use crate::model::fault::did_you_mean;
use crate::model::organization::OrgScope;
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::source::{LineRef, ResultSource, WhichResult};
use crate::model::status::Status;
use crate::node::Node;
use crate::ports::parts::PartKind;
use crate::ports::results::ResultFilter;
use crate::ports::{Page, StoreError};
use crate::records::Set;

/// How many of the newest results with each status are searched for one that really ran.
const SEARCHED_RESULTS: u32 = 100;
/// How many keys of jobs are compared to suggest the nearest.
const COMPARED_JOBS: u32 = 200;

/// The records that the source names.
pub(crate) async fn read(filter_scope: &FilterScope<'_>, source: &ResultSource) -> Result<Set, LineError> {
    let (node, scope) = (filter_scope.node, filter_scope.scope());
    let found = find(node, scope, source, filter_scope.own).await.map_err(|error| unreadable(&error))?;
    let Some(result) = found else { return Err(LineError::Failed(describe_missing(node, scope, source).await)) };
    read_passed_on(node, scope, &result, source.line.as_ref()).await
}

/// The records that a line of a job result passed on; without a line, the last that did.
pub(crate) async fn read_passed_on(
    node: &Node,
    scope: OrgScope,
    result: &JobResult,
    wanted: Option<&LineRef>,
) -> Result<Set, LineError> {
    let lines = node.stores.history.lines(scope, &[result.id]).await.map_err(|error| unreadable(&error))?;
    let line = choose_line(wanted, lines.into_iter().map(|(_, line)| line))
        .map_err(|reason| LineError::Failed(format!("The job result {} of `{}` {reason}", result.id.0, result.job)))?;
    let kept = read_output(node, scope, result, &line).await?;
    match line.counters.records_out {
        out if out == kept.len() as u64 => Ok(kept),
        // A sample that was not cut holds all records.
        _ if !line.sample.cut => Ok(Set::shared(line.sample.records)),
        out => Err(LineError::Failed(format!(
            "Only a sample of the {out} records of line {} of the job result {} is kept; write `keep: true` on that \
             line of the job `{}`, and run the job again.",
            line.called(),
            result.id.0,
            result.job
        ))),
    }
}

/// The output that is kept of a line. A retry took over lines from the result that it retries, and their sets stay
/// there.
async fn read_output(node: &Node, scope: OrgScope, result: &JobResult, line: &LineResult) -> Result<Set, LineError> {
    let (mut id, mut earlier) = (result.id, result.retry_of);
    loop {
        let kept = read_stored_set(node, scope, id, (line.line_no, PartKind::Output)).await;
        let kept = kept.map_err(|stopped| match stopped {
            Stopped::Store(error) => unreadable(&error),
            Stopped::Lost | Stopped::Postponed => LineError::Cancelled,
        })?;
        match earlier {
            Some(before) if kept.is_empty() && line.counters.records_out > 0 => {
                let found = node.stores.history.find(scope, before).await.map_err(|error| unreadable(&error))?;
                (id, earlier) = (before, found.and_then(|result| result.retry_of));
            }
            _ => return Ok(kept),
        }
    }
}

async fn find(
    node: &Node,
    scope: OrgScope,
    source: &ResultSource,
    own: Option<ResultId>,
) -> Result<Option<JobResult>, StoreError> {
    let statuses: &[Status] = match source.of {
        WhichResult::Id(id) => {
            let found = node.stores.history.find(scope, id).await?;
            return Ok(found.filter(|result| result.job == source.job));
        }
        WhichResult::LastSuccess => &[Status::Success, Status::Info],
        WhichResult::Last => &[Status::Success, Status::Info, Status::Warning, Status::Error, Status::Killed],
    };
    let mut newest: Option<JobResult> = None;
    for status in statuses {
        let filter = ResultFilter { job: Some(source.job.clone()), status: Some(*status) };
        let page = Page { before: None, limit: SEARCHED_RESULTS };
        let listed = node.stores.history.list(scope, &filter, page).await?;
        let usable = |result: &JobResult| {
            Some(result.id) != own && result.status.is_final() && !result.dry_run && result.started_at.is_some()
        };
        let found = listed.items.into_iter().find(usable);
        if found.as_ref().map(|result| result.id) > newest.as_ref().map(|result| result.id) {
            newest = found;
        }
    }
    Ok(newest)
}

/// The line that is named, or the last one that ran.
fn choose_line(wanted: Option<&LineRef>, lines: impl Iterator<Item = LineResult>) -> Result<LineResult, String> {
    let ran = |line: &LineResult| !matches!(line.status, Status::Skipped | Status::Killed | Status::Error);
    match wanted {
        None => lines.filter(ran).last().ok_or_else(|| "has no line that passed records on.".to_owned()),
        Some(wanted) => {
            let mut lines = lines.filter(|line| wanted.is(line.line_no, line.name.as_deref()));
            let line = lines.next().ok_or_else(|| format!("has no line `{wanted}`."))?;
            if ran(&line) {
                Ok(line)
            } else {
                Err(format!("passed no records on at line {}: {}", line.called(), line.message))
            }
        }
    }
}

/// Why there is no such result: the job does not exist, or has no result yet.
async fn describe_missing(node: &Node, scope: OrgScope, source: &ResultSource) -> String {
    let job = &source.job;
    // If the store cannot answer, the message about the result is still true.
    if let Ok(None) = node.stores.jobs.find(scope, job, None).await {
        let known =
            node.stores.jobs.list(scope, None, COMPARED_JOBS).await.map(|listed| listed.items).unwrap_or_default();
        return match did_you_mean(job, known.iter().map(|job| job.key.as_str())).as_str() {
            "" => format!("There is no job `{job}` in this organization."),
            near => format!("There is no job `{job}` in this organization{near}"),
        };
    }
    match source.of {
        WhichResult::Id(id) => format!("The job `{job}` has no result {} in this organization.", id.0),
        WhichResult::LastSuccess => {
            format!(
                "No result of the job `{job}` has ended with `success` or `info` yet; run it first, or write `of: last`."
            )
        }
        WhichResult::Last => format!("No result of the job `{job}` has ended yet; run the job first."),
    }
}

fn unreadable(error: &StoreError) -> LineError {
    tracing::warn!(%error, "an earlier job result could not be read");
    LineError::Failed("The earlier job result cannot be read at the moment; the node's log says why.".to_owned())
}
