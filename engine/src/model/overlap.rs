//! What a start does when an earlier result of the same job has not ended.

/// The rule of a job for results that would overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overlap {
    /// The new result waits until those before it have ended.
    Queue,
    /// The new result ends at once as `info`, and says why.
    Skip,
    /// They run side by side.
    Allow,
    /// Those before it are killed.
    Replace,
}

impl Overlap {
    /// Every rule.
    pub const ALL: [Self; 4] = [Self::Queue, Self::Skip, Self::Allow, Self::Replace];

    /// The word used in files and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Skip => "skip",
            Self::Allow => "allow",
            Self::Replace => "replace",
        }
    }

    /// The rule that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.word() == word)
    }
}
