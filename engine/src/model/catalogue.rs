//! The catalogue: the modules that an organization's jobs may use, with all their
//! versions side by side, which of them a line means, and the filter templates.
//!
//! A line names an action as `action`, `module/action` or `module@1.2/action`. Which
//! version that is, is decided when the job is saved and kept as a [`Pin`].

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
    /// What the module says of it.
    pub spec: ActionSpec,
    /// The schema of its parameters, compiled.
    pub schema: Arc<Schema>,
}

/// A version of a module, with the schemas of its actions compiled.
#[derive(Debug)]
pub struct Offering {
    /// What was installed.
    pub installed: Installed,
    /// Its actions, by name.
    pub actions: BTreeMap<String, Offered>,
}

/// The version of a module that a job was saved with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// What the line asked for, `1.2` of `module@1.2`; none if it named no version.
    pub requirement: Option<String>,
    /// What that came to.
    pub module: ModuleDigest,
}

/// How versions are chosen.
#[derive(Debug, Clone, Copy)]
pub enum Choice<'a> {
    /// As pinned, since the job was saved so.
    Pinned(&'a [Pin]),
    /// The newest that fits, and where no version is asked for, the newest that is
    /// compatible with what was pinned before.
    Newest(&'a [Pin]),
}

impl Choice<'_> {
    /// Whether the job was saved with some version of this module, where a line asked for none.
    fn pins(&self, key: &str) -> bool {
        let (Choice::Pinned(pins) | Choice::Newest(pins)) = self;
        pins.iter().any(|pin| pin.module.module == key && pin.requirement.is_none())
    }
}

/// A name that the catalogue cannot resolve, as a sentence with the cure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAction(pub String);

impl fmt::Display for UnknownAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a line means by the name of an action.
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
    /// Every action whose schema is none, and why.
    pub fn new(installed: Installed) -> Result<Self, Vec<String>> {
        let (mut actions, mut faults) = (BTreeMap::new(), Vec::new());
        for spec in &installed.info.actions {
            match Schema::compile_foreign(&spec.parameters) {
                Ok(schema) => {
                    actions.insert(spec.name.clone(), Offered { spec: spec.clone(), schema: Arc::new(schema) });
                }
                Err(error) => {
                    faults.push(format!("the schema of action `{}` is not a JSON Schema: {error}", spec.name))
                }
            }
        }
        if faults.is_empty() { Ok(Self { installed, actions }) } else { Err(faults) }
    }

    fn version(&self) -> &Version {
        &self.installed.info.version
    }
}

impl<'a> Found<'a> {
    /// What a job that was saved now would keep of it. What comes with the program is not
    /// pinned: there is only one version of it.
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
            versions.sort_by(|one, other| other.version().cmp(one.version()));
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
    /// Says which names are near, which modules share the bare name, or which versions there are.
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
                // Only a version that the job had can be what it means and is gone.
                Err(error) if choice.pins(key) => gone = Some(error),
                Err(_) => {}
            }
        }
        // What is installed later takes no name away from a job that was saved, nor from what
        // comes with the program.
        let own = |(offering, _): &&(&Arc<Offering>, &Offered)| choice.pins(&offering.installed.info.key);
        let bundled = |(offering, _): &&(&Arc<Offering>, &Offered)| offering.installed.owner == Owner::Bundled;
        if let Some((offering, offered)) = found.iter().find(own).or_else(|| found.iter().find(bundled)) {
            return Ok(Found { offering, offered, requirement: None });
        }
        match found.as_slice() {
            [(offering, offered)] => Ok(Found { offering, offered, requirement: None }),
            // It may have been in what the job was saved with.
            [] => Err(UnknownAction(gone.unwrap_or_else(|| self.unknown(name)))),
            several => {
                let names: Vec<_> =
                    several.iter().map(|(_, offered)| format!("`{}`", offered.spec.full_name())).collect();
                let names = names.join(" or ");
                Err(UnknownAction(format!("`{name}` is offered by several modules; write {names}")))
            }
        }
    }

    /// The version of a module that is there and was meant.
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
        // What was pinned may be gone for good; then the newest is what there is.
        let found = newest(versions, fits).or_else(|| newest(versions, |_| requirement.is_none()));
        found.ok_or_else(|| {
            let there: Vec<_> = versions.iter().map(|offering| offering.version().to_string()).collect();
            format!("there is no {key}@{}; installed are {}", requirement.unwrap_or_default(), there.join(", "))
        })
    }

    fn unknown(&self, name: &str) -> String {
        let known = self.actions().flat_map(|(_, offered)| [offered.spec.name.clone(), offered.spec.full_name()]);
        let known: Vec<_> = known.collect();
        let near = did_you_mean(name, known.iter().map(String::as_str));
        format!("there is no action `{name}`{near}")
    }
}

/// The newest that fits; a pre-release only where nothing else does.
fn newest(versions: &[Arc<Offering>], fits: impl Fn(&Version) -> bool) -> Option<&Arc<Offering>> {
    let mut fitting = versions.iter().filter(|offering| fits(offering.version()));
    let first = fitting.next()?;
    let released = |offering: &&Arc<Offering>| offering.version().pre.is_empty();
    Some(std::iter::once(first).chain(fitting).find(released).unwrap_or(first))
}

#[cfg(test)]
mod tests;
