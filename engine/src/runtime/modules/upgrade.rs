//! Upgrading: which jobs another version of a module would change, and changing them.

use std::sync::Arc;

use semver::VersionReq;

use super::{ModuleError, version_of};
use crate::model::catalogue::{Offering, Pin};
use crate::model::fault::Fault;
use crate::model::job::Job;
use crate::model::module::ModuleInfo;
use crate::model::organization::{Access, Role};
use crate::ports::StoreError;
use crate::ports::jobs::{NewVersion, SaveError, SavedJob};
use crate::runtime::engine::Engine;
use crate::runtime::jobs::{SaveJobError, Versions};

/// How many jobs are read at once.
const PAGE: u32 = 200;

/// What an upgrade would do, or did, to one job.
#[derive(Debug, Clone)]
pub struct Upgrade {
    /// Key of the job.
    pub job: String,
    /// The version of the job that was looked at.
    pub version: u32,
    /// The version of the module that it runs with.
    pub from: String,
    /// Why the job cannot run with the new one: empty if it can.
    pub faults: Vec<Fault>,
    /// The version of the job that runs with the new one, once it is saved.
    pub saved: Option<u32>,
}

impl Engine {
    /// Which jobs of the organization run with another version of a module, and whether they
    /// can run with this one: the newest if none is named. With `apply`, those that can are
    /// saved with it.
    ///
    /// # Errors
    /// See [`ModuleError`].
    pub async fn upgrade_module(
        &self,
        access: &Access,
        key: &str,
        version: Option<&str>,
        apply: bool,
    ) -> Result<(Arc<Offering>, Vec<Upgrade>), ModuleError> {
        if access.role < Role::Editor {
            return Err(ModuleError::Forbidden("Upgrading changes jobs, which needs the role `editor`."));
        }
        let catalogue = self.catalogue(access.scope()).await?;
        let newest = version_of(catalogue.versions(key), key, version)?;
        let mut upgrades = Vec::new();
        for saved in self.jobs_pinned_to(access, key).await? {
            upgrades.extend(self.upgrade_job(access, &saved, &newest, apply).await?);
        }
        Ok((newest, upgrades))
    }

    async fn jobs_pinned_to(&self, access: &Access, key: &str) -> Result<Vec<SavedJob>, StoreError> {
        let (mut found, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.jobs.list(access.scope(), after.as_deref(), PAGE).await?;
            after = page.items.last().map(|saved| saved.key.clone());
            found.extend(page.items.into_iter().filter(|saved| saved.pins.iter().any(|pin| pin.module.module == key)));
            if !page.more {
                return Ok(found);
            }
        }
    }

    async fn upgrade_job(
        &self,
        access: &Access,
        saved: &SavedJob,
        to: &Offering,
        apply: bool,
    ) -> Result<Option<Upgrade>, ModuleError> {
        let info = &to.installed.info;
        let older = |pin: &&Pin| pin.module.module == info.key && pin.module.digest != info.digest;
        let Some(pin) = saved.pins.iter().find(older) else { return Ok(None) };
        let mut upgrade = Upgrade {
            job: saved.key.clone(),
            version: saved.version,
            from: pin.module.version.clone(),
            faults: Vec::new(),
            saved: None,
        };
        let pins: Vec<_> = saved.pins.iter().map(|pin| moved(pin, info)).collect();
        if pins == saved.pins {
            upgrade.faults.push(Fault::at("lines", asks_for_another(&pins, info)));
            return Ok(Some(upgrade));
        }
        match self.check_job_with(access, &saved.document, Versions::Pinned(pins)).await {
            Ok(job) if apply => {
                upgrade.saved = self.save_upgraded(access, saved, &job).await?;
                if upgrade.saved.is_none() {
                    upgrade.faults.push(Fault::at("", "somebody changed the job meanwhile; try again"));
                }
            }
            Ok(_) => {}
            Err(SaveJobError::Faults(faults)) => upgrade.faults = faults,
            Err(SaveJobError::Store(error)) => return Err(error.into()),
            Err(SaveJobError::Conflict { .. } | SaveJobError::Absent) => {}
        }
        Ok(Some(upgrade))
    }

    /// None if somebody saved the job meanwhile: then that version stands.
    async fn save_upgraded(&self, access: &Access, saved: &SavedJob, job: &Job) -> Result<Option<u32>, StoreError> {
        // Those that are there were accepted as they stand.
        let Ok(schedules) = self.schedules_to_save(access, job, &saved.document).await? else { return Ok(None) };
        let version = NewVersion {
            key: saved.key.clone(),
            name: saved.name.clone(),
            document: saved.document.clone(),
            pins: job.pins(),
            schedules,
            edits: Some(saved.version),
            saved_at: self.clock.now(),
            saved_by: access.who.clone(),
        };
        match self.jobs.save(access.scope(), version).await {
            Ok(saved) => Ok(Some(saved.version)),
            Err(SaveError::Store(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// The same pin on this version, if it is of this module and asks for nothing else.
fn moved(pin: &Pin, info: &ModuleInfo) -> Pin {
    let fits = |text: &String| VersionReq::parse(text).is_ok_and(|wanted| wanted.matches(&info.version));
    let moves = pin.module.module == info.key && pin.requirement.as_ref().is_none_or(fits);
    let module = if moves { info.named() } else { pin.module.clone() };
    Pin { requirement: pin.requirement.clone(), module }
}

fn asks_for_another(pins: &[Pin], info: &ModuleInfo) -> String {
    let asked: Vec<_> = pins.iter().filter(|pin| pin.module.module == info.key).collect();
    let asked: Vec<_> = asked.iter().filter_map(|pin| pin.requirement.as_deref()).collect();
    format!("asks for {}@{}, which {} is not; change the line", info.key, asked.join(" and "), info.version)
}
