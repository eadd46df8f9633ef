//! Schedules: how late they start jobs, and what many armed schedules cost.

use std::path::Path;
use std::time::Duration;

use engine::model::Instant;
use engine::model::dates::stamp;
use engine::ports::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use super::served::{HttpClient, Served};
use super::{broken, per_second};
use crate::Failed;

const ACTIVE: u32 = 10_000;
const ARMED: u32 = 100_000;
const PER_JOB: u32 = 100;
/// The interval of each active schedule: together they start 100 jobs a second.
const EVERY: Duration = Duration::from_secs(100);
const WATCHED: Duration = Duration::from_secs(60);
const IDLE_TIME: Duration = Duration::from_secs(10);
const SAVE: &str = "mutation($d: JSON!) { saveJob(input: {document: $d}) { userErrors { path message } } }";

/// Ten thousand active schedules, a hundred starts a second, spread evenly.
pub async fn firing(folder: &Path) -> Result<Value, Failed> {
    let served = Served::start(folder, 16, None).await?;
    let mut client = served.connect().await?;
    save(&mut client, ACTIVE, EVERY, SystemClock.now() + Duration::from_secs(5)).await?;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let (before, spent) = (lateness_buckets(&mut client).await?, served.processor_ms());
    tokio::time::sleep(WATCHED).await;
    let (after, spent_after) = (lateness_buckets(&mut client).await?, served.processor_ms());
    let since: Vec<_> =
        after.iter().zip(&before).map(|((bound, after), (_, before))| (bound, after - before)).collect();
    let all = since.last().map_or(0.0, |(_, count)| *count);
    let within = |share: f64| since.iter().find(|(_, count)| *count >= all * share).map(|(bound, _)| (*bound).clone());
    Ok(json!({
        "row": "10,000 active schedules, 100 starts a second", "starts": all,
        "starts_per_s": per_second(all as u64, WATCHED),
        "p50_within_s": within(0.5), "p99_within_s": within(0.99), "all_within_s": within(1.0),
        "processor_ms_per_start": spent_after.zip(spent).map(|(after, before)| (after - before) as f64 / all),
        "most_mb": served.memory("VmHWM:"),
    }))
}

/// A hundred thousand schedules that are armed for a year.
pub async fn armed(folder: &Path) -> Result<Value, Failed> {
    let first = Served::start(folder, 16, None).await?;
    let token = first.token().to_owned();
    let mut client = first.connect().await?;
    let year = Duration::from_secs(366 * 24 * 3600);
    save(&mut client, ARMED, year, SystemClock.now() + year).await?;
    first.stop().await?;
    let served = Served::start(folder, 16, Some(&token)).await?;
    // The first sweep reads all of them.
    tokio::time::sleep(Duration::from_secs(30)).await;
    let before = served.processor_ms();
    tokio::time::sleep(IDLE_TIME).await;
    let spent = served.processor_ms().zip(before).map(|(after, before)| after - before);
    let ready = (served.ready_after.as_secs_f64() * 1e4).round() / 10.0;
    Ok(json!({
        "row": "100,000 armed schedules", "ready_ms": ready, "processor_ms_in_10_s": spent, "processor_ms_of_start_and_sweep": before,
        "resident_mb": served.memory("VmRSS:"), "most_mb": served.memory("VmHWM:"),
    }))
}

/// Saves jobs with `count` schedules in all, whose first instants are spread evenly.
async fn save(client: &mut HttpClient, count: u32, every: Duration, first: Instant) -> Result<(), Failed> {
    for job in 0..count / PER_JOB {
        let schedules = (0..PER_JOB).map(|number| {
            let at = first + every / count * (job * PER_JOB + number);
            json!({"key": format!("s-{number}"), "interval": every.as_millis() as u64, "startAt": stamp(&at)})
        });
        let lines = json!([{"filter": {"source": {"inline": [{"n": 1}]}}}]);
        let document = json!({
            "key": format!("job-{job}"), "overlap": "allow", "lines": lines, "schedules": schedules.collect::<Vec<_>>(),
        });
        let saved = client.ask(SAVE, json!({"d": document})).await?;
        if saved["saveJob"]["userErrors"] != json!([]) {
            return Err(broken(&saved));
        }
    }
    Ok(())
}

/// For each bound in seconds, how many starts were at most this late, from `/metrics`.
async fn lateness_buckets(client: &mut HttpClient) -> Result<Vec<(String, f64)>, Failed> {
    let text = client.get("/metrics").await?;
    let buckets = text.lines().filter_map(|line| line.strip_prefix("ropewalk_schedule_lateness_seconds_bucket{le=\""));
    let read = buckets.filter_map(|bucket| {
        let (bound, count) = bucket.split_once("\"} ")?;
        Some((bound.to_owned(), count.parse().ok()?))
    });
    Ok(read.collect())
}
