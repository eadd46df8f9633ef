//! Webhooks: secret addresses that start a job.
//!
//! Everybody who knows the address may start the job, once for each message. A signed webhook also
//! requires a signature that only the owner of its signing secret can make.

mod body;
mod seal;
mod signature;
mod token;

use std::fmt;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Instant;
use super::organization::OrganizationId;
use super::token::{NOTED_EVERY, same_bytes};

pub use body::Brought;
pub use seal::{SealError, Sealed, SigningSecret};
pub use signature::{Signature, SignatureFault};
pub use token::HookToken;

/// Webhooks that a job may have.
pub const MOST_OF_A_JOB: usize = 20;
/// The prefix of the names of starts by webhooks. No other start has it.
pub const KEY_PREFIX: &str = "webhook:";

/// Identity of a webhook. The text of its token contains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookId(pub Uuid);

impl WebhookId {
    /// The name of a start for which the sender gave the name `key`. It differs from the names of all
    /// other webhooks' starts, and from all names that a caller of the API can give.
    pub fn name(self, key: &str) -> String {
        use fmt::Write;
        let mut name = format!("{KEY_PREFIX}{}:", self.0.simple());
        for byte in Sha256::digest(key) {
            // Writing to a `String` does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// How the body of a message is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadKind {
    /// As the set of the first line.
    Records,
    /// As the arguments.
    Arguments,
}

impl PayloadKind {
    /// All variants.
    pub const ALL: [Self; 2] = [Self::Records, Self::Arguments];

    /// The word used in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Arguments => "arguments",
        }
    }

    /// The variant with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|takes| takes.word() == word)
    }
}

/// A webhook as it is stored. Neither its token nor its signing secret can be derived from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The organization that owns it.
    pub organization: OrganizationId,
    /// Identity.
    pub id: WebhookId,
    /// Key of the job that it starts.
    pub job: String,
    /// Unique in the job, kebab-case.
    pub key: String,
    /// How the body of a message is used.
    pub takes: PayloadKind,
    /// SHA-256 of the token's secret.
    pub hash: [u8; 32],
    /// The sealed signing secret; none for a webhook that is not signed.
    pub sealed: Option<Sealed>,
    /// When it was created.
    pub created_at: Instant,
    /// Who created it.
    pub created_by: String,
    /// When it last started the job, to within a minute.
    pub last_used_at: Option<Instant>,
}

impl Webhook {
    /// A use is recorded only if the last recorded use was at this instant or before.
    pub fn noted_since(now: Instant) -> Instant {
        now - NOTED_EVERY
    }

    /// Whether a use has to be recorded now.
    pub fn is_worth_noting(&self, now: Instant) -> bool {
        self.last_used_at.is_none_or(|last| last <= Self::noted_since(now))
    }
}

impl HookToken {
    /// Whether this is the webhook's token. It takes the same time for every token, also if there is no
    /// such webhook.
    pub fn opens(&self, webhook: Option<&Webhook>) -> bool {
        let same = same_bytes(&self.hash(), &webhook.map_or([0; 32], |webhook| webhook.hash));
        same && webhook.is_some_and(|webhook| webhook.id == self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_one_webhook_and_one_key() {
        let (one, other) = (WebhookId(Uuid::from_u128(1)), WebhookId(Uuid::from_u128(2)));
        assert_eq!(one.name("a"), one.name("a"));
        assert!(one.name("a") != one.name("b") && one.name("a") != other.name("a"));
        assert!(one.name(&"x".repeat(10_000)).len() < 200 && one.name("").starts_with(KEY_PREFIX));
    }

    #[test]
    fn words_go_there_and_back() {
        for takes in PayloadKind::ALL {
            assert_eq!(PayloadKind::from_word(takes.word()), Some(takes));
        }
        assert_eq!(PayloadKind::from_word("files"), None);
    }
}
