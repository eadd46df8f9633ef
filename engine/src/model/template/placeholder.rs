//! Rewrites the placeholders of job files as handlebars expressions.

use std::sync::LazyLock;

use regex::Regex;

use values::template::{LONGEST, too_long};

use crate::model::dates;
use crate::model::text::shortened;

/// Whether the text may contain a placeholder, an escape or a handlebars expression.
pub fn is_templated(text: &str) -> bool {
    ["$<", "${", "{{"].iter().any(|opening| text.contains(opening))
}

/// Rewrites placeholders as handlebars expressions.
///
/// # Errors
/// One sentence for a placeholder that is empty or not closed.
pub fn to_handlebars(text: &str) -> Result<String, String> {
    if text.len() > LONGEST {
        return Err(too_long(text.len()));
    }
    let mut source = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = next_opening(rest) {
        let (before, from) = rest.split_at(at);
        source.push_str(before);
        rest = match Opening::at_start_of(from) {
            Opening::Escape => {
                source.push_str(&from[1..3]);
                &from[3..]
            }
            Opening::Placeholder(close) => {
                let (expression, after) = cut(&from[2..], close, text)?;
                push_expression(&mut source, &with_offsets(expression.trim())?);
                after
            }
            Opening::Handlebars => {
                let (expression, after) = cut_handlebars(from);
                source.push_str(&with_offsets(expression)?);
                after
            }
        };
    }
    source.push_str(rest);
    Ok(source)
}

enum Opening {
    Escape,
    Placeholder(char),
    Handlebars,
}

impl Opening {
    fn at_start_of(text: &str) -> Self {
        match text.as_bytes() {
            [b'$', b'$', ..] => Self::Escape,
            [b'$', b'<', ..] => Self::Placeholder('>'),
            [b'$', ..] => Self::Placeholder('}'),
            _ => Self::Handlebars,
        }
    }
}

/// Finds the next opening in one pass, so that the time for hostile text is proportional to its length.
fn next_opening(text: &str) -> Option<usize> {
    let openings = ["$$<", "$${", "$<", "${", "{{"];
    let candidates = text.match_indices(['$', '{']).map(|(at, _)| at);
    candidates.into_iter().find(|at| openings.iter().any(|opening| text[*at..].starts_with(opening)))
}

/// Splits at the first closing character outside of quotes.
fn cut<'a>(text: &'a str, close: char, whole: &str) -> Result<(&'a str, &'a str), String> {
    let open = if close == '>' { "$<" } else { "${" };
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, end) if end == close => {
                let expression = &text[..at];
                return match expression.trim() {
                    "" => Err(format!(
                        "the placeholder {open}{close} is empty; write a name in it, or ${open} for the characters themselves"
                    )),
                    _ => Ok((expression, &text[at + 1..])),
                };
            }
            _ => {}
        }
    }
    let shown = shortened(whole, 60);
    Err(format!(
        "a placeholder that begins with {open} has no {close} in `{shown}`; write ${open} for the characters themselves"
    ))
}

/// Splits after the end of a handlebars tag. The fault of a tag that is not closed is left to the parser.
fn cut_handlebars(text: &str) -> (&str, &str) {
    let end = text.find("}}").map_or(text.len(), |at| at + 2);
    let end = if text[end..].starts_with('}') && text.starts_with("{{{") { end + 1 } else { end };
    text.split_at(end)
}

/// Writes an expression. A brace or a backslash directly before it is escaped, because it would change
/// the meaning of the expression in handlebars.
fn push_expression(source: &mut String, expression: &str) {
    if source.ends_with('{') {
        source.pop();
        source.push_str("{{brace \"\"}}");
    } else if source.ends_with('\\') {
        source.push('\\');
    }
    source.push_str("{{");
    source.push_str(expression);
    source.push_str("}}");
}

static OFFSET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = dates::NAMES.join("|");
    Regex::new(&format!(
        r#"("[^"]*"|'[^']*')|(^|[\s({{=])({names}|since|scheduledAt)((?:[+-][0-9]+[mhdwMy])+)(?:\b|$)"#
    ))
    .ok()
});

/// An offset after a name that is not a date variable, which handlebars cannot parse.
static STRAY_OFFSET: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|[\s({])([A-Za-z_][A-Za-z0-9_.]*)(\+[0-9]+[mhdwMy])\b").ok());

/// An offset of a date variable that is written in a wrong way.
static BROKEN_OFFSET: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = dates::NAMES.join("|");
    Regex::new(&format!(r"(?:^|[\s({{])((?:{names}|since)\s*[+-]\s*[0-9][^\s)}}]*)")).ok()
});

/// Rewrites offsets: `today+7d` becomes `(shift today "+7d")`, and `endOfMonth-1M` becomes
/// `(shift today "-1M" "endOfMonth")`, because the day is moved before the boundary is taken. No
/// parentheses are written around the whole expression.
fn with_offsets(expression: &str) -> Result<String, String> {
    let Some(offset) = OFFSET.as_ref() else { return Ok(expression.to_owned()) };
    let shifted = offset.replace_all(expression, |found: &regex::Captures<'_>| {
        match (found.get(2), found.get(3), found.get(4)) {
            (Some(before), Some(name), Some(offsets)) => {
                let (before, name, offsets) = (before.as_str(), name.as_str(), offsets.as_str());
                match name.starts_with("startOf") || name.starts_with("endOf") {
                    true => format!("{before}(shift today \"{offsets}\" \"{name}\")"),
                    false => format!("{before}(shift {name} \"{offsets}\")"),
                }
            }
            _ => found[0].to_owned(),
        }
    });
    if let Some(broken) = BROKEN_OFFSET.as_ref().and_then(|broken| broken.captures(&shifted)) {
        let cure = "is not an offset; write it without spaces, with one of the units m h d w M y, such as today+7d";
        return Err(format!("`{}` {cure}", &broken[1]));
    }
    match STRAY_OFFSET.as_ref().and_then(|stray| stray.captures(&shifted)) {
        Some(stray) => Err(format!(
            "only dates such as `today` and `now` take an offset directly; for `{}` write shift {} \"{}\"",
            &stray[1], &stray[1], &stray[2]
        )),
        None => Ok(without_parentheses(&shifted)),
    }
}

fn without_parentheses(expression: &str) -> String {
    let (open, inner, close) = match expression.strip_prefix("{{").and_then(|inner| inner.strip_suffix("}}")) {
        Some(inner) => ("{{", inner, "}}"),
        None => ("", expression, ""),
    };
    match inner.trim().strip_prefix("(shift ").and_then(|inner| inner.strip_suffix(')')) {
        Some(only) if !only.contains(['(', ')']) => format!("{open}shift {only}{close}"),
        _ => expression.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_become_handlebars() {
        assert_eq!(to_handlebars("a $<x.y> b ${z} {{w}}").unwrap(), "a {{x.y}} b {{z}} {{w}}");
        assert_eq!(to_handlebars("$<default args.a \">\">").unwrap(), "{{default args.a \">\"}}");
    }

    #[test]
    fn escapes_write_the_characters() {
        assert_eq!(to_handlebars("$$<x> $${y} $5 <b> 1$").unwrap(), "$<x> ${y} $5 <b> 1$");
    }

    #[test]
    fn offsets_become_a_helper() {
        assert_eq!(to_handlebars("$<today+7d>").unwrap(), "{{shift today \"+7d\"}}");
        assert_eq!(to_handlebars("$<endOfMonth-1M>").unwrap(), "{{shift today \"-1M\" \"endOfMonth\"}}");
        assert_eq!(to_handlebars("{{date now-2h+1M \"%H\"}}").unwrap(), "{{date (shift now \"-2h+1M\") \"%H\"}}");
        assert_eq!(to_handlebars("$<default args.a \"today+1d\">").unwrap(), "{{default args.a \"today+1d\"}}");
        assert_eq!(to_handlebars("$<args.today>").unwrap(), "{{args.today}}");
        for broken in ["$<today+1x>", "$<today +1d>", "$<now + 3h>", "$<today+1.5d>"] {
            assert!(to_handlebars(broken).unwrap_err().contains("is not an offset"), "{broken}");
        }
        let message = to_handlebars("$<args.today+1d>").unwrap_err();
        assert!(message.ends_with("for `args.today` write shift args.today \"+1d\""), "{message}");
    }

    #[test]
    fn characters_before_a_placeholder_do_not_change_it() {
        assert_eq!(to_handlebars("{$<x>}").unwrap(), "{{brace \"\"}}{{x}}}");
        assert_eq!(to_handlebars("\\$<x>").unwrap(), "\\\\{{x}}");
    }

    #[test]
    fn an_empty_or_open_placeholder_is_refused() {
        assert!(to_handlebars("$<>").unwrap_err().contains("is empty"));
        assert!(to_handlebars("a ${b").unwrap_err().contains("has no }"));
        assert!(to_handlebars("$<a \">\"").unwrap_err().contains("has no >"));
    }
}
