use chrono_tz::Tz;

use super::*;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn zone(name: &str) -> Tz {
    name.parse().unwrap()
}

/// The first instants after `from`, as a wall clock of the zone shows them, with its offset.
fn starts(cron: &str, from: &str, zone: Tz, count: usize) -> Vec<String> {
    let cron = Cron::parse(cron).unwrap();
    let first = cron.next(at(from), zone);
    let all = std::iter::successors(first, |last| cron.next(*last, zone)).take(count);
    all.map(|instant| instant.with_timezone(&zone).format("%m-%d %H:%M:%S %z").to_string()).collect()
}

fn message(cron: &str) -> String {
    Cron::parse(cron).unwrap_err()
}

#[test]
fn fields_are_those_of_crontab() {
    let days = |cron| starts(cron, "2026-11-20T12:00:00Z", Tz::UTC, 4).join(", ");
    // 2026-11-20 is a Friday.
    assert_eq!(
        days("0 7 * * 1"),
        "11-23 07:00:00 +0000, 11-30 07:00:00 +0000, 12-07 07:00:00 +0000, 12-14 07:00:00 +0000"
    );
    for sunday in ["0 7 * * 0", "0 7 * * 7", "0 7 * * sun", "0 7 ? * SUNDAY", "@weekly"] {
        assert!(days(sunday).starts_with("11-22"), "{sunday}");
    }
    assert_eq!(
        days("0 0 * * 5-7"),
        "11-21 00:00:00 +0000, 11-22 00:00:00 +0000, 11-27 00:00:00 +0000, 11-28 00:00:00 +0000"
    );
    assert_eq!(
        days("0 0 * * Mon,wed-THU"),
        "11-23 00:00:00 +0000, 11-25 00:00:00 +0000, 11-26 00:00:00 +0000, 11-30 00:00:00 +0000"
    );
    assert_eq!(days("0 0 * * */3"), days("0 0 * * 0,3,6"));
    assert_eq!(days("0 0 * * FRI-SUN"), days("0 0 * * 5-7"));
    assert_eq!(days("0 0 1 jan-6/2 *"), days("0 0 1 1,3,5 *"));
    assert_eq!(days("0 0 * * 2/2"), days("0 0 * * 2,4,6"));
    assert_eq!(
        days("10-20/5,50 23 31 dec *"),
        "12-31 23:10:00 +0000, 12-31 23:15:00 +0000, 12-31 23:20:00 +0000, 12-31 23:50:00 +0000"
    );
    assert_eq!(
        days("*/20 30 12 20 11 *"),
        "11-20 12:30:00 +0000, 11-20 12:30:20 +0000, 11-20 12:30:40 +0000, 11-20 12:30:00 +0000"
    );
    assert_eq!(days("@hourly"), days("0 * * * *"));
    assert_eq!(days(" @Monthly "), days("0 0 1 * *"));
    assert_eq!(days("@annually"), days("0 0 1 1 *"));
    assert_eq!(
        days("0 0 29 2 *"),
        "02-29 00:00:00 +0000, 02-29 00:00:00 +0000, 02-29 00:00:00 +0000, 02-29 00:00:00 +0000"
    );
}

#[test]
fn day_fields_that_are_both_restricted_are_joined_by_or() {
    let days = |cron| starts(cron, "2026-11-20T12:00:00Z", Tz::UTC, 4).join(", ").replace(" 00:00:00 +0000", "");
    assert_eq!(days("0 0 24 * 1"), "11-23, 11-24, 11-30, 12-07");
    // A field with a wildcard is not restricted, even if it has a step.
    assert_eq!(days("0 0 */2 * 1"), "11-23, 12-07, 12-21, 01-11");
}

#[test]
fn last_nearest_and_numbered_days() {
    let days = |cron| starts(cron, "2026-11-20T12:00:00Z", Tz::UTC, 3).join(", ").replace(" 00:00:00 +0000", "");
    assert_eq!(days("0 0 L * *"), "11-30, 12-31, 01-31");
    assert_eq!(days("0 0 L-2 * *"), "11-28, 12-29, 01-29");
    assert_eq!(days("0 0 LW 1,2,5 *"), "01-29, 02-26, 05-31");
    // 2026-08-15 is a Saturday, 2026-11-15 a Sunday, 2027-08-01 a Sunday, 2027-05-01 a Saturday.
    assert_eq!(days("0 0 15W 8,11 *"), "08-16, 11-15, 08-15");
    assert_eq!(days("0 0 1W 5,8 *"), "05-03, 08-02, 05-01");
    assert_eq!(days("0 0 31W * *"), "12-31, 01-29, 03-31");
    assert_eq!(days("0 18 * * 5L").replace(" 18:00:00 +0000", ""), "11-27, 12-25, 01-29");
    assert_eq!(days("0 0 * * TUE#2,1#5"), "11-30, 12-08, 01-12");
    assert_eq!(days("0 0 * 2 MON#5"), "02-29, 02-29, 02-29");
    assert_eq!(days("0 0 13,L * FRI#2"), "11-30, 12-11, 12-13");
}

#[test]
fn faults_name_the_field_and_what_to_write() {
    let cases = [
        ("", "has 0 fields"),
        ("* * * *", "has 4 fields"),
        ("0 0 7 * * 1 2027", "has 7 fields; write"),
        ("@reboot", "`@reboot` is not known; write one of @yearly"),
        ("60 * * * *", "minute: `60` cannot be read; write numbers from 0 to 59"),
        ("5,61 * * * *", "minute: `61`"),
        ("*/60 * * * *", "minute: `*/60`"),
        ("*/0 * * * *", "minute: `*/0`"),
        ("-5 * * * *", "minute: `-5`"),
        ("5-1 * * * *", "minute: `5-1`"),
        ("1,,2 * * * *", "minute: ``"),
        (", * * * *", "minute: ``"),
        ("*5 * * * *", "minute: `*5`"),
        ("5* * * * *", "minute: `5*`"),
        ("1,, * * * *", "minute: ``"),
        ("0 24 * * *", "hour: `24`"),
        ("0 ? * * *", "hour: `?`"),
        ("99999999999999999999 * * * *", "minute: `99999999999999999999`"),
        ("0 0 0 * *", "day of month: `0`"),
        ("0 0 32 * *", "day of month: `32`"),
        ("0 0 L-31 * *", "day of month: `L-31`"),
        ("0 0 L, * *", "day of month: ``"),
        ("0 0 +5W * *", "day of month: `+5W`"),
        ("0 0 32W * *", "day of month: `32W`"),
        ("0 0 * 13 *", "month: `13`"),
        ("0 0 * Foo *", "month: `Foo`"),
        ("0 0 * 1/FEB *", "month: `1/FEB`"),
        ("0 0 * JAN-MAR/MAY *", "month: `JAN-MAR/MAY`"),
        ("0 0 * * 8", "day of week: `8`"),
        ("0 0 * * SAT-MON", "day of week: `SAT-MON`"),
        ("0 0 * * L", "day of week: `L`"),
        ("0 0 * * */2*", "day of week: `*/2*`"),
        ("0 0 * * */8", "day of week: `*/8`"),
        ("0 0 * * 1#+3", "day of week: `1#+3`"),
        ("0 0 * * ?/1", "day of week: `?/1`"),
        ("0 0 * * 1#6", "day of week: `1#6`"),
        ("0 0 * * 1#0", "day of week: `1#0`"),
        ("0 0 * * moonday", "day of week: `moonday`"),
        ("60 * * * * *", "second: `60`"),
        ("0 0 30 2 *", "`0 0 30 2 *` never occurs"),
        ("0 0 31 4,6,9,11 *", "never occurs"),
        ("0 0 31W 2 *", "never occurs"),
        ("ä * * * *", "minute: `ä`"),
    ];
    for (cron, expected) in cases {
        assert!(message(cron).contains(expected), "{cron}: {}", message(cron));
    }
    for place in 0..5 {
        let mut fields = ["*"; 5];
        let long = "9".repeat(240);
        fields[place] = &long;
        assert!(message(&fields.join(" ")).len() < 300, "{}", message(&fields.join(" ")));
    }
    assert!(message(&format!("@{long}", long = "x".repeat(250))).len() < 300);
    assert_eq!(message(&"1,".repeat(5000)), "has 10000 bytes; a cron expression may have at most 256");
}

#[test]
fn fixed_times_start_once_whatever_the_clocks_do() {
    let new_york = zone("America/New_York");
    let spring = |cron, count| starts(cron, "2026-03-07T12:00:00Z", new_york, count).join(", ");
    assert_eq!(spring("30 2 * * *", 2), "03-08 03:00:00 -0400, 03-09 02:30:00 -0400");
    assert_eq!(spring("0,30 2,3 * * *", 3), "03-08 03:00:00 -0400, 03-08 03:30:00 -0400, 03-09 02:00:00 -0400");
    let autumn = |cron, count| starts(cron, "2026-11-01T03:00:00Z", new_york, count).join(", ");
    assert_eq!(autumn("30 1 * * *", 2), "11-01 01:30:00 -0400, 11-02 01:30:00 -0500");
    assert_eq!(autumn("0,30 1,2 * * *", 3), "11-01 01:00:00 -0400, 11-01 01:30:00 -0400, 11-01 02:00:00 -0500");
    // The search begins within the repeated hour.
    assert_eq!(starts("30 1 * * *", "2026-11-01T06:10:00Z", new_york, 1), ["11-02 01:30:00 -0500"]);
}

#[test]
fn wildcards_and_steps_follow_elapsed_time() {
    let new_york = zone("America/New_York");
    let spring = |cron, count| starts(cron, "2026-03-08T06:00:00Z", new_york, count).join(", ");
    assert_eq!(spring("*/30 * * * *", 3), "03-08 01:30:00 -0500, 03-08 03:00:00 -0400, 03-08 03:30:00 -0400");
    assert_eq!(spring("30 * * * *", 2), "03-08 01:30:00 -0500, 03-08 03:30:00 -0400");
    assert_eq!(spring("0 */2 * * *", 2), "03-08 04:00:00 -0400, 03-08 06:00:00 -0400");
    let autumn = |cron, count| starts(cron, "2026-11-01T04:45:00Z", new_york, count).join(", ");
    assert_eq!(
        autumn("*/30 * * * *", 5),
        "11-01 01:00:00 -0400, 11-01 01:30:00 -0400, 11-01 01:00:00 -0500, 11-01 01:30:00 -0500, 11-01 02:00:00 -0500"
    );
    assert_eq!(autumn("30 * * * *", 2), "11-01 01:30:00 -0400, 11-01 01:30:00 -0500");
    assert_eq!(
        autumn("*/40 1 * * *", 4),
        "11-01 01:00:00 -0400, 11-01 01:40:00 -0400, 11-01 01:00:00 -0500, 11-01 01:40:00 -0500"
    );
}

#[test]
fn zones_with_a_way_of_their_own() {
    // Lord Howe changes its clocks by half an hour.
    let lord_howe = zone("Australia/Lord_Howe");
    assert_eq!(
        starts("15 2 * * *", "2026-10-02T16:00:00Z", lord_howe, 2),
        ["10-04 02:30:00 +1100", "10-05 02:15:00 +1100"]
    );
    assert_eq!(
        starts("45 1 * * *", "2026-04-04T00:00:00Z", lord_howe, 2),
        ["04-05 01:45:00 +1100", "04-06 01:45:00 +1030"]
    );
    assert_eq!(
        starts("*/15 * * * *", "2026-04-04T14:29:00Z", lord_howe, 5),
        [
            "04-05 01:30:00 +1100",
            "04-05 01:45:00 +1100",
            "04-05 01:30:00 +1030",
            "04-05 01:45:00 +1030",
            "04-05 02:00:00 +1030"
        ]
    );
    // Santiago changes them at midnight: the gap is the first hour of a day, the repeated hour the last.
    let santiago = zone("America/Santiago");
    assert_eq!(
        starts("0 0 * * *", "2026-09-05T12:00:00Z", santiago, 2),
        ["09-06 01:00:00 -0300", "09-07 00:00:00 -0300"]
    );
    assert_eq!(
        starts("30 23 * * *", "2026-04-04T12:00:00Z", santiago, 2),
        ["04-04 23:30:00 -0300", "04-05 23:30:00 -0400"]
    );
    assert_eq!(
        starts("30 * * * *", "2026-04-05T01:45:00Z", santiago, 3),
        ["04-04 23:30:00 -0300", "04-04 23:30:00 -0400", "04-05 00:30:00 -0400"]
    );
    // Apia had no 30th of December in 2011.
    let apia = zone("Pacific/Apia");
    assert_eq!(
        starts("0 7 * * *", "2011-12-29T00:00:00Z", apia, 3),
        ["12-29 07:00:00 -1000", "12-31 00:00:00 +1400", "12-31 07:00:00 +1400"]
    );
    assert_eq!(starts("0 7 30 12 *", "2011-12-01T00:00:00Z", apia, 1), ["12-31 00:00:00 +1400"]);
    assert_eq!(starts("0 */6 30 12 *", "2011-12-01T00:00:00Z", apia, 1), ["12-30 00:00:00 +1400"], "a year later");
}

#[test]
fn clocks_that_are_moved_at_midnight_or_in_winter() {
    // São Paulo had its gap at midnight until 2018.
    let sao_paulo = zone("America/Sao_Paulo");
    assert_eq!(
        starts("0 0 * * *", "2018-11-03T12:00:00Z", sao_paulo, 2),
        ["11-04 01:00:00 -0200", "11-05 00:00:00 -0200"]
    );
    assert_eq!(
        starts("0 0 * * *", "2018-02-17T01:00:00Z", sao_paulo, 2),
        ["02-17 00:00:00 -0200", "02-18 00:00:00 -0300"]
    );
    // In Dublin, winter time is the one that differs from standard time.
    let dublin = zone("Europe/Dublin");
    assert_eq!(
        starts("30 1 * * *", "2026-03-28T12:00:00Z", dublin, 2),
        ["03-29 02:00:00 +0100", "03-30 01:30:00 +0100"]
    );
    assert_eq!(
        starts("30 1 * * *", "2026-10-24T12:00:00Z", dublin, 2),
        ["10-25 01:30:00 +0100", "10-26 01:30:00 +0000"]
    );
    // St. John's put its clocks back at 00:01, into the day before.
    let st_johns = zone("America/St_Johns");
    assert_eq!(
        starts("0 0 * * *", "2010-11-06T12:00:00Z", st_johns, 2),
        ["11-07 00:00:00 -0230", "11-08 00:00:00 -0330"]
    );
    assert_eq!(
        starts("30 23 * * *", "2010-11-06T12:00:00Z", st_johns, 2),
        ["11-06 23:30:00 -0230", "11-07 23:30:00 -0330"]
    );
}

#[test]
fn the_calendar_ends_and_nothing_breaks() {
    let cron = Cron::parse("* * * * * *").unwrap();
    assert_eq!(cron.next(Instant::MAX_UTC, zone("Pacific/Apia")), None);
    assert_eq!(Cron::parse("0 0 1 1 *").unwrap().next(Instant::MAX_UTC, zone("Pacific/Apia")), None);
    assert!(cron.next(Instant::MIN_UTC, Tz::UTC).is_some());
}
