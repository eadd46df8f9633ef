//! Answers an action's calls of capabilities in tests, where there is no host.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::collections::{Change, Entry, LARGEST_PAGE, Page, Refused, Written};
use crate::jobs::Start;
use crate::{Record, collections, http, jobs};

type Answer = Box<dyn FnMut(&http::Request) -> Result<http::Response, http::Error>>;

/// The state behind the capabilities in one test.
#[derive(Default)]
pub(crate) struct Fake {
    pub(super) answer: Option<Answer>,
    pub(super) requests: Vec<http::Request>,
    pub(super) closed: Option<collections::Error>,
    pub(super) started: Vec<Start>,
    pub(super) refused: Option<jobs::Error>,
    /// How started jobs ended; `None` while they have not ended.
    pub(super) ended: Option<Vec<jobs::Ended>>,
    collections: BTreeMap<String, BTreeMap<String, Value>>,
}

thread_local! {
    /// Each test runs on its own thread, so each has its own state.
    static FAKE: RefCell<Option<Fake>> = const { RefCell::new(None) };
}

const NO_HOST: &str = "This test has no host: keep the value of testing::host() while the action runs";

pub(super) fn set(fake: Option<Fake>) {
    FAKE.set(fake);
}

pub(super) fn with<T>(work: impl FnOnce(&mut Fake) -> T) -> T {
    FAKE.with_borrow_mut(|fake| work(fake.as_mut().expect(NO_HOST)))
}

impl Fake {
    pub(super) fn collection(&mut self, name: &str) -> &mut BTreeMap<String, Value> {
        self.collections.entry(name.to_owned()).or_default()
    }
}

pub(crate) fn send(request: &http::Request) -> Result<http::Response, http::Error> {
    // The closure is taken out while it runs, because it may call the host of the test itself.
    let answer = with(|fake| {
        fake.requests.push(request.clone());
        fake.answer.take()
    });
    let Some(mut answer) = answer else {
        return Err(http::Error::Unreachable(format!(
            "This test has no response for {}; set one with `Host::answer`",
            request.url
        )));
    };
    let answered = answer(request);
    with(|fake| fake.answer = Some(answer));
    let with_url = |response: http::Response| match response.url.is_empty() {
        true => http::Response { url: request.url.clone(), ..response },
        false => response,
    };
    answered.map(with_url)
}

pub(crate) fn start(start: &Start) -> Result<String, jobs::Error> {
    with(|fake| match &fake.refused {
        Some(error) => Err(error.clone()),
        None => {
            fake.started.push(start.clone());
            Ok(format!("result-{}", fake.started.len()))
        }
    })
}

pub(crate) fn outcomes() -> Result<Option<Vec<jobs::Ended>>, jobs::Error> {
    Ok(with(|fake| fake.ended.clone()))
}

fn open<T>(
    collection: &str,
    work: impl FnOnce(&mut BTreeMap<String, Value>) -> Result<T, collections::Error>,
) -> Result<T, collections::Error> {
    with(|fake| match &fake.closed {
        Some(error) => Err(error.clone()),
        None => work(fake.collection(collection)),
    })
}

pub(crate) fn get(collection: &str, keys: &[String]) -> Result<Vec<Option<Record>>, collections::Error> {
    open(collection, |kept| Ok(keys.iter().map(|key| kept.get(key).cloned().map(Record::from)).collect()))
}

/// Supports only criteria that are plain values of fields, which is enough for tests.
pub(crate) fn page(
    collection: &str,
    criteria: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Page, collections::Error> {
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(collections::Error::Invalid(format!("limit: {limit} must be between 1 and {LARGEST_PAGE}")));
    }
    let criteria: BTreeMap<String, Value> =
        serde_json::from_str(criteria).map_err(|error| collections::Error::Invalid(format!("where: {error}")))?;
    let meets = |record: &Value| criteria.iter().all(|(name, value)| record.get(name) == Some(value));
    open(collection, |kept| {
        let rest = kept.iter().filter(|(key, record)| after.is_none_or(|after| key.as_str() > after) && meets(record));
        let mut found: Vec<Entry> = rest
            .map(|(key, record)| Entry { key: key.clone(), data: record.clone().into() })
            .take(limit as usize + 1)
            .collect();
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = found.last().map(|entry| entry.key.clone()).filter(|_| more);
        Ok(Page { entries: found, next })
    })
}

pub(crate) fn write(collection: &str, changes: &[Change]) -> Result<Written, collections::Error> {
    open(collection, |kept| {
        let mut written = Written::default();
        for (index, change) in changes.iter().enumerate() {
            if let Err(reason) = apply_change(kept, change, &mut written) {
                written.refused.push(Refused { index: index as u32, reason });
            }
        }
        Ok(written)
    })
}

fn apply_change(kept: &mut BTreeMap<String, Value>, change: &Change, written: &mut Written) -> Result<(), String> {
    let value = |entry: &Entry| entry.data.value().map_err(|failure| failure.message);
    let count = match change {
        Change::Insert(entry) if kept.contains_key(&entry.key) => {
            return Err(format!("There is already a record with the key `{}`", entry.key));
        }
        Change::Insert(entry) | Change::Upsert(entry) => {
            let new = value(entry)?;
            // Like the host, it generates keys for entries without one, in the order of the records.
            let generated = || format!("made/{:07}", kept.len());
            let key = if entry.key.is_empty() { generated() } else { entry.key.clone() };
            match kept.insert(key, new.clone()) {
                None => &mut written.inserted,
                Some(old) if old == new => &mut written.unchanged,
                Some(_) => &mut written.updated,
            }
        }
        Change::Delete(key) => match kept.remove(key) {
            Some(_) => &mut written.deleted,
            None => &mut written.unchanged,
        },
    };
    *count += 1;
    Ok(())
}
