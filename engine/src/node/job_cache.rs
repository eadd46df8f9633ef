//! A cache of jobs. A version of a job never changes, so reading it again gives the same result as long as the
//! catalogue is the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::blocking::blocking;
use super::catalogue_cache::CatalogueCache;
use crate::model::catalogue::{Catalogue, Choice};
use crate::model::fault::{self, Fault};
use crate::model::job::Job;

use crate::model::organization::{OrgScope, OrganizationId};
use crate::model::result::JobResult;
use crate::model::template_version::TemplateVersion;

use crate::ports::jobs::SavedJob;
use crate::ports::stores::Stores;
use crate::ports::{self, StoreError};

/// How many jobs are cached. When there are more, the cache is cleared.
const CAPACITY: usize = 512;

/// Organization, key and version.
type CacheKey = (OrganizationId, String, u32);
type CachedJobs = HashMap<CacheKey, (Arc<Catalogue>, Arc<Job>)>;

/// Reads jobs, and caches them with the catalogue with which they were read.
pub(crate) struct JobCache {
    store: Arc<dyn ports::jobs::Jobs>,
    catalogues: Arc<CatalogueCache>,
    cached: Mutex<CachedJobs>,
}

impl JobCache {
    pub(crate) fn new(stores: &Stores, catalogues: Arc<CatalogueCache>) -> Self {
        Self { store: Arc::clone(&stores.jobs), catalogues, cached: Mutex::default() }
    }

    /// Reads a saved job with the versions of modules that it was saved with, and the newest of filter templates.
    ///
    /// # Errors
    /// The store failed; within, every fault at once.
    pub(crate) async fn newest(
        &self,
        scope: OrgScope,
        saved: &SavedJob,
    ) -> Result<Result<Arc<Job>, Vec<Fault>>, StoreError> {
        Ok(self.read_with(scope, saved, self.catalogues.newest(scope).await?).await)
    }

    /// The same with the versions of filter templates that a job result noted when it was started.
    ///
    /// # Errors
    /// The store failed; within, every fault at once.
    pub(crate) async fn at(
        &self,
        scope: OrgScope,
        saved: &SavedJob,
        templates: &[TemplateVersion],
    ) -> Result<Result<Arc<Job>, Vec<Fault>>, StoreError> {
        Ok(self.read_with(scope, saved, self.catalogues.at(scope, templates).await?).await)
    }

    /// The version of a job with which a result runs; within, why it cannot run.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn of_result(
        &self,
        scope: OrgScope,
        key: &str,
        result: &JobResult,
    ) -> Result<Result<Arc<Job>, String>, StoreError> {
        let catalogue = self.catalogues.at(scope, &result.templates).await?;
        if let Some(job) = self.find(scope.organization(), (key, result.version), &catalogue) {
            return Ok(Ok(job));
        }
        let Some(saved) = self.store.find(scope, key, Some(result.version)).await? else {
            return Ok(Err(format!("The job `{key}` was deleted, so its version {} cannot run.", result.version)));
        };
        let read = self.read_with(scope, &saved, catalogue).await;
        Ok(read.map_err(|faults| format!("The job can no longer run: {}.", fault::join(&faults))))
    }

    async fn read_with(
        &self,
        scope: OrgScope,
        saved: &SavedJob,
        catalogue: Arc<Catalogue>,
    ) -> Result<Arc<Job>, Vec<Fault>> {
        let version = (saved.key.as_str(), saved.version);
        if let Some(job) = self.find(scope.organization(), version, &catalogue) {
            return Ok(job);
        }
        let (document, pins, of_job) = (saved.document.clone(), saved.pins.clone(), Arc::clone(&catalogue));
        let read = blocking(move || Job::read(&document, &of_job, Choice::Pinned(&pins))).await;
        let job = read.unwrap_or_else(|error| Err(vec![Fault::at("", format!("cannot be read: {error}"))]))?;
        let job = Arc::new(job);
        self.keep(scope.organization(), version, catalogue, &job);
        Ok(job)
    }

    fn jobs(&self) -> MutexGuard<'_, CachedJobs> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A cached version of a job, if it was read with this catalogue.
    fn find(
        &self,
        organization: OrganizationId,
        (key, version): (&str, u32),
        catalogue: &Arc<Catalogue>,
    ) -> Option<Arc<Job>> {
        let jobs = self.jobs();
        let (cached_with, job) = jobs.get(&(organization, key.to_owned(), version))?;
        Arc::ptr_eq(cached_with, catalogue).then(|| Arc::clone(job))
    }

    /// Caches a version.
    fn keep(
        &self,
        organization: OrganizationId,
        (key, version): (&str, u32),
        catalogue: Arc<Catalogue>,
        job: &Arc<Job>,
    ) {
        let mut jobs = self.jobs();
        if jobs.len() >= CAPACITY {
            jobs.clear();
        }
        jobs.insert((organization, key.to_owned(), version), (catalogue, Arc::clone(job)));
    }
}
