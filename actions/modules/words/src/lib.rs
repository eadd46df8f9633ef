//! Words that the bundled actions share, so that they count and complain alike.

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

/// `10 new, 2 changed`, without what there is none of.
pub fn parts(parts: &[(u32, &str)]) -> String {
    let told = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    told.collect::<Vec<_>>().join(", ")
}

/// A template over records. Placeholders are the engine's, which leaves this text alone,
/// so one that strayed in here is told instead of written out.
pub fn template(source: &str) -> Result<Text, Fault> {
    let begins_name = |rest: &str| rest.chars().next().is_some_and(char::is_alphabetic);
    let stray =
        ["$<", "${"].into_iter().find(|open| source.match_indices(open).any(|(at, _)| begins_name(&source[at + 2..])));
    match stray {
        Some(open) => {
            let close = if open == "$<" { '>' } else { '}' };
            Err(Fault::new(format!(
                "this text is a handlebars template, where {open}…{close} means nothing; write {{{{…}}}}"
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
        assert_eq!(parts(&[(10, "new"), (0, "changed"), (2, "as they were")]), "10 new, 2 as they were");
    }

    #[test]
    fn a_placeholder_that_strayed_in_is_told() {
        assert!(template("{{a}} costs $5 < $6").is_ok());
        for stray in ["$<today>", "${name}"] {
            assert!(template(stray).expect_err("stray").message.contains("write {{…}}"), "{stray}");
        }
    }
}
