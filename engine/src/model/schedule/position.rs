//! The position of a schedule: which nominal instants are handled, and which is next.

use chrono::TimeDelta;

use super::{Firing, Schedule, When};
use crate::model::Instant;
use crate::model::result::ResultId;

/// The state of a schedule between two starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The instant from which intervals count.
    pub anchor: Instant,
    /// Every nominal instant up to this one is handled. It only moves forward, so that nothing is started
    /// twice after a clock was put back. If the clock was far ahead, a sweep brings it back.
    pub handled: Instant,
    /// How often the schedule started its job.
    pub fired: u64,
    /// The nominal instant the schedule is armed for.
    pub next: Option<Instant>,
    /// The result whose end the schedule waits for, if its interval counts from there.
    pub awaits: Option<ResultId>,
}

/// The outcome of a firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fired {
    /// How many starts count as executions: those that were not skipped.
    pub counted: u64,
    /// The newest of them that has not ended.
    pub awaits: Option<ResultId>,
    /// When the schedule fired.
    pub at: Instant,
}

impl Schedule {
    /// The position of a new schedule.
    pub fn begin(&self, now: Instant) -> Position {
        let position = Position { anchor: now, handled: now, fired: 0, next: None, awaits: None };
        self.armed(position, self.next(now, now))
    }

    /// The position after this schedule replaced `old`. Its starts are still counted and its intervals
    /// continue, unless its nominal instants changed.
    pub fn replace(&self, old: &Self, position: &Position, now: Instant) -> Position {
        if old.when != self.when || old.start_at != self.start_at || old.zone != self.zone {
            return self.begin(now);
        }
        // Starts that passed while it was inactive, or over, were not missed.
        let at_rest = !old.active || old.is_over(position);
        let handled = if at_rest { position.handled.max(now) } else { position.handled };
        let position = Position { handled, ..*position };
        let next = match self.when {
            When::AfterCompletion(_) if position.awaits.is_some() => None,
            When::AfterCompletion(every) => {
                let next = position.next.or_else(|| self.next(handled, position.anchor));
                let next = next.or_else(|| now.checked_add_signed(every)).map(|next| next.max(handled));
                let replaced = self.armed(position, next);
                // If `endAt` is before the next start, the schedule is over from now on.
                let handled = if replaced.next.is_none() { handled.max(now) } else { handled };
                return Position { handled, ..replaced };
            }
            _ => self.next(handled, position.anchor),
        };
        self.armed(position, next)
    }

    /// The position after a firing.
    pub fn moved(&self, position: &Position, firing: &Firing, fired: Fired) -> Position {
        let position = Position {
            handled: position.handled.max(firing.handled),
            fired: position.fired.saturating_add(fired.counted),
            ..*position
        };
        match self.when {
            When::AfterCompletion(_) if fired.awaits.is_some() => {
                self.armed(Position { awaits: fired.awaits, ..position }, None)
            }
            When::AfterCompletion(_) => self.completed(&position, fired.at),
            _ => self.armed(position, self.next(position.handled, position.anchor)),
        }
    }

    /// The position after the awaited result has ended.
    pub fn completed(&self, position: &Position, at: Instant) -> Position {
        let position = Position { awaits: None, ..*position };
        match self.when {
            When::AfterCompletion(every) => {
                let handled = position.handled.max(at);
                self.armed(Position { handled, ..position }, handled.checked_add_signed(every))
            }
            _ => self.armed(position, self.next(position.handled, position.anchor)),
        }
    }

    /// Whether the clock was so far ahead at the last start that the schedule would now start nothing for a
    /// long time.
    pub fn is_ahead(&self, position: &Position, now: Instant) -> bool {
        let slack = TimeDelta::hours(1) + self.jitter;
        self.active && now.checked_add_signed(slack).is_some_and(|limit| position.handled > limit)
    }

    /// Whether the position is correct: armed for its next nominal instant, waiting for a result that has not
    /// ended, inactive, or over.
    pub fn is_armed(&self, position: &Position, awaits: bool) -> bool {
        match self.when {
            When::AfterCompletion(_) if position.awaits.is_some() => awaits,
            When::AfterCompletion(every) => {
                let next = position.next.or_else(|| position.handled.checked_add_signed(every));
                self.armed(*position, next).next.is_some() == position.next.is_some()
            }
            _ => self.armed(*position, self.next(position.handled, position.anchor)).next == position.next,
        }
    }

    /// The position after one that was found to be wrong. A position ahead of the clock is set back to the
    /// clock. That starts nothing twice, because each instant that was started has a result.
    pub fn repaired(&self, position: &Position, now: Instant) -> Position {
        let handled = if self.is_ahead(position, now) { now } else { position.handled };
        self.completed(&Position { handled, ..*position }, now)
    }

    /// Whether the schedule will never start anything again.
    pub fn is_over(&self, position: &Position) -> bool {
        self.active && position.next.is_none() && position.awaits.is_none()
    }

    fn armed(&self, position: Position, next: Option<Instant>) -> Position {
        let more = self.active && (self.executions == 0 || position.fired < self.executions);
        let next = next.filter(|next| more && self.end_at.is_none_or(|end| *next <= end));
        Position { next, ..position }
    }
}
