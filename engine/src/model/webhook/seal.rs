//! Signing secrets, and how they are kept: sealed with a key that only the webhook's token
//! gives, of which the store has no more than a hash. What is read from a store alone signs nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};

use super::{HookToken, WebhookId};
use crate::model::organization::OrganizationId;

const PREFIX: &str = "whsec_";
const SECRET_BYTES: usize = 32;
/// Separates the key from any other that a token's secret might ever give.
const SALT: &[u8] = b"ropewalk webhook";
const PURPOSE: [&[u8]; 1] = [b"signing secret"];

/// What a sender signs with. Has no `Debug`, so that it cannot slip into a log.
pub struct SigningSecret([u8; SECRET_BYTES]);

/// A signing secret that only the token of its webhook opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

/// Why a signing secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The machine has no randomness to give.
    #[error("there is no randomness")]
    Randomness(#[from] getrandom::Error),
    /// It was changed, or sealed for another webhook.
    #[error("the sealed secret does not open")]
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
    /// The machine has no randomness to give.
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

    /// What the sender is given: shown once, kept nowhere. Senders that follow Standard Webhooks
    /// sign with the bytes that stand behind the prefix in base64, others with the text as it is.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", BASE64.encode(self.0))
    }

    /// The bytes behind the text.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Seals it for a webhook, to be opened with its token.
    ///
    /// # Errors
    /// The machine has no randomness to give.
    pub fn seal(&self, token: &HookToken, organization: OrganizationId) -> Result<Sealed, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce)?;
        let mut text = self.0.to_vec();
        let place = place(organization, token.id());
        key(token)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut text)?;
        Ok(Sealed([nonce.as_slice(), &text].concat()))
    }

    /// Opens what was sealed for a webhook.
    ///
    /// # Errors
    /// `Closed` for what was sealed for another webhook, or changed since.
    pub fn open(sealed: &Sealed, token: &HookToken, organization: OrganizationId) -> Result<Self, SealError> {
        let (nonce, text) = sealed.0.split_at_checked(NONCE_LEN).ok_or(SealError::Closed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let mut text = text.to_vec();
        let opened = key(token)?.open_in_place(nonce, Aad::from(place(organization, token.id())), &mut text)?;
        (&*opened).try_into().map(Self).map_err(|_| SealError::Closed)
    }
}

fn key(token: &HookToken) -> Result<LessSafeKey, SealError> {
    let derived = Salt::new(HKDF_SHA256, SALT).extract(token.secret());
    let key = UnboundKey::from(derived.expand(&PURPOSE, &CHACHA20_POLY1305)?);
    Ok(LessSafeKey::new(key))
}

/// Bound to what is sealed, so that it opens nowhere else.
fn place(organization: OrganizationId, id: WebhookId) -> [u8; 32] {
    let mut place = [0; 32];
    place[..16].copy_from_slice(organization.0.as_bytes());
    place[16..].copy_from_slice(id.0.as_bytes());
    place
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
        for place in 0..sealed.0.len() {
            let mut changed = sealed.clone();
            changed.0[place] ^= 1;
            assert!(SigningSecret::open(&changed, &token, home).is_err(), "byte {place}");
            changed.0.truncate(place);
            assert!(SigningSecret::open(&changed, &token, home).is_err(), "cut at {place}");
        }
    }
}
