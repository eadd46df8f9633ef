//! Upgrading jobs to another version of a module.

use std::sync::Arc;

use semver::VersionReq;

use super::version_of;
use crate::model::catalogue::{Offering, Pin};
use crate::model::fault::Fault;
use crate::model::job::Job;
use crate::model::module::ModuleInfo;
use crate::model::organization::Access;
use crate::model::rights::Operation;
use crate::node::listing::list_all;
use crate::node::service_error::ServiceError;
use crate::ports::StoreError;
use crate::ports::jobs::{NewVersion, SaveError, SavedJob};
use crate::services::jobs::Versions;
use crate::services::schedules::schedules_to_save;
use crate::services::{Jobs, Modules};

/// How many jobs are read with one query.
const PAGE: u32 = 200;

/// What an upgrade would do, or did, to one job.
#[derive(Debug, Clone)]
pub struct Upgrade {
    /// Key of the job.
    pub job: String,
    /// The version of the job that was checked.
    pub version: u32,
    /// The version of the module that it runs with.
    pub from: String,
    /// Why the job cannot run with the new one: empty if it can.
    pub faults: Vec<Fault>,
    /// The version of the job that was saved with the new module; none if none was saved.
    pub saved: Option<u32>,
}

impl Modules {
    fn jobs(&self) -> Jobs {
        Jobs::new(Arc::clone(&self.node))
    }

    /// The jobs of the organization that run with another version of a module, and whether they can run with this one:
    /// the newest if none is named. With `apply`, the jobs that can are saved with it.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn upgrade(
        &self,
        access: &Access,
        key: &str,
        version: Option<&str>,
        apply: bool,
    ) -> Result<(Arc<Offering>, Vec<Upgrade>), ServiceError> {
        access.require(Operation::UpgradeModule)?;
        let catalogue = self.catalogue(access.scope()).await?;
        let newest = version_of(catalogue.versions(key), key, version)?;
        let mut upgrades = Vec::new();
        for saved in self.list_jobs_with_module(access, key).await? {
            upgrades.extend(self.upgrade_job(access, &saved, &newest, apply).await?);
        }
        Ok((newest, upgrades))
    }

    async fn list_jobs_with_module(&self, access: &Access, key: &str) -> Result<Vec<SavedJob>, StoreError> {
        let jobs = &self.node.stores.jobs;
        let page = |after: Option<String>| async move { jobs.list(access.scope(), after.as_deref(), PAGE).await };
        let uses_module = |saved: &SavedJob| saved.pins.iter().any(|pin| pin.module.module == key);
        list_all(page, |saved: &SavedJob| saved.key.clone(), uses_module).await
    }

    async fn upgrade_job(
        &self,
        access: &Access,
        saved: &SavedJob,
        to: &Offering,
        apply: bool,
    ) -> Result<Option<Upgrade>, ServiceError> {
        let info = &to.installed.info;
        let is_other_version = |pin: &&Pin| pin.module.module == info.key && pin.module.digest != info.digest;
        let Some(pin) = saved.pins.iter().find(is_other_version) else { return Ok(None) };
        let mut upgrade = Upgrade {
            job: saved.key.clone(),
            version: saved.version,
            from: pin.module.version.clone(),
            faults: Vec::new(),
            saved: None,
        };
        let pins: Vec<_> = saved.pins.iter().map(|pin| move_pin(pin, info)).collect();
        if pins == saved.pins {
            upgrade.faults.push(Fault::at("lines", describe_requirement(&pins, info)));
            return Ok(Some(upgrade));
        }
        match self.jobs().check_with(access, &saved.document, Versions::Pinned(pins)).await {
            Ok(job) if apply => {
                upgrade.saved = self.save_upgraded(access, saved, &job).await?;
                if upgrade.saved.is_none() {
                    upgrade.faults.push(Fault::at("", "the job was changed meanwhile; upgrade again"));
                }
            }
            Ok(_) => {}
            Err(ServiceError::Refused(refusals)) => {
                upgrade.faults = refusals.into_iter().map(|refusal| Fault::at(refusal.path, refusal.message)).collect();
            }
            Err(ServiceError::Store(error)) => return Err(error.into()),
        }
        Ok(Some(upgrade))
    }

    /// None if the job was saved meanwhile: that version stays the newest.
    async fn save_upgraded(&self, access: &Access, saved: &SavedJob, job: &Job) -> Result<Option<u32>, StoreError> {
        // Schedules that are already saved were accepted before, so they are not refused now.
        let schedules = match schedules_to_save(&self.node, access, job, &saved.document).await {
            Ok(schedules) => schedules,
            Err(ServiceError::Refused(_)) => return Ok(None),
            Err(ServiceError::Store(error)) => return Err(error),
        };
        let version = NewVersion {
            key: saved.key.clone(),
            name: saved.name.clone(),
            document: saved.document.clone(),
            pins: job.pins(),
            schedules,
            edits: Some(saved.version),
            saved_at: self.node.clock.now(),
            saved_by: access.who.clone(),
        };
        match self.node.stores.jobs.save(access.scope(), version).await {
            Ok(saved) => Ok(Some(saved.version)),
            Err(SaveError::Store(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// The pin on this version of the module, if the pin is for this module and its requirement allows it.
fn move_pin(pin: &Pin, info: &ModuleInfo) -> Pin {
    let fits = |text: &String| VersionReq::parse(text).is_ok_and(|wanted| wanted.matches(&info.version));
    let moves = pin.module.module == info.key && pin.requirement.as_ref().is_none_or(fits);
    let module = if moves { info.named() } else { pin.module.clone() };
    Pin { requirement: pin.requirement.clone(), module }
}

fn describe_requirement(pins: &[Pin], info: &ModuleInfo) -> String {
    let of_module: Vec<_> = pins.iter().filter(|pin| pin.module.module == info.key).collect();
    let required: Vec<_> = of_module.iter().filter_map(|pin| pin.requirement.as_deref()).collect();
    format!(
        "requires {}@{}, and {} does not meet that; change the line",
        info.key,
        required.join(" and "),
        info.version
    )
}
