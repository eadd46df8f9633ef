//! Going on with a result: after a crash, after a wait, or as a retry of another.

use std::collections::BTreeSet;

use super::Attempt;
use super::verdict::Rest;
use crate::model::line::{Line, RunOn};
use crate::model::organization::OrgScope;
use crate::model::result::{LineResult, ResultId};
use crate::model::source::LineRef;
use crate::model::status::Status;
use crate::ports::parts::{BatchDone, PartKind};
use crate::ports::queue::{CRASHES_ALONE, Resume};
use crate::runtime::act::COPIED;
use crate::runtime::engine::Engine;
use crate::runtime::perform::{Broken, Halt};
use crate::runtime::set::{Set, Sink};
use crate::runtime::sources::result::passed_on;

/// How many parts of a set are read at once.
const PARTS_AT_ONCE: u32 = 4;

/// What is known of an earlier attempt.
#[derive(Default)]
pub(super) struct Resumed {
    /// The line that is next, whose input is kept.
    at: Option<u32>,
    tries: u32,
    batches: Vec<BatchDone>,
    /// The lines at which more records join the set.
    joins: BTreeSet<u32>,
    pub(super) condemned: Option<u32>,
    pub(super) careful: bool,
}

impl Resumed {
    /// Whether a line was done before, or has no part in a retry from a later one.
    pub(super) fn is_past(&self, line_no: u32) -> bool {
        self.at.is_some_and(|at| line_no < at)
    }

    /// Whether the result goes on at this line.
    pub(super) fn is_at(&self, line_no: u32) -> bool {
        self.at == Some(line_no)
    }

    /// Whether records join the set after this line.
    pub(super) fn join_after(&self, line_no: u32) -> bool {
        self.joins.range(line_no + 1..).next().is_some()
    }

    /// How often a line was tried before.
    pub(super) fn tries(&self, line_no: u32) -> u32 {
        if self.is_at(line_no) { self.tries } else { 0 }
    }

    /// The batches of a line that are recorded as done.
    pub(super) fn done(&self, line_no: u32) -> &[BatchDone] {
        if self.is_at(line_no) { &self.batches } else { &[] }
    }
}

impl Attempt<'_> {
    /// The lines after the next one at which records join. Those of the next line are in its input.
    async fn find_joins(&self, at: Option<u32>) -> Result<BTreeSet<u32>, Halt> {
        let mut joins = BTreeSet::new();
        if self.result.retry_of.is_none() {
            return Ok(joins);
        }
        let scope = OrgScope::of(self.lease.organization);
        for line in self.job.lines.iter().filter(|line| at.is_none_or(|at| at < line.line_no)) {
            let set = (line.line_no, PartKind::Joining);
            if !self.engine.results.parts(scope, self.lease.result, set, 0, 1).await?.is_empty() {
                joins.insert(line.line_no);
            }
        }
        Ok(joins)
    }

    /// Takes up where the result was.
    pub(super) async fn go_on(&mut self, resume: Resume) -> Result<(), Halt> {
        let Resume { lines, at, tries, batches, condemned, careful } = resume;
        self.engine.waits.remove(self.lease.result);
        let joins = self.find_joins(at).await?;
        // Any other line would not have begun after a stop.
        let next = self.job.lines.iter().find(|line| Some(line.line_no) == at);
        let runs_after_stop = next.is_some_and(|line| line.run_on != RunOn::Success);
        self.resumed = Resumed { at, tries, batches, joins, condemned, careful };
        for line in lines {
            if self.failed_line.is_none() && line.status == Status::Error && self.has_input(&line).await? {
                self.failed_line = Some(line.line_no);
            }
            if runs_after_stop {
                let of_job = self.job.lines.iter().find(|of_job| of_job.line_no == line.line_no);
                let rest = of_job.and_then(|of_job| Rest::after(of_job, &line, self.job));
                let joined = |rest: &Rest| matches!(rest, Rest::AfterEmpty(empty) if self.resumed.join_after(*empty));
                self.rest = self.rest.or(rest.filter(|rest| !joined(rest)));
            }
            self.take_up(line);
        }
        if next.is_some_and(|line| line.run_on == RunOn::Error) && self.rest.is_none() {
            // Nothing but the end of the job's time stops a job without such an error.
            let failed = self.lines.iter().find(|line| line.status == Status::Error);
            let skipped = || self.lines.iter().find(|line| line.status == Status::Skipped);
            let before = || skipped().map(|line| Rest::BeforeLine(line.line_no));
            self.rest = failed.map(|line| Rest::AfterTimeout(line.line_no)).or_else(before);
        }
        if let Some(line_no) = at {
            self.records = self.read_back(line_no, PartKind::Input).await?;
            self.restore_line_sets(line_no).await;
        }
        Ok(())
    }

    /// Takes up the sets of earlier lines that lines from this one on read.
    async fn restore_line_sets(&mut self, line_no: u32) {
        let scope = OrgScope::of(self.lease.organization);
        let sets = &mut self.line_sets;
        for line in &self.lines {
            if !sets.is_read_from(line_no, line) {
                continue;
            }
            let set = passed_on(self.engine, scope, &self.result, Some(&LineRef::Number(line.line_no))).await;
            let set = set.map_err(|broken| match broken {
                Broken::Error(message) => message,
                _ => "The set of an earlier line cannot be read at the moment.".to_owned(),
            });
            if set.is_ok() {
                self.journal.has_line_set(line.line_no);
            }
            sets.restore(line, set);
        }
    }

    /// Whether the input of a line in error is kept: not of one that an earlier result had, nor of one
    /// that was too large.
    async fn has_input(&self, line: &LineResult) -> Result<bool, Halt> {
        let scope = OrgScope::of(self.lease.organization);
        let kept = self.engine.results.parts(scope, self.lease.result, (line.line_no, PartKind::Input), 0, 1).await?;
        Ok(!kept.is_empty())
    }

    /// A set that is kept of a line.
    async fn read_back(&self, line_no: u32, kind: PartKind) -> Result<Set, Halt> {
        let scope = OrgScope::of(self.lease.organization);
        read_parts(self.engine, scope, self.lease.result, (line_no, kind), self.engine.room.sink()).await
    }

    /// Adds what the line had rejected in the result that is tried again.
    pub(super) async fn join(&mut self, line: &Line) -> Result<(), Halt> {
        if !self.resumed.joins.contains(&line.line_no) {
            return Ok(());
        }
        let joining = self.read_back(line.line_no, PartKind::Joining).await?;
        let mut all = self.engine.room.sink();
        for set in [&self.records, &joining] {
            let mut batches = set.batches(COPIED, 0);
            while let Some(batch) = batches.next().await? {
                all.extend(batch.into_owned()).await?;
            }
        }
        self.records = all.finish().await?;
        Ok(())
    }
}

/// The set that is kept of a line of a result, in the room of `sink`.
pub(crate) async fn read_parts(
    engine: &Engine,
    scope: OrgScope,
    id: ResultId,
    set: (u32, PartKind),
    mut sink: Sink,
) -> Result<Set, Halt> {
    let mut from = 0;
    loop {
        let parts = engine.results.parts(scope, id, set, from, PARTS_AT_ONCE).await?;
        let Some(last) = parts.last() else { break };
        from = last.part + 1;
        for part in parts {
            sink.extend(part.records).await?;
        }
    }
    Ok(sink.finish().await?)
}

/// The error of a line that ran alone in too many crashes.
pub(super) fn condemned_line() -> Broken {
    Broken::Error(format!(
        "The node went down {CRASHES_ALONE} times while only this line ran, so it is not tried again."
    ))
}
