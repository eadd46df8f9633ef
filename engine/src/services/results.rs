//! Job results: read, killed and retried.

use super::Results;
use crate::execution::kill::{self, KillAll};
use crate::execution::retry::{self, Retry};
use crate::model::lifecycle::waiting::Waiting;
use crate::model::organization::{Access, OrgScope};
use crate::model::result::{JobResult, LineResult, ResultId};
use crate::model::rights::Operation;
use crate::node::events::Progress;
use crate::node::service_error::ServiceError;
use crate::ports::parts::{Part, PartKind};
use crate::ports::results::{LinesOf, ResultFilter, ResultRelation};
use crate::ports::{Listed, Page, StoreError};

impl Results {
    /// One result.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find(&self, scope: OrgScope, id: ResultId) -> Result<Option<JobResult>, StoreError> {
        self.node.stores.history.find(scope, id).await
    }

    /// Results, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        scope: OrgScope,
        filter: &ResultFilter,
        page: Page<ResultId>,
    ) -> Result<Listed<JobResult>, StoreError> {
        self.node.stores.history.list(scope, filter, page).await
    }

    /// How many results a listing has in all.
    ///
    /// # Errors
    /// The store failed.
    pub async fn count(&self, scope: OrgScope, filter: &ResultFilter) -> Result<u64, StoreError> {
        self.node.stores.history.count(scope, filter).await
    }

    /// How many results of the organization have not ended.
    ///
    /// # Errors
    /// The store failed.
    pub async fn count_open(&self, scope: OrgScope) -> Result<u64, StoreError> {
        self.node.stores.starts.count_open(scope).await
    }

    /// Why these results wait; those that do not wait are left out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn waiting(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, Waiting)>, StoreError> {
        self.node.stores.history.waiting(scope, ids).await
    }

    /// The results that have this relation to one, oldest first, at most 100.
    ///
    /// # Errors
    /// The store failed.
    pub async fn related(
        &self,
        scope: OrgScope,
        id: ResultId,
        relation: ResultRelation,
    ) -> Result<Vec<ResultId>, StoreError> {
        self.node.stores.history.related(scope, id, relation).await
    }

    /// Parts of a set that is kept of a line, in order: those from `from`, at most `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn parts(
        &self,
        scope: OrgScope,
        id: ResultId,
        set: (u32, PartKind),
        from: u32,
        limit: u32,
    ) -> Result<Vec<Part>, StoreError> {
        self.node.stores.history.parts(scope, id, set, from, limit).await
    }

    /// Kills a pending or running result. Nothing changes it afterwards.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn kill(&self, access: &Access, id: ResultId, reason: Option<&str>) -> Result<JobResult, ServiceError> {
        access.require(Operation::KillJobResult)?;
        kill::kill(&self.node, access, id, reason).await
    }

    /// Kills results that have not ended, the newest first, at most [`kill::KILLED_AT_ONCE`]. Returns how many, and
    /// whether none is left.
    ///
    /// # Errors
    /// See [`ServiceError`]. Results that were killed before stay killed.
    pub async fn kill_all(&self, access: &Access, all: &KillAll) -> Result<(u32, bool), ServiceError> {
        access.require(Operation::KillJobResults)?;
        kill::kill_all(&self.node, access, all).await
    }

    /// Retries a result that has ended, as a new one. Durable when it answers.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn retry(&self, access: &Access, id: ResultId, retry: Retry) -> Result<JobResult, ServiceError> {
        access.require(Operation::RetryJobResult)?;
        retry::retry(&self.node, access, id, retry).await
    }

    /// The progress of the running line of a result, if it runs on this node or waits here for jobs that it started.
    pub fn progress(&self, id: ResultId) -> Option<Progress> {
        self.node.progress(id)
    }

    /// The message of a result that waits on this node for jobs that it started; none if it waits for none.
    pub fn waits_for_jobs(&self, id: ResultId) -> Option<String> {
        self.node.waits.message(id)
    }

    /// Whether the result runs on this node. A killed one runs until the interrupted line has written its output.
    pub fn is_running(&self, id: ResultId) -> bool {
        self.node.running.find(id).is_some()
    }

    /// The current lines of these results, by result and `lineNo`, including those that are not written to the store
    /// yet.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lines(&self, scope: OrgScope, ids: &[ResultId]) -> Result<Vec<(ResultId, LineResult)>, StoreError> {
        self.node.lines_now(scope, ids).await
    }

    /// The first of these lines that together have at most `max_bytes`, at least one. Lines that are not written yet are
    /// added to these.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lines_within(
        &self,
        scope: OrgScope,
        lines: LinesOf<'_>,
        max_bytes: usize,
    ) -> Result<Listed<(ResultId, LineResult)>, StoreError> {
        self.node.lines_within(scope, lines, max_bytes).await
    }
}
