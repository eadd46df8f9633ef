//! Durations as files write them: `250ms`, `30s`, `5m`, `2h`, `7d`.

use std::time::Duration;

use serde_json::Value;

use super::fault::{Fault, field};
use super::text::shortened;

/// The longest timeout of a line, and the longest wait between two tries of it.
pub const LONGEST_LINE: Duration = Duration::from_secs(DAY);
/// The longest timeout of a job, from its first beginning to its end.
pub const LONGEST_JOB: Duration = Duration::from_secs(30 * DAY);

const DAY: u64 = 24 * 60 * 60;
/// Milliseconds of each unit, the largest first.
const UNITS: [(&str, u64); 5] = [("d", 1000 * DAY), ("h", 1000 * 60 * 60), ("m", 1000 * 60), ("s", 1000), ("ms", 1)];

/// Parses a duration above zero and up to `most`.
///
/// # Errors
/// One sentence with the cure.
pub fn parse(text: &str, most: Duration) -> Result<Duration, String> {
    let written = shortened(text, 60);
    let duration = measure(text).filter(|duration| !duration.is_zero()).ok_or_else(|| {
        format!("`{written}` is not a duration; write a whole number above 0 with ms, s, m, h or d, such as 30s")
    })?;
    if duration > most {
        return Err(format!("{written} {}", too_long(most)));
    }
    Ok(duration)
}

/// What is wrong with a duration above the limit.
pub(super) fn too_long(most: Duration) -> String {
    format!("is longer than {}, the longest duration allowed here", shown(most))
}

/// Parses the duration in a field of `written`, if it has the field. A fault is added to `faults`.
pub fn of_field(
    (written, name, path): (&Value, &str, &str),
    most: Duration,
    faults: &mut Vec<Fault>,
) -> Option<Duration> {
    let text = written.get(name)?.as_str()?;
    parse(text, most).map_err(|message| faults.push(Fault::at(field(path, name), message))).ok()
}

/// A duration in the largest unit in which it is a whole number.
pub fn shown(duration: Duration) -> String {
    let all = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let fitting = UNITS.iter().find(|(_, size)| all >= *size && all % size == 0);
    fitting.map_or_else(|| "0s".to_owned(), |(unit, size)| format!("{}{unit}", all / size))
}

fn measure(text: &str) -> Option<Duration> {
    let end = text.find(|character: char| !character.is_ascii_digit())?;
    let (count, unit) = (text[..end].parse::<u64>().ok()?, &text[end..]);
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
    count.checked_mul(*size).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_with_a_unit() {
        for (text, millis) in [("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("7d", 604_800_000)]
        {
            assert_eq!(parse(text, LONGEST_JOB), Ok(Duration::from_millis(millis)), "{text}");
            assert_eq!(shown(Duration::from_millis(millis)), text);
        }
        for wrong in
            ["", "2", "s", "0s", "-1s", "1.5s", "1 s", "2w", "1S", "99999999999999999999s", "999999999999999999d"]
        {
            assert!(parse(wrong, LONGEST_JOB).unwrap_err().contains("is not a duration"), "{wrong}");
        }
    }

    #[test]
    fn a_duration_that_is_too_long_is_refused_with_the_limit() {
        assert_eq!(parse("24h", LONGEST_LINE), Ok(LONGEST_LINE));
        let message = parse("25h", LONGEST_LINE).unwrap_err();
        assert_eq!(message, "25h is longer than 1d, the longest duration allowed here");
        assert_eq!(parse("30d", LONGEST_JOB), Ok(LONGEST_JOB));
        assert!(parse("43201m", LONGEST_JOB).unwrap_err().contains("longer than 30d"));
    }
}
