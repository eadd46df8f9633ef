//! What a schedule starts when it comes due, and what it does about missed starts.

use std::collections::VecDeque;

use chrono::TimeDelta;

use super::{Position, Schedule, ScheduleId};
use crate::model::Instant;
use crate::model::dates::stamp;

/// Starts of one schedule that are made at once, and missed starts that are made up for at most.
const MOST: usize = 100;
/// Missed starts that are counted one by one.
const COUNTED: u64 = 10_000;

/// What a schedule does about starts that it missed because the server was down, its machine was
/// asleep, or its clock was put forward.
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
    /// All variants.
    pub const ALL: [Self; 3] = [Self::Latest, Self::All, Self::None];

    /// The word used in files and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::All => "all",
            Self::None => "none",
        }
    }

    /// The variant with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|missed| missed.word() == word)
    }

    /// How many of the missed starts are made up for.
    fn most_made_up(self) -> usize {
        match self {
            Self::Latest => 1,
            Self::All => MOST,
            Self::None => 0,
        }
    }
}

/// What a due schedule does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The nominal instants for which it starts its job, oldest first.
    pub starts: Vec<Instant>,
    /// The missed starts that are not made up for.
    pub left_out: Option<MissedStarts>,
    /// The last nominal instant that this firing handles; all before it are handled too.
    pub handled: Instant,
}

/// Missed starts that are not made up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissedStarts {
    /// The nominal instant of the oldest.
    pub first: Instant,
    /// The nominal instant of the newest.
    pub last: Instant,
    /// How many were counted.
    pub count: u64,
    /// Whether there are more than were counted.
    pub more: bool,
}

impl Schedule {
    /// What the schedule does if it is due. A start that came due before `watched_since` was missed.
    pub fn fire(&self, id: ScheduleId, position: &Position, now: Instant, watched_since: Instant) -> Option<Firing> {
        let first = position.next.filter(|first| self.due(*first, id) <= now)?;
        // After a clock was put back, it may be before the time when the watch began.
        let watched_since = watched_since.min(now);
        let is_missed = |nominal| self.due(nominal, id) <= watched_since;
        let mut firing = if is_missed(first) {
            self.make_up((first, watched_since - self.jitter), position.anchor, is_missed)
        } else {
            let following = std::iter::successors(Some(first), |last| self.next(*last, position.anchor));
            let starts: Vec<_> = following.take_while(|nominal| self.due(*nominal, id) <= now).take(MOST).collect();
            Firing { handled: starts.last().copied().unwrap_or(first), starts, left_out: None }
        };
        let rest = usize::try_from(self.executions.saturating_sub(position.fired)).unwrap_or(usize::MAX);
        if self.executions > 0 && firing.starts.len() > rest {
            firing.starts.truncate(rest);
            // Skipped starts are not counted, so the starts that are cut off here may still be made later.
            firing.handled = firing.starts.last().copied().unwrap_or(firing.handled);
        }
        Some(firing)
    }

    /// Makes up for missed starts according to the schedule: those from `first` on that were missed.
    /// All starts before `all_missed_until` were.
    fn make_up(
        &self,
        (first, all_missed_until): (Instant, Instant),
        anchor: Instant,
        is_missed: impl Fn(Instant) -> bool,
    ) -> Firing {
        let mut newest = Newest { kept: self.missed.most_made_up(), starts: VecDeque::new(), left_out: None };
        let (mut handled, mut count, mut more) = (first, 0, false);
        let mut following = Some(first);
        while let Some(nominal) = following.filter(|nominal| is_missed(*nominal)) {
            handled = nominal;
            newest.push(nominal);
            if count < COUNTED {
                count += 1;
            } else if !more {
                // There are too many to look at each of them; continue with the newest.
                more = true;
                for nominal in self.newest((nominal, all_missed_until), anchor, newest.kept + 1) {
                    handled = nominal;
                    newest.push(nominal);
                }
            }
            following = self.next(handled, anchor);
        }
        let left_out = newest.left_out.map(|last| {
            let count = count.saturating_sub(newest.starts.len() as u64);
            MissedStarts { first, last, count, more }
        });
        Firing { starts: newest.starts.into(), left_out, handled }
    }

    /// The newest nominal instants between these two, the oldest of them first.
    fn newest(&self, (after, before): (Instant, Instant), anchor: Instant, most: usize) -> VecDeque<Instant> {
        let mut found = VecDeque::new();
        while found.len() < most {
            let before = found.front().copied().unwrap_or(before);
            let Some(last) = self.last(after, before, anchor) else { break };
            found.push_front(last);
        }
        found
    }

    /// The last nominal instant between these two.
    fn last(&self, after: Instant, before: Instant, anchor: Instant) -> Option<Instant> {
        let next = |from: Instant| self.next(from, anchor).filter(|next| *next < before);
        // Look back further and further until there is one.
        let (mut last, mut stride) = (None, TimeDelta::seconds(1));
        while last.is_none() {
            let from = before.checked_sub_signed(stride).map_or(after, |from| from.max(after));
            last = next(from);
            if from == after {
                break;
            }
            stride = stride * 2;
        }
        // Halve the span in which there may be a later one.
        let (mut last, mut end) = (last?, before);
        while next(last).is_some() {
            let middle = last + (end - last) / 2;
            match next(middle) {
                Some(later) => last = later,
                None => end = middle,
            }
        }
        Some(last)
    }
}

/// Keeps the newest instants that are pushed, and the newest of those left out.
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

impl MissedStarts {
    /// The message of the job result that reports these starts.
    pub fn message(&self, schedule: &Schedule) -> String {
        let at = |instant: Instant| stamp(&instant.with_timezone(&schedule.zone));
        let (key, rule) = (&schedule.key, schedule.missed.word());
        let (what, them) = match self.count {
            1 if !self.more => (format!("a start at {}", at(self.first)), "it"),
            count => {
                let count = if self.more { format!("more than {count}") } else { count.to_string() };
                (format!("{count} starts from {} to {}", at(self.first), at(self.last)), "them")
            }
        };
        format!("Missed {what}: no server was ready to start {them}. The schedule `{key}` has `missed: {rule}`.")
    }
}
