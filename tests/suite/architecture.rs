//! The picture in docs/ARCHITECTURE.md, held against the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::root;

/// What each part may depend on, besides crates that have no home of their own.
const ALLOWED: [(&str, &str, &[&str]); 7] = [
    (".", "ropewalk", &["values", "engine", "actions", "schema", "api"]),
    ("engine/values", "values", &[]),
    ("engine", "engine", &["values"]),
    ("actions", "actions", &["values", "engine"]),
    ("migrations", "migrations", &[]),
    ("schema", "schema", &["engine", "migrations"]),
    ("api", "api", &["values", "engine"]),
];

/// Crates that belong to one part only: a wire format has one home.
const HOMES: [(&str, &[&str]); 8] = [
    ("wasmtime", &["actions"]),
    ("wasmparser", &["actions"]),
    ("sea-orm", &["schema"]),
    ("sea-orm-migration", &["schema", "migrations"]),
    ("async-graphql", &["api"]),
    ("poem", &["api"]),
    ("clap", &["ropewalk"]),
    ("handlebars", &["values", "engine"]),
];

fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
    let section = manifest.split("\n[dependencies]\n").nth(1).expect("dependencies");
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn every_part_depends_only_on_what_the_map_allows() {
    for (folder, part, allowed) in ALLOWED {
        for name in dependencies(folder) {
            if let Some(own) = name.strip_prefix("ropewalk-") {
                assert!(allowed.contains(&own), "{part} must not depend on {own}");
            }
            if let Some((_, homes)) = HOMES.iter().find(|(dependency, _)| *dependency == name) {
                assert!(homes.contains(&part), "{name} has no place in {part}; it belongs to {homes:?}");
            }
        }
    }
}

#[test]
fn every_member_of_the_workspace_is_on_the_map() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let members = manifest.lines().find(|line| line.starts_with("members")).expect("members");
    let members: BTreeSet<_> = members.split('"').skip(1).step_by(2).collect();
    let mapped: BTreeSet<_> = ALLOWED.iter().map(|(folder, _, _)| *folder).filter(|folder| *folder != ".").collect();
    assert_eq!(members, mapped);
}

#[test]
fn imports_inside_the_engine_run_one_way() {
    let forbidden =
        [("model", &["crate::ports", "crate::runtime", "tokio", "std::fs"][..]), ("ports", &["crate::runtime"][..])];
    for (room, words) in forbidden {
        for (path, text) in sources(&root().join("engine/src").join(room)) {
            // The suite and the twins prove the ports; they may stand on what they prove.
            for word in words.iter().filter(|_| !path.contains("/suite")) {
                assert!(!text.contains(word), "{path} must not mention {word}");
            }
        }
    }
}

#[test]
fn the_api_lets_nobody_in_but_by_their_token() {
    let doors = ["access_of_operator", "add_organization", "issue_token", "adopt_token"];
    for (path, text) in sources(&root().join("api/src")).iter().filter(|(path, _)| !path.contains("/tests")) {
        assert!(!doors.iter().any(|door| text.contains(door)), "{path} goes around authentication");
    }
}

#[test]
fn the_clock_is_read_in_one_place() {
    let readers: Vec<_> = ["engine", "schema", "api", "src", "migrations"]
        .iter()
        .flat_map(|part| sources(&root().join(part)))
        .filter(|(_, text)| text.contains("Utc::now(") || text.contains("Local::now("))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(readers.len(), 1, "{readers:?}");
    assert!(readers[0].ends_with("engine/src/ports/clock.rs"));
}

/// Every source file below a folder, with its path.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("modules") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("UTF-8");
            found.push((path.display().to_string(), text));
        }
    }
    found
}
