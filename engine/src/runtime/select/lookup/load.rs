//! Reads what the lookups of a filter find, before the first record is joined.

use std::sync::Arc;

use chrono_tz::Tz;
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, channel};

use super::{Loaded, Lookups, Sought};
use crate::model::collection::Entry;
use crate::model::criteria::Criteria;
use crate::model::filter::{Filter, Lookup, LookupKey};
use crate::model::source::{CollectionSource, FileSource, LineRef, Source};
use crate::ports::collections::Wanted;
use crate::runtime::perform::Broken;
use crate::runtime::rejections::Rejections;
use crate::runtime::select::{About, PORTIONS_AHEAD, RECORDS_BETWEEN_CHECKS, aside};
use crate::runtime::set::{Room, TableFault, TableWriter};
use crate::runtime::sources::{self, FileReading, Stop, Typed, collection};

/// How many records all lookups of a filter hold: what is noted of them takes up to 64 MB.
const AT_MOST: usize = 3_000_000;

impl Lookups {
    /// Reads the sources of all lookups.
    pub(in crate::runtime) async fn load(
        about: &About<'_>,
        filter: &Filter,
        zone: Tz,
        stop: &Arc<Stop>,
    ) -> Result<Self, Broken> {
        let (mut loaded, mut left): (Vec<Loaded>, _) = (Vec::new(), AT_MOST);
        for lookup in filter.lookups() {
            let loading = Loading::of(lookup, &about.engine.room, left);
            let table = match &lookup.source {
                Source::Collection(source) => loading.read_collection(about, source, stop).await?,
                Source::File(source) => loading.read_file(about, source, zone, stop).await?,
                Source::Line(line) => loading.read_line(about, line, stop).await?,
                other => return Err(Broken::Error(format!("A lookup cannot look in {}.", other.title()))),
            };
            left -= table.table.len();
            loaded.push(table);
        }
        Ok(Self { before: filter.criteria_before_lookups(), loaded, asked: 0, rejected: Rejections::default() })
    }
}

/// A lookup whose source is being read.
pub(super) struct Loading {
    lookup: Lookup,
    table: TableWriter,
    /// How many records it may hold.
    most: usize,
    in_source: Vec<(String, Sought)>,
    kind: Option<&'static str>,
    /// The rows of the source that did not fit, as a sentence.
    left_out: Option<String>,
}

impl Loading {
    pub(super) fn of(lookup: &Lookup, room: &Room, most: usize) -> Self {
        let key = lookup.key.iter().map(|key| ("key".to_owned(), Sought::of(key)));
        let fields = lookup.fields.iter().flatten().map(|(_, path)| ("fields".to_owned(), Sought::of(path)));
        let in_source = key.chain(fields).collect();
        Self { lookup: lookup.clone(), table: TableWriter::of(room), most, in_source, kind: None, left_out: None }
    }

    /// Adds a record of the source, which a collection keeps under the key `own`. A record without
    /// a key is found by nobody.
    pub(super) fn add(&mut self, own: Option<&str>, record: Value) -> Result<(), Broken> {
        self.in_source.iter_mut().for_each(|(_, sought)| sought.look(&record));
        let Some(key) = self.lookup.key_of(own, &record) else { return Ok(()) };
        if self.table.len() == self.most {
            return Err(too_many());
        }
        self.kind.get_or_insert(key.kind());
        Ok(self.table.push(key.text(), &self.lookup.joined(record))?)
    }

    pub(super) fn finish(self) -> Result<Loaded, Broken> {
        let Self { lookup, table, in_source, kind, left_out, .. } = self;
        let table = table.finish().map_err(|fault| match fault {
            TableFault::Scratch(fault) => fault.into(),
            TableFault::Twice(key) => twice(&lookup, &LookupKey::from_text(key)),
        })?;
        let on = Sought::of(&lookup.on);
        Ok(Loaded { lookup, table, in_source, on, left_out, kinds: [kind, None], asked: 0, found: 0 })
    }

    async fn read_collection(
        self,
        about: &About<'_>,
        source: &CollectionSource,
        stop: &Arc<Stop>,
    ) -> Result<Loaded, Broken> {
        let (collections, scope) = (about.engine.collections.as_ref(), about.scope());
        let (to, from) = channel(PORTIONS_AHEAD);
        let (of, stopping) = (source.clone(), Arc::clone(stop));
        let filling = aside(move || self.fill(from, &of, &stopping));
        let everything = Wanted { criteria: Criteria::All(Vec::new()), limit: None };
        let taking = async {
            let (taken, filled) = tokio::join!(collection::take(collections, scope, source, everything, to), filling);
            taken?;
            filled
        };
        stop.hold(taking).await
    }

    /// Takes up what the store hands over. Blocking.
    fn fill(
        mut self,
        mut from: Receiver<Vec<Entry>>,
        source: &CollectionSource,
        stop: &Stop,
    ) -> Result<Loaded, Broken> {
        while let Some(portion) = from.blocking_recv() {
            stop.check()?;
            for Entry { key, data } in portion {
                let record = source.seen(key.clone(), data);
                self.add(Some(&key), record)?;
            }
        }
        self.finish()
    }

    async fn read_file(
        mut self,
        about: &About<'_>,
        source: &FileSource,
        zone: Tz,
        stop: &Arc<Stop>,
    ) -> Result<Loaded, Broken> {
        let (files, organization) = (Arc::clone(&about.engine.files), about.organization.key.clone());
        let (source, stop) = (source.clone(), Arc::clone(stop));
        let reading = move || {
            let types = self.lookup.types.clone();
            let reading = FileReading { source: &source, types: &types, zone, stop: &stop };
            let mut typed = Typed::of(Some(&self.lookup.source), &types, zone);
            sources::read(files.as_ref(), &organization, &reading, |row| match typed.take_row(row)? {
                Some(record) => self.add(None, record),
                None => Ok(()),
            })?;
            let (_, rejected) = typed.finish();
            let place = self.lookup.source.title();
            self.left_out = rejected
                .first()
                .first()
                .map(|first| format!("Left out {} rows of {place}; the first: {}.", rejected.count(), first.reason));
            self.finish()
        };
        aside(reading).await
    }

    async fn read_line(mut self, about: &About<'_>, line: &LineRef, stop: &Arc<Stop>) -> Result<Loaded, Broken> {
        let (set, stop) = (about.set_of_line(line)?, Arc::clone(stop));
        let reading = move || {
            for (position, record) in set.iter().enumerate() {
                if position % RECORDS_BETWEEN_CHECKS == 0 {
                    stop.check()?;
                }
                self.add(None, record?.into_owned())?;
            }
            self.finish()
        };
        aside(reading).await
    }
}

fn too_many() -> Broken {
    Broken::Error(format!(
        "The lookups of one filter hold at most {AT_MOST} records, and their sources have more; choose fewer in an \
         earlier line and look them up with `line`, or use the action `collections/collection.lookup`."
    ))
}

fn twice(lookup: &Lookup, key: &LookupKey) -> Broken {
    let field = lookup.key.as_ref().map_or_else(|| "key".to_owned(), |path| format!("`{path}`"));
    Broken::Error(format!(
        "Two records of {} have the {field} {key}, and a lookup needs one record for each key; read the source in an \
         earlier line, keep one record of each with `distinct`, and look it up with `line`.",
        lookup.source.title()
    ))
}
