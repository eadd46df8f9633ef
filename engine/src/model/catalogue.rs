//! The catalogue: the modules, with all their versions, and the filter templates that an
//! organization's jobs may use.
//!
//! A line names an action as `action`, `module/action` or `module@1.2/action`. The version is chosen
//! when the job is saved, and is saved with it as a [`Pin`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use semver::{Version, VersionReq};

use super::action::{ActionSpec, ModuleDigest};
use super::fault::did_you_mean;
use super::filter_template::Templates;
use super::module::{Installed, Owner};
use super::schema::Schema;

/// An action that lines may name.
#[derive(Debug, Clone)]
pub struct Offered {
    /// The specification from the module.
    pub spec: ActionSpec,
    /// The compiled schema of its parameters.
    pub schema: Arc<Schema>,
}

/// A version of a module, with the schemas of its actions compiled.
#[derive(Debug)]
pub struct Offering {
    /// The installed version.
    pub installed: Installed,
    /// Its actions, by name.
    pub actions: BTreeMap<String, Offered>,
}

/// The version of a module that a job was saved with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The version that the line asked for, `1.2` of `module@1.2`; none if it named no version.
    pub requirement: Option<String>,
    /// The version that was chosen.
    pub module: ModuleDigest,
}

/// How versions are chosen.
#[derive(Debug, Clone, Copy)]
pub enum Choice<'a> {
    /// The versions that were pinned when the job was saved.
    Pinned(&'a [Pin]),
    /// The newest version that fits. Where the line asks for no version, the newest that is compatible
    /// with the one pinned before.
    Newest(&'a [Pin]),
}

impl Choice<'_> {
    /// Whether the job was saved with a version of this module although the line asked for none.
    fn pins(&self, key: &str) -> bool {
        let (Choice::Pinned(pins) | Choice::Newest(pins)) = self;
        pins.iter().any(|pin| pin.module.module == key && pin.requirement.is_none())
    }
}

/// Why the catalogue cannot resolve the name of an action: one sentence with what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAction(pub String);

impl fmt::Display for UnknownAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The action that a line names.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The module.
    pub offering: &'a Arc<Offering>,
    /// The action.
    pub offered: &'a Offered,
    /// The version that was asked for.
    pub requirement: Option<&'a str>,
}

/// The modules and filter templates that an organization's jobs may use.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// By key; the newest version of each first.
    modules: BTreeMap<String, Vec<Arc<Offering>>>,
    templates: Templates,
}

impl Offering {
    /// Compiles the schemas of a module's actions.
    ///
    /// # Errors
    /// One sentence for every action whose schema cannot be used.
    pub fn new(installed: Installed) -> Result<Self, Vec<String>> {
        let (mut actions, mut faults) = (BTreeMap::new(), Vec::new());
        for spec in &installed.info.actions {
            match Schema::compile_foreign(&spec.parameters) {
                Ok(schema) => {
                    actions.insert(spec.name.clone(), Offered { spec: spec.clone(), schema: Arc::new(schema) });
                }
                Err(error) => faults
                    .push(format!("the schema of action `{}` cannot be used as a JSON Schema: {error}", spec.name)),
            }
        }
        if faults.is_empty() { Ok(Self { installed, actions }) } else { Err(faults) }
    }

    fn version(&self) -> &Version {
        &self.installed.info.version
    }
}

impl<'a> Found<'a> {
    /// The pin that is saved with a job. Bundled modules are not pinned, because there is only one
    /// version of each.
    pub fn pin(&self) -> Option<Pin> {
        let requirement = self.requirement.map(str::to_owned);
        let pinned = self.offering.installed.owner != Owner::Bundled;
        pinned.then(|| Pin { requirement, module: self.offering.installed.info.named() })
    }
}

impl Catalogue {
    /// A catalogue of these modules.
    pub fn new(offerings: impl IntoIterator<Item = Arc<Offering>>) -> Self {
        let mut modules: BTreeMap<String, Vec<Arc<Offering>>> = BTreeMap::new();
        for offering in offerings {
            modules.entry(offering.installed.info.key.clone()).or_default().push(offering);
        }
        for versions in modules.values_mut() {
            versions.sort_by(|a, b| b.version().cmp(a.version()));
        }
        Self { modules, templates: Templates::default() }
    }

    /// The same modules with these filter templates.
    #[must_use]
    pub fn with_templates(&self, templates: Templates) -> Self {
        Self { modules: self.modules.clone(), templates }
    }

    /// The filter templates.
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// Every version of every module, by key, newest first.
    pub fn modules(&self) -> impl Iterator<Item = &Arc<Offering>> {
        self.modules.values().flatten()
    }

    /// The versions of a module, newest first.
    pub fn versions(&self, key: &str) -> &[Arc<Offering>] {
        self.modules.get(key).map_or(&[], Vec::as_slice)
    }

    /// The actions of the newest version of each module, by full name.
    pub fn actions(&self) -> impl Iterator<Item = (&Arc<Offering>, &Offered)> {
        let newest = self.modules.values().filter_map(|versions| newest(versions, |_| true));
        newest.flat_map(|offering| offering.actions.values().map(move |offered| (offering, offered)))
    }

    /// The action that `name` means: `module/action`, with or without a version, or the bare
    /// name where only one module has it.
    ///
    /// # Errors
    /// One sentence with the nearest name, the modules that share the bare name, or the installed versions.
    pub fn find<'a>(&'a self, name: &'a str, choice: Choice<'_>) -> Result<Found<'a>, UnknownAction> {
        let Some((module, action)) = name.split_once('/') else { return self.find_bare(name, choice) };
        let (key, requirement) = match module.split_once('@') {
            Some((key, requirement)) => (key, Some(requirement)),
            None => (module, None),
        };
        if !self.modules.contains_key(key) {
            return Err(UnknownAction(self.unknown(name)));
        }
        let offering = self.choose(key, requirement, choice).map_err(UnknownAction)?;
        match offering.actions.get(action) {
            Some(offered) => Ok(Found { offering, offered, requirement }),
            None => {
                let near = did_you_mean(action, offering.actions.keys().map(String::as_str));
                Err(UnknownAction(format!("{} has no action `{action}`{near}", offering.installed)))
            }
        }
    }

    fn find_bare<'a>(&'a self, name: &'a str, choice: Choice<'_>) -> Result<Found<'a>, UnknownAction> {
        let (mut found, mut gone) = (Vec::new(), None);
        for key in self.modules.keys() {
            match self.choose(key, None, choice) {
                Ok(offering) => found.extend(offering.actions.get(name).map(|offered| (offering, offered))),
                // The job may mean this module, whose pinned version is no longer installed.
                Err(error) if choice.pins(key) => gone = Some(error),
                Err(_) => {}
            }
        }
        // A module that is installed later does not change the meaning of a name in a saved job, nor of
        // the name of a bundled action.
        let pinned = |(offering, _): &&(&Arc<Offering>, &Offered)| choice.pins(&offering.installed.info.key);
        let bundled = |(offering, _): &&(&Arc<Offering>, &Offered)| offering.installed.owner == Owner::Bundled;
        if let Some((offering, offered)) = found.iter().find(pinned).or_else(|| found.iter().find(bundled)) {
            return Ok(Found { offering, offered, requirement: None });
        }
        match found.as_slice() {
            [(offering, offered)] => Ok(Found { offering, offered, requirement: None }),
            [] => Err(UnknownAction(gone.unwrap_or_else(|| self.unknown(name)))),
            several => {
                let names: Vec<_> =
                    several.iter().map(|(_, offered)| format!("`{}`", offered.spec.full_name())).collect();
                let names = names.join(" or ");
                Err(UnknownAction(format!("`{name}` is offered by several modules; write {names}")))
            }
        }
    }

    /// The installed version of a module that fits the requirement.
    fn choose(&self, key: &str, requirement: Option<&str>, choice: Choice<'_>) -> Result<&Arc<Offering>, String> {
        let versions = self.versions(key);
        let (Choice::Pinned(pins) | Choice::Newest(pins)) = choice;
        let pin = pins.iter().find(|pin| pin.module.module == key && pin.requirement.as_deref() == requirement);
        if let (Choice::Pinned(_), Some(pin)) = (choice, pin) {
            let pinned = versions.iter().find(|offering| offering.installed.info.digest == pin.module.digest);
            return pinned.ok_or_else(|| {
                format!(
                    "the job was saved with {key}@{}, which is no longer installed; install it, or save the job again",
                    pin.module.version
                )
            });
        }
        let wanted = match requirement {
            Some(text) => Some(VersionReq::parse(text).map_err(|_| {
                format!("`{text}` is not a version; write {key}@1.2, {key}@=1.2.3, or no version at all")
            })?),
            None => pin.and_then(|pin| VersionReq::parse(&pin.module.version).ok()),
        };
        let fits = |version: &Version| wanted.as_ref().is_none_or(|wanted| wanted.matches(version));
        // Without a requirement, any version will do if none is compatible with the pinned one.
        let found = newest(versions, fits).or_else(|| newest(versions, |_| requirement.is_none()));
        found.ok_or_else(|| {
            let installed: Vec<_> = versions.iter().map(|offering| offering.version().to_string()).collect();
            let requirement = requirement.unwrap_or_default();
            format!("{key}@{requirement} is not installed; the installed versions are {}", installed.join(", "))
        })
    }

    fn unknown(&self, name: &str) -> String {
        let known = self.actions().flat_map(|(_, offered)| [offered.spec.name.clone(), offered.spec.full_name()]);
        let known: Vec<_> = known.collect();
        let near = did_you_mean(name, known.iter().map(String::as_str));
        format!("there is no action `{name}`{near}")
    }
}

/// The newest version that fits; a pre-release only if no other version fits.
fn newest(versions: &[Arc<Offering>], fits: impl Fn(&Version) -> bool) -> Option<&Arc<Offering>> {
    let mut fitting = versions.iter().filter(|offering| fits(offering.version()));
    let first = fitting.next()?;
    let released = |offering: &&Arc<Offering>| offering.version().pre.is_empty();
    Some(std::iter::once(first).chain(fitting).find(released).unwrap_or(first))
}

#[cfg(test)]
mod tests;
