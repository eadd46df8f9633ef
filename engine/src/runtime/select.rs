//! A filter line: takes the set from its source or from the line before, and chooses.

mod arrange;
mod distinct;
pub(super) mod lookup;
mod scan;

use std::borrow::Cow;
use std::sync::Arc;

use chrono_tz::Tz;
use serde_json::Value;
use tokio::sync::mpsc::channel;

use super::act::{self, counted};
use super::attempt::{AtLine, Attempt};
use super::engine::Engine;
use super::line_sets::LineSets;
use super::perform::{Broken, Done};
use super::rejections::Rejections;
use super::set::{Room, Set};
use super::sources::{self, FileReading, Stop, collection, result};
use crate::model::fault::field;
use crate::model::filter::Filter;
use crate::model::line::FilterWork;
use crate::model::organization::{OrgScope, Organization};
use crate::model::result::ResultId;
use crate::model::source::{CollectionSource, LineRef, Source};
use crate::model::status::Status;
use crate::ports::actions::Told;
use crate::ports::files::Files;
use crate::ports::scratch::ScratchFault;
use arrange::Gathering;
use lookup::{Joined, Lookups};
use scan::Scan;

/// How many records are looked at between two looks at the clock.
pub(super) const RECORDS_BETWEEN_CHECKS: usize = 256;

/// How many portions of a collection wait to be looked at.
const PORTIONS_AHEAD: usize = 2;

/// Runs a filter whose definition is rendered. It may hold costly patterns or a large
/// file, so it works away from the threads that answer calls, and looks up now and then.
pub(crate) async fn select(
    attempt: &Attempt<'_>,
    at: AtLine<'_>,
    (work, definition): (&FilterWork, Value),
    told: &mut Told,
) -> Result<Done, Broken> {
    let path = field(&at.line.path, "filter");
    let stop = Arc::new(Stop::new(attempt.kill.clone(), at.timeout));
    let zone = attempt.zone;
    let filter = aside(move || Filter::read(&definition, &path, zone).map_err(Broken::of_faults)).await?;
    let room = attempt.engine.room.clone();
    let (asks, fields_are_optional) = (work.script.is_some(), at.line.fields_optional);
    let selection = Selection { filter: Arc::new(filter), room, stop, zone, asks, fields_are_optional };
    let (organization, own) = (attempt.organization, Some(attempt.result.id));
    let about = About { engine: attempt.engine, organization, set: attempt.records(), lines: attempt.line_sets(), own };
    let chosen = selection.choose(&about).await?;
    let Some((action, script)) = work.script.as_deref().filter(|_| !chosen.kept.is_empty()) else {
        return Ok(selection.done(chosen));
    };
    let asked = act::act(attempt, AtLine { done: &[], ..at }, (action, script), &chosen.kept, told).await;
    let asked = asked.map_err(|unfinished| unfinished.why)?;
    let warning = (asked.status == Status::Warning).then_some(asked.message);
    let kept = selection.clone().arrange(asked.records).await?;
    let mut done = selection.done(Chosen { kept, ..chosen });
    if let Some(warning) = warning {
        // What the script was denied, or forgot to wait for, is no less a warning in a filter.
        (done.status, done.message) = (Status::Warning, format!("{} {warning}", done.message));
    }
    Ok(done)
}

/// Chooses from a source without a line.
pub(super) async fn choose(about: &About<'_>, filter: Filter, stop: Stop) -> Result<Chosen, Broken> {
    let (filter, room, stop) = (Arc::new(filter), about.engine.room.clone(), Arc::new(stop));
    let zone = about.organization.time_zone;
    Selection { filter, room, stop, zone, asks: false, fields_are_optional: false }.choose(about).await
}

/// For whom a filter chooses.
pub(super) struct About<'a> {
    pub(super) engine: &'a Engine,
    pub(super) organization: &'a Organization,
    /// The set that came in.
    pub(super) set: Set,
    /// The sets that earlier lines passed on.
    pub(super) lines: &'a LineSets,
    /// The job result that it is for, which is no source of its own.
    pub(super) own: Option<ResultId>,
}

impl About<'_> {
    pub(super) fn scope(&self) -> OrgScope {
        OrgScope::of(self.organization.id)
    }

    /// The set that an earlier line passed on.
    fn set_of_line(&self, line: &LineRef) -> Result<Set, Broken> {
        let nothing = || {
            Broken::Error(format!(
                "Line `{line}` passed no records on before this line; name an earlier line that is not skipped."
            ))
        };
        self.lines.get(line).ok_or_else(nothing)?.map_err(Broken::Error)
    }
}

/// A filter at work.
#[derive(Clone)]
struct Selection {
    filter: Arc<Filter>,
    room: Room,
    stop: Arc<Stop>,
    /// The zone in which the source's dates are meant.
    zone: Tz,
    /// Whether a script is asked about the records that meet the criteria.
    asks: bool,
    /// Whether fields that no record has are left without a warning.
    fields_are_optional: bool,
}

/// What was chosen.
pub(super) struct Chosen {
    /// How many records were looked at.
    pub(super) read: usize,
    /// Those of them that did not fit their types.
    rejected: Rejections,
    /// The records that go on; if a script is to be asked, those that meet the criteria.
    pub(super) kept: Set,
    /// Whether the source has no records at all.
    bare: bool,
    joined: Joined,
    /// Comparisons that could not be decided, and fields that no record has.
    pub(super) warning: Option<String>,
}

impl Selection {
    fn gathering(&self) -> Gathering {
        match self.asks {
            true => Gathering::AsTheyCome(self.room.writer()),
            false => Gathering::arranged(&self.filter, &self.room),
        }
    }

    fn scan(&self, lookups: Lookups) -> Scan<'_> {
        Scan::of(&self.filter, self.zone, self.fields_are_optional, lookups)
    }

    async fn choose(&self, about: &About<'_>) -> Result<Chosen, Broken> {
        let lookups = Lookups::load(about, &self.filter, self.zone, &self.stop).await?;
        match &self.filter.source {
            Some(Source::Collection(source)) => self.choose_in_collection(about, source, lookups).await,
            Some(Source::Result(source)) => {
                let set = self.stop.hold(result::take(about, source)).await?;
                self.choose_in_set_or_file(about, set, lookups).await
            }
            Some(Source::Line(line)) => self.choose_in_set_or_file(about, about.set_of_line(line)?, lookups).await,
            _ => self.choose_in_set_or_file(about, about.set.clone(), lookups).await,
        }
    }

    async fn choose_in_set_or_file(&self, about: &About<'_>, set: Set, lookups: Lookups) -> Result<Chosen, Broken> {
        let files = Arc::clone(&about.engine.files);
        let (organization, this) = (about.organization.key.clone(), self.clone());
        let choosing = move || {
            let (mut scan, mut gathering) = (this.scan(lookups), this.gathering());
            match &this.filter.source {
                None | Some(Source::Collection(_) | Source::Result(_) | Source::Line(_)) => {
                    this.keep(set.iter(), &mut scan, &mut gathering)?;
                }
                Some(Source::Inline(records)) => {
                    let records = records.iter().map(|record| Ok(Cow::Borrowed(record)));
                    this.keep(records, &mut scan, &mut gathering)?;
                }
                Some(Source::File(source)) => {
                    let reading = FileReading { source, types: &this.filter.types, zone: this.zone, stop: &this.stop };
                    sources::read(files.as_ref() as &dyn Files, &organization, &reading, |row| {
                        scan.take_row(row)?.map_or(Ok(()), |record| gathering.push(record, &this.stop))
                    })?;
                }
            }
            let scanned = scan.finish();
            let (read, warning) = (scanned.read, scanned.warning(Some(scanned.read as u64)));
            let (rejected, joined) = (scanned.rejected, scanned.joined);
            Ok(Chosen { read, rejected, kept: gathering.finish(&this.stop)?, bare: read == 0, joined, warning })
        };
        aside(choosing).await
    }

    fn keep<'a>(
        &self,
        records: impl Iterator<Item = Result<Cow<'a, Value>, ScratchFault>>,
        scan: &mut Scan<'_>,
        gathering: &mut Gathering,
    ) -> Result<(), Broken> {
        for record in records {
            // One record may be large, and looked at by many patterns.
            self.stop.check()?;
            if let Some(record) = scan.take(record?)? {
                gathering.push(record.into_owned(), &self.stop)?;
            }
        }
        Ok(())
    }

    /// The store hands over what it has, while the filter looks at it aside.
    async fn choose_in_collection(
        &self,
        about: &About<'_>,
        source: &CollectionSource,
        lookups: Lookups,
    ) -> Result<Chosen, Broken> {
        let (collections, scope) = (about.engine.collections.as_ref(), about.scope());
        let (to, from) = channel(PORTIONS_AHEAD);
        let (this, of) = (self.clone(), source.clone());
        let choosing = aside(move || {
            let (mut scan, mut gathering) = (this.scan(lookups), this.gathering());
            collection::choose(from, &of, &this.stop, |record| match scan.take(Cow::Owned(record))? {
                Some(record) => gathering.push(record.into_owned(), &this.stop),
                None => Ok(()),
            })?;
            Ok((scan.finish(), gathering.finish(&this.stop)?))
        });
        let taking = async {
            let wanted = collection::wanted(source, &self.filter);
            let taken = collection::take(collections, scope, source, wanted, to);
            let (taken, chosen) = tokio::join!(taken, choosing);
            taken?;
            let (mut scanned, kept) = chosen?;
            let read = scanned.read;
            collection::look_for(collections, scope, source, &mut scanned.fields).await?;
            // Without a limit the store looked at every record.
            let of = match scanned.has_mismatches() && self.filter.suffices().is_none() {
                true => Some(collection::count(collections, scope, source).await?),
                false => None,
            };
            let bare = read == 0 && collection::count(collections, scope, source).await? == 0;
            let warning = scanned.warning(of);
            Ok(Chosen { read, rejected: scanned.rejected, kept, bare, joined: scanned.joined, warning })
        };
        self.stop.hold(taking).await
    }

    /// What a script left, in its order.
    async fn arrange(self, left: Set) -> Result<Set, Broken> {
        let arranging = move || {
            let mut gathering = Gathering::arranged(&self.filter, &self.room);
            for record in left.iter() {
                gathering.push(record?.into_owned(), &self.stop)?;
            }
            gathering.finish(&self.stop)
        };
        aside(arranging).await
    }

    fn done(&self, Chosen { read, mut rejected, kept, bare, joined, warning }: Chosen) -> Done {
        let (status, message) = match (&self.filter.source, kept.len()) {
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
        let (status, message) = match warning {
            Some(warning) => (Status::Warning, format!("{message} {warning}")),
            None => (status, message),
        };
        let (status, message) = rejected.added_to(read, status, message);
        let (status, message) = joined.verdict(status, message);
        rejected.append(joined.rejected);
        Done { status, message, records_in: read as u64, records: kept, rejected }
    }
}

/// Works away from the threads that answer calls.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Broken> + Send + 'static,
) -> Result<T, Broken> {
    let work = tokio::task::spawn_blocking(work);
    work.await.map_err(|error| Broken::Error(format!("The filter broke off: {error}")))?
}

#[cfg(test)]
mod tests;
