//! A very simple, independent implementation of cron expressions, written from crontab(5) and from the
//! documentation of the module. It decides whether one time of the wall clock fits.

use std::ops::RangeInclusive;

use chrono::{Datelike, Days as Span, NaiveDate, NaiveDateTime, Timelike};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

pub struct Naive {
    seconds: Vec<u32>,
    minutes: Vec<u32>,
    hours: Vec<u32>,
    months: Vec<u32>,
    by_number: Vec<OfMonth>,
    by_weekday: Vec<OfWeek>,
    either: bool,
    /// Whether seconds, minutes or hours have a wildcard or a step.
    pub elapsed: bool,
    pub has_seconds: bool,
}

enum OfMonth {
    Number(u32),
    BeforeLast(u64),
    LastWorking,
    NearestWorking(u32),
}

enum OfWeek {
    Every(u32),
    Last(u32),
    Nth(u32, u64),
}

impl Naive {
    /// None if it cannot be parsed.
    pub fn read(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let text = match lower.as_str() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            text => text,
        };
        let mut fields: Vec<&str> = text.split_whitespace().collect();
        let has_seconds = fields.len() == 6;
        if fields.len() == 5 {
            fields.insert(0, "0");
        }
        let &[second, minute, hour, of_month, month, of_week] = fields.as_slice() else { return None };
        let open = |field: &str| field.contains('*') || field.contains('?');
        Some(Self {
            seconds: numbers(second, 0, 59, &[])?,
            minutes: numbers(minute, 0, 59, &[])?,
            hours: numbers(hour, 0, 23, &[])?,
            months: numbers(month, 1, 12, &MONTHS)?,
            by_number: each(of_month, days_of_month)?,
            by_weekday: each(of_week, days_of_week)?,
            either: !open(of_month) && !open(of_week),
            elapsed: [second, minute, hour].iter().any(|field| field.contains('*') || field.contains('/')),
            has_seconds,
        })
    }

    pub fn fits(&self, wall: NaiveDateTime) -> bool {
        self.seconds.contains(&wall.second())
            && self.minutes.contains(&wall.minute())
            && self.hours.contains(&wall.hour())
            && self.fits_day(wall.date())
    }

    /// How many times of a day fit.
    pub fn times(&self) -> usize {
        self.seconds.len() * self.minutes.len() * self.hours.len()
    }

    pub fn fits_day(&self, day: NaiveDate) -> bool {
        let by_number = || self.by_number.iter().any(|rule| rule.fits(day));
        let by_weekday = || self.by_weekday.iter().any(|rule| rule.fits(day));
        let fits = if self.either { by_number() || by_weekday() } else { by_number() && by_weekday() };
        self.months.contains(&day.month()) && fits
    }
}

impl OfMonth {
    fn fits(&self, day: NaiveDate) -> bool {
        match self {
            Self::Number(number) => day.day() == *number,
            Self::BeforeLast(days) => {
                let of_same_month = |days: u64| (day + Span::new(days)).month() == day.month();
                of_same_month(*days) && !of_same_month(days + 1)
            }
            Self::LastWorking => works(day) && (day.day() + 1..=31).all(|later| !works_on(day, later)),
            Self::NearestWorking(number) => {
                let exists = day.with_day(*number).is_some();
                let nearest = (1..=31).filter(|near| works_on(day, *near)).min_by_key(|near| near.abs_diff(*number));
                exists && nearest == Some(day.day())
            }
        }
    }
}

impl OfWeek {
    fn fits(&self, day: NaiveDate) -> bool {
        let weekday = day.weekday().num_days_from_sunday();
        match self {
            Self::Every(one) => weekday == *one,
            Self::Last(one) => weekday == *one && (day + Span::new(7)).month() != day.month(),
            Self::Nth(one, nth) => {
                let of_same_month = |weeks: u64| (day - Span::new(weeks * 7)).month() == day.month();
                weekday == *one && of_same_month(nth - 1) && !of_same_month(*nth)
            }
        }
    }
}

fn works(day: NaiveDate) -> bool {
    day.weekday().num_days_from_monday() < 5
}

/// Whether this day of the same month exists and is a working one.
fn works_on(day: NaiveDate, number: u32) -> bool {
    day.with_day(number).is_some_and(works)
}

/// The meaning of each item of a list.
fn each<T>(field: &str, item: fn(&str) -> Option<Vec<T>>) -> Option<Vec<T>> {
    field.split(',').map(item).collect::<Option<Vec<_>>>().map(|items| items.into_iter().flatten().collect())
}

fn days_of_month(item: &str) -> Option<Vec<OfMonth>> {
    if item == "lw" {
        return Some(vec![OfMonth::LastWorking]);
    }
    if item == "l" {
        return Some(vec![OfMonth::BeforeLast(0)]);
    }
    if let Some(days) = item.strip_prefix("l-") {
        return number(days, 1, 30, &[]).map(|days| vec![OfMonth::BeforeLast(days.into())]);
    }
    if let Some(day) = item.strip_suffix('w') {
        return number(day, 1, 31, &[]).map(|day| vec![OfMonth::NearestWorking(day)]);
    }
    let item = if item == "?" { "*" } else { item };
    Some(numbers(item, 1, 31, &[])?.into_iter().map(OfMonth::Number).collect())
}

fn days_of_week(item: &str) -> Option<Vec<OfWeek>> {
    if let Some((day, nth)) = item.split_once('#') {
        let (day, nth) = (number(day, 0, 7, &WEEKDAYS)?, number(nth, 1, 5, &[])?);
        return Some(vec![OfWeek::Nth(day % 7, nth.into())]);
    }
    if let Some(day) = item.strip_suffix('l') {
        return number(day, 0, 7, &WEEKDAYS).map(|day| vec![OfWeek::Last(day % 7)]);
    }
    let item = if item == "?" { "*" } else { item };
    // The week begins with Sunday (0) and ends with Saturday (6); at the end of a range, Sunday is 7.
    let stepped_number = item.contains('/') && !item.contains('-') && !item.trim_start_matches('0').starts_with('7');
    let last = if item.starts_with('*') || stepped_number { 6 } else { 7 };
    let item = match item.split_once("-sun") {
        Some((from, rest)) if number(from, 1, 7, &WEEKDAYS).is_some() => {
            format!("{from}-7{}", rest.strip_prefix("day").unwrap_or(rest))
        }
        _ => item.to_owned(),
    };
    Some(ordinals(&item, 0..=last, 7, &WEEKDAYS)?.into_iter().map(|day| OfWeek::Every(day % 7)).collect())
}

fn numbers(field: &str, least: u32, most: u32, names: &[&str]) -> Option<Vec<u32>> {
    ordinals(field, least..=most, most, names)
}

/// A list of numbers, upward ranges, steps and wildcards.
fn ordinals(field: &str, all: RangeInclusive<u32>, longest_step: u32, names: &[&str]) -> Option<Vec<u32>> {
    let (least, most) = all.into_inner();
    let mut all = Vec::new();
    for item in field.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(number(step, 1, longest_step, &[])?)),
            None => (item, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((from, to)) => (number(from, least, most, names)?, number(to, least, most, names)?),
            None => {
                let from = number(range, least, most, names)?;
                (from, if step.is_some() { most } else { from })
            }
        };
        if from > to {
            return None;
        }
        let step = step.unwrap_or(1);
        all.extend((from..=to).filter(|number| (number - from) % step == 0));
    }
    Some(all)
}

fn number(text: &str, least: u32, most: u32, names: &[&str]) -> Option<u32> {
    let name = names.iter().position(|name| *name == text || (text.len() == 3 && name.starts_with(text)));
    let number = match name {
        Some(position) => position as u32 + if names.len() == 12 { 1 } else { 0 },
        None if !text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit()) => text.parse().ok()?,
        None => return None,
    };
    (least..=most).contains(&number).then_some(number)
}
