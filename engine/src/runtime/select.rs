//! A filter line: takes the set from its source or from the line before, and chooses.

mod arrange;
mod distinct;
pub(super) mod lookup;

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
use super::sources::{self, FileReading, Stop, Typed, collection, result};
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
    let filter = aside(move || Filter::read(&definition, &path).map_err(Broken::of_faults)).await?;
    let room = attempt.engine.room.clone();
    let selection = Selection { filter: Arc::new(filter), room, stop, zone: attempt.zone, asks: work.script.is_some() };
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

/// Chooses from a source, for whoever asks without a line: how many records were looked at, and
/// those that go on.
pub(super) async fn choose(about: &About<'_>, filter: Filter, stop: Stop) -> Result<(usize, Set), Broken> {
    let room = about.engine.room.clone();
    let zone = about.organization.time_zone;
    let selection = Selection { filter: Arc::new(filter), room, stop: Arc::new(stop), zone, asks: false };
    let chosen = selection.choose(about).await?;
    Ok((chosen.read, chosen.kept))
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
}

/// What was chosen.
struct Chosen {
    /// How many records were looked at.
    read: usize,
    /// Those of them that did not fit their types.
    rejected: Rejections,
    /// The records that go on; if a script is to be asked, those that meet the criteria.
    kept: Set,
    /// Whether the source has no records at all.
    bare: bool,
    joined: Joined,
}

impl Selection {
    fn gathering(&self) -> Gathering {
        match self.asks {
            true => Gathering::AsTheyCome(self.room.writer()),
            false => Gathering::arranged(&self.filter, &self.room),
        }
    }

    fn typed(&self) -> Typed<'_> {
        Typed::of(self.filter.source.as_ref(), &self.filter.types, self.zone)
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

    async fn choose_in_set_or_file(&self, about: &About<'_>, set: Set, mut lookups: Lookups) -> Result<Chosen, Broken> {
        let files = Arc::clone(&about.engine.files);
        let (organization, this) = (about.organization.key.clone(), self.clone());
        let choosing = move || {
            let (mut gathering, mut typed) = (this.gathering(), this.typed());
            match &this.filter.source {
                None | Some(Source::Collection(_) | Source::Result(_) | Source::Line(_)) => {
                    this.keep(set.iter(), (&mut typed, &mut lookups), &mut gathering)?;
                }
                Some(Source::Inline(records)) => {
                    let records = records.iter().map(|record| Ok(Cow::Borrowed(record)));
                    this.keep(records, (&mut typed, &mut lookups), &mut gathering)?;
                }
                Some(Source::File(source)) => {
                    let reading = FileReading { source, types: &this.filter.types, zone: this.zone, stop: &this.stop };
                    sources::read(files.as_ref() as &dyn Files, &organization, &reading, |row| {
                        let Some(record) = typed.take_row(row)? else { return Ok(()) };
                        match lookups.join(Cow::Owned(record))? {
                            Some(record) if this.filter.keeps(&record) => {
                                gathering.push(record.into_owned(), &this.stop)
                            }
                            _ => Ok(()),
                        }
                    })?;
                }
            }
            let ((read, rejected), joined) = (typed.finish(), lookups.finish());
            Ok(Chosen { read, rejected, kept: gathering.finish(&this.stop)?, bare: read == 0, joined })
        };
        aside(choosing).await
    }

    fn keep<'a>(
        &self,
        records: impl Iterator<Item = Result<Cow<'a, Value>, ScratchFault>>,
        (typed, lookups): (&mut Typed<'_>, &mut Lookups),
        gathering: &mut Gathering,
    ) -> Result<(), Broken> {
        for (position, record) in records.enumerate() {
            if position % RECORDS_BETWEEN_CHECKS == 0 {
                self.stop.check()?;
            }
            let Some(record) = typed.take(record?)? else { continue };
            let Some(record) = lookups.join(record)? else { continue };
            if self.filter.keeps(&record) {
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
        mut lookups: Lookups,
    ) -> Result<Chosen, Broken> {
        let (collections, scope) = (about.engine.collections.as_ref(), about.scope());
        let (to, from) = channel(PORTIONS_AHEAD);
        let (this, of) = (self.clone(), source.clone());
        let choosing = aside(move || {
            let (mut gathering, mut typed) = (this.gathering(), this.typed());
            let each = |record| gathering.push(record, &this.stop);
            collection::choose(from, &of, &this.filter, (&mut typed, &mut lookups, &this.stop), each)?;
            Ok((typed.finish(), gathering.finish(&this.stop)?, lookups.finish()))
        });
        let taking = async {
            let wanted = collection::wanted(source, &self.filter);
            let taken = collection::take(collections, scope, source, wanted, to);
            let (taken, chosen) = tokio::join!(taken, choosing);
            taken?;
            let ((read, rejected), kept, joined) = chosen?;
            let bare = read == 0 && collection::is_bare(collections, scope, source).await?;
            Ok(Chosen { read, rejected, kept, bare, joined })
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

    fn done(&self, Chosen { read, mut rejected, kept, bare, joined }: Chosen) -> Done {
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
