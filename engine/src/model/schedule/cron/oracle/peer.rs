//! Compares ten years of many expressions with the `croner` crate, instant by instant. Every kind of
//! difference has a name here; `docs/decisions/0018` gives the reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant as Stopwatch};

use chrono::{LocalResult, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::naive::Naive;
use super::*;

/// Why the two start something at different instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// For us, a field with a wildcard is not restricted, even if it has a step (`*/2`). For croner, only
    /// `*` is not restricted, so that it joins the day fields by *or*.
    SteppedDaysAreOpen,
    /// For us, several fixed times (`0,30 2`, `0 0-23`) are fixed times and start once in a repeated hour.
    /// For croner they are an interval and start twice.
    ListsAreFixedInAFold,
    /// The same in a gap: we start once at its end, croner never.
    ListsAreFixedInAGap,
    /// Croner searches the end of a gap for two hours and gives up at a longer gap.
    LongGap,
    /// Croner ignores `L` if there is `LW` too.
    LastBesideLastWorking,
}

const TEN_YEARS: [&str; 56] = [
    "0 7 * * 1",
    "30 2 * * *",
    "30 1 * * *",
    "0 0 * * *",
    "45 23 * * *",
    "5 3 * * SUN",
    "0 9 * * MON-FRI",
    "0 9 * * 1-5",
    "0 22 * * FRI-SUN",
    "15 14 1 * *",
    "0 0 1 1 *",
    "0 0 29 2 *",
    "0 0 31 * *",
    "0 12 13 * FRI",
    "0 12 1,15 * 3",
    "0 12 1-7 * 1",
    "0 4 8-14 */3 *",
    "0 12 */2 * 1",
    "0 12 1 * */2",
    "0 12 */10 * */3",
    "0 0 L * *",
    "0 18 LW * *",
    "0 18 L,LW * *",
    "0 9 15W * *",
    "0 9 1W * *",
    "0 9 31W * *",
    "0 9 1W,15W,30W 1-6 *",
    "0 18 * * 5L",
    "0 18 * * 1L,5L",
    "0 6 * * 1#1",
    "0 6 * * TUE#2,THU#4",
    "0 6 * * 0#5",
    "0 6 1 * 1#1",
    "0 6 L * 5L",
    "0 */6 * * *",
    "0 */5 * * *",
    "30 */2 * * *",
    "5 * * * *",
    "0,30 2,3 * * *",
    "0,30 1 * * *",
    "0 0-23 * * *",
    "0 9-17/4 * * 1-5",
    "10,40 0,12 * * *",
    "*/45 2 * * *",
    "*/20 1-3 * * *",
    "* 2 * * 0",
    "0-10 0 * * 6,7",
    "0 8 * JAN,JUL MON",
    "0 8 * 3-5,10-11 *",
    "59 23 31 12 *",
    "@hourly",
    "@daily",
    "@weekly",
    "@monthly",
    "@yearly",
    "30 59 23 * * *",
];

/// The starts of croner, and the days that it could not handle by itself.
fn of_croner(text: &str, zone: Tz, from: Instant, to: Instant) -> (Vec<Instant>, Vec<Instant>) {
    let cron: croner::Cron = text.parse().unwrap();
    let (mut last, mut starts, mut broken) = (from, Vec::new(), Vec::new());
    while last <= to {
        match cron.find_next_occurrence(&last.with_timezone(&zone), false) {
            Ok(next) => starts.push(next.to_utc()),
            Err(_) => broken.push(last),
        }
        last = if broken.last() == Some(&last) { last + TimeDelta::days(1) } else { starts[starts.len() - 1] };
    }
    starts.retain(|start| *start <= to);
    (starts, broken)
}

/// Why a start exists in only one of the two.
fn why(text: &str, zone: Tz, start: Instant, ours: bool, broken: &[Instant]) -> Option<Why> {
    let naive = Naive::read(text)?;
    let shown = |at: Instant| at.with_timezone(&zone).naive_local();
    let now = shown(start);
    let fields: Vec<&str> = text.split(' ').collect();
    let stepped = fields.iter().rev().take(3).any(|field| field.contains('*') && *field != "*");
    let after_gap = now - shown(start - TimeDelta::seconds(1)) > TimeDelta::seconds(1);
    let repeated = matches!(zone.from_local_datetime(&now), LocalResult::Ambiguous(first, _) if first < start);
    if ours && broken.iter().any(|day| (TimeDelta::zero()..=TimeDelta::days(1)).contains(&(start - *day))) {
        return Some(Why::LongGap);
    }
    if text.contains("L,LW") && ours {
        return Some(Why::LastBesideLastWorking);
    }
    if !ours && stepped && !naive.fits_day(now.date()) {
        return Some(Why::SteppedDaysAreOpen);
    }
    match (naive.elapsed, ours) {
        (false, false) if repeated && naive.times() > 1 => Some(Why::ListsAreFixedInAFold),
        (false, true) if after_gap && naive.times() > 1 => Some(Why::ListsAreFixedInAGap),
        _ => None,
    }
}

/// Compares both and counts their differences by reason.
fn compare(text: &str, zone: Tz, from: Instant, to: Instant, taken: &mut Taken) -> BTreeMap<Why, usize> {
    let cron = Cron::parse(text).unwrap();
    let watch = Stopwatch::now();
    let ours = found(&cron, zone, from, to);
    taken.ours += watch.elapsed();
    taken.starts += ours.len();
    taken.schedules += 1;
    let watch = Stopwatch::now();
    let (theirs, broken) = of_croner(text, zone, from, to);
    taken.theirs += watch.elapsed();
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) = (ours.into_iter().collect(), theirs.into_iter().collect());
    let mut reasons = BTreeMap::new();
    for start in ours.symmetric_difference(&theirs) {
        let by_us = ours.contains(start);
        let why = why(text, zone, *start, by_us, &broken);
        let who = if by_us { "only we" } else { "only croner" };
        let shown = start.with_timezone(&zone);
        *reasons.entry(why.unwrap_or_else(|| panic!("`{text}` in {zone}: {who} start at {shown}"))).or_default() += 1;
    }
    reasons
}

#[derive(Default)]
struct Taken {
    schedules: usize,
    starts: usize,
    ours: Duration,
    theirs: Duration,
}

#[test]
fn ten_years_beside_croner() {
    let zones = [Tz::UTC, Tz::America__New_York, Tz::America__Santiago, Tz::Australia__Lord_Howe, Tz::Pacific__Apia];
    let from = "2010-06-15T12:00:00Z".parse().unwrap();
    let to = "2020-06-15T12:00:00Z".parse().unwrap();
    let (mut taken, mut differences) = (Taken::default(), BTreeMap::new());
    for (zone, text) in zones.into_iter().flat_map(|zone| TEN_YEARS.map(|text| (zone, text))) {
        for (why, count) in compare(text, zone, from, to, &mut taken) {
            differences
                .entry(why)
                .or_insert_with(BTreeMap::new)
                .entry(text)
                .and_modify(|all| *all += count)
                .or_insert(count);
        }
    }
    let Taken { schedules, starts, ours, theirs } = taken;
    println!("ten years of {schedules} schedules, {starts} starts: {ours:?}; croner: {theirs:?}\n{differences:#?}");
    assert_eq!(differences.len(), 5, "a difference that no longer is one: {differences:#?}");
    let texts = |why| differences[&why].keys().copied().collect::<Vec<_>>();
    assert_eq!(texts(Why::SteppedDaysAreOpen), ["0 12 */10 * */3", "0 12 */2 * 1", "0 12 1 * */2"]);
    assert_eq!(texts(Why::LastBesideLastWorking), ["0 18 L,LW * *"]);
}

#[test]
fn what_only_one_of_the_two_reads() {
    let ours = ["0 0 L-3 * *", "0/15 * * * *", "0 0 * * WEDNESDAY", "0 0 1 JANUARY *", "@midnight", "0 0 ? * MON,?"];
    let theirs = [
        "*/60 * * * *",
        "0-59/90 * * * *",
        "0 0 0 1 1 * 2027",
        "0 0 1 * +MON",
        "0 0 * * 5#L",
        "0 0 * * MON-FRI#2",
        "1,,2 * * * *",
        "0 0 30 2 *",
    ];
    for (text, is_ours) in ours.map(|text| (text, true)).into_iter().chain(theirs.map(|text| (text, false))) {
        assert_eq!(Cron::parse(text).is_ok(), is_ours, "{text}: {:?}", Cron::parse(text));
        assert_eq!(text.parse::<croner::Cron>().is_err(), is_ours, "{text}");
    }
}
