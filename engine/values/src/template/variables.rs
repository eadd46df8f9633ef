//! Which variables a template reads, as far as that can be told without data.

use std::fmt;

/// A variable that a template reads from the data it is filled with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Variable {
    /// The names on the way to it. Empty: the template reads the whole data (`this`).
    pub path: Vec<String>,
    /// True where its last part may be missing: in `default`, `if`, `unless`, `and`,
    /// `or`, `not`. The first part must be known even then.
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

/// What names mean at one place of a template: one for each block around it.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Where plain names start from; none inside `each`, where the item is not known.
    base: Option<Vec<String>>,
    params: Vec<String>,
}

impl Scope {
    /// The place outside of all blocks.
    pub(super) fn root() -> Scope {
        Scope { base: Some(Vec::new()), params: Vec::new() }
    }

    /// Inside a block with names of its own.
    pub(super) fn block(base: Option<Vec<String>>, params: Vec<String>) -> Scope {
        Scope { base, params }
    }
}

/// A path as handlebars writes it, taken apart: `../../a.[b c]/d`.
pub(super) struct Reference {
    /// From `@root`.
    rooted: bool,
    /// `@index` and its like.
    local: bool,
    /// How many `../`.
    up: usize,
    names: Vec<String>,
}

impl Reference {
    pub(super) fn read(raw: &str) -> Reference {
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

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or("", String::as_str)
    }

    /// The path to the first `parts` names, as handlebars reads it.
    pub(super) fn to(&self, parts: usize) -> String {
        let names = self.names.iter().take(parts).map(|name| format!("[{name}]"));
        let names: Vec<String> = if parts == 0 { vec!["this".to_owned()] } else { names.collect() };
        format!("{}{}", self.start(), names.join("."))
    }

    /// The names from the position `at` on, joined by dots.
    pub(super) fn rest(&self, at: usize) -> String {
        self.names.get(at..).unwrap_or_default().join(".")
    }

    /// The path as a person would write it, ending with `last` at that part.
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

    /// The way from the data itself, or none for what belongs to a block. Fails when
    /// the path goes out above the template.
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

/// A name as a template has to write it: in brackets if it holds a space or another character
/// that means something else there.
pub(super) fn spelling(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || !letter.is_ascii() || "-_$:.".contains(letter);
    if name.chars().all(plain) { name.to_owned() } else { format!("[{name}]") }
}

/// `a.[b.c]/d` is `a`, `b.c`, `d`; `this` stands for nothing.
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
