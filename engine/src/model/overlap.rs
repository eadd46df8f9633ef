//! What a start does while an earlier result of the same job is pending or running.

/// What becomes of a start that would overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overlap {
    /// It waits until the earlier one has ended.
    Queue,
    /// It leaves a result that says it was skipped.
    Skip,
    /// Both run at once.
    Allow,
    /// It kills the earlier one and takes its place.
    Replace,
}

impl Overlap {
    /// Every one of them.
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

    /// What a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|overlap| overlap.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_there_and_back() {
        for overlap in Overlap::ALL {
            assert_eq!(Overlap::from_word(overlap.word()), Some(overlap));
        }
        assert_eq!(Overlap::from_word("Skip"), None);
    }
}
