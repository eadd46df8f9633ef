//! Grants: what an organization lets a module do outside of its sandbox.
//!
//! A module's imports are its request; without a grant every call is denied. The
//! effective right is what the module asks for and the organization grants. The
//! server has the last word on addresses that are not public: only its
//! administrators may grant them.

mod read;

use std::fmt;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::fault::Fault;

/// One thing that the host does for modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Messages in the log of the line. Needs no grant.
    Log,
    /// Requests to HTTP servers.
    Http,
    /// The organization's collections.
    Collections,
    /// Starting other jobs.
    Jobs,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 4] = [Self::Log, Self::Http, Self::Collections, Self::Jobs];

    /// The word used in grants and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Http => "http",
            Self::Collections => "collections",
            Self::Jobs => "jobs",
        }
    }

    /// The capability that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.word() == word)
    }

    /// Whether it reaches anything outside of the line, so that it must be granted.
    pub fn has_effects(self) -> bool {
        self != Self::Log
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a module may do in an organization. Empty: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Requests to HTTP servers.
    pub http: Option<HttpGrant>,
    /// The organization's collections.
    pub collections: Option<CollectionsGrant>,
    /// Starting other jobs.
    pub jobs: Option<JobsGrant>,
}

/// Which HTTP servers may be reached, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpGrant {
    /// `api.example.com`, `*.example.com`, `*`; with `:8443`, only that port.
    pub hosts: Vec<String>,
    /// Upper-case methods; empty for all.
    pub methods: Vec<String>,
    /// Addresses that are not public and may be reached all the same.
    pub addresses: Vec<IpNet>,
}

/// Which collections may be reached, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionsGrant {
    /// `orders`, `import-*`, `*`.
    pub names: Vec<String>,
    /// Whether records may be changed.
    pub write: bool,
}

/// Which jobs may be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobsGrant {
    /// `nightly`, `import-*`, `*`.
    pub keys: Vec<String>,
}

/// A call that no grant allows, told as the very grant that would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Key of the module.
    pub module: String,
    /// What it asked for.
    pub capability: Capability,
    /// What it wanted to do: `send GET to api.example.com`.
    pub wanted: String,
    /// What would allow it, as [`Grants::add`] reads it: `http=api.example.com`.
    pub grant: String,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { module, wanted, grant, .. } = self;
        write!(
            f,
            "The module `{module}` may not {wanted}. Grant it with `grantModule` or `ropewalk module grant {module} {grant}`; \
             in `ropewalk run`, with `--grant {module}:{grant}`."
        )
    }
}

impl Grants {
    /// Reads grants from their document. See [`Grants::document`].
    ///
    /// # Errors
    /// Every fault, with its path.
    pub fn read(document: &Value) -> Result<Self, Vec<Fault>> {
        read::read(document)
    }

    /// The grants as they are stored and shown:
    /// `{"http": {"hosts", "methods", "addresses"}, "collections": {"names", "access"}, "jobs": {"keys"}}`.
    pub fn document(&self) -> Value {
        let mut document = Map::new();
        if let Some(HttpGrant { hosts, methods, addresses }) = &self.http {
            let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
            document.insert("http".into(), json!({"hosts": hosts, "methods": methods, "addresses": addresses}));
        }
        if let Some(CollectionsGrant { names, write }) = &self.collections {
            let access = if *write { "write" } else { "read" };
            document.insert("collections".into(), json!({"names": names, "access": access}));
        }
        if let Some(JobsGrant { keys }) = &self.jobs {
            document.insert("jobs".into(), json!({"keys": keys}));
        }
        Value::Object(document)
    }

    /// Adds to a document of grants what a term of the command line says:
    /// `http=HOST,…`, `http.methods=METHOD,…`, `http.addresses=NETWORK,…`, `collections=NAME,…`,
    /// `collections.read=NAME,…`, `jobs=KEY,…`.
    ///
    /// # Errors
    /// One sentence with the terms that there are.
    pub fn add(document: &mut Value, term: &str) -> Result<(), String> {
        let unknown = || {
            format!(
                "`{term}` grants nothing; write http=HOST, http.methods=METHOD, http.addresses=NETWORK, collections=NAME, \
                 collections.read=NAME or jobs=KEY, several of them joined by commas"
            )
        };
        let (what, names) = term.split_once('=').ok_or_else(unknown)?;
        let (capability, list) = match what {
            "http" => ("http", "hosts"),
            "http.methods" => ("http", "methods"),
            "http.addresses" => ("http", "addresses"),
            "collections" | "collections.read" => ("collections", "names"),
            "jobs" => ("jobs", "keys"),
            _ => return Err(unknown()),
        };
        let part = &mut document[capability];
        if capability == "collections" {
            let access = if what == "collections.read" && part["access"] != "write" { "read" } else { "write" };
            part["access"] = json!(access);
        }
        let mut all = part[list].as_array().cloned().unwrap_or_default();
        for name in names.split(',').map(|name| json!(name.trim())) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        part[list] = Value::Array(all);
        Ok(())
    }

    /// The capabilities that are granted, with whatever bounds.
    pub fn capabilities(&self) -> impl Iterator<Item = Capability> {
        let granted = [
            (Capability::Http, self.http.is_some()),
            (Capability::Collections, self.collections.is_some()),
            (Capability::Jobs, self.jobs.is_some()),
        ];
        granted.into_iter().filter(|(_, granted)| *granted).map(|(capability, _)| capability)
    }

    /// Whether it reaches into no network that is not public beyond what was granted before.
    pub fn adds_no_addresses_to(&self, before: Option<&Self>) -> bool {
        let addresses = |grants: &Self| grants.http.as_ref().map(|http| http.addresses.clone()).unwrap_or_default();
        let known = before.map(addresses).unwrap_or_default();
        addresses(self).iter().all(|network| known.contains(network))
    }

    /// Whether a grant reaches into networks that are not public.
    pub fn reaches_private_addresses(&self) -> bool {
        self.http.as_ref().is_some_and(|http| !http.addresses.is_empty())
    }

    /// Lets a module send a request, or says which grant is missing. `host` is a name or a
    /// literal address without brackets.
    ///
    /// # Errors
    /// The grant that would allow it.
    pub fn permit_http(&self, module: &str, method: &str, host: &str, port: u16) -> Result<&HttpGrant, Denial> {
        let granted = self.http.as_ref().filter(|grant| {
            let method_fits = grant.methods.is_empty() || grant.methods.iter().any(|one| one == method);
            method_fits && grant.hosts.iter().any(|pattern| host_fits(pattern, host, port))
        });
        granted.ok_or_else(|| Denial {
            module: module.to_owned(),
            capability: Capability::Http,
            wanted: format!("send {method} to {host}"),
            grant: match &self.http {
                Some(grant) if grant.hosts.iter().any(|pattern| host_fits(pattern, host, port)) => {
                    format!("http.methods={method}")
                }
                _ => format!("http={host}"),
            },
        })
    }

    /// Lets a module read or change a collection, or says which grant is missing.
    ///
    /// # Errors
    /// The grant that would allow it.
    pub fn permit_collection(&self, module: &str, name: &str, write: bool) -> Result<(), Denial> {
        let granted = self
            .collections
            .as_ref()
            .is_some_and(|grant| (grant.write || !write) && grant.names.iter().any(|pattern| name_fits(pattern, name)));
        let (verb, term) = if write { ("change", "collections") } else { ("read", "collections.read") };
        let denial = || Denial {
            module: module.to_owned(),
            capability: Capability::Collections,
            wanted: format!("{verb} the collection `{name}`"),
            grant: format!("{term}={name}"),
        };
        if granted { Ok(()) } else { Err(denial()) }
    }

    /// Lets a module start a job, or says which grant is missing.
    ///
    /// # Errors
    /// The grant that would allow it.
    pub fn permit_job(&self, module: &str, key: &str) -> Result<(), Denial> {
        let granted = self.jobs.as_ref().is_some_and(|grant| grant.keys.iter().any(|pattern| name_fits(pattern, key)));
        let denial = || Denial {
            module: module.to_owned(),
            capability: Capability::Jobs,
            wanted: format!("start the job `{key}`"),
            grant: format!("jobs={key}"),
        };
        if granted { Ok(()) } else { Err(denial()) }
    }
}

/// `*` at the beginning stands for one or more labels; a pattern without port fits every port.
fn host_fits(pattern: &str, host: &str, port: u16) -> bool {
    let (pattern, wanted) = split_port(pattern);
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        _ if pattern == "*" => true,
        Some(rest) => host.strip_suffix(rest).is_some_and(|labels| labels.len() > 1 && labels.ends_with('.')),
        None => pattern == host,
    }
}

/// `host:443` in two; an IPv6 address in brackets may have a port, a bare one has none.
fn split_port(pattern: &str) -> (&str, Option<u16>) {
    let bare = |host: &str| host.len() >= 2 && host.starts_with('[') && host.ends_with(']');
    let strip = |host| if bare(host) { &host[1..host.len() - 1] } else { host };
    match pattern.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || bare(host) => match port.parse() {
            Ok(port) => (strip(host), Some(port)),
            Err(_) => (pattern, None),
        },
        _ => (strip(pattern), None),
    }
}

/// `*` at the end stands for any text.
fn name_fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests;
