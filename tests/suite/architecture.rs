//! The picture in docs/ARCHITECTURE.md, held against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::Peekable;
use std::path::Path;
use std::str::SplitWhitespace;

use crate::support::root;

/// What each part may depend on, besides crates that have no home of their own.
const ALLOWED: [(&str, &str, &[&str]); 9] = [
    (".", "ropewalk", &["values", "engine", "memory", "actions", "schema", "api"]),
    ("engine/values", "values", &[]),
    ("engine", "engine", &["values"]),
    ("engine/memory", "memory", &["engine"]),
    ("engine/suite", "suite", &["engine"]),
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
fn the_model_is_pure() {
    for (path, text) in sources(&root().join("engine/src/model")) {
        for word in ["tokio", "std::fs", "std::thread"] {
            assert!(!text.contains(word), "{path} must not mention {word}");
        }
    }
}

/// The folders of the engine, the lowest first: each uses only those before it.
const LAYERS: [&str; 8] = ["model", "ports", "deadline", "records", "node", "execution", "services", "background"];

#[test]
fn the_folders_of_the_engine_use_only_those_below_them() {
    let place = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    for ((_, from, to), file) in
        uses(&root().join("engine/src")).into_iter().filter(|((folder, ..), _)| folder.is_empty())
    {
        assert!(from == "engine" || place(&from) > place(&to), "{file} is in `{from}`, which must not use `{to}`");
    }
}

#[test]
fn files_beside_one_another_use_each_other_in_one_direction() {
    for (folder, ..) in ALLOWED {
        let mut left = uses(&root().join(folder).join("src"));
        // What uses nothing is in no circle; nor is what only uses that.
        loop {
            let users: BTreeSet<_> = left.keys().map(|(folder, from, _)| (folder.clone(), from.clone())).collect();
            let before = left.len();
            left.retain(|(folder, _, to), _| users.contains(&(folder.clone(), to.clone())));
            if left.len() == before {
                break;
            }
        }
        assert!(left.is_empty(), "these use each other in a circle, or lead to one: {left:#?}");
    }
}

/// Which files and folders of a crate use which beside them: the folder both are in, the two names, and a file where it
/// is so. What a file has in its own folder, and the parent it is part of, do not count.
fn uses(crate_root: &Path) -> BTreeMap<(String, String, String), String> {
    let modules: BTreeMap<Vec<String>, (String, String)> = sources(crate_root)
        .into_iter()
        .filter(|(path, _)| !path.contains("/tests"))
        .map(|(path, text)| {
            let name = path.trim_start_matches(&crate_root.display().to_string()).trim_end_matches(".rs");
            let name = name.trim_end_matches("/mod").trim_matches('/');
            (name.split('/').map(str::to_owned).collect(), (path.clone(), text))
        })
        .collect();
    let mut found = BTreeMap::new();
    for (module, (path, text)) in &modules {
        for mut used in paths_in(module, text) {
            while !used.is_empty() && !modules.contains_key(&used) {
                used.pop();
            }
            let shared = module.iter().zip(&used).take_while(|(one, other)| one == other).count();
            if let (Some(from), Some(to)) = (module.get(shared), used.get(shared)) {
                found.insert((module[..shared].join("::"), from.clone(), to.clone()), path.clone());
            }
        }
    }
    found
}

/// Every path that a file names from `crate` or `super`, from the root of the crate. Its inline tests do not count.
fn paths_in(module: &[String], text: &str) -> Vec<Vec<String>> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: String = code.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect();
    let code = code.replace("::", " § ").replace(|c: char| !(c.is_alphanumeric() || "_§{},".contains(c)), " ");
    let code = ["{", "}", ","].iter().fold(code, |code, mark| code.replace(mark, &format!(" {mark} ")));
    let mut words = code.split_whitespace().peekable();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "crate" => follow(&mut words, Vec::new(), &mut found),
            "super" => follow(&mut words, module[..module.len() - 1].to_vec(), &mut found),
            _ => {}
        }
    }
    found
}

/// Follows a path, and each branch of its braces, to its ends.
fn follow<'a>(words: &mut Peekable<SplitWhitespace<'a>>, mut path: Vec<String>, found: &mut Vec<Vec<String>>) {
    while words.next_if_eq(&"§").is_some() {
        match words.next() {
            Some("{") => {
                while let Some(name) = words.next().filter(|name| *name != "}") {
                    if name != "," {
                        follow(words, [path.as_slice(), &[name.to_owned()]].concat(), found);
                    }
                }
                return;
            }
            Some("super") => drop(path.pop()),
            Some(name) => path.push(name.to_owned()),
            None => {}
        }
    }
    found.push(path);
}

#[test]
fn the_api_lets_nobody_in_but_by_their_token() {
    let doors = ["of_operator(", "organizations().add(", "tokens().issue(", "tokens().adopt(", "tokens().ensure("];
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
