//! Grants: what an organization allows a module to do outside of its sandbox.
//!
//! A module requests rights by its imports. Without a grant, every call is denied. Addresses that are
//! not public may be granted only by administrators of the server.

mod read;

use std::fmt;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::fault::Fault;

/// A service of the host for modules.
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

    /// The capability with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.word() == word)
    }

    /// Whether it has effects outside of the line, so that it must be granted.
    pub fn has_effects(self) -> bool {
        self != Self::Log
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a module may do in an organization; by default nothing.
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
    /// Networks that are not public and may be reached nevertheless.
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

/// A call that no grant allows, with the grant that would allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Key of the module.
    pub module: String,
    /// The capability of the call.
    pub capability: Capability,
    /// What the module wanted to do: `send GET to api.example.com`.
    pub wanted: String,
    /// The grant that would allow it, as [`Grants::add`] reads it: `http=api.example.com`.
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

    /// The document of the grants, as it is stored and shown:
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

    /// Adds a term of the command line to a document of grants. The terms are `http=HOST,…`,
    /// `http.methods=METHOD,…`, `http.addresses=NETWORK,…`, `collections=NAME,…`,
    /// `collections.read=NAME,…` and `jobs=KEY,…`.
    ///
    /// # Errors
    /// One sentence with the possible terms.
    pub fn add(document: &mut Value, term: &str) -> Result<(), String> {
        let unknown = || {
            format!(
                "`{term}` is not a grant; write http=HOST, http.methods=METHOD, http.addresses=NETWORK, collections=NAME, \
                 collections.read=NAME or jobs=KEY, and separate several values by commas"
            )
        };
        let (kind, names) = term.split_once('=').ok_or_else(unknown)?;
        let (capability, list) = match kind {
            "http" => ("http", "hosts"),
            "http.methods" => ("http", "methods"),
            "http.addresses" => ("http", "addresses"),
            "collections" | "collections.read" => ("collections", "names"),
            "jobs" => ("jobs", "keys"),
            _ => return Err(unknown()),
        };
        let part = &mut document[capability];
        if capability == "collections" {
            let access = if kind == "collections.read" && part["access"] != "write" { "read" } else { "write" };
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

    /// The capabilities that are granted, in full or in part.
    pub fn capabilities(&self) -> impl Iterator<Item = Capability> {
        let granted = [
            (Capability::Http, self.http.is_some()),
            (Capability::Collections, self.collections.is_some()),
            (Capability::Jobs, self.jobs.is_some()),
        ];
        granted.into_iter().filter(|(_, granted)| *granted).map(|(capability, _)| capability)
    }

    /// Whether every network that is not public was granted before too.
    pub fn adds_no_addresses_to(&self, before: Option<&Self>) -> bool {
        let addresses = |grants: &Self| grants.http.as_ref().map(|http| http.addresses.clone()).unwrap_or_default();
        let known = before.map(addresses).unwrap_or_default();
        addresses(self).iter().all(|network| known.contains(network))
    }

    /// Whether networks that are not public are granted.
    pub fn reaches_private_addresses(&self) -> bool {
        self.http.as_ref().is_some_and(|http| !http.addresses.is_empty())
    }

    /// Checks whether a module may send a request. `host` is a name or an address without brackets.
    ///
    /// # Errors
    /// The grant that would allow it.
    pub fn permit_http(&self, module: &str, method: &str, host: &str, port: u16) -> Result<&HttpGrant, Denial> {
        let granted = self.http.as_ref().filter(|grant| {
            let method_fits = grant.methods.is_empty() || grant.methods.iter().any(|granted| granted == method);
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

    /// Checks whether a module may read or change a collection.
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

    /// Checks whether a module may start a job.
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

/// Whether a pattern fits a host. `*.` at the beginning stands for one or more labels, and a pattern
/// without a port fits every port.
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

/// Splits `host:443`. An IPv6 address needs brackets to have a port.
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

/// Whether a pattern fits a name. `*` at the end stands for any text.
fn name_fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests;
