//! Signing secrets, and how they are stored: encrypted with a key derived from the webhook's token.
//! The store has only a hash of the token, so that nobody can sign with what is in a store alone.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};

use super::{HookToken, WebhookId};
use crate::model::organization::OrganizationId;

const PREFIX: &str = "whsec_";
const SECRET_BYTES: usize = 32;
/// Separates this key from other keys that may be derived from the secret of a token.
const SALT: &[u8] = b"ropewalk webhook";
const PURPOSE: [&[u8]; 1] = [b"signing secret"];

/// The secret with which a sender signs. It has no `Debug`, so that it cannot get into a log.
pub struct SigningSecret([u8; SECRET_BYTES]);

/// A signing secret, encrypted so that only the token of its webhook can decrypt it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

/// Why a signing secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The system cannot provide random bytes.
    #[error("the system cannot provide random bytes")]
    Randomness(#[from] getrandom::Error),
    /// The secret was changed, or sealed for another webhook.
    #[error("the sealed secret cannot be opened with this token")]
    Closed,
}

impl From<ring::error::Unspecified> for SealError {
    fn from(_: ring::error::Unspecified) -> Self {
        Self::Closed
    }
}

impl SigningSecret {
    /// A new secret.
    ///
    /// # Errors
    /// The system cannot provide random bytes.
    pub fn fresh() -> Result<Self, getrandom::Error> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        Ok(Self(secret))
    }

    /// The bytes 0 to 31.
    #[cfg(test)]
    pub(super) fn sample() -> Self {
        Self(std::array::from_fn(|index| index.try_into().unwrap_or_default()))
    }

    /// The text for the sender: shown once, stored nowhere. Senders that follow Standard Webhooks sign
    /// with the bytes that follow the prefix in base64; others sign with the text itself.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(self.0))
    }

    /// The bytes that the text encodes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Seals the secret for a webhook. Only its token opens it.
    ///
    /// # Errors
    /// The system cannot provide random bytes.
    pub fn seal(&self, token: &HookToken, organization: OrganizationId) -> Result<Sealed, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce)?;
        let mut text = self.0.to_vec();
        let owner = owner(organization, token.id());
        key(token)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner), &mut text)?;
        Ok(Sealed([nonce.as_slice(), &text].concat()))
    }

    /// Opens the sealed secret of a webhook.
    ///
    /// # Errors
    /// `Closed` if it was sealed for another webhook, or changed.
    pub fn open(sealed: &Sealed, token: &HookToken, organization: OrganizationId) -> Result<Self, SealError> {
        let (nonce, text) = sealed.0.split_at_checked(NONCE_LEN).ok_or(SealError::Closed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut text = text.to_vec();
        let opened = key(token)?.open_in_place(nonce, Aad::from(owner(organization, token.id())), &mut text)?;
        (&*opened).try_into().map(Self).map_err(|_| SealError::Closed)
    }
}

fn key(token: &HookToken) -> Result<LessSafeKey, SealError> {
    let derived = Salt::new(HKDF_SHA256, SALT).extract(token.secret());
    let key = UnboundKey::from(derived.expand(&PURPOSE, &CHACHA20_POLY1305)?);
    Ok(LessSafeKey::new(key))
}

/// The identity of the owner. It is authenticated with the secret, so that the sealed secret of one
/// webhook cannot be used for another.
fn owner(organization: OrganizationId, id: WebhookId) -> [u8; 32] {
    let mut owner = [0; 32];
    owner[..16].copy_from_slice(organization.0.as_bytes());
    owner[16..].copy_from_slice(id.0.as_bytes());
    owner
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_its_token_opens_it_and_only_at_home() {
        let (home, other) = (OrganizationId(Uuid::from_u128(1)), OrganizationId(Uuid::from_u128(2)));
        let ((_, token), (_, stranger)) = (HookToken::fresh().unwrap(), HookToken::fresh().unwrap());
        let secret = SigningSecret::fresh().unwrap();
        let sealed = secret.seal(&token, home).unwrap();
        assert!(!sealed.0.windows(8).any(|part| part == &secret.0[..8]));
        assert_eq!(SigningSecret::open(&sealed, &token, home).unwrap().text(), secret.text());
        assert!(SigningSecret::open(&sealed, &token, other).is_err(), "it was moved");
        assert!(SigningSecret::open(&sealed, &stranger, home).is_err());
        for position in 0..sealed.0.len() {
            let mut changed = sealed.clone();
            changed.0[position] ^= 1;
            assert!(SigningSecret::open(&changed, &token, home).is_err(), "byte {position}");
            changed.0.truncate(position);
            assert!(SigningSecret::open(&changed, &token, home).is_err(), "cut at {position}");
        }
    }
}
