//! The server.

use async_graphql::SimpleObject;
use engine::model::schedule::TIME_ZONE_DATA;
use engine::runtime::engine::Engine;
use engine::runtime::integrity::WHAT_TO_DO;

use super::moment::Moment;

/// What answers.
#[derive(SimpleObject)]
pub(crate) struct ServerInfo {
    /// Version of Ropewalk, such as `0.1.0`.
    version: &'static str,
    /// Version of the time zone data that schedules and dates go by, such as `2025b`.
    time_zone_data: &'static str,
    /// Why no job is worked on at the moment; null when the server works.
    paused: Option<Paused>,
    /// What the last look at all pages of the database found; null before the first. Each day has one.
    database_check: Option<DatabaseCheck>,
}

/// A look at all pages of the database.
#[derive(SimpleObject)]
pub(crate) struct DatabaseCheck {
    /// When it ended.
    at: Moment,
    /// How many damaged places it found. The server's log names the first.
    faults: u64,
    /// What to do, if anything is damaged.
    what_to_do: Option<&'static str>,
}

/// Why a server does not work. Nothing is lost: it goes on by itself when the cause is gone.
#[derive(SimpleObject)]
pub(crate) struct Paused {
    /// Since when.
    since: Moment,
    /// What keeps it from working, and what to do.
    reason: &'static str,
}

impl ServerInfo {
    /// How the node stands that answers.
    pub(crate) fn of(engine: &Engine) -> Self {
        let paused = engine.health.pause();
        let paused = paused.map(|pause| Paused { since: Moment(pause.since), reason: pause.obstacle.told() });
        let database_check = engine.integrity.last().map(|last| DatabaseCheck {
            at: Moment(last.at),
            faults: last.faults.len() as u64,
            what_to_do: (!last.faults.is_empty()).then_some(WHAT_TO_DO),
        });
        Self { version: env!("CARGO_PKG_VERSION"), time_zone_data: TIME_ZONE_DATA, paused, database_check }
    }
}
