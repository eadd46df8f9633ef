use ::engine::model::grant::Grants;
use ::engine::ports::reach::{Ended, JobStart, Nowhere};

use super::exchange::{NoAnswer, exchange};
use super::*;
use crate::egress::Request;

fn outside(reach: Option<Arc<dyn Reach>>, dry_run: bool) -> Outside {
    let limits = Arc::new(Limits { calls: 300, ..Limits::default() });
    let end = Instant::now() + Duration::from_secs(5);
    let caller =
        Caller { module: "orders".into(), idempotency_key: "r:10".into(), dry_run, reach, end, listener: Arc::new(()) };
    Outside::new(caller, Log::within(&limits, Arc::new(())), Client::default(), limits)
}

/// Grants, and nothing else.
struct Granted(Grants, Nowhere);

#[async_trait::async_trait]
impl Reach for Granted {
    fn grants(&self) -> &Grants {
        &self.0
    }
    async fn before_effect(&self) -> Result<(), ReachError> {
        Ok(())
    }
    async fn get(&self, name: &str, keys: Vec<String>) -> Result<Vec<Option<serde_json::Value>>, ReachError> {
        self.1.get(name, keys).await
    }
    async fn find(
        &self,
        name: &str,
        criteria: &serde_json::Value,
        after: Option<String>,
        limit: u32,
    ) -> Result<::engine::model::collection::Entries, ReachError> {
        self.1.find(name, criteria, after, limit).await
    }
    async fn write(
        &self,
        name: &str,
        changes: Vec<::engine::model::collection::Change>,
        call: Call,
    ) -> Result<::engine::model::collection::Written, ReachError> {
        self.1.write(name, changes, call).await
    }
    async fn start(&self, start: JobStart, call: Call, awaited: bool) -> Result<Option<String>, ReachError> {
        self.1.start(start, call, awaited).await
    }
    async fn outcomes(&self, batch: Option<u32>, records: bool) -> Result<Option<Vec<Ended>>, ReachError> {
        self.1.outcomes(batch, records).await
    }
}

fn granted(document: serde_json::Value) -> Option<Arc<dyn Reach>> {
    Some(Arc::new(Granted(Grants::read(&document).unwrap(), Nowhere::default())))
}

#[tokio::test]
async fn a_denial_is_told_once_to_the_line_and_to_its_log() {
    let outside = outside(granted(json!({})), false);
    for _ in 0..2 {
        let Err(NoAnswer::Denied(told)) = exchange(&outside, Request::new("GET", "https://api.example.com/a")).await
        else {
            panic!("it was sent")
        };
        assert!(told.contains("ropewalk module grant orders http=api.example.com"), "{told}");
        assert_eq!(outside.denied(), Some(told));
    }
    assert_eq!(outside.log.drain().len(), 1);
    assert!(outside.drain_effects().is_empty());
}

#[tokio::test]
async fn a_dry_run_notes_what_it_does_not_send_and_still_asks_for_the_grant() {
    let grants = granted(json!({"http": {"hosts": ["api.example.com"]}}));
    let outside = outside(grants, true);
    let url = "https://api.example.com/orders?token=secret";
    let request = Request { body: Some(vec![0; 1204]), ..Request::new("POST", url) };
    let answer = exchange(&outside, request.clone()).await.unwrap();
    assert_eq!((answer.status, answer.headers), (202, vec![("ropewalk-dry-run".to_owned(), "1".to_owned())]));
    let effects = outside.drain_effects();
    let told = "POST https://api.example.com/orders?token=…, 1204 bytes: not sent, since this is a dry run";
    assert_eq!((effects.len(), effects[0].done, effects[0].summary.as_str()), (1, false, told));
    assert!(!effects[0].detail.to_string().contains("secret"));
    let elsewhere = Request { url: "https://elsewhere.example.com/".to_owned(), ..request };
    assert!(matches!(exchange(&outside, elsewhere).await, Err(NoAnswer::Denied(_))));
}

#[tokio::test]
async fn calls_are_counted_and_effects_are_cut_with_a_mark() {
    let outside = outside(granted(json!({"http": {"hosts": ["*"]}})), true);
    for _ in 0..300 {
        exchange(&outside, Request::new("POST", "https://api.example.com/")).await.unwrap();
    }
    let beyond = exchange(&outside, Request::new("POST", "https://api.example.com/")).await;
    let Err(NoAnswer::Limit(told)) = beyond else { panic!("it was not counted") };
    assert!(told.contains("more than 300 calls"), "{told}");
    let effects = outside.drain_effects();
    assert_eq!(effects.len(), KEPT_EFFECTS + 1);
    assert_eq!(effects[KEPT_EFFECTS].summary, "… and 100 more that are not kept");
}

#[tokio::test]
async fn nothing_is_reached_while_actions_are_listed() {
    let outside = outside(None, true);
    let Err(NoAnswer::Denied(told)) = exchange(&outside, Request::new("GET", "https://api.example.com/")).await else {
        panic!("it was sent")
    };
    assert!(told.contains("while it lists its actions"), "{told}");
}

#[tokio::test]
async fn a_request_that_is_none_is_no_effect() {
    let outside = outside(granted(json!({"http": {"hosts": ["*"]}})), false);
    for (method, url) in [("GET", "ftp://h/"), ("GET", "nonsense"), ("TRACE", "http://h/"), ("get", "http://h/")] {
        assert!(
            matches!(exchange(&outside, Request::new(method, url)).await, Err(NoAnswer::Invalid(_))),
            "{method} {url}"
        );
    }
    assert!(outside.drain_effects().is_empty());
}

#[tokio::test]
async fn names_that_a_guest_makes_up_are_shown_without_what_acts_on_a_terminal() {
    let outside = outside(granted(json!({})), false);
    assert_eq!(outside.deny("no job `\u{1b}[2J\u{202e}x`"), "no job `\u{fffd}[2J\u{fffd}x`");
    let summary = "started `\u{7}`".to_owned();
    outside.note(Effect { capability: Capability::Jobs, done: true, summary, detail: json!({}) });
    assert_eq!(outside.drain_effects()[0].summary, "started `\u{fffd}`");
}
