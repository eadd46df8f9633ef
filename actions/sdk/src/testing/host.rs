//! The host of a test, which says how capabilities answer.

use serde_json::Value;

use super::fake::{self, Fake};
use crate::jobs::Start;
use crate::{collections, http, jobs};

/// Replaces the host on this thread until it is dropped. There can be only one at a time.
#[must_use = "the host is gone as soon as this is dropped"]
pub struct Host(());

/// A host with empty collections and without servers, which starts every job.
pub fn host() -> Host {
    fake::set(Some(Fake::default()));
    Host(())
}

impl Drop for Host {
    fn drop(&mut self) {
        fake::set(None);
    }
}

impl Host {
    /// Sets the response to each request. Without it every request fails.
    pub fn answer(&self, answer: impl FnMut(&http::Request) -> Result<http::Response, http::Error> + 'static) {
        fake::with(|fake| fake.answer = Some(Box::new(answer)));
    }

    /// The requests sent so far.
    pub fn requests(&self) -> Vec<http::Request> {
        fake::with(|fake| fake.requests.clone())
    }

    /// Puts a record into a collection.
    pub fn put(&self, collection: &str, key: &str, record: Value) {
        fake::with(|fake| fake.collection(collection).insert(key.to_owned(), record));
    }

    /// The records of a collection with their keys, in the order of the keys.
    pub fn records(&self, collection: &str) -> Vec<(String, Value)> {
        fake::with(|fake| fake.collection(collection).clone().into_iter().collect())
    }

    /// Makes every call of a collection fail from now on.
    pub fn close_collections(&self, error: collections::Error) {
        fake::with(|fake| fake.closed = Some(error));
    }

    /// The jobs started so far.
    pub fn started(&self) -> Vec<Start> {
        fake::with(|fake| fake.started.clone())
    }

    /// Sets how the started jobs ended. Before this call they have not ended.
    pub fn end_jobs(&self, ended: Vec<jobs::Ended>) {
        fake::with(|fake| fake.ended = Some(ended));
    }

    /// Makes every start fail from now on.
    pub fn refuse_starts(&self, error: jobs::Error) {
        fake::with(|fake| fake.refused = Some(error));
    }
}
