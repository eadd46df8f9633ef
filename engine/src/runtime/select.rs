//! A filter line: takes the set from its source or from the line before, and chooses.

use std::sync::Arc;

use serde_json::Value;

use super::act::{self, counted};
use super::attempt::Attempt;
use super::perform::{Broken, Done};
use super::sources::{self, Stop, collection};
use crate::model::fault::field;
use crate::model::filter::Filter;
use crate::model::line::{FilterWork, Line};
use crate::model::organization::OrgScope;
use crate::model::record::Records;
use crate::model::source::Source;
use crate::model::status::Status;
use crate::ports::actions::Told;
use crate::ports::files::Files;

/// How many records are looked at between two looks at the clock.
pub(super) const RECORDS_BETWEEN_CHECKS: usize = 256;

/// Runs a filter whose definition is rendered. It may hold costly patterns or a large
/// file, so it works away from the threads that answer calls, and looks up now and then.
pub(crate) async fn select(
    attempt: &Attempt<'_>,
    line: &Line,
    (work, definition): (&FilterWork, Value),
    told: &mut Told,
) -> Result<Done, Broken> {
    let path = field(&line.path, "filter");
    let (set, files) = (attempt.records(), Arc::clone(&attempt.engine.files));
    let organization = attempt.organization.key.clone();
    let stop = Stop::new(attempt.kill.clone(), line.timeout);
    let filter = aside(move || Filter::read(&definition, &path).map_err(Broken::of_faults)).await?;
    let mut taken = None;
    if let Some(Source::Collection(source)) = &filter.source {
        let (collections, scope) = (attempt.engine.collections.as_ref(), OrgScope::of(attempt.organization.id));
        taken = Some(stop.hold(collection::take(collections, scope, source, &filter)).await?);
    }
    let asks = work.script.is_some();
    let chosen = aside(move || {
        let bare = taken.as_ref().map(|taken| taken.bare);
        let (read, kept) = match (&filter.source, taken) {
            (Some(Source::Collection(source)), Some(taken)) => taken.choose(source, &filter, &stop)?,
            _ => choose(&filter, &set, files.as_ref(), &organization, &stop)?,
        };
        let chosen = Chosen { filter, read, kept, bare: bare.unwrap_or(read == 0), stop };
        if asks { Ok(Err(chosen)) } else { chosen.arrange().map(Ok) }
    });
    let mut chosen = match chosen.await? {
        Ok(done) => return Ok(done),
        Err(chosen) => chosen,
    };
    let mut warning = None;
    if let Some((action, script)) = work.script.as_deref().filter(|_| !chosen.kept.is_empty()) {
        let asked = act::act(attempt, line, (action, script), &chosen.kept, told).await?;
        chosen.kept = asked.records;
        warning = (asked.status == Status::Warning).then_some(asked.message);
    }
    let mut done = aside(move || chosen.arrange()).await?;
    if let Some(warning) = warning {
        // What the script was denied, or forgot to wait for, is no less a warning in a filter.
        (done.status, done.message) = (Status::Warning, format!("{} {warning}", done.message));
    }
    Ok(done)
}

/// The records that meet the criteria, not yet in their order.
struct Chosen {
    filter: Filter,
    /// How many were looked at.
    read: usize,
    kept: Records,
    /// Whether the source has no records at all.
    bare: bool,
    stop: Stop,
}

impl Chosen {
    fn arrange(self) -> Result<Done, Broken> {
        self.stop.check()?;
        let records = self.filter.arrange(self.kept);
        self.stop.check()?;
        Ok(done(&self.filter, self.read, records, self.bare))
    }
}

/// Works away from the threads that answer calls.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Broken> + Send + 'static,
) -> Result<T, Broken> {
    let work = tokio::task::spawn_blocking(work);
    work.await.map_err(|error| Broken::Error(format!("The filter broke off: {error}")))?
}

/// How many records were looked at, and those that match. A collection was taken before.
pub(super) fn choose(
    filter: &Filter,
    set: &Records,
    files: &dyn Files,
    organization: &str,
    stop: &Stop,
) -> Result<(usize, Records), Broken> {
    match &filter.source {
        None | Some(Source::Collection(_)) => keep(filter, set, stop),
        Some(Source::Inline(records)) => keep(filter, records, stop),
        Some(Source::Result(_)) => Err(Broken::Error("The source `result` needs a server.".to_owned())),
        Some(Source::File(file)) => {
            let (mut read, mut kept) = (0, Records::new());
            sources::read(files, organization, file, stop, |record| {
                read += 1;
                if filter.keeps(&record) {
                    kept.push(record);
                }
            })?;
            Ok((read, kept))
        }
    }
}

fn keep(filter: &Filter, set: &Records, stop: &Stop) -> Result<(usize, Records), Broken> {
    let mut kept = Records::new();
    for part in set.chunks(RECORDS_BETWEEN_CHECKS) {
        stop.check()?;
        kept.extend(part.iter().filter(|record| filter.keeps(record)).cloned());
    }
    Ok((set.len(), kept))
}

fn done(filter: &Filter, read: usize, records: Records, bare: bool) -> Done {
    let (status, message) = match (&filter.source, records.len()) {
        _ if bare => (Status::Info, "There were no records to choose from.".to_owned()),
        // The store did not say how many it passed over.
        (Some(Source::Collection(source)), 0) => {
            (Status::Info, format!("No record of the collection `{}` matched.", source.name))
        }
        (Some(Source::Collection(source)), kept) => {
            (Status::Success, format!("Chose {} of the collection `{}`.", counted(kept), source.name))
        }
        (_, 0) => (Status::Info, format!("None of {} matched.", counted(read))),
        (_, kept) => (Status::Success, format!("Chose {kept} of {}.", counted(read))),
    };
    Done { status, message, records_in: read as u64, records, rejected: Vec::new() }
}
