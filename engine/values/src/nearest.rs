//! The known name that was probably meant.

/// The candidate closest to `name`, or none when nothing is close.
///
/// Close means: equal but for case, or at most a third of the letters differ.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.to_lowercase().chars().take(LONGEST).collect();
    let most = (wanted.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|known| (distance(&wanted, known), known))
        .filter(|(apart, _)| *apart <= most && *apart < wanted.len())
        .min()
        .map(|(_, known)| known)
}

/// Names are short; a long one is compared by its beginning, so that a hostile
/// name costs nothing.
const LONGEST: usize = 64;

/// How many letters must be changed, added, dropped or swapped with their neighbour.
fn distance(wanted: &[char], known: &str) -> usize {
    let known: Vec<char> = known.to_lowercase().chars().take(LONGEST).collect();
    let mut older: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=known.len()).collect();
    for (i, a) in wanted.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in known.iter().enumerate() {
            let mut cost = (above[j] + usize::from(a != b)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == known[j - 1] && wanted[i - 1] == *b {
                cost = cost.min(older[j - 1] + 1);
            }
            row.push(cost);
        }
        older = std::mem::replace(&mut above, row);
    }
    above[known.len()]
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
    fn long_names_cost_nothing() {
        let long = "x".repeat(1_000_000);
        assert_eq!(nearest(&long, ["y"]), None);
    }
}
