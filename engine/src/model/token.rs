//! API tokens: `rw_<id>_<secret><checksum>`.
//!
//! The secret is 256 random bits and is shown once; only its SHA-256 is stored. The checksum finds
//! typing errors before anything is looked up. Other kinds of tokens have the same format with another
//! prefix.

use std::fmt;
use std::ops::RangeInclusive;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Instant;
use super::organization::{OrganizationId, Role};

const PREFIX: &str = "rw_";
const SECRET_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Identity, also in the token's text.
    pub id: Uuid,
    /// The name shown to people.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// Where the token is valid.
    pub scope: TokenScope,
    /// When it expires; none if it never does.
    pub expires_at: Option<Instant>,
    /// When it was created.
    pub created_at: Instant,
    /// Who created it, as results name callers; none for the first token of a server.
    pub created_by: Option<String>,
    /// When it was last used, with an error of up to a minute.
    pub last_used_at: Option<Instant>,
}

/// The use of a token or of a webhook is recorded at most once in this time, to save writes.
pub(super) const NOTED_EVERY: TimeDelta = TimeDelta::seconds(60);

impl TokenRecord {
    /// Whether it has not expired.
    pub fn is_valid_at(&self, now: Instant) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }

    /// Whether a use at this time should be recorded.
    pub fn is_worth_noting(&self, now: Instant) -> bool {
        self.last_used_at.is_none_or(|last| last <= now - NOTED_EVERY)
    }
}

/// Where a token is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScope {
    /// In one organization, with a role.
    Organization(OrganizationId, Role),
    /// On the server: it manages organizations and acts as admin in each of them.
    Server,
}

/// A token that a caller presented: well formed, not yet looked up.
pub struct ParsedToken {
    /// The identity that it claims.
    pub id: Uuid,
    secret: [u8; SECRET_BYTES],
}

impl ParsedToken {
    /// Parses a token; none if the text is not a token or is mistyped.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_with(PREFIX, text)
    }

    /// Parses a token of the kind with this prefix.
    pub(super) fn parse_with(prefix: &str, text: &str) -> Option<Self> {
        let (id, rest) = text.strip_prefix(prefix)?.split_once('_')?;
        let id = Uuid::try_parse(id).ok()?;
        let bytes = BASE64.decode(rest).ok()?;
        let (secret, sum) = bytes.split_at_checked(SECRET_BYTES)?;
        let secret: [u8; SECRET_BYTES] = secret.try_into().ok()?;
        (sum == checksum(id, &secret)).then_some(Self { id, secret })
    }

    /// Creates a token: its text, and the token that a server reads from it.
    ///
    /// # Errors
    /// The system cannot provide random bytes.
    pub fn fresh() -> Result<(String, Self), getrandom::Error> {
        let presented = Self::random()?;
        Ok((presented.text_with(PREFIX), presented))
    }

    /// Creates a token of any kind.
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        Ok(Self { id: Uuid::now_v7(), secret })
    }

    /// A token that was never issued.
    pub(super) fn never_issued() -> Self {
        Self { id: Uuid::nil(), secret: [0; SECRET_BYTES] }
    }

    /// The part that only the owner of the token knows.
    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// The text of the token: shown once, stored nowhere.
    pub(super) fn text_with(&self, prefix: &str) -> String {
        let mut bytes = self.secret.to_vec();
        bytes.extend(checksum(self.id, &self.secret));
        format!("{prefix}{}_{}", self.id.simple(), BASE64.encode(bytes))
    }

    /// The hash to store.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }

    /// Whether this is the token of the record. Takes the same time for every token.
    pub fn belongs_to(&self, record: &TokenRecord) -> bool {
        same_bytes(&self.hash(), &record.hash) && self.id == record.id
    }
}

/// Compares in a time that does not depend on where the bytes differ.
pub(super) fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// A secret that an operator chose, such as the one for a monitoring system. Only its SHA-256 is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ChosenSecret([u8; 32]);

/// Characters of a secret that an operator chooses. A shorter one could be guessed.
pub const CHOSEN_SECRET_CHARACTERS: RangeInclusive<usize> = 16..=200;

impl ChosenSecret {
    /// Reads the secret that the operator wrote.
    ///
    /// # Errors
    /// One sentence if its length is wrong or it cannot be sent in a header.
    pub fn read(text: &str) -> Result<Self, String> {
        let (least, most) = (CHOSEN_SECRET_CHARACTERS.start(), CHOSEN_SECRET_CHARACTERS.end());
        match CHOSEN_SECRET_CHARACTERS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(Sha256::digest(text).into())),
            false => Err(format!("must have {least} to {most} visible ASCII characters and no spaces")),
        }
    }

    /// Whether this is the secret. Takes the same time for every text of the same length.
    pub fn is(&self, text: &str) -> bool {
        same_bytes(&self.0, &Sha256::digest(text))
    }
}

impl fmt::Debug for ChosenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChosenSecret")
    }
}

fn checksum(id: Uuid, secret: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest = Sha256::new().chain_update(id.as_bytes()).chain_update(secret).finalize();
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: Uuid, hash: [u8; 32]) -> TokenRecord {
        TokenRecord {
            id,
            name: "t".into(),
            hash,
            scope: TokenScope::Server,
            expires_at: None,
            created_at: Instant::UNIX_EPOCH,
            created_by: None,
            last_used_at: None,
        }
    }

    #[test]
    fn a_token_opens_its_own_record_only() {
        let token = ParsedToken { id: Uuid::from_u128(7), secret: [9; 32] };
        let hash = token.hash();
        let presented = ParsedToken::parse(&token.text_with(PREFIX)).unwrap();
        assert!(presented.belongs_to(&record(Uuid::from_u128(7), hash)));
        assert!(!presented.belongs_to(&record(Uuid::from_u128(7), [0; 32])));
        assert!(!presented.belongs_to(&record(Uuid::from_u128(8), hash)));
    }

    #[test]
    fn a_chosen_secret_is_recognized_and_never_shown() {
        let secret = ChosenSecret::read("0123456789abcdef").unwrap();
        assert!(secret.is("0123456789abcdef"));
        for other in ["", "0123456789abcdeF", "0123456789abcdef0", "0123456789abcde"] {
            assert!(!secret.is(other), "{other}");
        }
        assert_eq!(format!("{secret:?}"), "ChosenSecret");
        for refused in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdefé", &"x".repeat(201)] {
            let fault = ChosenSecret::read(refused).unwrap_err();
            assert_eq!(fault, "must have 16 to 200 visible ASCII characters and no spaces");
        }
    }

    #[test]
    fn a_mistyped_token_is_no_token() {
        let text = ParsedToken { id: Uuid::from_u128(7), secret: [9; 32] }.text_with(PREFIX);
        for end in 0..text.len() {
            assert!(ParsedToken::parse(&text[..end]).is_none());
        }
        assert!(ParsedToken::parse(&text.replace("CQkJ", "CQkK")).is_none());
        assert!(ParsedToken::parse("").is_none());
    }
}
