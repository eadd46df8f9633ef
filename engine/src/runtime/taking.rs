//! What the batches of an action line come to: records that go on, rejections, a sentence.

use std::borrow::Cow;

use serde_json::Value;

use super::act::{COPIED, counted};
use super::perform::{Broken, Done, Unfinished};
use super::rejections::Rejections;
use super::set::{Set, SetWriter, Sink};
use crate::model::field_use::FieldUse;
use crate::model::record::Rejected;
use crate::model::status::Status;
use crate::ports::actions::{Outcome, Severity};
use crate::ports::parts::BatchDone;
use crate::ports::reach::CLOSING;

/// What the batches have come to so far.
pub(super) struct Taking {
    records: Sink,
    /// The set, and how many of its records have gone on as they were. As long as that is all
    /// that happened, nothing is copied. None once the sink has what goes on.
    as_it_was: Option<(Set, usize)>,
    rejected: Rejections,
    /// The positions of the rejected records in the set.
    rejected_at: Vec<usize>,
    /// How many records were handed over.
    handed: usize,
    /// The fields of records that the action's parameters name.
    fields: FieldUse,
    message: Option<String>,
    severity: Option<Severity>,
}

impl Taking {
    pub(super) fn of(set: &Set, writer: SetWriter, fields: FieldUse) -> Self {
        Self {
            records: Sink::into(writer),
            as_it_was: Some((set.clone(), 0)),
            rejected: Rejections::default(),
            rejected_at: Vec::new(),
            handed: 0,
            fields,
            message: None,
            severity: None,
        }
    }

    /// Adds what came of a batch.
    pub(super) async fn add(&mut self, came: Judged, batch: Cow<'_, [Value]>) -> Result<(), Broken> {
        self.rejected_at.extend(came.positions(&batch).into_iter().map(|position| self.handed + position));
        self.handed += batch.len();
        batch.iter().for_each(|record| self.fields.see(record));
        came.rejected.into_iter().for_each(|one| self.rejected.push(one));
        self.note(came.message, came.severity);
        match (came.records, &mut self.as_it_was) {
            (Some(records), _) => self.add_last(records).await,
            (None, Some((_, passed))) => {
                *passed += batch.len();
                Ok(())
            }
            (None, None) => self.add_last(batch.into_owned()).await,
        }
    }

    /// Adds what came of an action that takes no records: without any, the set itself goes on.
    pub(super) async fn add_alone(&mut self, came: Judged) -> Result<(), Broken> {
        if came.records.is_none()
            && let Some((set, passed)) = &mut self.as_it_was
        {
            *passed = set.len();
        }
        self.add(came, Cow::Borrowed(&[])).await
    }

    pub(super) async fn close(&mut self, outcome: Outcome) -> Result<(), Broken> {
        // Closing without a word adds nothing to how the batches went; without any batch, and
        // without records, there was nothing to do. A warning counts even without a word.
        let mute = outcome.message.is_none() && (self.severity.is_some() || outcome.records.is_none());
        let severity = if mute && outcome.severity == Severity::Success { Severity::Info } else { outcome.severity };
        self.note(outcome.message, severity);
        match outcome.records {
            Some(records) if !records.is_empty() => self.add_last(records).await,
            _ => Ok(()),
        }
    }

    /// Adds records after all others.
    async fn add_last(&mut self, records: Vec<Value>) -> Result<(), Broken> {
        self.copy().await?;
        Ok(self.records.extend(records).await?)
    }

    /// The records that went on as they were go to the sink.
    async fn copy(&mut self) -> Result<(), Broken> {
        let Some((set, mut left)) = self.as_it_was.take() else { return Ok(()) };
        let mut batches = set.batches(COPIED, 0);
        while left > 0
            && let Some(batch) = batches.next().await?
        {
            let mut batch = batch.into_owned();
            batch.truncate(left);
            left -= batch.len();
            self.records.extend(batch).await?;
        }
        Ok(())
    }

    fn note(&mut self, message: Option<String>, severity: Severity) {
        self.severity = self.severity.max(Some(severity));
        self.message = message.or(self.message.take());
    }

    /// What there is to say of a line that did not get to its end.
    pub(super) fn unfinished(self, why: Broken) -> Unfinished {
        Unfinished { why, rejected: self.rejected, rejected_at: self.rejected_at }
    }

    pub(super) async fn done(mut self, taken: usize, action: &str) -> Result<Done, Broken> {
        let records = match self.as_it_was.take_if(|(set, passed)| set.len() == *passed) {
            Some((set, _)) => set,
            None => {
                self.copy().await?;
                self.records.finish().await?
            }
        };
        let came = Came { rejected: &self.rejected, said: self.message, severity: self.severity };
        let (mut status, mut message) = came.verdict(taken, records.len(), action);
        if let Some(warning) = self.fields.warning() {
            status = status.max(Status::Warning);
            message = format!("{message} {warning}");
        }
        Ok(Done { status, message, records_in: taken as u64, records, rejected: self.rejected })
    }
}

/// What came of one batch.
pub(super) struct Judged {
    /// What goes on; none if that is the batch as it was.
    records: Option<Vec<Value>>,
    rejected: Vec<Rejected>,
    message: Option<String>,
    severity: Severity,
}

impl Judged {
    /// Which records of a batch go on, and which were rejected.
    pub(super) fn of(batch: &[Value], outcome: Outcome) -> Result<Self, Broken> {
        let mut leaves = vec![false; batch.len()];
        let mut rejected = Vec::with_capacity(outcome.rejected.len());
        let mut reasons = outcome.rejected;
        reasons.sort_by_key(|(index, _)| *index);
        for (index, reason) in reasons {
            let position = index as usize;
            let Some(leaving) = leaves.get_mut(position) else {
                return Err(Broken::Error(format!(
                    "The action rejected record {position} of a batch of {}; this is a fault of its module.",
                    batch.len()
                )));
            };
            if !std::mem::replace(leaving, true) {
                rejected.push(Rejected { record: batch[position].clone(), reason });
            }
        }
        let staying = || batch.iter().zip(&leaves).filter(|(_, leaves)| !**leaves).map(|(record, _)| record.clone());
        let records = match outcome.records {
            None if !rejected.is_empty() => Some(staying().collect()),
            records => records,
        };
        Ok(Self { records, rejected, message: outcome.message, severity: outcome.severity })
    }

    /// The positions of the rejected records in their batch, whose order they have. Of equal records
    /// it does not matter which one was rejected.
    fn positions(&self, batch: &[Value]) -> Vec<usize> {
        let mut rejected = self.rejected.iter().map(|one| &one.record).peekable();
        let is_next = |record| rejected.next_if(|next| *next == record).is_some();
        batch.iter().map(is_next).enumerate().filter_map(|(position, rejected)| rejected.then_some(position)).collect()
    }

    /// As an earlier attempt recorded it.
    pub(super) fn recorded(done: &BatchDone) -> Self {
        let BatchDone { records, rejected, message, severity, .. } = done.clone();
        Self { records, rejected, message, severity }
    }

    /// As it is recorded.
    pub(super) fn done(&self, line_no: u32, batch: u32, taken: usize) -> BatchDone {
        BatchDone {
            line_no,
            batch,
            taken: u32::try_from(taken).unwrap_or(u32::MAX),
            records: self.records.clone(),
            rejected: self.rejected.clone(),
            message: self.message.clone(),
            severity: self.severity,
        }
    }
}

/// The closing of a line, as it is recorded.
pub(super) fn closing(line_no: u32, outcome: &Outcome) -> BatchDone {
    BatchDone {
        line_no,
        batch: CLOSING,
        taken: 0,
        records: outcome.records.clone(),
        rejected: Vec::new(),
        message: outcome.message.clone(),
        severity: outcome.severity,
    }
}

/// How a line was closed, as an earlier attempt recorded it.
pub(super) fn closed(done: &BatchDone) -> Outcome {
    let BatchDone { records, message, severity, .. } = done.clone();
    Outcome { records, rejected: Vec::new(), message, severity }
}

/// How a line went, apart from its records.
struct Came<'a> {
    rejected: &'a Rejections,
    said: Option<String>,
    severity: Option<Severity>,
}

impl Came<'_> {
    fn verdict(self, taken: usize, passed_on: usize, action: &str) -> (Status, String) {
        if let Some(first) = self.rejected.first().first() {
            let all = self.rejected.count() == taken as u64;
            let status = if all { Status::Error } else { Status::Warning };
            let which = if all {
                format!("all {}", counted(taken))
            } else {
                format!("{} of {}", self.rejected.count(), counted(taken))
            };
            let said = self.said.map_or_else(String::new, |said| format!(" {said}"));
            return (status, format!("Rejected {which}; the first: {}.{said}", first.reason.trim_end_matches('.')));
        }
        let plain = || format!("{action} took {} and passed on {passed_on}.", counted(taken));
        match self.severity {
            Some(Severity::Warning) => (Status::Warning, self.said.unwrap_or_else(plain)),
            Some(Severity::Info) => (Status::Info, self.said.unwrap_or_else(|| "There was nothing to do.".to_owned())),
            _ => (Status::Success, self.said.unwrap_or_else(plain)),
        }
    }
}
