//! What the batches of an action line come to: records that go on, rejections, a sentence.

use std::borrow::Cow;

use serde_json::Value;

use super::act::counted;
use super::perform::{Broken, Done};
use super::rejections::Rejections;
use super::set::{Set, SetWriter, Sink};
use crate::model::record::Rejected;
use crate::model::status::Status;
use crate::ports::actions::{Outcome, Severity};

/// How many records are copied at once from one set to another.
const COPIED: usize = 1000;

/// What the batches have come to so far.
pub(super) struct Taking {
    records: Sink,
    /// The set, and how many of its records have gone on as they were. As long as that is all
    /// that happened, nothing is copied. None once the sink has what goes on.
    as_it_was: Option<(Set, usize)>,
    rejected: Rejections,
    message: Option<String>,
    severity: Option<Severity>,
}

impl Taking {
    pub(super) fn of(set: &Set, writer: SetWriter) -> Self {
        let (as_it_was, message, severity) = (Some((set.clone(), 0)), None, None);
        Self { records: Sink::into(writer), as_it_was, rejected: Rejections::default(), message, severity }
    }

    /// Takes up what came of a batch.
    pub(super) async fn outcome(&mut self, batch: Cow<'_, [Value]>, outcome: Outcome) -> Result<(), Broken> {
        let leaves = self.reject(&batch, outcome.rejected)?;
        self.note(outcome.message, outcome.severity);
        match (outcome.records, &mut self.as_it_was) {
            (Some(records), _) => self.add(records).await,
            (None, Some((_, passed))) if !leaves.contains(&true) => {
                *passed += batch.len();
                Ok(())
            }
            (None, _) => self.add(staying(batch, &leaves)).await,
        }
    }

    /// Notes the rejected records, and says which of the batch they are.
    fn reject(&mut self, batch: &[Value], rejected: Vec<(u32, String)>) -> Result<Vec<bool>, Broken> {
        let mut leaves = vec![false; batch.len()];
        for (index, reason) in rejected {
            let position = index as usize;
            let Some(leaving) = leaves.get_mut(position) else {
                return Err(Broken::Error(format!(
                    "The action rejected record {position} of a batch of {}; this is a fault of its module.",
                    batch.len()
                )));
            };
            if !std::mem::replace(leaving, true) {
                self.rejected.push(Rejected { record: batch[position].clone(), reason });
            }
        }
        Ok(leaves)
    }

    pub(super) async fn outcome_without_records(&mut self, set: &Set, outcome: Outcome) -> Result<(), Broken> {
        self.note(outcome.message, outcome.severity);
        match outcome.records {
            Some(records) => self.add(records).await,
            None => {
                self.as_it_was = Some((set.clone(), set.len()));
                Ok(())
            }
        }
    }

    pub(super) async fn close(&mut self, outcome: Outcome) -> Result<(), Broken> {
        // Closing without a word adds nothing to how the batches went; without any batch, and
        // without records, there was nothing to do. A warning counts even without a word.
        let mute = outcome.message.is_none() && (self.severity.is_some() || outcome.records.is_none());
        let severity = if mute && outcome.severity == Severity::Success { Severity::Info } else { outcome.severity };
        self.note(outcome.message, severity);
        match outcome.records {
            Some(records) if !records.is_empty() => self.add(records).await,
            _ => Ok(()),
        }
    }

    /// Adds records after all others.
    async fn add(&mut self, records: Vec<Value>) -> Result<(), Broken> {
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

    pub(super) async fn done(mut self, taken: usize, action: &str) -> Result<Done, Broken> {
        let records = match self.as_it_was.take_if(|(set, passed)| set.len() == *passed) {
            Some((set, _)) => set,
            None => {
                self.copy().await?;
                self.records.finish().await?
            }
        };
        let came = Came { rejected: &self.rejected, said: self.message, severity: self.severity };
        let (status, message) = came.verdict(taken, records.len(), action);
        Ok(Done { status, message, records_in: taken as u64, records, rejected: self.rejected })
    }
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
