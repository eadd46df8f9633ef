//! Signatures of messages, in the two ways that senders have.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::hmac::{Context, HMAC_SHA256, Key, Tag};

use super::SigningSecret;
use crate::model::Instant;
use crate::model::token::same_bytes;

/// How far a sender's clock may be from ours, in seconds.
const CLOCKS_APART: i64 = 300;
/// How many signatures a message may bring: senders that change their secret bring two.
const MOST_SIGNATURES: usize = 16;

/// What a message brings to prove where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// As GitHub signs: `sha256=` and the HMAC of the body in hexadecimal, keyed with the secret as
    /// it is written. It is as good tomorrow as it is today.
    Hub(String),
    /// As Standard Webhooks has it: `v1,` and the HMAC of identity, time and body in base64; several
    /// with spaces between them.
    Standard {
        /// Identity of the message, the same whenever it is sent again.
        id: String,
        /// Seconds since 1970.
        timestamp: String,
        /// The list.
        signatures: String,
    },
}

/// Why a message is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// It brings none.
    #[error(
        "This webhook takes signed messages only: send `X-Hub-Signature-256`, or `webhook-id`, `webhook-timestamp` and `webhook-signature`."
    )]
    Missing,
    /// It was signed at another time.
    #[error("`webhook-timestamp` must be within five minutes of the server's clock, in seconds since 1970.")]
    Untimely,
    /// Somebody else signed, or something else.
    #[error("The signature does not fit the message and the webhook's signing secret.")]
    Wrong,
}

impl Signature {
    /// Checks it against the body.
    ///
    /// # Errors
    /// See [`SignatureFault`].
    pub fn check(&self, secret: &SigningSecret, body: &[u8], now: Instant) -> Result<(), SignatureFault> {
        let right = match self {
            Self::Hub(shown) => {
                let tag = sign(secret.text().as_bytes(), &[body]);
                shown.strip_prefix("sha256=").and_then(from_hex).is_some_and(|shown| same_bytes(&shown, tag.as_ref()))
            }
            Self::Standard { id, timestamp, signatures } => {
                check_time(timestamp, now)?;
                let tag = sign(secret.bytes(), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
                // All of them are looked at, so that the time does not tell which one fits.
                shown(signatures).fold(false, |right, shown| same_bytes(&shown, tag.as_ref()) | right)
            }
        };
        if right { Ok(()) } else { Err(SignatureFault::Wrong) }
    }

    /// The name of the message, if it is signed too.
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
    let plain = timestamp.bytes().all(|letter| letter.is_ascii_digit());
    let seconds: Option<i64> = timestamp.parse().ok().filter(|_| plain);
    let apart = seconds.and_then(|seconds| seconds.checked_sub(now.timestamp()));
    let near = apart.is_some_and(|apart| apart.unsigned_abs() <= CLOCKS_APART.unsigned_abs());
    if near { Ok(()) } else { Err(SignatureFault::Untimely) }
}

/// The signatures of the version that we know.
fn shown(signatures: &str) -> impl Iterator<Item = Vec<u8>> {
    let known = signatures.split(' ').filter_map(|one| one.strip_prefix("v1,"));
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
