//! What one line may do outside: within its organization and the grants of its module,
//! once whatever happens, and in a dry run not at all.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::checkpoint::LineCheckpoint;
use super::engine::Engine;
use super::start::{Cause, Start, StartError};
use crate::model::collection::{Change, Entries, Written, check_name, work_out};
use crate::model::criteria::{self, Reading};
use crate::model::grant::Grants;
use crate::model::organization::{Access, OrgScope, Organization, Role};
use crate::model::result::ResultId;
use crate::ports::StoreError;
use crate::ports::collections::{Find, Once};
use crate::ports::reach::{Call, JobStart, Reach, ReachError};

/// How many records one call may look for or change.
const MOST: usize = 10_000;

/// Whom a line works for.
pub(crate) struct Line {
    pub(crate) organization: Organization,
    pub(crate) result: ResultId,
    /// How many results started one another until this one.
    pub(crate) depth: u32,
    /// Names what is done; see [`crate::model::result::JobResult::root`].
    pub(crate) root: ResultId,
    pub(crate) line_no: u32,
    /// Key of the job.
    pub(crate) job: String,
    /// Key of the module.
    pub(crate) module: String,
    pub(crate) dry_run: bool,
    /// The zone in which bare dates are meant.
    pub(crate) zone: Tz,
    pub(crate) checkpoint: Arc<LineCheckpoint>,
}

pub(crate) struct LineReach {
    engine: Engine,
    line: Line,
    grants: Grants,
}

impl From<StoreError> for ReachError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the store failed a line");
        Self::Unavailable("The store cannot be reached at the moment; try again.".to_owned())
    }
}

fn invalid(message: impl Into<String>) -> ReachError {
    ReachError::Invalid(message.into())
}

impl LineReach {
    /// The reach of a line, with what is granted to its module at this moment.
    pub(crate) async fn of(engine: &Engine, line: Line) -> Result<Self, StoreError> {
        let mut grants = engine.grants.grants(OrgScope::of(line.organization.id)).await?;
        let grants = grants.remove(&line.module).unwrap_or_default();
        Ok(Self { engine: engine.clone(), line, grants })
    }

    fn scope(&self) -> OrgScope {
        OrgScope::of(self.line.organization.id)
    }

    fn permit_collection(&self, collection: &str, write: bool) -> Result<(), ReachError> {
        check_name(collection).map_err(ReachError::Invalid)?;
        self.grants.permit_collection(&self.line.module, collection, write).map_err(ReachError::Denied)
    }

    /// The name of a call: the same in every attempt that asks for the same. A later attempt may
    /// find other records in its source, and what it asks for then is another call.
    fn call(&self, call: Call, asked: &str) -> String {
        let digest = Sha256::digest(asked);
        let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{}:{call}:{digest}", self.line.line_no)
    }

    /// Gives a key to each record that is added without one: the same in every attempt that comes to
    /// this call again, wherever it began, and in the order of the records.
    fn named(&self, mut changes: Vec<Change>, call: Call) -> Vec<Change> {
        let Line { root, line_no, .. } = &self.line;
        let place = call.batch.map_or_else(|| "open".to_owned(), |batch| format!("{batch:07}"));
        for (position, change) in changes.iter_mut().enumerate() {
            if let Change::Insert(entry) = change
                && entry.key.is_empty()
            {
                entry.key = format!("{}:{line_no}/{place}.{}.{position:05}", root.0, call.number);
            }
        }
        changes
    }

    /// What the changes would come to.
    async fn foresee(&self, collection: &str, changes: &[Change]) -> Result<Written, ReachError> {
        let keys: Vec<_> = changes.iter().map(|change| change.key().to_owned()).collect();
        let there = self.engine.collections.get(self.scope(), collection, &keys).await?;
        let there: HashMap<_, _> = keys.iter().map(String::as_str).zip(&there).collect();
        Ok(work_out(changes, |key| there.get(key).copied()?.as_ref()).0)
    }

    fn access(&self) -> Access {
        let Line { organization, result, job, .. } = &self.line;
        Access {
            scope: self.scope(),
            organization: organization.clone(),
            role: Role::Operator,
            server: false,
            who: format!("job {job} (result {})", result.0),
        }
    }
}

#[async_trait]
impl Reach for LineReach {
    fn grants(&self) -> &Grants {
        &self.grants
    }

    async fn before_effect(&self) -> Result<(), ReachError> {
        self.line.checkpoint.make().await
    }

    async fn get(&self, collection: &str, keys: Vec<String>) -> Result<Vec<Option<Value>>, ReachError> {
        self.permit_collection(collection, false)?;
        if keys.len() > MOST {
            return Err(invalid(format!("at most {MOST} keys can be asked for at once; these are {}", keys.len())));
        }
        Ok(self.engine.collections.get(self.scope(), collection, &keys).await?)
    }

    async fn find(
        &self,
        collection: &str,
        written: &Value,
        after: Option<String>,
        limit: u32,
    ) -> Result<Entries, ReachError> {
        self.permit_collection(collection, false)?;
        if !(1..=MOST).contains(&(limit as usize)) {
            return Err(invalid(format!("a page has 1 to {MOST} records, not {limit}")));
        }
        let criteria = criteria::parse(written, "criteria", Reading::Rendered, self.line.zone).map_err(|faults| {
            let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
            invalid(told.join("; "))
        })?;
        Ok(self.engine.collections.find(self.scope(), collection, &Find { criteria, after, limit }).await?)
    }

    async fn write(&self, collection: &str, changes: Vec<Change>, call: Call) -> Result<Written, ReachError> {
        self.permit_collection(collection, true)?;
        if changes.len() > MOST {
            return Err(invalid(format!("at most {MOST} changes can be made at once; these are {}", changes.len())));
        }
        let changes = self.named(changes, call);
        for (position, change) in changes.iter().enumerate() {
            change.check().map_err(|fault| invalid(format!("change {position}: {fault}")))?;
        }
        if self.line.dry_run {
            return self.foresee(collection, &changes).await;
        }
        let asked = format!("{collection} {changes:?}");
        self.line.checkpoint.make().await?;
        let once = Once { result: self.line.root, call: self.call(call, &asked) };
        Ok(self.engine.collections.write(self.scope(), collection, &changes, Some(&once)).await?)
    }

    async fn start(&self, start: JobStart, call: Call) -> Result<Option<String>, ReachError> {
        self.grants.permit_job(&self.line.module, &start.job).map_err(ReachError::Denied)?;
        let asked = format!("{start:?}");
        let start = Start {
            job: start.job,
            arguments: start.arguments,
            records: start.records,
            title: start.title,
            cause: Cause::Line { result: self.line.result, depth: self.line.depth },
            idempotency_key: Some(format!("{}:{}", self.line.root.0, self.call(call, &asked))),
            ..Start::default()
        };
        if !self.line.dry_run {
            self.line.checkpoint.make().await?;
        }
        let started = match self.line.dry_run {
            true => self.engine.check_start(&self.access(), start).await.map(|()| None),
            false => self.engine.start(&self.access(), start).await.map(Some),
        };
        match started {
            Ok(result) => Ok(result.map(|result| result.id.0.to_string())),
            Err(StartError::UnknownJob(key)) => Err(invalid(format!("there is no job `{key}` in this organization"))),
            Err(StartError::Faults(faults)) => {
                let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
                Err(invalid(told.join("; ")))
            }
            Err(refused @ (StartError::Conflict(_) | StartError::Inactive(_) | StartError::TooDeep)) => {
                Err(invalid(refused.to_string()))
            }
            Err(StartError::Store(error)) => Err(error.into()),
        }
    }
}
