//! Texts and templates that the bundled actions share, so that their messages are alike.

use values::Fault;
use values::template::Text;

/// `1 record`, `318 records`.
pub fn records(count: usize) -> String {
    counted(count, "record")
}

/// `1 byte`, `12 bytes`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `10 new, 2 changed`, without the parts whose count is 0.
pub fn parts(parts: &[(u32, &str)]) -> String {
    let shown = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    shown.collect::<Vec<_>>().join(", ")
}

/// A template over records. The engine does not fill placeholders in this text, so a placeholder here
/// is an error.
pub fn template(source: &str) -> Result<Text, Fault> {
    let begins_name = |rest: &str| rest.chars().next().is_some_and(char::is_alphabetic);
    let stray =
        ["$<", "${"].into_iter().find(|open| source.match_indices(open).any(|(at, _)| begins_name(&source[at + 2..])));
    match stray {
        Some(open) => {
            let close = if open == "$<" { '>' } else { '}' };
            Err(Fault::new(format!(
                "this text is a handlebars template, in which {open}…{close} has no meaning; write {{{{…}}}}"
            )))
        }
        None => Text::parse(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_well() {
        assert_eq!((records(1).as_str(), records(0).as_str()), ("1 record", "0 records"));
        assert_eq!(parts(&[(10, "new"), (0, "changed"), (2, "unchanged")]), "10 new, 2 unchanged");
    }

    #[test]
    fn a_placeholder_is_an_error() {
        assert!(template("{{a}} costs $5 < $6").is_ok());
        for stray in ["$<today>", "${name}"] {
            assert!(template(stray).expect_err("stray").message.contains("write {{…}}"), "{stray}");
        }
    }
}
