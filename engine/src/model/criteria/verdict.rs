//! The result of testing a record against criteria.

/// Whether a record meets criteria. Some tests cannot be decided: there is no order between a date
/// and a text that is not a date. A record whose verdict depends on such a test does not meet the
/// criteria, even if the test is inside a `not`, but it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The record meets them.
    Holds,
    /// The record does not meet them.
    Fails,
    /// The verdict depends on a test between values that have no order.
    Undecided,
}

impl Verdict {
    /// Holds if all hold, and fails if one fails.
    pub(super) fn all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Holds;
        for verdict in verdicts {
            match verdict {
                Self::Holds => {}
                Self::Fails => return Self::Fails,
                Self::Undecided => all = Self::Undecided,
            }
        }
        all
    }

    /// Holds if one holds, and fails if all fail.
    pub(super) fn any(verdicts: impl IntoIterator<Item = Self>) -> Self {
        Self::all(verdicts.into_iter().map(Self::negated)).negated()
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Self::Holds => Self::Fails,
            Self::Fails => Self::Holds,
            Self::Undecided => Self::Undecided,
        }
    }
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}
