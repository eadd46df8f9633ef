//! Reads a document of grants and collects every fault.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::{CollectionsGrant, Grants, HttpGrant, JobsGrant, split_port};
use crate::model::fault::{Fault, did_you_mean, element, field};

pub(super) fn read(document: &Value) -> Result<Grants, Vec<Fault>> {
    let mut reader = Reader { faults: Vec::new() };
    let grants = reader.grants(document);
    if reader.faults.is_empty() { Ok(grants) } else { Err(reader.faults) }
}

struct Reader {
    faults: Vec<Fault>,
}

impl Reader {
    fn grants(&mut self, document: &Value) -> Grants {
        let Some(capabilities) = document.as_object() else {
            self.fault("", "must be an object such as {\"http\": {\"hosts\": [\"api.example.com\"]}}");
            return Grants::default();
        };
        self.check_names(capabilities, "", &["http", "collections", "jobs"]);
        let part = |name: &str| capabilities.get(name).filter(|part| !part.is_null());
        Grants {
            http: part("http").map(|part| self.http(part)),
            collections: part("collections").map(|part| self.collections(part)),
            jobs: part("jobs").map(|part| JobsGrant { keys: self.patterns(part, "jobs", "keys", is_name_pattern) }),
        }
    }

    fn http(&mut self, part: &Value) -> HttpGrant {
        self.members(part, "http", &["hosts", "methods", "addresses"]);
        let hosts = self.patterns(part, "http", "hosts", is_host_pattern);
        let methods = self.texts(part, "http", "methods");
        let addresses = self.texts(part, "http", "addresses");
        let addresses = addresses.into_iter().filter_map(|(place, text)| {
            let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            if network.is_none() {
                self.fault(&place, "must be an address or a network, such as 10.1.2.3 or 10.0.0.0/8");
            }
            network
        });
        let addresses = addresses.collect();
        let methods = methods.into_iter().filter_map(|(place, text)| {
            let fits = !text.is_empty() && text.chars().all(|letter| letter.is_ascii_uppercase() || letter == '-');
            if !fits {
                self.fault(&place, "must be a method in capitals, such as GET");
            }
            fits.then_some(text)
        });
        let methods = methods.collect();
        HttpGrant { hosts, methods, addresses }
    }

    fn collections(&mut self, part: &Value) -> CollectionsGrant {
        self.members(part, "collections", &["names", "access"]);
        let names = self.patterns(part, "collections", "names", is_name_pattern);
        let write = match part.get("access").and_then(Value::as_str) {
            None | Some("write") => true,
            Some("read") => false,
            Some(_) => {
                self.fault("collections.access", "must be `read` or `write`");
                false
            }
        };
        CollectionsGrant { names, write }
    }

    fn members(&mut self, part: &Value, path: &str, known: &[&str]) {
        match part.as_object() {
            Some(members) => self.check_names(members, path, known),
            None => self.fault(path, format!("must be an object with {}", known.join(", "))),
        }
    }

    fn check_names(&mut self, members: &Map<String, Value>, path: &str, known: &[&str]) {
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            let near = did_you_mean(name, known.iter().copied());
            self.fault(&field(path, name), format!("there is no field `{name}` here{near}"));
        }
    }

    /// The names or patterns to which the grant is limited; there must be at least one.
    fn patterns(&mut self, part: &Value, path: &str, name: &str, fits: fn(&str) -> bool) -> Vec<String> {
        let texts = self.texts(part, path, name);
        if texts.is_empty() {
            self.fault(&field(path, name), "must have at least 1 element; `*` stands for all");
        }
        for (place, _) in texts.iter().filter(|(_, text)| !fits(text)) {
            self.fault(
                place,
                "must be a name, or a pattern with `*` at the end of a name or before the first dot of a host",
            );
        }
        texts.into_iter().map(|(_, text)| text.to_ascii_lowercase()).collect()
    }

    fn texts(&mut self, part: &Value, path: &str, name: &str) -> Vec<(String, String)> {
        let place = field(path, name);
        match part.get(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(all)) => {
                let texts = all.iter().enumerate().map(|(index, text)| (element(&place, index), text.as_str()));
                let texts = texts.filter_map(|(place, text)| {
                    if text.is_none() {
                        self.fault(&place, "must be a text");
                    }
                    Some((place, text?.to_owned()))
                });
                texts.collect()
            }
            Some(_) => {
                self.fault(&place, "must be a list of texts");
                Vec::new()
            }
        }
    }

    fn fault(&mut self, path: &str, message: impl Into<String>) {
        self.faults.push(Fault::at(path, message));
    }
}

fn is_host_pattern(text: &str) -> bool {
    let (host, _) = split_port(text);
    let rest = host.strip_prefix("*.").unwrap_or(host);
    let letters = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':');
    text == "*" || host == "*" || (!rest.is_empty() && rest.chars().all(letters))
}

fn is_name_pattern(text: &str) -> bool {
    let rest = text.strip_suffix('*').unwrap_or(text);
    !text.is_empty() && rest.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_'))
}
