//! Suggestions for misspelt names.

/// The candidate nearest to `name`; none if all are too different.
///
/// A candidate is near if at most a third of its letters differ, without regard to case.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = lowered(name);
    let letters = wanted.chars().count();
    let most = (letters / 3).max(1);
    candidates
        .into_iter()
        .map(|known| (strsim::osa_distance(&wanted, &lowered(known)), known))
        .filter(|(apart, _)| *apart <= most && *apart < letters)
        .min()
        .map(|(_, known)| known)
}

/// The name in lower case, cut to 64 characters so that the comparison of a long, hostile name is fast.
fn lowered(name: &str) -> String {
    const LONGEST: usize = 64;
    name.chars().take(LONGEST).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["today", "tomorrow", "yesterday", "startOfWeek"];
        assert_eq!(nearest("tody", known), Some("today"));
        assert_eq!(nearest("startofweek", known), Some("startOfWeek"));
        assert_eq!(nearest("yesterdya", known), Some("yesterday"));
        assert_eq!(nearest("customer", known), None);
        assert_eq!(nearest("x", known), None);
    }

    #[test]
    fn long_names_are_compared_fast() {
        let long = "x".repeat(1_000_000);
        assert_eq!(nearest(&long, ["y"]), None);
    }
}
