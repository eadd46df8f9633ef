//! The variables that a template reads, as far as they are known without data.

use std::fmt;

/// A variable that a template reads from its data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Variable {
    /// The names of its path; empty for the whole data (`this`).
    pub path: Vec<String>,
    /// Whether its last part may be missing: in `default`, `if`, `unless`, `and`, `or` and `not`. The
    /// first part must be known nevertheless.
    pub optional: bool,
}

impl Variable {
    /// The first name, or an empty text for the whole data.
    pub fn root(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str("this") } else { f.write_str(&self.path.join(".")) }
    }
}

/// The meaning of names inside of one block.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The path in the data at which plain names begin; none inside `each`, where the item is not known.
    base: Option<Vec<String>>,
    /// The names that the block declares.
    params: Vec<String>,
}

impl Scope {
    /// The scope outside of all blocks.
    pub(super) fn root() -> Scope {
        Scope { base: Some(Vec::new()), params: Vec::new() }
    }

    /// The scope of a block that declares these names.
    pub(super) fn block(base: Option<Vec<String>>, params: Vec<String>) -> Scope {
        Scope { base, params }
    }
}

/// A path in the syntax of handlebars: `../../a.[b c]/d`.
pub(super) struct Reference {
    /// Whether it begins with `@root`.
    rooted: bool,
    /// Whether it is a variable of a block, such as `@index`.
    local: bool,
    /// The number of `../`.
    up: usize,
    names: Vec<String>,
}

impl Reference {
    pub(super) fn parse(raw: &str) -> Reference {
        let mut rest = raw.strip_prefix("./").unwrap_or(raw);
        let rooted = ["@root.", "@root/"].iter().find_map(|root| rest.strip_prefix(root));
        rest = rooted.unwrap_or(rest);
        let local = rest.strip_prefix('@');
        rest = local.unwrap_or(rest);
        let mut up = 0;
        while let Some(outer) = rest.strip_prefix("../").or_else(|| rest.strip_prefix("...")) {
            (rest, up) = (outer, up + 1);
        }
        Reference { rooted: rooted.is_some(), local: local.is_some(), up, names: names(rest) }
    }

    /// The number of names.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }

    /// The path with only the first `parts` names, as handlebars reads it.
    pub(super) fn to(&self, parts: usize) -> String {
        let names = self.names.iter().take(parts).map(|name| format!("[{name}]"));
        let names: Vec<String> = if parts == 0 { vec!["this".to_owned()] } else { names.collect() };
        format!("{}{}", self.start(), names.join("."))
    }

    /// The names from position `at` on, joined by dots.
    pub(super) fn rest(&self, at: usize) -> String {
        self.names.get(at..).unwrap_or_default().join(".")
    }

    /// The path as people write it, cut at position `at`, where it ends with `last`.
    pub(super) fn written(&self, at: usize, last: &str) -> String {
        let before = self.names.iter().take(at).map(String::as_str);
        let names: Vec<String> = before.chain([last]).map(spelling).collect();
        format!("{}{}", self.start(), names.join("."))
    }

    fn start(&self) -> String {
        let root = if self.rooted { "@root." } else { "" };
        let local = if self.local { "@" } else { "" };
        format!("{root}{local}{}", "../".repeat(self.up))
    }

    /// The path from the data itself; none for a name of a block. An error if the path goes up more
    /// levels than there are.
    pub(super) fn resolve(&self, scopes: &[Scope]) -> Result<Option<Vec<String>>, ()> {
        if self.local {
            return Ok(None);
        }
        if self.rooted {
            return Ok(Some(self.names.clone()));
        }
        let first = self.names.first();
        if first.is_some_and(|name| scopes.iter().any(|scope| scope.params.contains(name))) {
            return Ok(None);
        }
        let Some(scope) = scopes.len().checked_sub(self.up + 1).and_then(|at| scopes.get(at)) else {
            return Err(());
        };
        Ok(scope.base.as_ref().map(|base| base.iter().chain(&self.names).cloned().collect()))
    }
}

/// A name as it is written in a template: in brackets if it has a space or another special character.
pub(super) fn spelling(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || !letter.is_ascii() || "-_$:.".contains(letter);
    if name.chars().all(plain) { name.to_owned() } else { format!("[{name}]") }
}

/// Splits a path: `a.[b.c]/d` is `a`, `b.c` and `d`. `this` is left out.
fn names(path: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (name, after) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((name, after)) => (name, after),
            None => rest.split_at(rest.find(['.', '/']).unwrap_or(rest.len())),
        };
        if name != "this" {
            names.push(name.to_owned());
        }
        rest = after.strip_prefix(['.', '/']).unwrap_or(after);
    }
    names
}
