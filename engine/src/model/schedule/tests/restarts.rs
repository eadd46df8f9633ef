//! Whenever the server is down and the clock is changed, each nominal instant is either started once or
//! reported as left out.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// What happens next in a world of clocks and restarts.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// This time passes while a server is running.
    Passes(i64),
    /// This time passes without a running server.
    Down(i64),
    /// The clock is put back by this time while a server is running.
    Back(i64),
    /// The clock is put back by this time without a running server.
    BackWhileDown(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0_i64..7_200).prop_map(Event::Passes),
        2 => (0_i64..200_000).prop_map(Event::Down),
        1 => (0_i64..50_000).prop_map(Event::Back),
        1 => (0_i64..50_000).prop_map(Event::BackWhileDown),
    ]
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let when = select(
        &[
            r#"{"interval": "7s"}"#,
            r#"{"interval": "10m"}"#,
            r#"{"interval": "1h", "startAt": "2026-10-24T00:00:30Z"}"#,
            r#"{"cron": "*/5 * * * *"}"#,
            r#"{"cron": "0,30 1-3 * * *"}"#,
            r#"{"cron": "30 2 * * *", "endAt": "2026-10-28"}"#,
            r#"{"cron": "*/20 59 * * * *"}"#,
            r#"{"at": "2026-10-25T02:30"}"#,
        ][..],
    );
    let rest = (select(&Missed::ALL[..]), select(&[0_u64, 0, 3, 500][..]), select(&[0_i64, 0, 5, 1800][..]));
    (when, rest).prop_map(|(when, (missed, executions, jitter))| {
        let read = schedule(serde_json::from_str(when).unwrap());
        let jitter = match read.when {
            When::Every(every) => every.min(seconds(jitter)),
            _ => seconds(jitter),
        };
        Schedule { missed, executions, jitter, ..read }
    })
}

/// All that a schedule did.
struct World {
    schedule: Schedule,
    position: Position,
    now: Instant,
    watched_since: Instant,
    starts: Vec<Instant>,
    left_out: Vec<MissedStarts>,
}

impl World {
    fn look(&mut self, counts: bool) -> Result<(), TestCaseError> {
        while let Some(firing) = self.schedule.fire(ID, &self.position, self.now, self.watched_since) {
            self.judge(&firing)?;
            let counted = if counts { firing.starts.len() as u64 } else { 0 };
            let fired = Fired { counted, awaits: None, at: self.now };
            let moved = self.schedule.moved(&self.position, &firing, fired);
            prop_assert!(moved.handled > self.position.handled, "{:?}", firing);
            self.position = moved;
            self.starts.extend(&firing.starts);
            self.left_out.extend(firing.left_out);
        }
        Ok(())
    }

    fn judge(&self, firing: &Firing) -> Result<(), TestCaseError> {
        let due = |nominal| self.schedule.due(nominal, ID);
        prop_assert!(firing.starts.len() <= 100 && firing.starts.iter().all(|start| due(*start) <= self.now));
        if let Some(MissedStarts { first, last, .. }) = firing.left_out {
            prop_assert!(due(first) <= self.watched_since && due(last) <= self.watched_since, "{:?}", firing);
            prop_assert!(firing.starts.iter().all(|start| *start > last), "{:?}", firing);
            let kept = match self.schedule.missed {
                Missed::Latest => 1,
                Missed::All if self.schedule.executions > 0 => firing.starts.len(),
                Missed::All => 100,
                Missed::None => 0,
            };
            prop_assert_eq!(firing.starts.len(), kept);
        }
        Ok(())
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Passes(later) => self.now += seconds(later),
            Event::Back(earlier) => self.now -= seconds(earlier),
            Event::Down(later) => self.now += seconds(later),
            Event::BackWhileDown(earlier) => self.now -= seconds(earlier),
        }
        if matches!(event, Event::Down(_) | Event::BackWhileDown(_)) {
            self.watched_since = self.now;
        }
    }

    /// Checks all handled nominal instants, one by one.
    fn settle(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.starts.is_sorted_by(|one, next| one < next));
        let (mut starts, mut left_out) = (self.starts.iter().peekable(), self.left_out.iter().peekable());
        let mut nominal = self.schedule.next(self.position.anchor, self.position.anchor);
        let mut in_range = 0;
        while let Some(instant) = nominal.filter(|nominal| *nominal <= self.position.handled) {
            match left_out.peek() {
                Some(range) if instant >= range.first => {
                    in_range += 1;
                    prop_assert!(starts.peek() != Some(&&instant), "{} is started and left out", instant);
                    if instant == range.last {
                        let fits = if range.more { range.count < in_range } else { range.count == in_range };
                        prop_assert!(fits, "{} are left out: {:?}", in_range, range);
                        (in_range, _) = (0, left_out.next());
                    }
                }
                _ => prop_assert_eq!(starts.next(), Some(&instant), "neither started nor left out"),
            }
            nominal = self.schedule.next(instant, self.position.anchor);
        }
        prop_assert_eq!((starts.next(), left_out.next()), (None, None), "no nominal instants");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_nominal_instant_is_started_once_or_reported(
        schedule in any_schedule(), events in vec((event(), any::<bool>(), prop::bool::weighted(0.8)), 1..40),
    ) {
        let saved = at("2026-10-24T12:00:00Z");
        let position = schedule.begin(saved);
        let (starts, left_out) = (Vec::new(), Vec::new());
        let mut world = World { schedule, position, now: saved, watched_since: saved, starts, left_out };
        for (event, looks, counts) in events {
            world.happens(event);
            // A server that has started looks soon; after that, the next look can come later.
            if looks {
                world.look(counts)?;
            }
        }
        world.look(true)?;
        let next = world.position.next;
        prop_assert!(next.is_none_or(|next| world.schedule.due(next, ID) > world.now));
        if world.schedule.executions > 0 {
            prop_assert!(world.position.fired <= world.schedule.executions);
        }
        world.settle()?;
    }
}
