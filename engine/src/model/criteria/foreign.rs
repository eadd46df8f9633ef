//! Refuses notations of other tools, such as `$or` or `">5"`, and says what to write instead. They
//! would otherwise be read as names of fields or as plain texts, and match nothing.

use std::sync::LazyLock;

use regex::Regex;

use super::OPERATORS;
use crate::model::template::is_templated;

/// What to write for a name such as `$or` or `$gt`; none if the name is an ordinary one.
pub(super) fn refused_name(name: &str) -> Option<String> {
    let meant = match name.strip_prefix('$')? {
        "nin" => "notIn",
        "nor" => "not: {or: […]}",
        "regex" => "matches",
        bare => ["and", "or", "not"].into_iter().chain(OPERATORS).find(|known| *known == bare)?,
    };
    Some(format!("`{name}` is not known here; write `{meant}`"))
}

/// An operator in front of its operand. After `<` or `>` there must be a number, a placeholder or
/// a space, so that texts such as `<none>` are allowed.
static OPERATOR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:(>=|<=|!=|<>|==)\s*(\S.*)|([<>])(\s+\S.*|\s*[-+.]?[0-9].*|\s*(?:\$[<{]|\{\{).*))$").ok()
});

/// Bytes of a text that may be meant as a comparison.
const LONGEST: usize = 200;

/// What to write for a plain text such as `>5` or `yes`; none if it is an ordinary one.
pub(super) fn refused_text(text: &str) -> Option<String> {
    // In capitals they can be codes, such as NO for Norway or ON for Ontario.
    let truth = match text {
        "yes" | "Yes" | "on" | "On" => Some(true),
        "no" | "No" | "off" | "Off" => Some(false),
        _ => None,
    };
    if let Some(truth) = truth {
        return Some(format!("\"{text}\" is a text here; write {truth}, or {{eq: \"{text}\"}} for the text"));
    }
    if text.len() > LONGEST {
        return None;
    }
    let found = OPERATOR.as_ref()?.captures(text)?;
    let (symbol, operand) = (found.get(1).or(found.get(3))?.as_str(), found.get(2).or(found.get(4))?.as_str().trim());
    let operator = match symbol {
        ">" => "gt",
        ">=" => "gte",
        "<" => "lt",
        "<=" => "lte",
        "==" => "eq",
        _ => "ne",
    };
    let is_bare = operand.parse::<f64>().is_ok() && !is_templated(operand);
    let operand = if is_bare { operand.to_owned() } else { format!("\"{operand}\"") };
    Some(format!("\"{text}\" is a text here; write {{{operator}: {operand}}}, or {{eq: \"{text}\"}} for the text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_in_a_text_are_refused_with_what_to_write() {
        let cases = [
            (">5", "{gt: 5}"),
            ("> 5", "{gt: 5}"),
            (">= 5.5", "{gte: 5.5}"),
            ("<-1", "{lt: -1}"),
            ("<=2026-11-20", "{lte: \"2026-11-20\"}"),
            ("!=open", "{ne: \"open\"}"),
            ("<> open", "{ne: \"open\"}"),
            ("== 1", "{eq: 1}"),
            (">$<args.n>", "{gt: \"$<args.n>\"}"),
            ("> high", "{gt: \"high\"}"),
        ];
        for (text, write) in cases {
            let message = refused_text(text).unwrap_or_default();
            assert_eq!(
                message,
                format!("\"{text}\" is a text here; write {write}, or {{eq: \"{text}\"}} for the text")
            );
        }
        for text in ["", ">", "<none>", "<b>5</b>", "->", "a > 5", "=5", "<>", "!", "open", "1 > 0"] {
            assert_eq!(refused_text(text), None, "{text}");
        }
    }

    #[test]
    fn words_for_true_and_false_are_refused_and_codes_are_not() {
        for text in ["yes", "Yes", "on", "On"] {
            assert!(refused_text(text).is_some_and(|message| message.contains("write true, or {eq: ")), "{text}");
        }
        for text in ["no", "No", "off", "Off"] {
            assert!(refused_text(text).is_some_and(|message| message.contains("write false, or {eq: ")), "{text}");
        }
        for text in ["NO", "ON", "yes please", "true"] {
            assert_eq!(refused_text(text), None, "{text}");
        }
    }

    #[test]
    fn names_with_a_dollar_are_refused_if_they_are_operators() {
        for (name, write) in
            [("$or", "`or`"), ("$gt", "`gt`"), ("$nin", "`notIn`"), ("$regex", "`matches`"), ("$not", "`not`")]
        {
            assert!(refused_name(name).is_some_and(|message| message.ends_with(&format!("write {write}"))), "{name}");
        }
        for name in ["or", "$schema", "$", "or$"] {
            assert_eq!(refused_name(name), None, "{name}");
        }
    }
}
