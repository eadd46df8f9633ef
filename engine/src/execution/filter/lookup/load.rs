//! Reads the sources of lookups into tables, before the first record is joined.

use std::sync::Arc;

use chrono_tz::Tz;
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, channel};

use crate::deadline::Deadline;
use crate::execution::filter::PORTIONS_AHEAD;
use crate::execution::filter::lookup::{FieldPresence, LoadedLookup, Lookups};
use crate::execution::filter_scope::FilterScope;
use crate::execution::outcome::LineError;
use crate::execution::sources::{self, FileReading, TypeConverter, collection};
use crate::model::collection::Entry;
use crate::model::criteria::Criteria;
use crate::model::filter::{Filter, Lookup, LookupKey};
use crate::model::source::{CollectionSource, FileSource, LineRef, Source};
use crate::node::blocking::blocking;
use crate::ports::collections::Wanted;
use crate::records::RECORDS_BETWEEN_CHECKS;
use crate::records::rejections::Rejections;
use crate::records::{SpillConfig, TableFault, TableWriter};

/// How many records all lookups of a filter may hold: the index of that many takes up to 64 MB of memory.
const MAX_RECORDS: usize = 3_000_000;

impl Lookups {
    pub(in crate::execution) async fn load(
        scope: &FilterScope<'_>,
        filter: &Filter,
        zone: Tz,
        deadline: &Arc<Deadline>,
    ) -> Result<Self, LineError> {
        let (mut loaded, mut remaining): (Vec<LoadedLookup>, _) = (Vec::new(), MAX_RECORDS);
        for lookup in filter.lookups() {
            let loader = LookupLoader::new(lookup, &scope.node.spill, remaining);
            let table = match &lookup.source {
                Source::Collection(source) => loader.read_collection(scope, source, deadline).await?,
                Source::File(source) => loader.read_file(scope, source, zone, deadline).await?,
                Source::Line(line) => loader.read_line(scope, line, deadline).await?,
                other => return Err(LineError::Failed(format!("A lookup cannot read {}.", other.title()))),
            };
            remaining -= table.table.len();
            loaded.push(table);
        }
        let criteria = if loaded.is_empty() { Criteria::All(Vec::new()) } else { filter.criteria_before_lookups() };
        Ok(Self { criteria, loaded, looked_up: 0, rejected: Rejections::default() })
    }
}

/// Reads the source of one lookup.
pub(super) struct LookupLoader {
    lookup: Lookup,
    table: TableWriter,
    /// How many records the table may hold.
    max: usize,
    in_source: Vec<(String, FieldPresence)>,
    kind: Option<&'static str>,
    /// The rows of the source that did not fit, as a sentence.
    left_out: Option<String>,
}

impl LookupLoader {
    pub(super) fn new(lookup: &Lookup, spill: &SpillConfig, max: usize) -> Self {
        let key = lookup.key.iter().map(|key| ("key".to_owned(), FieldPresence::of(key)));
        let fields = lookup.fields.iter().flatten().map(|(_, path)| ("fields".to_owned(), FieldPresence::of(path)));
        let in_source = key.chain(fields).collect();
        Self { lookup: lookup.clone(), table: TableWriter::of(spill), max, in_source, kind: None, left_out: None }
    }

    /// Adds a record of the source. `own` is the key under which a collection keeps it. A record without a key can
    /// never be found, so it is left out.
    pub(super) fn add(&mut self, own: Option<&str>, record: Value) -> Result<(), LineError> {
        self.in_source.iter_mut().for_each(|(_, presence)| presence.see(&record));
        let Some(key) = self.lookup.key_of(own, &record) else { return Ok(()) };
        if self.table.len() == self.max {
            return Err(too_many());
        }
        self.kind.get_or_insert(key.kind());
        Ok(self.table.push(key.text(), &self.lookup.joined(record))?)
    }

    pub(super) fn finish(self) -> Result<LoadedLookup, LineError> {
        let Self { lookup, table, in_source, kind, left_out, .. } = self;
        let table = table.finish().map_err(|fault| match fault {
            TableFault::Scratch(fault) => fault.into(),
            TableFault::DuplicateKey(key) => duplicate_key(&lookup, &LookupKey::from_text(key)),
        })?;
        let on = FieldPresence::of(&lookup.on);
        Ok(LoadedLookup { lookup, table, in_source, on, left_out, kinds: [kind, None], looked_up: 0, found: 0 })
    }

    async fn read_collection(
        self,
        filter_scope: &FilterScope<'_>,
        source: &CollectionSource,
        deadline: &Arc<Deadline>,
    ) -> Result<LoadedLookup, LineError> {
        let (collections, scope) = (filter_scope.node.stores.collections.as_ref(), filter_scope.scope());
        let (sender, receiver) = channel(PORTIONS_AHEAD);
        let (source_of_fill, deadline_of_fill) = (source.clone(), Arc::clone(deadline));
        let filling = blocking(move || self.fill(receiver, &source_of_fill, &deadline_of_fill));
        let everything = Wanted { criteria: Criteria::All(Vec::new()), limit: None };
        let reading = async {
            let (sent, filled) =
                tokio::join!(collection::send_records(collections, scope, source, everything, sender), filling);
            sent?;
            filled?
        };
        deadline.run(reading).await?
    }

    /// Adds the records that the store sends. Blocking.
    fn fill(
        mut self,
        mut receiver: Receiver<Vec<Entry>>,
        source: &CollectionSource,
        deadline: &Deadline,
    ) -> Result<LoadedLookup, LineError> {
        while let Some(portion) = receiver.blocking_recv() {
            deadline.check()?;
            for Entry { key, data } in portion {
                let record = source.seen(key.clone(), data);
                self.add(Some(&key), record)?;
            }
        }
        self.finish()
    }

    async fn read_file(
        mut self,
        scope: &FilterScope<'_>,
        source: &FileSource,
        zone: Tz,
        deadline: &Arc<Deadline>,
    ) -> Result<LoadedLookup, LineError> {
        let (files, organization) = (Arc::clone(&scope.node.files), scope.organization.key.clone());
        let (source, deadline) = (source.clone(), Arc::clone(deadline));
        let reading = move || -> Result<LoadedLookup, LineError> {
            let types = self.lookup.types.clone();
            let reading = FileReading { source: &source, types: &types, zone, deadline: &deadline };
            let mut converter = TypeConverter::new(Some(&self.lookup.source), &types, zone);
            sources::read(files.as_ref(), &organization, &reading, |row| match converter.convert_row(row)? {
                Some(record) => self.add(None, record),
                None => Ok(()),
            })?;
            let (_, rejected) = converter.finish();
            let place = self.lookup.source.title();
            self.left_out = rejected
                .first()
                .first()
                .map(|first| format!("Left out {} rows of {place}; the first: {}.", rejected.count(), first.reason));
            self.finish()
        };
        blocking(reading).await?
    }

    async fn read_line(
        mut self,
        scope: &FilterScope<'_>,
        line: &LineRef,
        deadline: &Arc<Deadline>,
    ) -> Result<LoadedLookup, LineError> {
        let (set, deadline) = (scope.set_of_line(line)?, Arc::clone(deadline));
        let reading = move || -> Result<LoadedLookup, LineError> {
            for (position, record) in set.iter().enumerate() {
                if position % RECORDS_BETWEEN_CHECKS == 0 {
                    deadline.check()?;
                }
                self.add(None, record?.into_owned())?;
            }
            self.finish()
        };
        blocking(reading).await?
    }
}

fn too_many() -> LineError {
    LineError::Failed(format!(
        "The lookups of one filter can hold at most {MAX_RECORDS} records, but their sources have more; choose fewer \
         in an earlier line and look them up with `line`, or use the action `collections/collection.lookup`."
    ))
}

fn duplicate_key(lookup: &Lookup, key: &LookupKey) -> LineError {
    let field = lookup.key.as_ref().map_or_else(|| "key".to_owned(), |path| format!("`{path}`"));
    LineError::Failed(format!(
        "Two records of {} have the {field} {key}, but a lookup needs exactly one record for each key; read the source \
         in an earlier line, keep one record of each with `distinct`, and look it up with `line`.",
        lookup.source.title()
    ))
}
