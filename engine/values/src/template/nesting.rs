//! Checks the nesting of a template before handlebars parses it.
//!
//! The parser calls itself for each block and bracket, and an overflow of the stack ends the whole
//! process. So the nesting is counted here first, by simple rules that never count less than the parser
//! does. Text to which they cannot be applied with certainty (quotes inside square brackets, braces
//! inside a tag) is refused. Words and the parts of paths are counted too, because each costs memory, and
//! time when the template is rendered.

use crate::{Fault, path};

use super::{DEEPEST, LONGEST, MAX_PATH_BYTES, MAX_PATH_PARTS, MAX_TOKENS, MOST_TAGS, too_long};

/// Refuses a source that is too long, nested too deeply, or ambiguous.
pub(super) fn check(source: &str) -> Result<(), Fault> {
    if source.len() > LONGEST {
        return Err(Fault::new(too_long(source.len())));
    }
    let mut blocks = Blocks::default();
    let (mut tags, mut tokens) = (0, 0);
    let mut at = 0;
    while let Some(found) = source[at..].find("{{") {
        let open = at + found;
        at = if is_escaped(&source[at..open]) {
            after_escape(source, open)
        } else if source[open..].starts_with("{{!") {
            tags += 1;
            after_comment(source, open)
        } else {
            let (close, words) = end_of_tag(source, open)?;
            blocks.count(source, open, close)?;
            tags += 1;
            tokens += words;
            close + 2
        };
        if tags > MOST_TAGS {
            return Err(Fault::at_byte(format!("The template has more than {MOST_TAGS} tags"), source, at));
        }
        if tokens > MAX_TOKENS {
            let message = format!("The template has more than {MAX_TOKENS} words in its tags; split it into several");
            return Err(Fault::at_byte(message, source, open));
        }
    }
    Ok(())
}

/// Whether braces after this text are escaped. One backslash escapes them, and two are a backslash
/// before a tag.
fn is_escaped(before: &str) -> bool {
    before.ends_with('\\') && !before.ends_with("\\\\")
}

fn after_escape(source: &str, open: usize) -> usize {
    let four = source[open..].starts_with("{{{{");
    open + if four { 4 } else { 2 }
}

fn after_comment(source: &str, open: usize) -> usize {
    let rest = &source[open..];
    let long = rest.strip_prefix("{{!--").and_then(|inner| inner.find("--}}")).map(|end| 5 + end + 4);
    let short = || rest.find("}}").map(|end| end + 2);
    open + long.or_else(short).unwrap_or(rest.len())
}

/// The position of the first `}}`, which must be the end of the tag, and the number of words before it.
fn end_of_tag(source: &str, open: usize) -> Result<(usize, usize), Fault> {
    let fault = |message: &str| Fault::at_byte(message, source, open);
    if source[open..].starts_with("{{{{") {
        return Err(fault("Raw blocks ({{{{ }}}}) are not supported; write \\{{ to show braces"));
    }
    let inner = &source[open + 2..];
    let length = inner.find("}}").ok_or_else(|| fault("The tag is not closed; }} is missing"))?;
    let inner = &inner[..length];
    if inner.contains("{{") {
        return Err(fault("The tag is not closed before the next one; }} is missing"));
    }
    let words = words(inner).map_err(|message| fault(&message))?;
    Ok((open + 2 + length, words))
}

/// The number of words in a tag. Strings must end inside the tag, and brackets must not contain any.
fn words(inner: &str) -> Result<usize, String> {
    let mut quote = None;
    let mut bracket = false;
    let (mut words, mut word) = (0, Word::default());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => drop(letters.next()),
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if bracket => {
                return Err("Quotes inside square brackets are not supported".to_owned());
            }
            (None, '"' | '\'') => {
                (quote, word) = (Some(letter), Word::default());
                words += 1;
            }
            (None, _) if !bracket && (letter.is_whitespace() || "()={}|,~".contains(letter)) => word = Word::default(),
            (None, _) => {
                bracket = letter == '[' || (bracket && letter != ']');
                words += usize::from(word.bytes == 0);
                word.add(letter, bracket)?;
            }
        }
    }
    match quote {
        Some(_) => Err("A quoted text is not closed inside its tag; it may not contain }} or {{".to_owned()),
        None => Ok(words),
    }
}

/// A word, which may be a path.
#[derive(Default)]
struct Word {
    bytes: usize,
    parts: usize,
    /// Whether a part has begun.
    in_part: bool,
}

impl Word {
    fn add(&mut self, letter: char, in_brackets: bool) -> Result<(), String> {
        self.bytes += letter.len_utf8();
        let between = matches!(letter, '.' | '/') && !in_brackets;
        self.parts += usize::from(!between && !self.in_part);
        self.in_part = !between;
        match () {
            () if self.bytes > MAX_PATH_BYTES => Err(path::too_long()),
            () if self.parts > MAX_PATH_PARTS => Err(format!("A path has more than {MAX_PATH_PARTS} parts")),
            () => Ok(()),
        }
    }
}

/// The open blocks. A branch of an `else if` counts as a block too, because it is nested in the tree.
#[derive(Default)]
struct Blocks {
    /// For each open block, the number of its branches.
    open: Vec<usize>,
    depth: usize,
}

impl Blocks {
    fn count(&mut self, source: &str, open: usize, close: usize) -> Result<(), Fault> {
        let inner = &source[open + 2..close];
        let brackets = inner.matches(['(', '[', '{']).count();
        if brackets > DEEPEST {
            let message = format!("An expression has more than {DEEPEST} brackets");
            return Err(Fault::at_byte(message, source, open));
        }
        self.tag(inner.trim_start_matches([' ', '\t', '\r', '\n', '~']));
        if self.depth > DEEPEST {
            let message = format!("Blocks are nested more than {DEEPEST} deep");
            return Err(Fault::at_byte(message, source, open));
        }
        Ok(())
    }

    fn tag(&mut self, inner: &str) {
        if inner.starts_with('#') {
            self.open.push(1);
            self.depth += 1;
        } else if inner.starts_with('/') {
            self.depth -= self.open.pop().unwrap_or(0);
        // The parser reads `{{elseif x}}` as a branch too, so that the text after `else` does not matter.
        } else if let Some(branches) = self.open.last_mut()
            && (inner.starts_with("else") || inner.starts_with('^'))
        {
            *branches += 1;
            self.depth += 1;
        }
    }
}
