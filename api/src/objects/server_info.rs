//! The server.

use async_graphql::SimpleObject;
use engine::engine::Engine;
use engine::model::schedule::TIME_ZONE_DATA;
use engine::node::integrity::WHAT_TO_DO;

use super::moment::Moment;

/// The server.
#[derive(SimpleObject)]
pub(crate) struct ServerInfo {
    /// Version of Ropewalk, such as `0.1.0`.
    version: &'static str,
    /// Version of the time zone data for schedules and dates, such as `2025b`.
    time_zone_data: &'static str,
    /// Why no jobs run at the moment; null if they do.
    paused: Option<Paused>,
    /// The last check of all pages of the database, which runs daily; null before the first one.
    database_check: Option<DatabaseCheck>,
}

/// A check of all pages of the database.
#[derive(SimpleObject)]
pub(crate) struct DatabaseCheck {
    /// When it ended.
    at: Moment,
    /// How many damaged places it found. The log of the server names the first ones.
    faults: u64,
    /// What to do; null if nothing is damaged.
    what_to_do: Option<&'static str>,
}

/// Why a server has paused. Nothing is lost: it continues by itself when the cause is gone.
#[derive(SimpleObject)]
pub(crate) struct Paused {
    /// When the pause began.
    since: Moment,
    /// The cause, and what to do.
    reason: &'static str,
}

impl ServerInfo {
    /// The state of the node that answers.
    pub(crate) fn of(engine: &Engine) -> Self {
        let paused = engine.health().pause();
        let paused = paused.map(|pause| Paused { since: Moment(pause.since), reason: pause.obstacle.message() });
        let database_check = engine.integrity().last().map(|last| DatabaseCheck {
            at: Moment(last.at),
            faults: last.faults.len() as u64,
            what_to_do: (!last.faults.is_empty()).then_some(WHAT_TO_DO),
        });
        Self { version: env!("CARGO_PKG_VERSION"), time_zone_data: TIME_ZONE_DATA, paused, database_check }
    }
}
