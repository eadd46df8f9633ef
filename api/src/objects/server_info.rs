//! The server.

use async_graphql::SimpleObject;
use engine::model::schedule::TIME_ZONE_DATA;
use engine::runtime::engine::Engine;

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
        Self { version: env!("CARGO_PKG_VERSION"), time_zone_data: TIME_ZONE_DATA, paused }
    }
}
