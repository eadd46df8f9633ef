//! What a start does while an earlier result of the same job is pending or running.

/// What happens to a start that would overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overlap {
    /// It waits until the earlier result has ended.
    Queue,
    /// It is skipped, and its result says so.
    Skip,
    /// Both run at the same time.
    Allow,
    /// It kills the earlier result and replaces it.
    Replace,
}

impl Overlap {
    /// All variants.
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

    /// The variant with this word.
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
