use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn what_is_left_out_has_a_default() {
    assert_eq!(Retry::read(&json!({}), "retry"), Ok(Retry::default()));
    let written = json!({"attempts": 5, "delay": "10s", "factor": 3, "maxDelay": "1h", "jitter": 0, "onTimeout": true});
    let expected = Retry {
        attempts: 5,
        delay: Duration::from_secs(10),
        factor: 3.0,
        max_delay: Duration::from_secs(3600),
        jitter: 0.0,
        on_timeout: true,
    };
    assert_eq!(Retry::read(&written, "retry"), Ok(expected));
}

#[test]
fn a_long_first_wait_lifts_the_default_of_the_longest() {
    let retry = Retry::read(&json!({"delay": "10m"}), "retry").unwrap();
    assert_eq!(retry.max_delay, Duration::from_secs(600));
    let faults = Retry::read(&json!({"delay": "10m", "maxDelay": "5m"}), "lines[0].retry").unwrap_err();
    assert_eq!(faults[0].path, "lines[0].retry.maxDelay");
    let faults = Retry::read(&json!({"delay": "25h", "maxDelay": "2d"}), "r").unwrap_err();
    assert_eq!(faults.iter().map(|fault| fault.path.as_str()).collect::<Vec<_>>(), ["r.delay", "r.maxDelay"]);
}

#[test]
fn waits_grow_to_the_longest_and_end_with_the_tries() {
    let retry = Retry { attempts: 6, max_delay: Duration::from_secs(7), jitter: 0.0, ..Retry::default() };
    let waits: Vec<_> = (1..=6).map(|tries| retry.wait(tries, None, 0.5).map(|wait| wait.as_secs())).collect();
    assert_eq!(waits, [Some(1), Some(2), Some(4), Some(7), Some(7), None]);
}

#[test]
fn what_the_failing_side_asks_for_is_honoured_up_to_a_day() {
    let retry = Retry::default();
    let asked = |seconds| retry.wait(1, Some(Duration::from_secs(seconds)), 0.5).unwrap().as_secs();
    assert_eq!((asked(0), asked(600), asked(1_000_000)), (1, 600, 24 * 3600));
}

prop_compose! {
    fn any_retry()(
        attempts in 1_u32..=100,
        delay in 1_u64..=86_400_000,
        more in 0_u64..=86_400_000,
        factor in 1.0_f64..=100.0,
        jitter in 0.0_f64..=1.0,
    ) -> Retry {
        let most = (delay + more).min(86_400_000);
        Retry {
            attempts,
            delay: Duration::from_millis(delay),
            factor,
            max_delay: Duration::from_millis(most),
            jitter,
            on_timeout: false,
        }
    }
}

proptest! {
    #[test]
    fn every_wait_is_bounded(
        retry in any_retry(), tries in 0_u32..=110, chance in any::<f64>(), asked in proptest::option::of(any::<u64>()),
    ) {
        let asked = asked.map(Duration::from_secs);
        let wait = retry.wait(tries, asked, chance);
        prop_assert_eq!(wait.is_some(), tries < retry.attempts);
        if let Some(wait) = wait {
            prop_assert!(wait <= LONGEST_LINE);
            prop_assert!(wait >= asked.unwrap_or_default().min(LONGEST_LINE));
            prop_assert!(wait <= retry.max_delay.max(asked.unwrap_or_default()));
        }
    }

    #[test]
    fn waits_never_shrink(retry in any_retry(), tries in 1_u32..99, chance in 0.0_f64..=1.0) {
        let waits = (retry.wait(tries, None, chance), retry.wait(tries + 1, None, chance));
        if let (Some(one), Some(next)) = waits {
            prop_assert!(next >= one, "{one:?} before {next:?}");
        }
    }

    #[test]
    fn chance_moves_a_wait_by_its_share(retry in any_retry(), tries in 1_u32..99, chance in 0.0_f64..=1.0) {
        let middle = Retry { jitter: 0.0, ..retry }.wait(tries, None, chance);
        if let (Some(wait), Some(middle)) = (retry.wait(tries, None, chance), middle) {
            let (wait, middle) = (wait.as_secs_f64(), middle.as_secs_f64());
            prop_assert!((wait - middle).abs() <= middle * retry.jitter + 1e-6, "{wait} around {middle}");
        }
    }
}
