//! Webhooks: secret addresses that start a job.
//!
//! Whoever knows the address may start the job, once for each message. A signed webhook asks
//! for more: a signature that only somebody with its signing secret can make.

mod body;
mod seal;
mod signature;
mod token;

use std::fmt;

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Instant;
use super::organization::OrganizationId;
use super::token::same_bytes;

pub use body::Brought;
pub use seal::{SealError, Sealed, SigningSecret};
pub use signature::{Signature, SignatureFault};
pub use token::HookToken;

/// How many webhooks a job may have.
pub const MOST_OF_A_JOB: usize = 20;
/// What the names of starts by webhooks begin with, and no others.
pub const NAMES: &str = "webhook:";
/// That a webhook was used is noted once in so many seconds.
const NOTED_EVERY: TimeDelta = TimeDelta::seconds(60);

/// Identity of a webhook, also in the text of its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookId(pub Uuid);

impl WebhookId {
    /// What a start is known by whose sender named it `key`. Meets neither the name of another
    /// webhook's start nor any that a caller of the API can give.
    pub fn name(self, key: &str) -> String {
        use fmt::Write;
        let mut name = format!("{NAMES}{}:", self.0.simple());
        for byte in Sha256::digest(key) {
            // Writing to a text does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}

/// What becomes of the body of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// It is the set of the first line.
    Records,
    /// It is the arguments.
    Arguments,
}

impl Takes {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Records, Self::Arguments];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Arguments => "arguments",
        }
    }

    /// What a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|takes| takes.word() == word)
    }
}

/// A webhook, as it is kept: neither its token nor its signing secret can be had from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Identity.
    pub id: WebhookId,
    /// Key of the job that it starts.
    pub job: String,
    /// Unique in the job, kebab-case.
    pub key: String,
    /// What becomes of the body.
    pub takes: Takes,
    /// SHA-256 of the token's secret.
    pub hash: [u8; 32],
    /// The signing secret of a signed one.
    pub sealed: Option<Sealed>,
    /// When it was made.
    pub created_at: Instant,
    /// Who made it.
    pub created_by: String,
    /// When it last started something, give or take a minute.
    pub last_used_at: Option<Instant>,
}

impl Webhook {
    /// Since when a use must not have been noted, for one to be noted now.
    pub fn noted_since(now: Instant) -> Instant {
        now - NOTED_EVERY
    }

    /// Whether it is time to note that it is used.
    pub fn is_worth_noting(&self, now: Instant) -> bool {
        self.last_used_at.is_none_or(|last| last <= Self::noted_since(now))
    }
}

impl HookToken {
    /// Whether this is the webhook's token, in constant time. It costs the same if there is no
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
        assert!(one.name(&"x".repeat(10_000)).len() < 200 && one.name("").starts_with(NAMES));
    }

    #[test]
    fn words_go_there_and_back() {
        for takes in Takes::ALL {
            assert_eq!(Takes::from_word(takes.word()), Some(takes));
        }
        assert_eq!(Takes::from_word("files"), None);
    }
}
