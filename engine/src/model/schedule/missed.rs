//! What a schedule starts when it comes due, and what becomes of the starts that it missed.

use std::collections::VecDeque;

use chrono::TimeDelta;

use super::{Position, Schedule, ScheduleId};
use crate::model::Instant;
use crate::model::dates::stamp;

/// How many starts of one schedule are made at once, and caught up on at most.
const MOST: usize = 100;
/// How many missed starts are counted one by one.
const COUNTED: u64 = 10_000;
/// How far back the newest of more than that are looked for, in hours.
const WINDOWS: [i64; 5] = [1, 24, 32 * 24, 366 * 24, 100 * 366 * 24];

/// What becomes of starts that fell into a time when nobody watched: the server was down, its
/// machine asleep, or its clock put forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// One start, for the newest.
    Latest,
    /// All of them, the newest 100 at most.
    All,
    /// No start.
    None,
}

impl Missed {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Latest, Self::All, Self::None];

    /// The word used in files and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::All => "all",
            Self::None => "none",
        }
    }

    /// What a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|missed| missed.word() == word)
    }

    fn kept(self) -> usize {
        match self {
            Self::Latest => 1,
            Self::All => MOST,
            Self::None => 0,
        }
    }
}

/// What a schedule that came due does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The nominal instants for which it starts its job, oldest first.
    pub starts: Vec<Instant>,
    /// Those for which it does not.
    pub left_out: Option<LeftOut>,
    /// Every nominal instant up to this one is dealt with by that.
    pub handled: Instant,
}

/// Starts that were missed and are not made up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// The nominal instant of the oldest.
    pub first: Instant,
    /// The nominal instant of the newest.
    pub last: Instant,
    /// How many there are.
    pub count: u64,
    /// Whether there are more than were counted.
    pub more: bool,
}

impl Schedule {
    /// What it does if it is due. What came due until `watched_since` was missed.
    pub fn fire(&self, id: ScheduleId, position: &Position, now: Instant, watched_since: Instant) -> Option<Firing> {
        let first = position.next.filter(|first| self.due(*first, id) <= now)?;
        let mut firing = if self.due(first, id) <= watched_since {
            self.make_up(first, position.anchor, |nominal| self.due(nominal, id) <= watched_since.min(now))
        } else {
            let following = std::iter::successors(Some(first), |last| self.next(*last, position.anchor));
            let starts: Vec<_> = following.take_while(|nominal| self.due(*nominal, id) <= now).take(MOST).collect();
            Firing { handled: starts.last().copied().unwrap_or(first), starts, left_out: None }
        };
        if self.executions > 0 {
            let rest = self.executions.saturating_sub(position.fired);
            firing.starts.truncate(usize::try_from(rest).unwrap_or(usize::MAX));
        }
        Some(firing)
    }

    /// Catches up on missed starts, as the schedule says.
    fn make_up(&self, first: Instant, anchor: Instant, is_missed: impl Fn(Instant) -> bool) -> Firing {
        let mut newest = Newest { kept: self.missed.kept(), starts: VecDeque::new(), left_out: None };
        let (mut last, mut count) = (first, 0);
        let mut following = Some(first);
        while let Some(nominal) = following.filter(|nominal| is_missed(*nominal)) {
            (last, count) = (nominal, count + 1);
            newest.push(nominal);
            if count == COUNTED {
                last = self.jump(last, anchor, &is_missed, &mut newest);
                break;
            }
            following = self.next(nominal, anchor);
        }
        let left_out = newest.left_out.map(|until| LeftOut {
            first,
            last: until,
            count: count.saturating_sub(newest.starts.len() as u64).max(1),
            more: count == COUNTED,
        });
        Firing { starts: newest.starts.into(), left_out, handled: last }
    }

    /// Goes on with the newest of so many missed starts that nobody wants to see each; gives the last.
    fn jump(
        &self,
        counted: Instant,
        anchor: Instant,
        is_missed: &impl Fn(Instant) -> bool,
        newest: &mut Newest,
    ) -> Instant {
        let mut end = counted;
        // Doubles the stride until it leaves the missed ones, and looks back from there.
        let mut stride = TimeDelta::hours(1);
        while let Some(ahead) = end.checked_add_signed(stride).filter(|ahead| is_missed(*ahead)) {
            (end, stride) = (ahead, stride * 2);
        }
        while stride > TimeDelta::seconds(1) {
            stride = stride / 2;
            if let Some(ahead) = end.checked_add_signed(stride).filter(|ahead| is_missed(*ahead)) {
                end = ahead;
            }
        }
        for hours in WINDOWS {
            let from = end - TimeDelta::hours(hours);
            let from = from.max(counted);
            let following = std::iter::successors(self.next(from, anchor), |last| self.next(*last, anchor));
            let found: Vec<_> = following.take_while(|nominal| is_missed(*nominal)).collect();
            if from == counted || found.len() > newest.kept {
                found.iter().for_each(|nominal| newest.push(*nominal));
                return found.last().copied().unwrap_or(counted);
            }
        }
        counted
    }
}

/// The newest of what is pushed, and the newest that was left out.
struct Newest {
    kept: usize,
    starts: VecDeque<Instant>,
    left_out: Option<Instant>,
}

impl Newest {
    fn push(&mut self, nominal: Instant) {
        self.starts.push_back(nominal);
        if self.starts.len() > self.kept {
            self.left_out = self.starts.pop_front();
        }
    }
}

impl LeftOut {
    /// One sentence for a clerk.
    pub fn told(&self, schedule: &Schedule) -> String {
        let at = |instant: Instant| stamp(&instant.with_timezone(&schedule.zone));
        let (key, rule) = (&schedule.key, schedule.missed.word());
        let what = match self.count {
            1 if !self.more => format!("a start at {}", at(self.first)),
            count => {
                let count = if self.more { format!("more than {count}") } else { count.to_string() };
                format!("{count} starts from {} to {}", at(self.first), at(self.last))
            }
        };
        format!("Missed {what}: nobody watched the schedule `{key}`, which says `missed: {rule}`.")
    }
}
