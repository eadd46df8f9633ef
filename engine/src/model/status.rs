//! The status of a job result or a line result, and the function that changes it.
//!
//! `pending → running → success | info | warning | error | killed`. A pending result may end without
//! running, and a result that has ended never changes. Normal work and recovery both use [`next`].

use std::fmt;

/// The status of a job result or of a line result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// It was accepted and has not begun.
    Pending,
    /// A worker is working on it.
    Running,
    /// A line that did not run: inactive, after a stop, or after an empty filter.
    Skipped,
    /// It did its work.
    Success,
    /// Nothing matched, or there was nothing to do.
    Info,
    /// Records were rejected, or an action warned.
    Warning,
    /// It failed.
    Error,
    /// It was interrupted by a kill.
    Killed,
}

/// An event that changes the status of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A worker takes it up, for the first time or after its worker was lost.
    Begin,
    /// Its work ended with this status.
    End(Status),
    /// It is killed.
    Kill,
}

/// An event that the status does not allow. The status stays unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a result that is {status} cannot {}", describe(.event))]
pub struct Refusal {
    /// The status at the time.
    pub status: Status,
    /// The event that was refused.
    pub event: Event,
}

/// The status after `event`.
///
/// # Errors
/// A [`Refusal`] if the status does not allow the event.
pub fn next(status: Status, event: Event) -> Result<Status, Refusal> {
    match (status, event) {
        (Status::Pending | Status::Running, Event::Begin) => Ok(Status::Running),
        (Status::Pending | Status::Running, Event::Kill) => Ok(Status::Killed),
        (Status::Pending | Status::Running, Event::End(end)) if end.is_end_of_work() => Ok(end),
        _ => Err(Refusal { status, event }),
    }
}

impl Status {
    /// Every status, in the order of this type.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::Skipped,
        Self::Success,
        Self::Info,
        Self::Warning,
        Self::Error,
        Self::Killed,
    ];

    /// Whether it never changes again.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }

    fn is_end_of_work(self) -> bool {
        self.is_final() && self != Self::Killed
    }

    /// The word used in files, in the API and on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Skipped => "skipped",
            Self::Success => "success",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Killed => "killed",
        }
    }

    /// The status with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// The status of a job whose lines ended with these. A line that had nothing to do, or was skipped,
    /// does not make the status of the job worse.
    pub fn of_job(lines: impl IntoIterator<Item = Self>) -> Self {
        lines
            .into_iter()
            .filter(|status| matches!(status, Self::Warning | Self::Error | Self::Killed))
            .max()
            .unwrap_or(Self::Success)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

fn describe(event: &Event) -> String {
    match event {
        Event::Begin => "begin".to_owned(),
        Event::End(status) => format!("end as {status}"),
        Event::Kill => "be killed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn every_event() -> Vec<Event> {
        let ends = Status::ALL.into_iter().map(Event::End);
        [Event::Begin, Event::Kill].into_iter().chain(ends).collect()
    }

    #[test]
    fn no_event_leads_out_of_a_final_status() {
        for status in Status::ALL.into_iter().filter(|status| status.is_final()) {
            for event in every_event() {
                assert_eq!(next(status, event), Err(Refusal { status, event }));
            }
        }
    }

    #[test]
    fn work_ends_only_in_a_final_status_and_only_a_kill_kills() {
        for from in [Status::Pending, Status::Running] {
            for end in Status::ALL {
                let allowed = end.is_final() && end != Status::Killed;
                assert_eq!(next(from, Event::End(end)).is_ok(), allowed, "{from} to {end}");
            }
            assert_eq!(next(from, Event::Kill), Ok(Status::Killed));
        }
    }

    #[test]
    fn a_refusal_says_what_was_tried() {
        let refusal = next(Status::Killed, Event::End(Status::Success)).unwrap_err();
        assert_eq!(refusal.to_string(), "a result that is killed cannot end as success");
    }

    #[test]
    fn the_worst_line_decides_the_job() {
        use Status::{Error, Info, Skipped, Success, Warning};
        assert_eq!(Status::of_job([Success, Info, Skipped]), Success);
        assert_eq!(Status::of_job([Success, Warning, Success]), Warning);
        assert_eq!(Status::of_job([Error, Warning]), Error);
    }

    #[test]
    fn words_go_there_and_back() {
        for status in Status::ALL {
            assert_eq!(Status::from_word(status.word()), Some(status));
        }
    }

    proptest! {
        #[test]
        fn no_sequence_of_events_leads_out_of_an_end(events in proptest::collection::vec(0_usize..10, 0..40)) {
            let all = every_event();
            let (mut status, mut ended) = (Status::Pending, None);
            for event in events {
                let event = all[event % all.len()];
                match next(status, event) {
                    Ok(then) => {
                        prop_assert!(!status.is_final(), "{status} became {then}");
                        prop_assert!(then != Status::Pending, "{status} became {then}");
                        prop_assert_eq!(then == Status::Killed, event == Event::Kill);
                        status = then;
                    }
                    Err(refusal) => prop_assert_eq!(refusal, Refusal { status, event }),
                }
                ended = ended.or(status.is_final().then_some(status));
                prop_assert!(ended.is_none_or(|end| end == status));
            }
        }
    }
}
