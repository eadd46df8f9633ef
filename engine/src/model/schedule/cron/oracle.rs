//! Compares the arithmetic of cron with a walk that looks at every minute (or second).

mod naive;
mod peer;
mod walk;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use self::naive::Naive;
use self::walk::{changes, starts};
use super::*;
use crate::model::wall;

const ZONES: [Tz; 18] = [
    Tz::UTC,
    Tz::Australia__Lord_Howe,
    Tz::America__Santiago,
    Tz::Pacific__Apia,
    Tz::America__Sao_Paulo,
    Tz::Europe__Dublin,
    Tz::America__St_Johns,
    Tz::Africa__Casablanca,
    Tz::Asia__Tehran,
    Tz::Pacific__Chatham,
    Tz::Antarctica__Troll,
    Tz::Africa__Cairo,
    Tz::Asia__Gaza,
    Tz::America__New_York,
    Tz::Europe__Madrid,
    Tz::Asia__Pyongyang,
    Tz::America__Caracas,
    Tz::Antarctica__Casey,
];

/// One item of a list: a number, a name, a range, or either with a step.
fn item(least: u32, most: u32, names: &'static [&'static str]) -> BoxedStrategy<String> {
    let named = move |number: u32, name: bool| match names.get((number - least) as usize) {
        Some(text) if name => (*text).to_owned(),
        _ => number.to_string(),
    };
    let range = (least..=most, least..=most, any::<(bool, bool)>());
    let range = range.prop_map(move |(one, other, (first, second))| {
        format!("{}-{}", named(one.min(other), first), named(one.max(other), second))
    });
    let number = (least..=most, any::<bool>()).prop_map(move |(number, name)| named(number, name));
    let step = prop_oneof![3 => 1..=most.min(7), 1 => 1..=most];
    prop_oneof![
        6 => number.clone(),
        2 => range.clone(),
        1 => (range, step.clone()).prop_map(|(range, step)| format!("{range}/{step}")),
        1 => (number, step.clone()).prop_map(|(from, step)| format!("{from}/{step}")),
        1 => step.prop_map(|step| format!("*/{step}")),
    ]
    .boxed()
}

fn list(item: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => item.clone(),
        1 => vec(item, 2..=4).prop_map(|items| items.join(",")),
        2 => Just("*".to_owned()),
    ]
}

fn hours() -> impl Strategy<Value = String> {
    // Clocks are changed at night.
    let near = prop_oneof![item(0, 4, &[]), item(22, 23, &[]).prop_filter("a range", |text| !text.contains('/'))];
    prop_oneof![list(near.boxed()), list(item(0, 23, &[]))]
}

fn day_of_month() -> BoxedStrategy<String> {
    prop_oneof![
        4 => item(1, 31, &[]),
        1 => Just("L".to_owned()),
        1 => (1..=30).prop_map(|days| format!("L-{days}")),
        1 => Just("LW".to_owned()),
        2 => (1..=31).prop_map(|day| format!("{day}W")),
        1 => Just("?".to_owned()),
    ]
    .boxed()
}

fn month() -> BoxedStrategy<String> {
    item(1, 12, &["JAN", "feb", "Mar", "april", "MAY", "jun", "July", "AUG", "sep", "oct", "NOVEMBER", "dec"])
}

fn day_of_week() -> BoxedStrategy<String> {
    let names = &["SUN", "mon", "Tue", "WEDNESDAY", "thu", "FRI", "saturday"];
    let day = prop_oneof![(0_u32..=7).prop_map(|day| day.to_string()), select(&names[..]).prop_map(str::to_owned)];
    prop_oneof![
        4 => item(0, 7, names).prop_filter("a week has seven days", |text| Naive::read(&format!("0 0 * * {text}")).is_some()),
        2 => (day.clone(), 1..=5).prop_map(|(day, nth)| format!("{day}#{nth}")),
        2 => day.prop_map(|day| format!("{day}L")),
        1 => Just("?".to_owned()),
    ]
    .boxed()
}

/// Day of month, month and day of week. Most are wildcards, so that times of day often meet clock changes.
fn days() -> impl Strategy<Value = String> {
    let all = (list(day_of_month()), list(month()), list(day_of_week()));
    let written = all.prop_map(|(of_month, month, of_week)| format!("{of_month} {month} {of_week}"));
    prop_oneof![Just("* * *".to_owned()), written]
}

fn five_fields() -> impl Strategy<Value = String> {
    (list(item(0, 59, &[])), hours(), days()).prop_map(|(minute, hour, days)| format!("{minute} {hour} {days}"))
}

fn six_fields() -> impl Strategy<Value = String> {
    (list(item(0, 59, &[])), five_fields()).prop_map(|(second, rest)| format!("{second} {rest}"))
}

/// A zone, an instant up to `hours` before a change of its clocks, and one up to as many after it.
fn span(hours: i64) -> impl Strategy<Value = (Tz, Instant, Instant)> {
    let (before, after) = (0..hours * 60, 1..hours * 60);
    (select(&ZONES[..]), any::<prop::sample::Index>(), before, after).prop_map(|(zone, index, before, after)| {
        let changes = changes(zone);
        let change = changes[index.index(changes.len())];
        (zone, change - TimeDelta::minutes(before), change + TimeDelta::minutes(after))
    })
}

/// All starts after `from`, up to `to`.
fn found(cron: &Cron, zone: Tz, from: Instant, to: Instant) -> Vec<Instant> {
    let all = std::iter::successors(cron.next(from, zone), |last| cron.next(*last, zone));
    all.take_while(|start| *start <= to).collect()
}

/// Compares the starts with those of a walk, also for searches that begin in between.
fn compare(text: &str, zone: Tz, from: Instant, to: Instant) -> Result<(), TestCaseError> {
    let naive = Naive::read(text).unwrap_or_else(|| panic!("the oracle cannot read {text}"));
    let Ok(cron) = Cron::parse(text) else {
        prop_assert!(never(&naive), "{text} is refused: {:?}", Cron::parse(text));
        return Ok(());
    };
    let found = found(&cron, zone, from, to);
    let expected = starts(&naive, zone, from, to);
    let apart = found.iter().zip(&expected).find(|(found, expected)| found != expected);
    prop_assert_eq!(&found, &expected, "`{}` in {}: apart at {:?}", text, zone, apart);
    prop_assert!(found.is_sorted_by(|one, next| one < next), "{text} in {zone}");
    prop_assert!(found.first().is_none_or(|first| *first > from));
    for pair in found.windows(2).take(200) {
        let middle = pair[0] + (pair[1] - pair[0]) / 2;
        let moment = TimeDelta::microseconds(1);
        for after in [pair[0] + moment, middle, pair[1] - TimeDelta::seconds(1), pair[1] - moment] {
            prop_assert_eq!(cron.next(after, zone), Some(pair[1]), "`{}` in {} after {}", text, zone, after);
        }
    }
    Ok(())
}

/// Whether no day of a whole cycle of the calendar fits.
fn never(naive: &Naive) -> bool {
    let first = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();
    !first.iter_days().take(146_097).any(|day| naive.fits_day(day))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_minute_around_a_change_of_clocks(text in five_fields(), (zone, from, to) in span(60)) {
        compare(&text, zone, from, to)?;
    }

    #[test]
    fn every_second_around_a_change_of_clocks(text in six_fields(), (zone, from, to) in span(3)) {
        compare(&text, zone, from, to)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_minute_of_a_year(text in five_fields(), (zone, from, _) in span(24 * 365)) {
        compare(&text, zone, from, from + TimeDelta::days(365))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_day_of_thirty_years(days in days()) {
        let text = format!("0 0 {days}");
        let naive = Naive::read(&text).unwrap();
        let Ok(cron) = Cron::parse(&text) else {
            prop_assert!(never(&naive), "{} is refused", text);
            return Ok(());
        };
        let first = NaiveDate::from_ymd_opt(2005, 1, 1).unwrap();
        let fitting = first.iter_days().take(30 * 366).filter(|day| naive.fits_day(*day));
        let expected: Vec<_> = fitting.map(|day| day.and_time(NaiveTime::MIN).and_utc()).collect();
        let from = first.and_time(NaiveTime::MIN).and_utc();
        let to = from + TimeDelta::days(30 * 366 - 1);
        prop_assert_eq!(found(&cron, Tz::UTC, from - TimeDelta::seconds(1), to), expected, "{}", text);
    }

    /// A fixed time with one hour and one minute has one start on each day, also when clocks change.
    #[test]
    fn one_start_a_day(hour in 0_u32..24, minute in 0_u32..60, days in days(), (zone, from, _) in span(24 * 300)) {
        let text = format!("{minute} {hour} {days}");
        let (Some(naive), Ok(cron)) = (Naive::read(&text), Cron::parse(&text)) else { return Ok(()) };
        let first = wall::shown(from, zone).unwrap().date();
        let begin = first.and_time(NaiveTime::MIN).and_utc() - wall::offset(from, zone) - TimeDelta::hours(30);
        let starts = found(&cron, zone, begin, begin + TimeDelta::days(400));
        for day in first.iter_days().take(390).filter(|day| naive.fits_day(*day)) {
            let time = day.and_hms_opt(hour, minute, 0).unwrap();
            let reaches = |start: &&Instant| {
                let shown = |at: Instant| wall::shown(at, zone).unwrap();
                shown(**start) == time || (shown(**start) > time && shown(**start - TimeDelta::seconds(1)) < time)
            };
            let near = |start: &&Instant| (start.date_naive() - day).num_days().abs() <= 2;
            let of_day: Vec<_> = starts.iter().filter(near).filter(reaches).collect();
            prop_assert_eq!(of_day.len(), 1, "`{}` in {} on {}: {:?}", text, zone, day, of_day);
        }
    }

    /// Both refuse the same expressions.
    #[test]
    fn the_same_is_read_and_refused(pieces in vec(select(&PIECES[..]), 1..6), place in 0_usize..6) {
        let field = pieces.concat();
        let mut fields = ["*"; 6];
        fields[place] = &field;
        let text = fields.join(" ");
        let naive = Naive::read(&text).filter(|naive| !never(naive));
        prop_assert_eq!(Cron::parse(&text).is_ok(), naive.is_some(), "{}: {:?}", text, Cron::parse(&text));
    }
}

/// Valid parts of fields, and parts that are not valid.
const PIECES: [&str; 28] = [
    "*", "*", "?", "/", "/", "-", "-", ",", ",", "0", "1", "2", "3", "5", "7", "12", "23", "31", "59", "60", "L", "W",
    "#", "MON", "sunday", "FEB", "+", "x",
];
