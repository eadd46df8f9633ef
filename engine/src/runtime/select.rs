//! A filter line: takes the set from its source or from the line before, and chooses.

use std::sync::Arc;

use serde_json::Value;

use super::act::{self, counted};
use super::attempt::{AtLine, Attempt};
use super::perform::{Broken, Done};
use super::rejections::Rejections;
use super::set::{Room, Set};
use super::sources::{self, Stop, collection};
use crate::model::fault::field;
use crate::model::filter::Filter;
use crate::model::line::FilterWork;
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
    at: AtLine<'_>,
    (work, definition): (&FilterWork, Value),
    told: &mut Told,
) -> Result<Done, Broken> {
    let path = field(&at.line.path, "filter");
    let (set, files) = (attempt.records(), Arc::clone(&attempt.engine.files));
    let room = attempt.engine.room.clone();
    let organization = attempt.organization.key.clone();
    let stop = Stop::new(attempt.kill.clone(), at.timeout);
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
        let chosen = Chosen { room, filter, read, kept, bare: bare.unwrap_or(read == 0), stop };
        if asks { Ok(Err(chosen)) } else { chosen.arrange().map(Ok) }
    });
    let mut chosen = match chosen.await? {
        Ok(done) => return Ok(done),
        Err(chosen) => chosen,
    };
    let mut warning = None;
    if let Some((action, script)) = work.script.as_deref().filter(|_| !chosen.kept.is_empty()) {
        let kept = Set::held(std::mem::take(&mut chosen.kept));
        let asked = act::act(attempt, AtLine { done: &[], ..at }, (action, script), &kept, told).await?;
        chosen.kept = aside(move || Ok(asked.records.to_vec()?)).await?;
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
    room: Room,
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
        let mut records = self.room.writer();
        records.extend(self.filter.arrange(self.kept))?;
        self.stop.check()?;
        Ok(done(&self.filter, self.read, records.finish()?, self.bare))
    }
}

/// Works away from the threads that answer calls.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Broken> + Send + 'static) -> Result<T, Broken> {
    let work = tokio::task::spawn_blocking(work);
    work.await.map_err(|error| Broken::Error(format!("The filter broke off: {error}")))?
}

/// How many records were looked at, and those that match. A collection was taken before.
fn choose(
    filter: &Filter,
    set: &Set,
    files: &dyn Files,
    organization: &str,
    stop: &Stop,
) -> Result<(usize, Records), Broken> {
    match &filter.source {
        None | Some(Source::Collection(_)) => keep(filter, set, stop),
        Some(Source::Inline(records)) => keep(filter, &Set::held(records.clone()), stop),
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

fn keep(filter: &Filter, set: &Set, stop: &Stop) -> Result<(usize, Records), Broken> {
    let mut kept = Records::new();
    for (position, record) in set.iter().enumerate() {
        if position % RECORDS_BETWEEN_CHECKS == 0 {
            stop.check()?;
        }
        let record = record?;
        if filter.keeps(&record) {
            kept.push(record.into_owned());
        }
    }
    Ok((set.len(), kept))
}

fn done(filter: &Filter, read: usize, records: Set, bare: bool) -> Done {
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
    Done { status, message, records_in: read as u64, records, rejected: Rejections::default() }
}
