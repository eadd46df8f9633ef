//! The stored sets and lines of a job result, in memory.

use std::collections::BTreeMap;

use super::{Entry, impossible};
use engine::model::result::LineResult;
use engine::model::status::Event;
use engine::ports::StoreError;
use engine::ports::parts::{Part, PartKind};
use engine::ports::queue::{Resume, end_open_line};
use engine::ports::results::RetryStart;

impl Entry {
    pub(super) fn keep(&mut self, parts: Vec<Part>) {
        for Part { line_no, kind, .. } in parts.iter().filter(|part| part.part == 0) {
            self.parts.retain(|(other_line, other, _), _| (other_line, other) != (line_no, kind));
        }
        for Part { line_no, kind, part, records } in parts {
            self.parts.insert((line_no, kind, part), records);
        }
    }

    pub(super) fn note(&mut self, lines: Vec<LineResult>) {
        self.lines.extend(lines.into_iter().map(|line| (line.line_no, line)));
    }

    pub(super) fn set(&self, line_no: u32, kind: PartKind) -> Vec<Part> {
        let set = self.parts.range((line_no, kind, 0)..=(line_no, kind, u32::MAX));
        set.map(|((_, _, part), records)| Part { line_no, kind, part: *part, records: records.clone() }).collect()
    }

    /// Where the next claim continues. The results of lines that run again are dropped.
    pub(super) fn resume(&mut self) -> Option<Resume> {
        if self.checkpoint.is_none() && self.lease == 0 {
            return None;
        }
        let at = self.checkpoint.map(|(line_no, _)| line_no);
        let next = at.unwrap_or(0);
        self.lines.retain(|line_no, _| *line_no < next);
        Some(Resume {
            lines: self.lines.values().cloned().collect(),
            at,
            failed_attempts: self.checkpoint.map_or(0, |(_, failed_attempts)| failed_attempts),
            batches: self.batches.iter().filter(|batch| Some(batch.line_no) == at).cloned().collect(),
            condemned: self.crashes.condemned(),
            careful: self.crashes.any(),
        })
    }

    /// Ends the open lines of a result that has ended.
    pub(super) fn end_open_lines(&mut self, event: Event, message: &str) -> Result<(), StoreError> {
        let Some(at) = self.result.finished_at else { return Ok(()) };
        for line in self.lines.values_mut().filter(|line| !line.status.is_final()) {
            end_open_line(line, event, message, at).map_err(impossible)?;
        }
        Ok(())
    }

    /// Drops what only a running result needs. A retry needs the input of the failed line, so it stays.
    pub(super) fn drop_temporary(&mut self, failed_line: Option<u32>) {
        let joins = |line_no: u32| failed_line.is_some_and(|failed| failed < line_no);
        self.parts.retain(|(line_no, kind, _), _| {
            kind.is_kept() || Some(*line_no) == failed_line || (*kind == PartKind::Joining && joins(*line_no))
        });
        self.batches.retain(|batch| Some(batch.line_no) == failed_line);
        self.checkpoint = None;
    }

    /// Drops what was copied from the retried result, when this result is skipped.
    pub(super) fn drop_copied(&mut self) {
        (self.lines, self.parts) = (BTreeMap::new(), BTreeMap::new());
        (self.batches, self.checkpoint) = (Vec::new(), None);
    }

    /// Copies what a retry needs from the result that it retries.
    pub(super) fn copy_from(&mut self, old: &Self, retry: &RetryStart) -> Result<(), StoreError> {
        if !old.result.status.is_final() {
            return Err(impossible("the job result to be retried has not ended"));
        }
        self.note(old.lines.range(..retry.line_no).map(|(_, line)| line.clone()).collect());
        self.checkpoint = Some((retry.line_no, 0));
        match &retry.parts {
            Some(parts) => self.keep(parts.clone()),
            None => {
                let copied = old.parts.iter().filter(|((line_no, kind, _), _)| match kind {
                    PartKind::Input => *line_no == retry.line_no,
                    PartKind::Joining => *line_no >= retry.line_no,
                    PartKind::Output | PartKind::Rejected => false,
                });
                self.parts.extend(copied.map(|(key, records)| (*key, records.clone())));
                if !retry.restarts_effects(self.result.id) {
                    let of_line = old.batches.iter().filter(|batch| batch.line_no == retry.line_no);
                    self.batches = of_line.cloned().collect();
                }
            }
        }
        Ok(())
    }
}
