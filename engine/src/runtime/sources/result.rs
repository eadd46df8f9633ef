//! Reading what a line of an earlier job result passed on.

use crate::model::fault::did_you_mean;
use crate::model::organization::OrgScope;
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::source::{LineRef, ResultSource, WhichResult};
use crate::model::status::Status;
use crate::ports::Page;
use crate::ports::StoreError;
use crate::ports::parts::PartKind;
use crate::ports::results::ResultFilter;
use crate::runtime::attempt::read_parts;
use crate::runtime::engine::Engine;
use crate::runtime::perform::{Broken, Halt};
use crate::runtime::select::About;
use crate::runtime::set::Set;

/// How many of the newest results that ended so are looked through for one that did real work.
const LOOKED_THROUGH: u32 = 100;
/// How many jobs are looked through for a key that is near.
const JOBS: u32 = 200;

/// The records that the source names.
pub(crate) async fn take(about: &About<'_>, source: &ResultSource) -> Result<Set, Broken> {
    let (engine, scope) = (about.engine, about.scope());
    let found = find(engine, scope, source, about.own).await.map_err(|error| away(&error))?;
    let Some(result) = found else { return Err(Broken::Error(missing(engine, scope, source).await)) };
    passed_on(engine, scope, &result, source.line.as_ref()).await
}

/// The records that a line of a job result passed on; without a line, the last that did.
pub(crate) async fn passed_on(
    engine: &Engine,
    scope: OrgScope,
    result: &JobResult,
    wanted: Option<&LineRef>,
) -> Result<Set, Broken> {
    let lines = engine.results.lines(scope, &[result.id]).await.map_err(|error| away(&error))?;
    let line = choose(wanted, lines.into_iter().map(|(_, line)| line))
        .map_err(|told| Broken::Error(format!("The job result {} of `{}` {told}", result.id.0, result.job)))?;
    let kept = output(engine, scope, result, &line).await?;
    match line.counters.records_out {
        out if out == kept.len() as u64 => Ok(kept),
        // A sample that was not cut is all there was.
        _ if !line.sample.cut => Ok(Set::held(line.sample.records)),
        out => Err(Broken::Error(format!(
            "Of the {out} records of line {} of the job result {} only a sample is kept; write `keep: true` on that \
             line of the job `{}`, and run it again.",
            line.called(),
            result.id.0,
            result.job
        ))),
    }
}

/// What is kept of a line. A retry has the lines that it took over from the result that it tries again.
async fn output(engine: &Engine, scope: OrgScope, result: &JobResult, line: &LineResult) -> Result<Set, Broken> {
    let (mut id, mut earlier) = (result.id, result.retry_of);
    loop {
        let kept = read_parts(engine, scope, id, (line.line_no, PartKind::Output), engine.room.sink()).await;
        let kept = kept.map_err(|halt| match halt {
            Halt::Store(error) => away(&error),
            Halt::Lost | Halt::Postponed => Broken::Killed,
        })?;
        match earlier {
            Some(before) if kept.is_empty() && line.counters.records_out > 0 => {
                let found = engine.results.find(scope, before).await.map_err(|error| away(&error))?;
                (id, earlier) = (before, found.and_then(|result| result.retry_of));
            }
            _ => return Ok(kept),
        }
    }
}

async fn find(
    engine: &Engine,
    scope: OrgScope,
    source: &ResultSource,
    own: Option<ResultId>,
) -> Result<Option<JobResult>, StoreError> {
    let statuses: &[Status] = match source.of {
        WhichResult::Id(id) => {
            let found = engine.results.find(scope, id).await?;
            return Ok(found.filter(|result| result.job == source.job));
        }
        WhichResult::LastSuccess => &[Status::Success, Status::Info],
        WhichResult::Last => &[Status::Success, Status::Info, Status::Warning, Status::Error, Status::Killed],
    };
    let mut newest: Option<JobResult> = None;
    for status in statuses {
        let filter = ResultFilter { job: Some(source.job.clone()), status: Some(*status) };
        let page = Page { before: None, limit: LOOKED_THROUGH };
        let listed = engine.results.list(scope, &filter, page).await?;
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
fn choose(wanted: Option<&LineRef>, lines: impl Iterator<Item = LineResult>) -> Result<LineResult, String> {
    let ran = |line: &LineResult| !matches!(line.status, Status::Skipped | Status::Killed | Status::Error);
    match wanted {
        None => lines.filter(ran).last().ok_or_else(|| "has no line that passed records on.".to_owned()),
        Some(wanted) => {
            let mut lines = lines.filter(|line| wanted.is(line.line_no, line.name.as_deref()));
            let line = lines.next().ok_or_else(|| format!("has no line `{wanted}`."))?;
            if ran(&line) {
                Ok(line)
            } else {
                Err(format!("passed nothing on at line {}: {}", line.called(), line.message))
            }
        }
    }
}

/// Why there is no such result: there is no such job, or it has none yet.
async fn missing(engine: &Engine, scope: OrgScope, source: &ResultSource) -> String {
    let job = &source.job;
    // If the store cannot answer, the sentence about the result is true as well.
    if let Ok(None) = engine.jobs.find(scope, job, None).await {
        let known = engine.jobs.list(scope, None, JOBS).await.map(|listed| listed.items).unwrap_or_default();
        return match did_you_mean(job, known.iter().map(|job| job.key.as_str())).as_str() {
            "" => format!("There is no job `{job}` in this organization."),
            near => format!("There is no job `{job}` in this organization{near}"),
        };
    }
    match source.of {
        WhichResult::Id(id) => format!("There is no job result {} of a job `{job}` in this organization.", id.0),
        WhichResult::LastSuccess => {
            format!("The job `{job}` has no result yet that ended well; run it first, or write `of: last`.")
        }
        WhichResult::Last => format!("The job `{job}` has no result yet that ended; run it first."),
    }
}

fn away(error: &StoreError) -> Broken {
    tracing::warn!(%error, "an earlier job result could not be read");
    Broken::Error("The earlier job result cannot be read at the moment; the node's log says why.".to_owned())
}
