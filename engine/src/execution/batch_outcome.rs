//! The outcome of each batch of an action line, and the outcome of the line that they make up.

use std::borrow::Cow;

use serde_json::Value;

use crate::execution::outcome::{LineError, LineOutcome, UnfinishedLine};
use crate::model::field_use::FieldUse;
use crate::model::record::Rejected;
use crate::model::status::Status;
use crate::ports::actions::{Outcome, Severity};
use crate::ports::host_calls::CLOSE_BATCH;
use crate::ports::parts::BatchDone;
use crate::records::rejections::Rejections;
use crate::records::{COPIED, all_of, counted};
use crate::records::{Set, SetWriter, Sink};

/// Collects the outcomes of batches.
pub(super) struct OutcomeCollector {
    records: Sink,
    /// The input, and how many of its first records were passed on unchanged. As long as nothing else happened, no
    /// record is copied. None once the sink has the records.
    unchanged: Option<(Set, usize)>,
    rejected: Rejections,
    /// The positions of the rejected records in the set.
    rejected_at: Vec<usize>,
    /// How many records the action was given.
    taken: usize,
    /// The fields of records that the action's parameters name.
    fields: FieldUse,
    message: Option<String>,
    severity: Option<Severity>,
}

impl OutcomeCollector {
    pub(super) fn new(set: &Set, writer: SetWriter, fields: FieldUse) -> Self {
        Self {
            records: Sink::into(writer),
            unchanged: Some((set.clone(), 0)),
            rejected: Rejections::default(),
            rejected_at: Vec::new(),
            taken: 0,
            fields,
            message: None,
            severity: None,
        }
    }

    pub(super) async fn add(&mut self, outcome: BatchOutcome, batch: Cow<'_, [Value]>) -> Result<(), LineError> {
        self.rejected_at.extend(outcome.rejected_positions(&batch).into_iter().map(|position| self.taken + position));
        self.taken += batch.len();
        batch.iter().for_each(|record| self.fields.see(record));
        outcome.rejected.into_iter().for_each(|rejected| self.rejected.push(rejected));
        self.merge_message(outcome.message, outcome.severity);
        match (outcome.records, &mut self.unchanged) {
            (Some(records), _) => self.append(records).await,
            (None, Some((_, count))) => {
                *count += batch.len();
                Ok(())
            }
            (None, None) => self.append(batch.into_owned()).await,
        }
    }

    /// Adds the outcome of an action that takes no records: if it returns none, the whole input is passed on.
    pub(super) async fn add_without_input(&mut self, outcome: BatchOutcome) -> Result<(), LineError> {
        if outcome.records.is_none()
            && let Some((set, count)) = &mut self.unchanged
        {
            *count = set.len();
        }
        self.add(outcome, Cow::Borrowed(&[])).await
    }

    /// Adds the outcome of closing the line.
    pub(super) async fn close(&mut self, outcome: Outcome) -> Result<(), LineError> {
        // Success is the default severity. Without a message it does not say more than the batches did; and if there
        // was no batch and there are no records, there was nothing to do.
        let is_default = outcome.message.is_none() && outcome.severity == Severity::Success;
        let adds_nothing = self.severity.is_some() || outcome.records.is_none();
        let severity = if is_default && adds_nothing { Severity::Info } else { outcome.severity };
        self.merge_message(outcome.message, severity);
        match outcome.records {
            Some(records) if !records.is_empty() => self.append(records).await,
            _ => Ok(()),
        }
    }

    async fn append(&mut self, records: Vec<Value>) -> Result<(), LineError> {
        self.copy_unchanged().await?;
        Ok(self.records.extend(records).await?)
    }

    /// Copies the records that were passed on unchanged to the sink.
    async fn copy_unchanged(&mut self) -> Result<(), LineError> {
        let Some((set, mut remaining)) = self.unchanged.take() else { return Ok(()) };
        let mut batches = set.batches(COPIED, 0);
        while remaining > 0
            && let Some(batch) = batches.next().await?
        {
            let mut batch = batch.into_owned();
            batch.truncate(remaining);
            remaining -= batch.len();
            self.records.extend(batch).await?;
        }
        Ok(())
    }

    /// The worst severity and the last message count.
    fn merge_message(&mut self, message: Option<String>, severity: Severity) {
        self.severity = self.severity.max(Some(severity));
        self.message = message.or(self.message.take());
    }

    pub(super) fn into_unfinished(self, error: LineError) -> UnfinishedLine {
        UnfinishedLine { error, rejected: self.rejected, rejected_at: self.rejected_at }
    }

    pub(super) async fn finish(mut self, taken: usize, action: &str) -> Result<LineOutcome, LineError> {
        let records = match self.unchanged.take_if(|(set, count)| set.len() == *count) {
            Some((set, _)) => set,
            None => {
                self.copy_unchanged().await?;
                self.records.finish().await?
            }
        };
        let line = LineSummary { rejected: &self.rejected, message: self.message, severity: self.severity };
        let (mut status, mut message) = line.summarize(taken, records.len(), action);
        if let Some(warning) = self.fields.warning() {
            status = status.max(Status::Warning);
            message = format!("{message} {warning}");
        }
        Ok(LineOutcome { status, message, records_in: taken as u64, records, rejected: self.rejected })
    }
}

/// The outcome of one batch.
pub(super) struct BatchOutcome {
    /// The records that are passed on; none if the batch is passed on unchanged.
    records: Option<Vec<Value>>,
    rejected: Vec<Rejected>,
    message: Option<String>,
    severity: Severity,
}

impl BatchOutcome {
    pub(super) fn from_action(batch: &[Value], outcome: Outcome) -> Result<Self, LineError> {
        let mut is_rejected = vec![false; batch.len()];
        let mut rejected = Vec::with_capacity(outcome.rejected.len());
        let mut reasons = outcome.rejected;
        reasons.sort_by_key(|(index, _)| *index);
        for (index, reason) in reasons {
            let position = index as usize;
            let Some(was_rejected) = is_rejected.get_mut(position) else {
                return Err(LineError::Failed(format!(
                    "The action rejected record {position} of a batch of {}; this is a fault of its module.",
                    batch.len()
                )));
            };
            if !std::mem::replace(was_rejected, true) {
                rejected.push(Rejected { record: batch[position].clone(), reason });
            }
        }
        let accepted = || -> Vec<Value> {
            let records = batch.iter().zip(&is_rejected).filter(|(_, is_rejected)| !**is_rejected);
            records.map(|(record, _)| record.clone()).collect()
        };
        let records = match outcome.records {
            None if !rejected.is_empty() => Some(accepted()),
            records => records,
        };
        Ok(Self { records, rejected, message: outcome.message, severity: outcome.severity })
    }

    /// The positions of the rejected records in their batch. They are in the order of the batch; of equal records it
    /// does not matter which one was rejected.
    fn rejected_positions(&self, batch: &[Value]) -> Vec<usize> {
        let mut rejected = self.rejected.iter().map(|rejected| &rejected.record).peekable();
        let is_next = |record| rejected.next_if(|next| *next == record).is_some();
        batch.iter().map(is_next).enumerate().filter_map(|(position, rejected)| rejected.then_some(position)).collect()
    }

    pub(super) fn from_recorded(done: &BatchDone) -> Self {
        let BatchDone { records, rejected, message, severity, .. } = done.clone();
        Self { records, rejected, message, severity }
    }

    pub(super) fn to_recorded(&self, line_no: u32, batch: u32, taken: usize) -> BatchDone {
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

/// The outcome of closing a line, as it is recorded.
pub(super) fn closing_to_recorded(line_no: u32, outcome: &Outcome) -> BatchDone {
    BatchDone {
        line_no,
        batch: CLOSE_BATCH,
        taken: 0,
        records: outcome.records.clone(),
        rejected: Vec::new(),
        message: outcome.message.clone(),
        severity: outcome.severity,
    }
}

pub(super) fn closing_from_recorded(done: &BatchDone) -> Outcome {
    let BatchDone { records, message, severity, .. } = done.clone();
    Outcome { records, rejected: Vec::new(), message, severity }
}

/// What the status and the message of a line depend on, besides its records.
struct LineSummary<'a> {
    rejected: &'a Rejections,
    /// The last message of the action.
    message: Option<String>,
    severity: Option<Severity>,
}

impl LineSummary<'_> {
    fn summarize(self, taken: usize, passed_on: usize, action: &str) -> (Status, String) {
        if let Some(first) = self.rejected.first().first() {
            let all = self.rejected.count() == taken as u64;
            let status = if all { Status::Error } else { Status::Warning };
            let which = match all {
                true => all_of(taken),
                false => format!("{} of {}", self.rejected.count(), counted(taken)),
            };
            let message = self.message.map_or_else(String::new, |message| format!(" {message}"));
            return (status, format!("Rejected {which}; the first: {}.{message}", first.reason.trim_end_matches('.')));
        }
        let default = || format!("{action} took {} and passed on {passed_on}.", counted(taken));
        let nothing_to_do = || "There was nothing to do.".to_owned();
        match self.severity {
            Some(Severity::Warning) => (Status::Warning, self.message.unwrap_or_else(default)),
            Some(Severity::Info) => (Status::Info, self.message.unwrap_or_else(nothing_to_do)),
            _ => (Status::Success, self.message.unwrap_or_else(default)),
        }
    }
}
