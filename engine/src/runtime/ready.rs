//! Jobs that were read already: a version of a job never changes, so that reading it again
//! comes to the same as long as the catalogue is the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::catalogue::Catalogue;
use crate::model::job::Job;
use crate::model::organization::OrganizationId;

/// How many jobs are held ready. Beyond that all are forgotten, which costs reading them again.
const HELD: usize = 512;

type Place = (OrganizationId, String, u32);
type Jobs = HashMap<Place, (Arc<Catalogue>, Arc<Job>)>;

/// Versions of jobs, each with the catalogue that it was read with.
#[derive(Default)]
pub(crate) struct ReadyJobs(Mutex<Jobs>);

impl ReadyJobs {
    /// Every change is whole before the lock is let go.
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A version of a job as it reads with this catalogue, if it was read.
    pub(crate) fn find(
        &self,
        organization: OrganizationId,
        (key, version): (&str, u32),
        catalogue: &Arc<Catalogue>,
    ) -> Option<Arc<Job>> {
        let jobs = self.jobs();
        let (with, job) = jobs.get(&(organization, key.to_owned(), version))?;
        Arc::ptr_eq(with, catalogue).then(|| Arc::clone(job))
    }

    /// Holds a version ready.
    pub(crate) fn keep(
        &self,
        organization: OrganizationId,
        (key, version): (&str, u32),
        catalogue: Arc<Catalogue>,
        job: &Arc<Job>,
    ) {
        let mut jobs = self.jobs();
        if jobs.len() >= HELD {
            jobs.clear();
        }
        jobs.insert((organization, key.to_owned(), version), (catalogue, Arc::clone(job)));
    }
}
