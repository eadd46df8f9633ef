//! Explains faults in the YAML of a job file without the terms of the parser.

use serde_saphyr::Error;

/// How a placeholder starts and ends.
const BRACKETS: [(&str, char); 2] = [("${", '}'), ("$<", '>')];

/// Where the fault is, what is wrong, and what to write.
pub(super) fn message(error: &Error, text: &str) -> String {
    let line = error.location().map_or(0, |location| location.line());
    match error.without_snippet() {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_ref().map_or_else(|| "a key".to_owned(), |key| format!("the key \"{key}\""));
            return format!("line {line}: {key} appears twice; keep one of them");
        }
        Error::MultipleDocuments { .. } => {
            return "The file has several documents, separated by `---`; put the jobs into one list `jobs`".to_owned();
        }
        Error::NonFiniteFloat { .. } => return format!("line {line}: a number is too large"),
        known if matches!(known, Error::Budget { .. }) || known.to_string().contains("recursion limit") => {
            let message = "The file has too many values, or too many levels inside each other; keep records in a data file \
                           and name it as a source";
            return message.to_owned();
        }
        _ => {}
    }
    match unquoted_placeholder(text, line) {
        Some((line, column, placeholder)) => format!(
            "line {line}, column {column}: put quotes around the placeholder: '{placeholder}'; inside {{…}} and […] \
             YAML reads its brackets and commas as syntax"
        ),
        // The library calls a text that has no file `<input>`.
        None => error.to_string().replace("<input>:", "line "),
    }
}

/// The first placeholder that breaks YAML in the line of an error, or in the line before it.
fn unquoted_placeholder(text: &str, line: u64) -> Option<(u64, usize, &str)> {
    let at = |line: u64| text.lines().nth(usize::try_from(line.checked_sub(1)?).ok()?);
    let found = |line: u64| unquoted_in(at(line)?).map(|(column, placeholder)| (line, column, placeholder));
    found(line).or_else(|| found(line.checked_sub(1)?))
}

/// The column, from 1, and the text of the first placeholder outside of quotes that YAML cannot read inside
/// brackets.
fn unquoted_in(line: &str) -> Option<(usize, &str)> {
    let mut quote = None;
    let mut before = ' ';
    for (index, character) in line.char_indices() {
        let rest = &line[index..];
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => {}
            // Inside a word, a quote is an ordinary character.
            None if matches!(character, '"' | '\'') && !before.is_alphanumeric() => quote = Some(character),
            None if character == '#' && before == ' ' => return None,
            None => {
                if let Some(placeholder) = placeholder_at(rest).filter(|one| one.contains(['{', '[', ']', ','])) {
                    return Some((line[..index].chars().count() + 1, placeholder));
                }
            }
        }
        before = character;
    }
    None
}

fn placeholder_at(rest: &str) -> Option<&str> {
    let (_, close) = BRACKETS.into_iter().find(|(open, _)| rest.starts_with(open))?;
    rest.find(close).map(|end| &rest[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(text: &str) -> String {
        let read: Result<serde_json::Value, _> = serde_saphyr::from_str(text);
        message(&read.expect_err("a fault"), text)
    }

    #[test]
    fn a_duplicate_key_is_reported_with_its_line() {
        let twice = "key: j\nlines:\n  - filter:\n      where: { a: 1 }\n      limit: 5\n      where: { b: 2 }\n";
        assert_eq!(explained(twice), "line 6: the key \"where\" appears twice; keep one of them");
        assert_eq!(explained("{ a: 1, a: 2 }"), "line 1: the key \"a\" appears twice; keep one of them");
    }

    #[test]
    fn what_the_library_says_in_its_own_terms_is_said_for_people() {
        assert!(explained("key: a\n---\nkey: b\n").starts_with("The file has several documents"));
        assert_eq!(explained("a: 1\nb: 1e999\n"), "line 2: a number is too large");
        let deep = "[".repeat(3000) + &"]".repeat(3000);
        assert!(explained(&deep).starts_with("The file has too many values"), "{}", explained(&deep));
        let wide = format!("a: [{}]", "1,".repeat(300_000));
        assert!(explained(&wide).starts_with("The file has too many values"), "{}", explained(&wide));
        assert!(!explained("a: [\n").contains("<input>"));
    }

    #[test]
    fn an_unquoted_placeholder_is_reported_with_its_position() {
        let advice = "put quotes around the placeholder: ";
        for (text, position) in [
            ("filter: { limit: ${args.top} }\n", "line 1, column 18: "),
            ("a: 1\nfilter: { limit: 5, where: { a: ${args.top} } }\nb: 2\n", "line 2, column 33: "),
            ("filter: [ \"${a}\", ${args.top} ]\n", "line 1, column 19: "),
            ("filter: {\n  limit: ${args.top},\n  offset: 1\n}\n", "line 2, column 10: "),
            ("filter: {\n  limit: ${args.top}\n}\n", "line 2, column 10: "),
            ("filter: {limit: ${args.top}}\n", "line 1, column 17: "),
            ("filter: { name: it's, limit: ${args.top} }\n", "line 1, column 30: "),
            ("filter: { limit: $<lines.a.records.[0].n> }\n", "line 1, column 18: "),
        ] {
            let message = explained(text);
            assert!(message.starts_with(&format!("{position}{advice}")), "{text}{message}");
        }
        assert!(explained("filter: { limit: ${args.top} }\n").contains("'${args.top}'"));
    }

    #[test]
    fn other_faults_are_not_blamed_on_placeholders() {
        for text in [
            "filter: { limit: \"${args.top}\", where: [ }\n",
            "filter: { limit: $<args.top>, where: [ }\n",
            "filter: { limit: 5 ] # ${args.top}\n",
            "a: [\n",
        ] {
            assert!(!explained(text).contains("placeholder"), "{text}{}", explained(text));
        }
    }
}
