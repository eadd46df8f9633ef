use ::engine::model::grant::Grants;
use ::engine::ports::host_calls::{Ended, JobStart, NoHostCalls};

use super::exchange::{ExchangeError, exchange};
use super::*;
use crate::egress::Request;

fn effects_with(host_calls: Option<Arc<dyn HostCalls>>, dry_run: bool) -> Effects {
    let limits = Arc::new(Limits { calls: 300, ..Limits::default() });
    let end = Instant::now() + Duration::from_secs(5);
    let caller = Caller {
        module: "orders".into(),
        idempotency_key: "r:10".into(),
        dry_run,
        host_calls,
        end,
        listener: Arc::new(()),
    };
    Effects::new(caller, Log::within(&limits, Arc::new(())), Client::default(), limits)
}

/// Host calls that have grants and refuse everything else.
struct Granted(Grants, NoHostCalls);

#[async_trait::async_trait]
impl HostCalls for Granted {
    fn grants(&self) -> &Grants {
        &self.0
    }
    async fn before_effect(&self) -> Result<(), HostCallError> {
        Ok(())
    }
    async fn get(&self, name: &str, keys: Vec<String>) -> Result<Vec<Option<serde_json::Value>>, HostCallError> {
        self.1.get(name, keys).await
    }
    async fn find(
        &self,
        name: &str,
        criteria: &serde_json::Value,
        after: Option<String>,
        limit: u32,
    ) -> Result<::engine::model::collection::Entries, HostCallError> {
        self.1.find(name, criteria, after, limit).await
    }
    async fn write(
        &self,
        name: &str,
        changes: Vec<::engine::model::collection::Change>,
        call: Call,
    ) -> Result<::engine::model::collection::Written, HostCallError> {
        self.1.write(name, changes, call).await
    }
    async fn start(&self, start: JobStart, call: Call, awaited: bool) -> Result<Option<String>, HostCallError> {
        self.1.start(start, call, awaited).await
    }
    async fn outcomes(&self, batch: Option<u32>, records: bool) -> Result<Option<Vec<Ended>>, HostCallError> {
        self.1.outcomes(batch, records).await
    }
}

fn granted(document: serde_json::Value) -> Option<Arc<dyn HostCalls>> {
    Some(Arc::new(Granted(Grants::read(&document).unwrap(), NoHostCalls::default())))
}

#[tokio::test]
async fn a_denial_is_noted_once_and_logged_once() {
    let effects = effects_with(granted(json!({})), false);
    for _ in 0..2 {
        let Err(ExchangeError::Denied(message)) =
            exchange(&effects, Request::new("GET", "https://api.example.com/a")).await
        else {
            panic!("it was sent")
        };
        assert!(message.contains("ropewalk module grant orders http=api.example.com"), "{message}");
        assert_eq!(effects.denied(), Some(message));
    }
    assert_eq!(effects.log.drain().len(), 1);
    assert!(effects.drain_effects().is_empty());
}

#[tokio::test]
async fn a_dry_run_notes_what_it_does_not_send_and_still_needs_the_grant() {
    let grants = granted(json!({"http": {"hosts": ["api.example.com"]}}));
    let effects = effects_with(grants, true);
    let url = "https://api.example.com/orders?token=secret";
    let request = Request { body: Some(vec![0; 1204]), ..Request::new("POST", url) };
    let answer = exchange(&effects, request.clone()).await.unwrap();
    assert_eq!((answer.status, answer.headers), (202, vec![("ropewalk-dry-run".to_owned(), "1".to_owned())]));
    let noted = effects.drain_effects();
    let summary = "POST https://api.example.com/orders?token=…, 1204 bytes: not sent, since this is a dry run";
    assert_eq!((noted.len(), noted[0].done, noted[0].summary.as_str()), (1, false, summary));
    assert!(!noted[0].detail.to_string().contains("secret"));
    let elsewhere = Request { url: "https://elsewhere.example.com/".to_owned(), ..request };
    assert!(matches!(exchange(&effects, elsewhere).await, Err(ExchangeError::Denied(_))));
}

#[tokio::test]
async fn calls_are_counted_and_effects_are_cut_with_a_mark() {
    let effects = effects_with(granted(json!({"http": {"hosts": ["*"]}})), true);
    for _ in 0..300 {
        exchange(&effects, Request::new("POST", "https://api.example.com/")).await.unwrap();
    }
    let beyond = exchange(&effects, Request::new("POST", "https://api.example.com/")).await;
    let Err(ExchangeError::Limit(message)) = beyond else { panic!("it was not counted") };
    assert!(message.contains("more than 300 calls"), "{message}");
    let noted = effects.drain_effects();
    assert_eq!(noted.len(), KEPT_EFFECTS + 1);
    assert_eq!(noted[KEPT_EFFECTS].summary, "… and 100 more that are not kept");
}

#[tokio::test]
async fn the_host_cannot_be_called_while_actions_are_listed() {
    let effects = effects_with(None, true);
    let Err(ExchangeError::Denied(message)) = exchange(&effects, Request::new("GET", "https://api.example.com/")).await
    else {
        panic!("it was sent")
    };
    assert!(message.contains("while it lists its actions"), "{message}");
}

#[tokio::test]
async fn an_invalid_request_is_no_effect() {
    let effects = effects_with(granted(json!({"http": {"hosts": ["*"]}})), false);
    for (method, url) in [("GET", "ftp://h/"), ("GET", "nonsense"), ("TRACE", "http://h/"), ("get", "http://h/")] {
        assert!(
            matches!(exchange(&effects, Request::new(method, url)).await, Err(ExchangeError::Invalid(_))),
            "{method} {url}"
        );
    }
    assert!(effects.drain_effects().is_empty());
}

#[tokio::test]
async fn control_characters_in_names_of_guests_are_replaced() {
    let effects = effects_with(granted(json!({})), false);
    assert_eq!(effects.deny("no job `\u{1b}[2J\u{202e}x`"), "no job `\u{fffd}[2J\u{fffd}x`");
    let summary = "started `\u{7}`".to_owned();
    effects.note(Effect { capability: Capability::Jobs, done: true, summary, detail: json!({}) });
    assert_eq!(effects.drain_effects()[0].summary, "started `\u{fffd}`");
}
