//! API tokens: `rw_<id>_<secret><checksum>`.
//!
//! The secret is 256 random bits and is shown once; only its SHA-256 is kept.
//! The checksum finds typing errors before anything is looked up.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Instant;
use super::organization::{OrganizationId, Role};

const PREFIX: &str = "rw_";
const SECRET_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Identity, also in the token's text.
    pub id: Uuid,
    /// For people.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// Where it is good.
    pub reach: Reach,
    /// When it stops being good.
    pub expires_at: Option<Instant>,
    /// When it was made.
    pub created_at: Instant,
}

/// Where a token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// In one organization, with a role.
    Organization(OrganizationId, Role),
    /// On the server: manages organizations, and acts as admin in any of them.
    Server,
}

/// A token as it was presented: well formed, not yet looked up.
pub struct Presented {
    /// Which token it claims to be.
    pub id: Uuid,
    secret: [u8; SECRET_BYTES],
}

impl Presented {
    /// Reads a token's text; none if it is not one, or is mistyped.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let id = Uuid::try_parse(id).ok()?;
        let bytes = BASE64.decode(rest).ok()?;
        let (secret, sum) = bytes.split_at_checked(SECRET_BYTES)?;
        let secret: [u8; SECRET_BYTES] = secret.try_into().ok()?;
        (sum == checksum(id, &secret)).then_some(Self { id, secret })
    }

    /// A new token: its text, and what a server will read from it.
    ///
    /// # Errors
    /// The machine has no randomness to give.
    pub fn fresh() -> Result<(String, Self), getrandom::Error> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        let presented = Self { id: Uuid::now_v7(), secret };
        Ok((presented.text(), presented))
    }

    /// What to present: shown once, kept nowhere.
    fn text(&self) -> String {
        let mut bytes = self.secret.to_vec();
        bytes.extend(checksum(self.id, &self.secret));
        format!("{PREFIX}{}_{}", self.id.simple(), BASE64.encode(bytes))
    }

    /// The hash to keep.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }

    /// Whether this is the token of the record, in constant time.
    pub fn belongs_to(&self, record: &TokenRecord) -> bool {
        let difference = self.hash().iter().zip(record.hash).fold(0, |sum, (a, b)| sum | (a ^ b));
        difference == 0 && self.id == record.id
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
        let created_at = Instant::UNIX_EPOCH;
        TokenRecord { id, name: "t".into(), hash, reach: Reach::Server, expires_at: None, created_at }
    }

    #[test]
    fn a_token_opens_its_own_record_only() {
        let token = Presented { id: Uuid::from_u128(7), secret: [9; 32] };
        let hash = token.hash();
        let presented = Presented::parse(&token.text()).unwrap();
        assert!(presented.belongs_to(&record(Uuid::from_u128(7), hash)));
        assert!(!presented.belongs_to(&record(Uuid::from_u128(7), [0; 32])));
        assert!(!presented.belongs_to(&record(Uuid::from_u128(8), hash)));
    }

    #[test]
    fn a_mistyped_token_is_no_token() {
        let text = Presented { id: Uuid::from_u128(7), secret: [9; 32] }.text();
        for end in 0..text.len() {
            assert!(Presented::parse(&text[..end]).is_none());
        }
        assert!(Presented::parse(&text.replace("CQkJ", "CQkK")).is_none());
        assert!(Presented::parse("").is_none());
    }
}
