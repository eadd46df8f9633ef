//! The cost of regular expressions in schemas.

use super::steps::Steps;

/// States of a pattern that are followed for one character in about the time of one step.
const STATES_IN_A_STEP: u64 = 64;
/// States of a class of characters such as `\w`, which has many ranges of Unicode.
const STATES_OF_A_CLASS: u64 = 50;
/// More states than a pattern may compile to.
pub(super) const MOST_STATES: u64 = 20_000;

/// The steps to match a pattern.
pub(super) fn steps(pattern: &str) -> Steps {
    Steps::per_byte(1 + states(pattern) / STATES_IN_A_STEP)
}

/// The approximate number of states to which a pattern compiles. A repetition multiplies the states of
/// what it repeats.
pub(super) fn states(pattern: &str) -> u64 {
    // For each open group, its states and those of the last item in it.
    let mut groups = vec![(0_u64, 0_u64)];
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        let last = match character {
            '(' => {
                groups.push((0, 0));
                continue;
            }
            ')' if groups.len() > 1 => groups.pop().map_or(0, |(states, last)| states + last),
            '[' => {
                while characters
                    .next_if(|next| *next != ']')
                    .is_some_and(|next| next != '\\' || characters.next().is_some())
                {}
                characters.next();
                STATES_OF_A_CLASS
            }
            '\\' => {
                let plain = characters.next().is_none_or(|escaped| escaped.is_ascii_punctuation());
                if plain { 1 } else { STATES_OF_A_CLASS }
            }
            '{' => {
                let mut count = String::new();
                while let Some(next) = characters.next_if(|next| *next != '}') {
                    count.push(next);
                }
                characters.next();
                let times = count.split(',').filter_map(|times| times.trim().parse::<u64>().ok()).max();
                if let Some((_, last)) = groups.last_mut() {
                    *last = last.saturating_mul(times.unwrap_or(1).max(1)).min(MOST_STATES);
                }
                continue;
            }
            _ => 1,
        };
        if let Some(group) = groups.last_mut() {
            *group = ((group.0 + group.1).min(MOST_STATES), last);
        }
    }
    groups.into_iter().map(|(states, last)| states + last).sum::<u64>().min(MOST_STATES)
}
