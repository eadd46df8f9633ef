//! What a component may import and must export: the interfaces and versions that this host
//! supports, and the capability behind each.

use std::collections::BTreeSet;

use ::engine::model::grant::Capability;
use semver::Version;

use super::scan::Surface;

/// The interface that a module exports.
const ACTIONS: &str = "ropewalk:action/actions";
/// The version of the contract that this host supports. A module of an older minor version loads
/// unchanged, because minor versions only add to the contract. A second major version would get an
/// adapter beside `contract`.
const CONTRACT: Version = Version::new(1, 0, 0);
/// The version of WASI that is linked.
pub(super) const WASI: Version = Version::new(0, 2, 12);

/// The capabilities; each is an interface of `ropewalk:host`.
const HOST: [(&str, Capability); 4] = [
    ("ropewalk:host/log", Capability::Log),
    ("ropewalk:host/http", Capability::Http),
    ("ropewalk:host/collections", Capability::Collections),
    ("ropewalk:host/jobs", Capability::Jobs),
];

/// The interfaces of WASI 0.2 that are linked. They give access only to the line's own log, its
/// frozen clock, its seeded random numbers, and to HTTP with the grant `http`.
pub(super) const LINKED: [&str; 29] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// Checks the imports and exports of a component, and returns the capabilities that it imports.
///
/// # Errors
/// Every unknown import and a missing export, one sentence each.
pub(super) fn check(surface: &Surface) -> Result<BTreeSet<Capability>, Vec<String>> {
    let (mut capabilities, mut faults) = (BTreeSet::new(), Vec::new());
    for import in &surface.imports {
        match capability_of(import) {
            Ok(capability) => capabilities.extend(capability),
            Err(fault) => faults.push(fault),
        }
    }
    faults.extend(check_export(surface).err());
    if faults.is_empty() { Ok(capabilities) } else { Err(faults) }
}

/// The capability behind an import; `None` for interfaces of WASI that give access to nothing.
fn capability_of(import: &str) -> Result<Option<Capability>, String> {
    let (interface, version) = split_version(import);
    if let Some((_, capability)) = HOST.iter().find(|(name, _)| *name == interface) {
        check_version(import, version.as_ref(), &CONTRACT)?;
        return Ok(Some(*capability));
    }
    if !LINKED.contains(&interface) {
        return Err(unknown_import(import));
    }
    // A later 0.2 only adds items. Whether the component needs one of them shows when it is linked.
    if !version.is_some_and(|version| version.major == 0 && version.minor == 2) {
        return Err(format!("imports `{import}`; this host supports {interface}@{WASI}"));
    }
    Ok((interface == "wasi:http/outgoing-handler").then_some(Capability::Http))
}

fn unknown_import(import: &str) -> String {
    let host = HOST.map(|(name, _)| name).join(", ");
    if import.starts_with("wasi:") {
        return format!(
            "imports `{import}`, which this host does not offer; of WASI 0.2 it offers {}",
            linked_families().join(", ")
        );
    }
    format!("imports `{import}`, which this host does not know; modules may import {host}, and WASI {WASI}")
}

/// The linked interfaces, one text for each package, such as `wasi:io/error|poll|streams`.
fn linked_families() -> Vec<String> {
    let mut families: Vec<String> = Vec::new();
    for interface in LINKED {
        let Some((package, name)) = interface.split_once('/') else { continue };
        match families.last_mut().filter(|family| family.starts_with(&format!("{package}/"))) {
            Some(family) => *family += &format!("|{name}"),
            None => families.push(interface.to_owned()),
        }
    }
    families
}

fn check_export(surface: &Surface) -> Result<(), String> {
    let export = surface.exports.iter().find(|export| split_version(export).0 == ACTIONS);
    match export {
        Some(export) => {
            let (_, version) = split_version(export);
            check_version(export, version.as_ref(), &CONTRACT).map_err(|fault| fault.replacen("imports", "exports", 1))
        }
        None => Err(format!(
            "does not export `{ACTIONS}@{CONTRACT}`, so it offers no actions; build it with the SDK, or for the \
             contract in `actions/wit`"
        )),
    }
}

/// Accepts this version and the older ones of the same major version.
fn check_version(name: &str, version: Option<&Version>, supported: &Version) -> Result<(), String> {
    match version {
        Some(version) if version.major == supported.major && version <= supported => Ok(()),
        _ => {
            let interface = split_version(name).0;
            Err(format!(
                "imports `{name}`; this host supports {interface}@{supported}: build the module for that version, or \
                 upgrade the program"
            ))
        }
    }
}

/// Splits `package/interface@1.2.3` into interface and version.
fn split_version(name: &str) -> (&str, Option<Version>) {
    match name.split_once('@') {
        Some((interface, version)) => (interface, version.parse().ok()),
        None => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(imports: &[&str], exports: &[&str]) -> Surface {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Surface { imports: owned(imports), exports: owned(exports) }
    }

    const EXPORT: &str = "ropewalk:action/actions@1.0.0";

    #[test]
    fn capabilities_are_what_is_imported() {
        let capabilities = |imports: &[&str]| check(&surface(imports, &[EXPORT])).unwrap();
        assert!(capabilities(&["wasi:io/poll@0.2.3", "wasi:http/types@0.2.0"]).is_empty());
        assert_eq!(capabilities(&["wasi:http/outgoing-handler@0.2.1"]), BTreeSet::from([Capability::Http]));
        let all = ["log", "http", "collections", "jobs"].map(|name| format!("ropewalk:host/{name}@1.0.0"));
        assert_eq!(capabilities(&all.each_ref().map(String::as_str)), BTreeSet::from(Capability::ALL));
    }

    #[test]
    fn every_unknown_import_is_reported_with_what_is_known() {
        let faults =
            check(&surface(&["ropewalk:host/files@1.0.0", "wasi:keyvalue/store@0.2.0", "run"], &[])).unwrap_err();
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(faults[0].contains("`ropewalk:host/files@1.0.0`") && faults[0].contains("ropewalk:host/http"));
        assert!(faults[1].contains("wasi:io/error|poll|streams"), "{}", faults[1]);
        assert!(faults[2].contains("`run`"));
        assert!(faults[3].contains("does not export `ropewalk:action/actions@1.0.0`"));
    }

    #[test]
    fn a_newer_version_is_reported_with_the_supported_one() {
        let newer = ["ropewalk:host/log@1.1.0", "ropewalk:host/http@2.0.0", "wasi:io/poll@0.3.0", "wasi:io/poll"];
        let faults = check(&surface(&newer, &["ropewalk:action/actions@1.4.0"])).unwrap_err();
        assert!(faults[0].contains("this host supports ropewalk:host/log@1.0.0"), "{faults:?}");
        assert!(faults[1].contains("this host supports ropewalk:host/http@1.0.0"));
        assert!(faults[2].contains("this host supports wasi:io/poll@0.2.12"));
        assert!(faults[4].starts_with("exports `ropewalk:action/actions@1.4.0`; this host supports"), "{}", faults[4]);
    }
}
