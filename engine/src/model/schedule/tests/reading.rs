use proptest::prelude::*;

use super::*;
use crate::model::argument::Arguments;
use crate::model::catalogue::{Catalogue, Choice};
use crate::model::job::Job;

/// The faults of a whole job with these schedules.
fn faults_of_job(schedules: Value) -> Vec<Fault> {
    let document = json!({
        "key": "a",
        "arguments": {"properties": {"top": {"type": "integer"}}, "required": ["top"]},
        "schedules": schedules,
        "lines": [{"filter": {"source": {"inline": [{"x": 1}]}}}],
    });
    let faults = Job::read(&document, &Catalogue::default(), Choice::Newest(&[])).err().unwrap_or_default();
    assert!(!faults.iter().any(|fault| fault.path.starts_with("lines")), "{faults:?}");
    for fault in &faults {
        assert!(fault.message.chars().count() <= 400, "{} characters: {fault}", fault.message.chars().count());
    }
    faults
}

/// The faults of a job with one schedule, which gets a valid key and valid arguments.
fn faults_of(mut written: Value) -> Vec<Fault> {
    for (name, value) in [("key", json!("a")), ("arguments", json!({"top": 5}))] {
        let fields = written.as_object_mut().unwrap();
        fields.entry(name).or_insert(value);
    }
    faults_of_job(json!([written]))
}

#[test]
fn every_word_is_read() {
    let written = json!({
        "cron": "0 7 * * 1", "timeZone": "America/New_York", "executions": 5, "startAt": "2027-01-01",
        "endAt": "2027-12-31", "jitter": "30s", "missed": "all", "arguments": {"top": 5}, "active": false,
    });
    let read = schedule(written);
    assert_eq!(read.when, When::Cron(Box::new(Cron::parse("0 7 * * 1").unwrap())));
    assert_eq!((read.zone, read.executions, read.missed), (chrono_tz::America::New_York, 5, Missed::All));
    assert_eq!(
        (read.start_at, read.end_at),
        (Some(at("2027-01-01T05:00:00Z")), Some(at("2028-01-01T04:59:59.999999Z")))
    );
    assert_eq!((read.jitter, read.active), (seconds(30), false));
    assert_eq!(Value::Object(read.arguments), json!({"top": 5}));
}

#[test]
fn what_is_left_out_has_a_default() {
    let read = schedule(json!({"interval": 900_000}));
    let expected = Schedule {
        key: "a".to_owned(),
        when: When::Every(seconds(900)),
        zone: chrono_tz::Europe::Madrid,
        executions: 0,
        start_at: None,
        end_at: None,
        jitter: TimeDelta::zero(),
        missed: Missed::Latest,
        arguments: Map::new(),
        active: true,
    };
    assert_eq!(read, expected);
}

#[test]
fn spans_and_instants_are_written_in_several_ways() {
    for span in [json!(900_000), json!(900_000.0), json!(9e5), json!("15m"), json!("900s"), json!("900000ms")] {
        assert_eq!(schedule(json!({"interval": span})).when, When::Every(seconds(900)), "{span}");
    }
    assert_eq!(schedule(json!({"interval": "1d", "after": "completion"})).when, When::AfterCompletion(seconds(86_400)));
    assert_eq!(schedule(json!({"interval": "1d", "after": "start"})).when, When::Every(seconds(86_400)));
    assert_eq!(schedule(json!({"interval": "1d", "executions": 5.0})).executions, 5);
    let instants = [
        ("2027-01-04T06:00:00+01:00", "2027-01-04T05:00:00Z"),
        ("2027-01-04T06:00", "2027-01-04T05:00:00Z"),
        ("2027-01-04T06:00:30", "2027-01-04T05:00:30Z"),
        ("2027-01-04T06:00:00.123456789", "2027-01-04T05:00:00.123456Z"),
        ("2027-01-04T06:00:00Z", "2027-01-04T06:00:00Z"),
        (" 2027-01-04 ", "2027-01-03T23:00:00Z"),
        // In the gap, and in the repeated hour.
        ("2027-03-28T02:30", "2027-03-28T01:00:00Z"),
        ("2027-10-31T02:30", "2027-10-31T00:30:00Z"),
    ];
    for (written, expected) in instants {
        assert_eq!(schedule(json!({"at": written})).when, When::At(at(expected)), "{written}");
    }
}

#[test]
fn an_end_that_is_a_date_ends_with_the_last_moment_of_the_day() {
    // Clocks are put back at the end of these days, so that their last hour comes twice.
    let days = [
        ("2026-04-04", "America/Santiago", "2026-04-05T03:59:59.999999Z"),
        ("2010-11-06", "America/St_Johns", "2010-11-07T03:29:59.999999Z"),
        ("2018-02-17", "America/Sao_Paulo", "2018-02-18T02:59:59.999999Z"),
        // The zone skipped this day.
        ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z"),
        ("2026-03-29", "Europe/Madrid", "2026-03-29T21:59:59.999999Z"),
    ];
    for (day, zone, end) in days {
        let read = schedule(json!({"cron": "* * * * *", "timeZone": zone, "endAt": day}));
        assert_eq!(read.end_at, Some(at(end)), "{day} in {zone}");
    }
}

#[test]
fn every_fault_is_reported_at_once_with_its_path() {
    let faults = faults_of_job(json!([
        {"key": "a", "cron": "61 * * * *", "timeZone": "Europe/Madird", "startAt": "soon", "endAt": "later",
         "jitter": "25h", "after": "completion", "arguments": {"top": 5}},
        {"key": "b", "interval": 5, "arguments": {"top": "x"}},
        {"key": "b", "at": "2027-01-01", "arguments": {"top": "x", "tpo": 1}},
        {"key": "C", "cron": 5, "missed": "some"},
    ]));
    let mut places: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    places.sort_unstable();
    let expected = [
        "schedules[0].after",
        "schedules[0].cron",
        "schedules[0].endAt",
        "schedules[0].jitter",
        "schedules[0].startAt",
        "schedules[0].timeZone",
        "schedules[1].interval",
        "schedules[2].arguments.top",
        "schedules[2].arguments.tpo",
        "schedules[2].key",
        "schedules[3].cron",
        "schedules[3].key",
        "schedules[3].missed",
    ];
    assert_eq!(places, expected, "{faults:#?}");
}

#[test]
fn what_makes_no_sense_is_refused_at_its_field() {
    let cases = [
        (json!({}), "", "has none of `cron`, `interval` and `at`"),
        (
            json!({"cron": "* * * * *", "at": "2027-01-01"}),
            "",
            "has `cron` and `at`; a schedule may have only one of them",
        ),
        (json!({"cron": "* * * * *", "interval": 5000, "at": "2027-01-01"}), "", "has `cron` and `interval` and `at`"),
        (json!({"cron": "* * * * *", "after": "completion"}), ".after", "is only for `interval`"),
        (json!({"interval": 99}), ".interval", "is shorter than 100ms"),
        (json!({"interval": 0}), ".interval", "is shorter than 100ms"),
        (json!({"interval": -5000}), ".interval", "-5000 is not a duration"),
        (json!({"interval": 1e30}), ".interval", "is longer than 3660d"),
        (json!({"interval": u64::MAX}), ".interval", "is longer than 3660d"),
        (json!({"interval": i64::MIN}), ".interval", "is not a duration"),
        (json!({"interval": 1000.5}), ".interval", "is not"),
        (json!({"interval": "0s"}), ".interval", "is not a duration"),
        (json!({"interval": "-5s"}), ".interval", "is not a duration"),
        (json!({"interval": "1e30d"}), ".interval", "is not a duration"),
        (json!({"interval": "3661d"}), ".interval", "is longer than 3660d"),
        (json!({"interval": "99999999999999999d"}), ".interval", "is not a duration"),
        (json!({"interval": []}), ".interval", "is not"),
        (json!({"interval": null}), ".interval", "is not"),
        (json!({"interval": "1m", "jitter": "61s"}), ".jitter", "is longer than `interval`"),
        (json!({"interval": "1m", "jitter": -1}), ".jitter", "is not a duration"),
        (json!({"interval": "2d", "jitter": "25h"}), ".jitter", "is longer than 1d"),
        (json!({"at": "9999-12-31T23:59:59Z"}), ".at", "is not in the years 1970 to 2199"),
        (json!({"at": "+262142-12-31T23:59:59"}), ".at", "is not in the years"),
        (json!({"at": "-262143-01-01"}), ".at", "is n"),
        (json!({"at": "1969-12-31"}), ".at", "is not in the years"),
        (json!({"at": "2027-02-29"}), ".at", "`2027-02-29` is not an instant"),
        (json!({"at": ""}), ".at", "`` is not an instant"),
        (json!({"at": 5}), ".at", "is not a string"),
        (json!({"at": "2027-01-01", "startAt": "2027-01-02"}), ".at", "has no time between"),
        (json!({"at": "2027-01-01", "endAt": "2026-12-31"}), ".at", "has no time between"),
        (json!({"cron": ""}), ".cron", "has 0 fields"),
        (json!({"cron": []}), ".cron", "is not a string"),
        (json!({"cron": "0 0 29 2 *", "startAt": "2026-01-01", "endAt": "2027-12-31"}), ".cron", "has no time between"),
        (json!({"interval": "1d", "startAt": "2027-01-02", "endAt": "2027-01-01"}), ".endAt", "is before `startAt`"),
        (json!({"cron": "* * * * *", "startAt": "2027-01-02", "endAt": "2027-01-01"}), ".endAt", "is before"),
        (json!({"interval": "1d", "startAt": "9999-01-01"}), ".startAt", "is not in the years"),
        (json!({"interval": "1d", "executions": -1}), ".executions", ""),
        (json!({"interval": "1d", "executions": 1e30}), ".executions", ""),
        (json!({"interval": "1d", "executions": 1.5}), ".executions", "is not"),
        (json!({"interval": "1d", "timeZone": ""}), ".timeZone", "is not a time zone"),
        (json!({"interval": "1d", "timeZone": "CET+1"}), ".timeZone", "is not a time zone"),
        (json!({"interval": "1d", "missed": "some"}), ".missed", "is not one of"),
        (json!({"interval": "1d", "after": "lunch"}), ".after", "is not one of"),
        (json!({"interval": "1d", "active": "yes"}), ".active", "is not a boolean"),
        (json!({"interval": "1d", "arguments": {}}), ".arguments", "`top` is missing"),
        (json!({"interval": "1d", "arguments": {"top": "x"}}), ".arguments.top", "is not an integer"),
        (json!({"interval": "1d", "arguments": []}), ".arguments", "is not an object"),
        (json!({"interval": "1d", "evrey": 5}), ".evrey", "there is no field `evrey` here"),
        (json!({"interval": "1d", "key": ""}), ".key", ""),
        (json!({"interval": "1d", "key": "Ä"}), ".key", ""),
    ];
    for (written, place, expected) in cases {
        let faults = faults_of(written.clone());
        assert_eq!(faults.len(), 1, "{written}: {faults:?}");
        assert_eq!(faults[0].path, format!("schedules[0]{place}"), "{written}: {faults:?}");
        assert!(faults[0].message.contains(expected), "{written}: {faults:?}");
    }
    assert!(faults_of_job(json!([])).is_empty());
}

#[test]
fn long_fields_are_refused_with_short_messages() {
    for filler in ["x", "9", "0", "ä", "*", "1,", "L,", "1#1,", "-", "/", " ", "* ", "2027-", "\u{0}"] {
        let long = filler.repeat(10_000);
        for field in ["cron", "timeZone", "at", "interval", "key", "startAt", "endAt", "jitter"] {
            let mut written = json!({"interval": "1d"});
            if field == "cron" || field == "at" {
                written = json!({});
            }
            written[field] = json!(long);
            let faults = faults_of(written);
            let place = format!("schedules[0].{field}");
            assert!(!faults.is_empty() && faults.iter().all(|fault| fault.path == place), "{filler}: {faults:?}");
        }
    }
    // These can be parsed, but are too large.
    let zeros = "0".repeat(10_000);
    assert_eq!(faults_of(json!({"interval": format!("{zeros}9999d")})).len(), 1);
    assert_eq!(faults_of(json!({"at": format!("1960-01-01T00:00:00.{zeros}Z")})).len(), 1);
    let many: Vec<_> =
        (0..101).map(|no| json!({"key": format!("a{no}"), "cron": "* * * * *", "arguments": {"top": 1}})).collect();
    assert_eq!(faults_of_job(json!(many)).iter().map(|fault| fault.path.as_str()).collect::<Vec<_>>(), ["schedules"]);
}

#[test]
fn faults_of_a_schedule_keep_no_other_from_being_read() {
    let document = json!({"schedules": [{"key": "a", "cron": "x"}, {"key": "b", "at": "2027-01-01"}]});
    let mut faults = Vec::new();
    let read = read_all(&document, Tz::UTC, &Arguments::default(), &mut faults);
    assert_eq!(read.iter().map(|schedule| schedule.key.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(faults[0].path, "schedules[0].cron");
}

fn any_written() -> impl Strategy<Value = Value> {
    let when = prop_oneof![
        proptest::sample::select(&["0 7 * * 1", " @Daily ", "*/5 1-3 L * 5#2", "1 2 3 4 5 6"][..])
            .prop_map(|cron| json!({"cron": cron})),
        (100_u64..316_224_000_000, any::<bool>()).prop_map(|(interval, completion)| {
            let after = if completion { "completion" } else { "start" };
            json!({"interval": interval, "after": after})
        }),
        (0_i64..7_258_118_400_000_000).prop_map(|at| json!({"at": Instant::from_timestamp_micros(at).unwrap()
            .to_rfc3339()})),
    ];
    let zone = proptest::option::of(proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]));
    let rest = (0_u64..1_000_000_001, 0_u64..100, any::<bool>(), 0_usize..3, proptest::option::of(1970_u32..2198));
    (when, zone, rest).prop_map(|(mut written, zone, (executions, jitter, active, missed, year))| {
        let missed = Missed::ALL[missed].word();
        if let (Some(year), false) = (year, written.get("at").is_some()) {
            written["startAt"] = json!(format!("{year}-03-29"));
            written["endAt"] = json!(format!("{}-03-29T02:30:00.5", year + 1));
        }
        written["timeZone"] = json!(zone.map_or("Asia/Gaza", |zone| zone.name()));
        let more = json!({"key": "a", "executions": executions, "jitter": jitter, "active": active, "missed": missed});
        written.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        written["arguments"] = json!({"top": executions});
        written
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_reads_back_as_the_same_schedule(written in any_written()) {
        let schedule = schedule(written);
        let document = schedule.document();
        prop_assert_eq!(faults_of_job(json!([document.clone()])), []);
        let again = Schedule::read(&document, "", Tz::UTC);
        prop_assert_eq!(again.as_ref(), Ok(&schedule));
        prop_assert_eq!(again.unwrap().document(), document);
    }
}
