//! What a component may import and must export: the interfaces that this host
//! knows, in the versions that it speaks, and the capability behind each.

use std::collections::BTreeSet;

use ::engine::model::grant::Capability;
use semver::Version;

use super::scan::Surface;

/// What a module exports.
const ACTIONS: &str = "ropewalk:action/actions";
/// The version of the contract that this host speaks. A module of an older minor version loads
/// as it is, since versions are only extended; a second major version would get an adapter
/// beside `contract`, chosen by what [`check`] finds here.
const CONTRACT: Version = Version::new(1, 0, 0);
/// The version of WASI that is linked.
pub(super) const WASI: Version = Version::new(0, 2, 12);

/// The capabilities: an interface of `ropewalk:host` each.
const HOST: [(&str, Capability); 4] = [
    ("ropewalk:host/log", Capability::Log),
    ("ropewalk:host/http", Capability::Http),
    ("ropewalk:host/collections", Capability::Collections),
    ("ropewalk:host/jobs", Capability::Jobs),
];

/// The interfaces of WASI 0.2 that are linked, with nothing behind them but the line's own
/// log, its frozen clock, its seeded randomness, and HTTP under the grant of `http`.
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

/// Checks what a component asks for and offers, and says which capabilities that comes to.
///
/// # Errors
/// Every import that is not known, and a missing export, one sentence each.
pub(super) fn check(surface: &Surface) -> Result<BTreeSet<Capability>, Vec<String>> {
    let (mut capabilities, mut faults) = (BTreeSet::new(), Vec::new());
    for import in &surface.imports {
        match known(import) {
            Ok(capability) => capabilities.extend(capability),
            Err(fault) => faults.push(fault),
        }
    }
    faults.extend(exported(surface).err());
    if faults.is_empty() { Ok(capabilities) } else { Err(faults) }
}

/// The capability behind an import; none for what reaches nothing.
fn known(import: &str) -> Result<Option<Capability>, String> {
    let (interface, version) = split(import);
    if let Some((_, capability)) = HOST.iter().find(|(name, _)| *name == interface) {
        spoken(import, version.as_ref(), &CONTRACT)?;
        return Ok(Some(*capability));
    }
    if !LINKED.contains(&interface) {
        return Err(unknown(import));
    }
    // A later 0.2 adds to an interface; whether what was added is asked for shows when it is linked.
    if !version.is_some_and(|version| version.major == 0 && version.minor == 2) {
        return Err(format!("imports `{import}`; this host speaks {interface}@{WASI}"));
    }
    Ok((interface == "wasi:http/outgoing-handler").then_some(Capability::Http))
}

fn unknown(import: &str) -> String {
    let host = HOST.map(|(name, _)| name).join(", ");
    if import.starts_with("wasi:") {
        return format!("imports `{import}`, which is not offered: of WASI 0.2 there are {}", families().join(", "));
    }
    format!("imports `{import}`, which this host does not know; modules may import {host}, and WASI {WASI}")
}

/// The linked interfaces, as `wasi:io/error, poll, streams`.
fn families() -> Vec<String> {
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

fn exported(surface: &Surface) -> Result<(), String> {
    let export = surface.exports.iter().find(|export| split(export).0 == ACTIONS);
    match export {
        Some(export) => {
            let (_, version) = split(export);
            spoken(export, version.as_ref(), &CONTRACT).map_err(|fault| fault.replacen("imports", "exports", 1))
        }
        None => Err(format!(
            "does not export `{ACTIONS}@{CONTRACT}`, so it offers no actions; write it with the SDK, or against the \
             contract in `actions/wit`"
        )),
    }
}

/// Accepts this version and the older ones of the same major version.
fn spoken(name: &str, version: Option<&Version>, spoken: &Version) -> Result<(), String> {
    match version {
        Some(version) if version.major == spoken.major && version <= spoken => Ok(()),
        _ => {
            let interface = split(name).0;
            Err(format!(
                "imports `{name}`; this host speaks {interface}@{spoken}: build the module against that version, or \
                 upgrade the program"
            ))
        }
    }
}

/// `package/interface@1.2.3` in two.
fn split(name: &str) -> (&str, Option<Version>) {
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
        let asked = |imports: &[&str]| check(&surface(imports, &[EXPORT])).unwrap();
        assert!(asked(&["wasi:io/poll@0.2.3", "wasi:http/types@0.2.0"]).is_empty());
        assert_eq!(asked(&["wasi:http/outgoing-handler@0.2.1"]), BTreeSet::from([Capability::Http]));
        let all = ["log", "http", "collections", "jobs"].map(|name| format!("ropewalk:host/{name}@1.0.0"));
        assert_eq!(asked(&all.each_ref().map(String::as_str)), BTreeSet::from(Capability::ALL));
    }

    #[test]
    fn every_unknown_import_is_named_with_what_is_known() {
        let faults =
            check(&surface(&["ropewalk:host/files@1.0.0", "wasi:keyvalue/store@0.2.0", "run"], &[])).unwrap_err();
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(faults[0].contains("`ropewalk:host/files@1.0.0`") && faults[0].contains("ropewalk:host/http"));
        assert!(faults[1].contains("wasi:io/error|poll|streams"), "{}", faults[1]);
        assert!(faults[2].contains("`run`"));
        assert!(faults[3].contains("does not export `ropewalk:action/actions@1.0.0`"));
    }

    #[test]
    fn a_newer_version_is_told_what_is_spoken() {
        let newer = ["ropewalk:host/log@1.1.0", "ropewalk:host/http@2.0.0", "wasi:io/poll@0.3.0", "wasi:io/poll"];
        let faults = check(&surface(&newer, &["ropewalk:action/actions@1.4.0"])).unwrap_err();
        assert!(faults[0].contains("this host speaks ropewalk:host/log@1.0.0"), "{faults:?}");
        assert!(faults[1].contains("this host speaks ropewalk:host/http@1.0.0"));
        assert!(faults[2].contains("this host speaks wasi:io/poll@0.2.12"));
        assert!(faults[4].starts_with("exports `ropewalk:action/actions@1.4.0`; this host speaks"), "{}", faults[4]);
    }
}
