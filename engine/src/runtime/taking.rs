//! What the batches of an action line come to: records that go on, rejections, a sentence.

use std::borrow::Cow;

use serde_json::Value;

use super::act::{COPIED, counted};
use super::perform::{Broken, Done};
use super::rejections::Rejections;
use super::set::{Set, SetWriter, Sink};
use crate::model::record::Rejected;
use crate::model::status::Status;
use crate::ports::actions::{Outcome, Severity};
use crate::ports::parts::BatchDone;
use crate::ports::reach::CLOSING;

/// What the batches have come to so far.
pub(super) struct Taking {
    records: Sink,
    /// The set itself, where the action neither took nor gave records.
    passed_on: Option<Set>,
    rejected: Rejections,
    message: Option<String>,
    severity: Option<Severity>,
}

impl Taking {
    pub(super) fn of(writer: SetWriter) -> Self {
        let (passed_on, message, severity) = (None, None, None);
        Self { records: Sink::into(writer), passed_on, rejected: Rejections::default(), message, severity }
    }

    /// Looks at what came of a batch: which records go on, and which were rejected.
    pub(super) fn judge(&self, batch: Cow<'_, [Value]>, outcome: Outcome) -> Result<Judged, Broken> {
        let (rejected, leaves) = rejected(&batch, outcome.rejected)?;
        let records = match outcome.records {
            None if batch.is_empty() => None,
            None => Some(staying(batch, &leaves)),
            records => records,
        };
        Ok(Judged { records, rejected, message: outcome.message, severity: outcome.severity })
    }

    /// Adds what came of a batch.
    pub(super) async fn add(&mut self, batch: Judged) -> Result<(), Broken> {
        batch.rejected.into_iter().for_each(|one| self.rejected.push(one));
        self.note(batch.message, batch.severity);
        Ok(self.records.extend(batch.records.unwrap_or_default()).await?)
    }

    /// Adds what came of a batch in an earlier attempt.
    pub(super) async fn add_done(&mut self, done: BatchDone) -> Result<(), Broken> {
        let BatchDone { records, rejected, message, severity, .. } = done;
        self.add(Judged { records: Some(records), rejected, message, severity }).await
    }

    /// Lets the set itself go on.
    pub(super) fn pass_on(&mut self, set: Set) {
        self.passed_on = Some(set);
    }

    /// Closes as an earlier attempt did.
    pub(super) async fn close_done(&mut self, done: BatchDone) -> Result<(), Broken> {
        let records = (!done.records.is_empty()).then_some(done.records);
        self.close(Outcome { records, rejected: Vec::new(), message: done.message, severity: done.severity }).await
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
        if let Some(set) = self.passed_on.take() {
            let mut batches = set.batches(COPIED, 0);
            while let Some(batch) = batches.next().await? {
                self.records.extend(batch.into_owned()).await?;
            }
        }
        Ok(self.records.extend(records).await?)
    }

    fn note(&mut self, message: Option<String>, severity: Severity) {
        self.severity = self.severity.max(Some(severity));
        self.message = message.or(self.message.take());
    }

    pub(super) async fn done(self, taken: usize, action: &str) -> Result<Done, Broken> {
        let records = match self.passed_on {
            Some(set) => set,
            None => self.records.finish().await?,
        };
        let came = Came { rejected: &self.rejected, said: self.message, severity: self.severity };
        let (status, message) = came.verdict(taken, records.len(), action);
        Ok(Done { status, message, records_in: taken as u64, records, rejected: self.rejected })
    }
}

/// What came of one batch.
pub(super) struct Judged {
    /// What goes on; none if there was no batch to go on.
    pub(super) records: Option<Vec<Value>>,
    rejected: Vec<Rejected>,
    message: Option<String>,
    severity: Severity,
}

impl Judged {
    /// As it is recorded.
    pub(super) fn done(&self, line_no: u32, batch: u32, taken: usize) -> BatchDone {
        BatchDone {
            line_no,
            batch,
            taken: u32::try_from(taken).unwrap_or(u32::MAX),
            records: self.records.clone().unwrap_or_default(),
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
        records: outcome.records.clone().unwrap_or_default(),
        rejected: Vec::new(),
        message: outcome.message.clone(),
        severity: outcome.severity,
    }
}

/// The rejected records of a batch, and which they are.
fn rejected(batch: &[Value], rejected: Vec<(u32, String)>) -> Result<(Vec<Rejected>, Vec<bool>), Broken> {
    let (mut told, mut leaves) = (Vec::with_capacity(rejected.len()), vec![false; batch.len()]);
    for (index, reason) in rejected {
        let position = index as usize;
        let Some(leaving) = leaves.get_mut(position) else {
            return Err(Broken::Error(format!(
                "The action rejected record {position} of a batch of {}; this is a fault of its module.",
                batch.len()
            )));
        };
        if !std::mem::replace(leaving, true) {
            told.push(Rejected { record: batch[position].clone(), reason });
        }
    }
    Ok((told, leaves))
}

/// The records of a batch that were not rejected.
fn staying(batch: Cow<'_, [Value]>, leaves: &[bool]) -> Vec<Value> {
    match batch {
        Cow::Borrowed(batch) => {
            batch.iter().zip(leaves).filter(|(_, leaves)| !**leaves).map(|(r, _)| r.clone()).collect()
        }
        Cow::Owned(batch) => batch.into_iter().zip(leaves).filter(|(_, leaves)| !**leaves).map(|(r, _)| r).collect(),
    }
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
