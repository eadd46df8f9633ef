//! The token in a webhook's address: `rwh_<id>_<secret><checksum>`, in the format of an API token.

use super::WebhookId;
use crate::model::token::ParsedToken;

const PREFIX: &str = "rwh_";

/// The token of a webhook, not yet looked up.
pub struct HookToken(ParsedToken);

impl HookToken {
    /// Reads the token in an address. A text that is not a token becomes one that was never issued,
    /// so that both are handled in the same way.
    pub fn read(text: &str) -> Self {
        Self(ParsedToken::parse_with(PREFIX, text).unwrap_or_else(ParsedToken::never_issued))
    }

    /// Creates a token: its text, and the token that a server reads from it.
    ///
    /// # Errors
    /// The system cannot provide random bytes.
    pub fn fresh() -> Result<(String, Self), getrandom::Error> {
        let presented = ParsedToken::random()?;
        Ok((presented.text_with(PREFIX), Self(presented)))
    }

    /// The webhook that it claims to open.
    pub fn id(&self) -> WebhookId {
        WebhookId(self.0.id)
    }

    /// The hash to store.
    pub fn hash(&self) -> [u8; 32] {
        self.0.hash()
    }

    /// The part that only the owner of the token knows.
    pub(super) fn secret(&self) -> &[u8] {
        self.0.secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Instant;
    use crate::model::organization::OrganizationId;
    use crate::model::token::ParsedToken;
    use crate::model::webhook::{PayloadKind, Webhook};

    fn webhook(token: &HookToken) -> Webhook {
        Webhook {
            organization: OrganizationId(uuid::Uuid::from_u128(1)),
            id: token.id(),
            job: "job".into(),
            key: "shop".into(),
            takes: PayloadKind::Records,
            hash: token.hash(),
            sealed: None,
            created_at: Instant::UNIX_EPOCH,
            created_by: "ana".into(),
            last_used_at: None,
        }
    }

    #[test]
    fn a_token_opens_its_own_webhook_only() {
        let (text, token) = HookToken::fresh().unwrap();
        let (own, other) = (webhook(&token), webhook(&HookToken::fresh().unwrap().1));
        assert!(HookToken::read(&text).opens(Some(&own)));
        assert!(!HookToken::read(&text).opens(Some(&other)) && !HookToken::read(&text).opens(None));
        assert!(!HookToken::read(&text).opens(Some(&Webhook { id: other.id, ..own.clone() })));
        for wrong in ["", "rwh_", &text[1..], &text[..text.len() - 1], "x"] {
            assert!(!HookToken::read(wrong).opens(Some(&own)), "{wrong}");
        }
    }

    #[test]
    fn a_token_of_one_kind_is_not_valid_as_another() {
        let (hook, _) = HookToken::fresh().unwrap();
        let (api, _) = ParsedToken::fresh().unwrap();
        assert!(ParsedToken::parse(&hook).is_none());
        assert!(HookToken::read(&api).id().0.is_nil());
    }
}
