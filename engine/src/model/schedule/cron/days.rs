//! The days of a month that a cron expression means.

use chrono::{Datelike, NaiveDate, Weekday};

use super::Ordinals;

/// The two day fields of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Days {
    pub month: OfMonth,
    pub week: OfWeek,
    /// Whether a day fits if it fits one of the two fields. Otherwise it must fit both.
    pub either: bool,
}

/// Days by their number in the month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OfMonth {
    /// Numbers from 1.
    pub plain: Ordinals,
    /// Distances in days from the last day: `L` is 0, `L-3` is 3.
    pub before_last: Ordinals,
    /// The working day nearest to this one, within the month: `15W`.
    pub nearest: Ordinals,
    /// The last working day: `LW`.
    pub last_working: bool,
}

/// Days by their weekday; Sunday is 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OfWeek {
    /// Every such weekday of the month.
    pub plain: Ordinals,
    /// The last such weekday of the month: `5L`.
    pub last: Ordinals,
    /// The first to fifth such weekday of the month, in this order: `1#3`.
    pub nth: [Ordinals; 5],
}

/// A month of the calendar.
#[derive(Clone, Copy)]
struct Month {
    days: u32,
    /// The weekday of its first day; Sunday is 0.
    first: u32,
}

impl Month {
    fn new(year: i32, month: u32) -> Option<Self> {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        Some(Self { days: first.num_days_in_month().into(), first: first.weekday().num_days_from_sunday() })
    }

    fn weekday(self, day: u32) -> u32 {
        (self.first + day - 1) % 7
    }

    fn is_working_day(self, day: u32) -> bool {
        let weekend = [Weekday::Sat, Weekday::Sun].map(|day| day.num_days_from_sunday());
        !weekend.contains(&self.weekday(day))
    }

    fn nearest_working(self, day: u32) -> Option<u32> {
        let near = [day, day.wrapping_sub(1), day + 1, day.wrapping_sub(2), day + 2];
        let mut near = near.into_iter().filter(|near| (1..=self.days).contains(near));
        near.find(|near| day <= self.days && self.is_working_day(*near))
    }
}

impl Days {
    pub fn of_month(&self, year: i32, month: u32) -> Ordinals {
        let Some(month) = Month::new(year, month) else { return Ordinals::default() };
        let (by_number, by_weekday) = (self.month.in_month(month), self.week.in_month(month));
        if self.either { by_number.or(by_weekday) } else { by_number.and(by_weekday) }
    }
}

impl OfMonth {
    fn in_month(&self, month: Month) -> Ordinals {
        let fits = |day: &u32| self.plain.holds(*day) || self.before_last.holds(month.days - day);
        let mut fitting: Ordinals = (1..=month.days).filter(fits).collect();
        let nearest = (1..=31).filter(|day| self.nearest.holds(*day)).filter_map(|day| month.nearest_working(day));
        fitting = fitting.or(nearest.collect());
        if self.last_working {
            fitting = fitting.or((1..=month.days).rev().find(|day| month.is_working_day(*day)).into_iter().collect());
        }
        fitting
    }
}

impl OfWeek {
    fn in_month(&self, month: Month) -> Ordinals {
        let fits = |day: &u32| {
            let weekday = month.weekday(*day);
            let nth = (*day as usize - 1) / 7;
            self.plain.holds(weekday)
                || self.nth[nth].holds(weekday)
                || (day + 7 > month.days && self.last.holds(weekday))
        };
        (1..=month.days).filter(fits).collect()
    }
}
