//! Signatures of messages, in the two formats that senders use.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::hmac::{Context, HMAC_SHA256, Key, Tag};

use super::SigningSecret;
use crate::model::Instant;
use crate::model::token::same_bytes;

/// How far the sender's clock and the server's may differ, in seconds.
const CLOCKS_APART: i64 = 300;
/// Signatures of a message that are checked. Senders that change their secret send two.
const MOST_SIGNATURES: usize = 16;

/// The signature of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// The format of GitHub: `sha256=` and the HMAC of the body in hexadecimal, keyed with the text of
    /// the secret. It never expires.
    Hub(String),
    /// The format of Standard Webhooks: `v1,` and the HMAC of identity, time and body in base64. There
    /// can be several, separated by spaces.
    Standard {
        /// Identity of the message, the same when it is sent again.
        id: String,
        /// Seconds since 1970.
        timestamp: String,
        /// The signatures.
        signatures: String,
    },
}

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// It has no signature.
    #[error(
        "This webhook accepts only signed messages: send `X-Hub-Signature-256`, or `webhook-id`, `webhook-timestamp` and `webhook-signature`."
    )]
    Missing,
    /// Its time differs too much from the server's.
    #[error("`webhook-timestamp` must be within five minutes of the server's clock, in seconds since 1970.")]
    Untimely,
    /// Its signature is wrong.
    #[error("The signature does not match the message and the webhook's signing secret.")]
    Wrong,
}

impl Signature {
    /// Checks it against the body.
    ///
    /// # Errors
    /// See [`SignatureFault`].
    pub fn check(&self, secret: &SigningSecret, body: &[u8], now: Instant) -> Result<(), SignatureFault> {
        let right = match self {
            Self::Hub(signature) => {
                let tag = sign(secret.text().as_bytes(), &[body]);
                let bytes = signature.strip_prefix("sha256=").and_then(from_hex);
                bytes.is_some_and(|bytes| same_bytes(&bytes, tag.as_ref()))
            }
            Self::Standard { id, timestamp, signatures } => {
                check_time(timestamp, now)?;
                let tag = sign(secret.bytes(), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
                // All of them are compared, so that the time does not reveal which one is right.
                decoded(signatures).fold(false, |right, bytes| same_bytes(&bytes, tag.as_ref()) | right)
            }
        };
        if right { Ok(()) } else { Err(SignatureFault::Wrong) }
    }

    /// The identity of the message, if the signature covers it.
    pub fn signed_name(&self) -> Option<&str> {
        match self {
            Self::Hub(_) => None,
            Self::Standard { id, .. } => Some(id),
        }
    }
}

fn sign(key: &[u8], parts: &[&[u8]]) -> Tag {
    let mut context = Context::with_key(&Key::new(HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    context.sign()
}

fn check_time(timestamp: &str, now: Instant) -> Result<(), SignatureFault> {
    let has_only_digits = timestamp.bytes().all(|letter| letter.is_ascii_digit());
    let seconds: Option<i64> = timestamp.parse().ok().filter(|_| has_only_digits);
    let difference = seconds.and_then(|seconds| seconds.checked_sub(now.timestamp()));
    let is_near = difference.is_some_and(|difference| difference.unsigned_abs() <= CLOCKS_APART.unsigned_abs());
    if is_near { Ok(()) } else { Err(SignatureFault::Untimely) }
}

/// The bytes of the signatures of version 1. Those of other versions are ignored.
fn decoded(signatures: &str) -> impl Iterator<Item = Vec<u8>> {
    let known = signatures.split(' ').filter_map(|signature| signature.strip_prefix("v1,"));
    known.take(MOST_SIGNATURES).filter_map(|text| BASE64.decode(text).ok())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests;
