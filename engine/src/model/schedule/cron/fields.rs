//! The fields of a cron expression as text, and how they are parsed.

use std::str::FromStr;

use cron::{Schedule, TimeUnitSpec};

use super::Ordinals;
use super::days::{Days, OfMonth, OfWeek};
use crate::model::text::shortened;

const SHORTHANDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];
const MONTHS: [&str; 12] = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];
const WEEKDAYS: [&str; 7] = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

/// How many characters of a faulty item are shown.
const SHOWN: usize = 40;

/// The six fields.
pub(super) struct Fields<'a> {
    second: &'a str,
    minute: &'a str,
    hour: &'a str,
    day_of_month: &'a str,
    month: &'a str,
    day_of_week: &'a str,
}

/// A field as the `cron` crate parses it.
struct Field {
    name: &'static str,
    /// What the field may contain, for messages.
    takes: &'static str,
    /// Its position in the crate's expressions.
    position: usize,
    /// The numbers of the field in an expression that the crate has parsed.
    numbers: fn(&Schedule) -> Ordinals,
}

macro_rules! field {
    ($name:literal, $takes:literal, $position:literal, $unit:ident) => {
        Field { name: $name, takes: $takes, position: $position, numbers: |schedule| schedule.$unit().iter().collect() }
    };
}

const SECOND: Field = field!("second", "numbers from 0 to 59", 0, seconds);
const MINUTE: Field = field!("minute", "numbers from 0 to 59", 1, minutes);
const HOUR: Field = field!("hour", "numbers from 0 to 23", 2, hours);
const DAY_OF_MONTH: Field = field!("day of month", "numbers from 1 to 31, L, L-3, LW or 15W", 3, days_of_month);
const MONTH: Field = field!("month", "numbers from 1 to 12 or names such as JAN", 4, months);
/// The field of hours parses weekdays, because both are numbered from 0.
const DAY_OF_WEEK: Field =
    field!("day of week", "numbers from 0 to 7 (0 and 7 are Sunday), names such as MON, 5L or 1#3", 2, hours);

impl<'a> Fields<'a> {
    pub fn split(text: &'a str) -> Result<Self, String> {
        let written = text.trim();
        let text = if written.starts_with('@') { of_shorthand(written)? } else { written };
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let (second, rest) = match fields.as_slice() {
            rest @ [_, _, _, _, _] => ("0", rest),
            [second, rest @ ..] if rest.len() == 5 => (*second, rest),
            others => return Err(faulty_count(others.len())),
        };
        Ok(Self { second, minute: rest[0], hour: rest[1], day_of_month: rest[2], month: rest[3], day_of_week: rest[4] })
    }

    pub fn seconds(&self) -> Result<Ordinals, String> {
        SECOND.read(self.second)
    }

    pub fn minutes(&self) -> Result<Ordinals, String> {
        MINUTE.read(self.minute)
    }

    pub fn hours(&self) -> Result<Ordinals, String> {
        HOUR.read(self.hour)
    }

    pub fn months(&self) -> Result<Ordinals, String> {
        let read = |item| MONTH.parse(&numbered_months(item)).ok_or_else(|| MONTH.refuse(item));
        self.month.split(',').try_fold(Ordinals::default(), |all, item| Ok(all.or(read(item)?)))
    }

    pub fn days(&self) -> Result<Days, String> {
        let restricted = |field: &str| !field.contains(['*', '?']);
        Ok(Days {
            month: of_month(self.day_of_month)?,
            week: of_week(self.day_of_week)?,
            either: restricted(self.day_of_month) && restricted(self.day_of_week),
        })
    }

    /// Whether the second, the minute or the hour has a wildcard or a step.
    pub fn follow_elapsed_time(&self) -> bool {
        [self.second, self.minute, self.hour].iter().any(|field| field.contains(['*', '/']))
    }
}

fn of_shorthand(written: &str) -> Result<&'static str, String> {
    let known = SHORTHANDS.iter().find(|(name, _)| written.eq_ignore_ascii_case(name));
    known.map(|(_, fields)| *fields).ok_or_else(|| {
        let names: Vec<_> = SHORTHANDS.iter().map(|(name, _)| *name).collect();
        let written = shortened(written, SHOWN);
        format!("`{written}` is not known; write one of {}, or five fields", names.join(", "))
    })
}

fn faulty_count(count: usize) -> String {
    let years = if count > 6 { "; use startAt and endAt for years" } else { "" };
    format!(
        "has {count} fields; write minute, hour, day of month, month and day of week, such as `0 7 * * 1`, \
         or six fields with the second in front{years}"
    )
}

impl Field {
    fn read(&self, text: &str) -> Result<Ordinals, String> {
        let all = self.parse(text);
        all.ok_or_else(|| {
            let wrong = text.split(',').find(|item| self.parse(item).is_none());
            self.refuse(wrong.unwrap_or(text))
        })
    }

    fn parse(&self, text: &str) -> Option<Ordinals> {
        let plain = |byte: u8| byte.is_ascii_digit() || b"*,-/".contains(&byte);
        // All seven fields are written, the year included, because the crate reads the unparsed rest of
        // one field (`*5`) as the next field.
        let mut fields = ["*"; 7];
        fields[self.position] = Some(text).filter(|text| !text.is_empty() && text.bytes().all(plain))?;
        let schedule = Schedule::from_str(&fields.join(" "));
        Some((self.numbers)(&schedule.ok()?)).filter(|numbers| *numbers != Ordinals::default())
    }

    fn refuse(&self, item: &str) -> String {
        let Self { name, takes, .. } = self;
        let item = shortened(item, SHOWN);
        format!(
            "{name}: `{item}` cannot be read; write {takes}, in lists (1,2), upward ranges (1-5) and steps (*/5) \
             that fit into them"
        )
    }
}

fn of_month(text: &str) -> Result<OfMonth, String> {
    let mut days = OfMonth::default();
    let mut plain = Vec::new();
    for item in text.split(',') {
        let upper = item.to_ascii_uppercase();
        let day = |text: &str| number(text).filter(|day| (1..=31).contains(day));
        if upper == "?" {
            plain.push("*");
        } else if upper == "LW" {
            days.last_working = true;
        } else if let Some(rest) = upper.strip_prefix('L') {
            let before = if rest.is_empty() { Some(0) } else { rest.strip_prefix('-').and_then(day) };
            let before = before.filter(|days| *days <= 30).ok_or_else(|| DAY_OF_MONTH.refuse(item))?;
            days.before_last = days.before_last.or(Ordinals::from_iter([before]));
        } else if let Some(rest) = upper.strip_suffix('W') {
            let near = day(rest).ok_or_else(|| DAY_OF_MONTH.refuse(item))?;
            days.nearest = days.nearest.or(Ordinals::from_iter([near]));
        } else {
            plain.push(item);
        }
    }
    if !plain.is_empty() {
        days.plain = DAY_OF_MONTH.read(&plain.join(","))?;
    }
    Ok(days)
}

fn of_week(text: &str) -> Result<OfWeek, String> {
    let mut days = OfWeek::default();
    for item in text.split(',') {
        let refused = || DAY_OF_WEEK.refuse(item);
        let upper = item.to_ascii_uppercase();
        if let Some((weekday, nth)) = upper.split_once('#') {
            let nth = number(nth).and_then(|nth| days.nth.get_mut((nth as usize).checked_sub(1)?));
            let nth = nth.ok_or_else(refused)?;
            let weekday = weekday_of(weekday).ok_or_else(refused)?;
            *nth = nth.or(Ordinals::from_iter([weekday % 7]));
        } else if let Some(weekday) = upper.strip_suffix('L') {
            let weekday = weekday_of(weekday).ok_or_else(refused)?;
            days.last = days.last.or(Ordinals::from_iter([weekday % 7]));
        } else {
            days.plain = days.plain.or(plain_weekdays(&upper).ok_or_else(refused)?);
        }
    }
    Ok(days)
}

/// The weekdays of `MON-FRI`, `*/2`, `5-7` and the like.
fn plain_weekdays(item: &str) -> Option<Ordinals> {
    let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
    let (from, to) = match range.split_once('-') {
        _ if range == "*" || (range == "?" && step.is_none()) => (0, 6),
        // A week that ends with Sunday by name.
        Some((from, to)) if to.starts_with("SUN") && weekday_of(from)? > 0 => (weekday_of(from)?, weekday_of(to)? + 7),
        Some((from, to)) => (weekday_of(from)?, weekday_of(to)?),
        None => {
            let from = weekday_of(range)?;
            (from, if step.is_some() { from.max(6) } else { from })
        }
    };
    let step = step.map_or(Some(1), number).filter(|step| (1..=7).contains(step))?;
    let days = DAY_OF_WEEK.parse(&format!("{from}-{to}/{step}"))?;
    Some((0..=7).filter(|day| days.holds(*day)).map(|day| day % 7).collect())
}

/// A weekday by number or name, from 0 to 7.
fn weekday_of(text: &str) -> Option<u32> {
    named(text, &WEEKDAYS).or_else(|| number(text)).filter(|day| *day <= 7)
}

/// The item with the names of months replaced by numbers. A step has no name.
fn numbered_months(item: &str) -> String {
    let (range, step) = item.split_at(item.find('/').unwrap_or(item.len()));
    let number = |word: &str| {
        let name = named(&word.to_ascii_uppercase(), &MONTHS);
        name.map_or_else(|| word.to_owned(), |month| (month + 1).to_string())
    };
    let months: Vec<_> = range.split('-').map(number).collect();
    format!("{}{step}", months.join("-"))
}

/// The position of a name, written in full or with its first three letters.
fn named(text: &str, names: &[&str]) -> Option<u32> {
    let position = names.iter().position(|name| *name == text || name[..3] == *text)?;
    u32::try_from(position).ok()
}

/// A number of digits only, without a sign.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
