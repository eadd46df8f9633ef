//! A filter line: it takes records from its source, or from the line before, and chooses among them.

mod distinct;
pub(super) mod lookup;
mod scan;
mod set_builder;

use std::borrow::Cow;
use std::sync::Arc;

use chrono_tz::Tz;
use serde_json::Value;
use tokio::sync::mpsc::channel;

use super::action;
use super::filter_scope::FilterScope;
use super::line_run::LineRun;
use super::outcome::{LineError, LineOutcome};
use super::sources::{self, FileReading, collection, result};
use crate::deadline::Deadline;
use crate::model::fault::field;
use crate::model::filter::Filter;
use crate::model::line::FilterWork;
use crate::model::record::size_up_to;
use crate::model::source::{CollectionSource, Source};
use crate::model::status::Status;
use crate::node::blocking::blocking;
use crate::ports::actions::LineOutput;
use crate::ports::scratch::ScratchFault;
use crate::records::rejections::Rejections;
use crate::records::{Set, SpillConfig, counted};
use lookup::{LookupSummary, Lookups};
use scan::Scan;
use set_builder::SetBuilder;

/// How many portions of a collection are read ahead of the scan.
const PORTIONS_AHEAD: usize = 2;

/// Runs a filter whose definition is rendered. It may hold costly patterns or a large file, so it works away from the
/// async threads, and checks now and then whether it has to stop.
pub(crate) async fn run(
    line_run: LineRun<'_>,
    (work, definition): (&FilterWork, Arc<Value>),
    output: &mut LineOutput,
) -> Result<LineOutcome, LineError> {
    let zone = line_run.zone;
    let deadline = Arc::new(line_run.deadline());
    let filter = read(work, definition, field(&line_run.line.path, "filter"), zone).await?;
    let (has_script, fields_are_optional) = (work.script.is_some(), line_run.line.fields_optional);
    let spill = line_run.node.spill.clone();
    let selector = Selector { filter, spill, deadline, zone, has_script, fields_are_optional };
    let selected = selector.select(&line_run.filter_scope()).await?;
    let Some((script, parameters)) = work.script.as_deref().filter(|_| !selected.records.is_empty()) else {
        return Ok(selector.outcome(selected));
    };
    let line_run = LineRun { done: &[], ..line_run };
    let of_script = action::run(line_run, (script, parameters), &selected.records, output)
        .await
        .map_err(|unfinished| unfinished.error)?;
    let warning = (of_script.status == Status::Warning).then_some(of_script.message);
    let records = selector.clone().arrange(of_script.records).await?;
    let mut outcome = selector.outcome(Selected { records, ..selected });
    if let Some(warning) = warning {
        // A call that the script was denied, or did not wait for, is as much a warning here as in an action line.
        (outcome.status, outcome.message) = (Status::Warning, format!("{} {warning}", outcome.message));
    }
    Ok(outcome)
}

/// Reads a definition, unless it is constant and was read before.
async fn read(work: &FilterWork, definition: Arc<Value>, path: String, zone: Tz) -> Result<Arc<Filter>, LineError> {
    if let Some(known) = work.known_filter(zone) {
        return Ok(known);
    }
    let read = blocking(move || Filter::read(&definition, &path, zone)).await?;
    let filter = Arc::new(read.map_err(LineError::of_faults)?);
    work.keep_filter(zone, &filter);
    Ok(filter)
}

/// Chooses from a source without a line.
pub(crate) async fn select(scope: &FilterScope<'_>, filter: Filter, deadline: Deadline) -> Result<Selected, LineError> {
    let (filter, spill, deadline) = (Arc::new(filter), scope.node.spill.clone(), Arc::new(deadline));
    let zone = scope.organization.time_zone;
    let selector = Selector { filter, spill, deadline, zone, has_script: false, fields_are_optional: false };
    selector.select(scope).await
}

/// A running filter.
#[derive(Clone)]
struct Selector {
    filter: Arc<Filter>,
    spill: SpillConfig,
    deadline: Arc<Deadline>,
    /// The zone of dates in the source that name none.
    zone: Tz,
    /// Whether a script chooses among the records that meet the criteria.
    has_script: bool,
    /// Whether the filter may name fields that no record has, without a warning.
    fields_are_optional: bool,
}

/// The records that a filter chose, and what its message says about the others.
pub(crate) struct Selected {
    /// How many records were read.
    pub(crate) read: usize,
    /// Those of them that did not fit their types.
    rejected: Rejections,
    /// The chosen records; if the filter has a script, those that meet the criteria.
    pub(crate) records: Set,
    source_is_empty: bool,
    lookups: LookupSummary,
    /// Comparisons that could not be decided, and fields that no record has.
    pub(crate) warning: Option<String>,
}

impl Selector {
    fn set_builder(&self) -> SetBuilder {
        match self.has_script {
            true => SetBuilder::Unarranged(self.spill.writer()),
            false => SetBuilder::arranged(&self.filter, &self.spill),
        }
    }

    fn begin_scan(&self, lookups: Lookups) -> Scan<'_> {
        Scan::new(&self.filter, self.zone, self.fields_are_optional, lookups)
    }

    async fn select(&self, scope: &FilterScope<'_>) -> Result<Selected, LineError> {
        let lookups = Lookups::load(scope, &self.filter, self.zone, &self.deadline).await?;
        match &self.filter.source {
            Some(Source::Collection(source)) => self.select_from_collection(scope, source, lookups).await,
            Some(Source::Result(source)) => {
                let set = self.deadline.run(result::read(scope, source)).await??;
                self.select_from_set_or_file(scope, set, lookups).await
            }
            Some(Source::Line(line)) => self.select_from_set_or_file(scope, scope.set_of_line(line)?, lookups).await,
            _ => self.select_from_set_or_file(scope, scope.set.clone(), lookups).await,
        }
    }

    async fn select_from_set_or_file(
        &self,
        scope: &FilterScope<'_>,
        set: Set,
        lookups: Lookups,
    ) -> Result<Selected, LineError> {
        if self.is_quick(&set, &lookups) {
            return self.select_from_records(&set, lookups);
        }
        let files = Arc::clone(&scope.node.files);
        let (organization, this) = (scope.organization.key.clone(), self.clone());
        let selecting = move || -> Result<Selected, LineError> {
            let Some(Source::File(source)) = &this.filter.source else {
                return this.select_from_records(&set, lookups);
            };
            let (mut scan, mut builder) = (this.begin_scan(lookups), this.set_builder());
            let reading = FileReading { source, types: &this.filter.types, zone: this.zone, deadline: &this.deadline };
            sources::read(files.as_ref(), &organization, &reading, |row| match scan.scan_row(row)? {
                Some(record) => builder.push(record, &this.deadline),
                None => Ok(()),
            })?;
            this.selected(scan, builder)
        };
        blocking(selecting).await?
    }

    /// Whether choosing takes about as little time as handing it to another thread: from a few small records in memory,
    /// without patterns.
    fn is_quick(&self, set: &Set, lookups: &Lookups) -> bool {
        const RECORDS: usize = 100;
        const BYTES: usize = 256 * 1024;
        let in_memory = matches!(self.filter.source, None | Some(Source::Result(_) | Source::Line(_)));
        let Some(tests) = self.filter.criteria().quick_tests().filter(|_| in_memory && lookups.is_empty()) else {
            return false;
        };
        // Of a set in a file, not all records are in memory.
        let first = set.first(RECORDS);
        first.len() == set.len() && size_up_to(first, BYTES / (tests + 1)).is_some()
    }

    /// Chooses from the records of the definition, or else of a set.
    fn select_from_records(&self, set: &Set, lookups: Lookups) -> Result<Selected, LineError> {
        let (mut scan, mut builder) = (self.begin_scan(lookups), self.set_builder());
        match &self.filter.source {
            Some(Source::Inline(records)) => {
                let records = records.iter().map(|record| Ok(Cow::Borrowed(record)));
                self.scan_records(records, &mut scan, &mut builder)?;
            }
            _ => self.scan_records(set.iter(), &mut scan, &mut builder)?,
        }
        self.selected(scan, builder)
    }

    fn selected(&self, scan: Scan<'_>, builder: SetBuilder) -> Result<Selected, LineError> {
        let summary = scan.finish();
        let (read, warning) = (summary.read, summary.warning(Some(summary.read as u64)));
        let (rejected, lookups) = (summary.rejected, summary.lookups);
        let records = builder.finish(&self.deadline)?;
        Ok(Selected { read, rejected, records, source_is_empty: read == 0, lookups, warning })
    }

    fn scan_records<'a>(
        &self,
        records: impl Iterator<Item = Result<Cow<'a, Value>, ScratchFault>>,
        scan: &mut Scan<'_>,
        builder: &mut SetBuilder,
    ) -> Result<(), LineError> {
        for record in records {
            // One record may be large, and matched against many patterns.
            self.deadline.check()?;
            if let Some(record) = scan.scan(record?)? {
                builder.push(record.into_owned(), &self.deadline)?;
            }
        }
        Ok(())
    }

    /// The store sends the records, while the scan runs on a thread of its own.
    async fn select_from_collection(
        &self,
        scope: &FilterScope<'_>,
        source: &CollectionSource,
        lookups: Lookups,
    ) -> Result<Selected, LineError> {
        let (collections, organization) = (scope.node.stores.collections.as_ref(), scope.scope());
        let (sender, receiver) = channel(PORTIONS_AHEAD);
        let (this, scanned_source) = (self.clone(), source.clone());
        let scanning = blocking(move || -> Result<_, LineError> {
            let (mut scan, mut builder) = (this.begin_scan(lookups), this.set_builder());
            collection::receive_records(receiver, &scanned_source, &this.deadline, |record| {
                match scan.scan(Cow::Owned(record))? {
                    Some(record) => builder.push(record.into_owned(), &this.deadline),
                    None => Ok(()),
                }
            })?;
            Ok((scan.finish(), builder.finish(&this.deadline)?))
        });
        let selecting = async {
            let wanted = collection::wanted(source, &self.filter);
            let sending = collection::send_records(collections, organization, source, wanted, sender);
            let (sent, scanned) = tokio::join!(sending, scanning);
            sent?;
            let (mut summary, records) = scanned??;
            let read = summary.read;
            collection::find_fields(collections, organization, source, &mut summary.fields).await?;
            // Without a limit the store compared every record.
            let total = match summary.has_mismatches() && self.filter.stop_after().is_none() {
                true => Some(collection::count(collections, organization, source).await?),
                false => None,
            };
            let source_is_empty = read == 0 && collection::count(collections, organization, source).await? == 0;
            let warning = summary.warning(total);
            let (rejected, lookups) = (summary.rejected, summary.lookups);
            Ok(Selected { read, rejected, records, source_is_empty, lookups, warning })
        };
        self.deadline.run(selecting).await?
    }

    /// Applies the filter's order, `distinct`, `limit` and `select` to the records that its script passed on.
    async fn arrange(self, records: Set) -> Result<Set, LineError> {
        let arranging = move || -> Result<Set, LineError> {
            let mut builder = SetBuilder::arranged(&self.filter, &self.spill);
            for record in records.iter() {
                builder.push(record?.into_owned(), &self.deadline)?;
            }
            builder.finish(&self.deadline)
        };
        blocking(arranging).await?
    }

    fn outcome(&self, selected: Selected) -> LineOutcome {
        let Selected { read, mut rejected, records, source_is_empty, lookups, warning } = selected;
        let (status, message) = match (&self.filter.source, records.len()) {
            _ if source_is_empty => (Status::Info, "There were no records to choose from.".to_owned()),
            // The store does not report how many records it left out.
            (Some(Source::Collection(source)), 0) => {
                (Status::Info, format!("No record of the collection `{}` matched.", source.name))
            }
            (Some(Source::Collection(source)), count) => {
                (Status::Success, format!("Chose {} of the collection `{}`.", counted(count), source.name))
            }
            (_, 0) => (Status::Info, format!("None of {} matched.", counted(read))),
            (_, count) => (Status::Success, format!("Chose {count} of {}.", counted(read))),
        };
        let (status, message) = match warning {
            Some(warning) => (Status::Warning, format!("{message} {warning}")),
            None => (status, message),
        };
        let (status, message) = rejected.add_to(read, status, message);
        let (status, message) = lookups.add_to(status, message);
        rejected.append(lookups.rejected);
        LineOutcome { status, message, records_in: read as u64, records, rejected }
    }
}

#[cfg(test)]
mod tests;
