//! Rows that are measured on a server that runs already, with a job that is deleted afterwards.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde_json::{Value, json};

use super::lines::records;
use super::load::{self, JOB};
use super::served::{HttpClient, Served};
use super::timing::Times;
use super::{Row, broken};
use crate::Failed;

/// How many jobs run one after another, and how many 256 at a time.
const ONE_BY_ONE: usize = 200;
const IN_FLIGHT: u64 = 5_000;
/// How long a job may take.
const LONGEST_JOB: Duration = Duration::from_secs(60);

/// Measures these rows, or all that can be measured there.
pub async fn rows(
    served: &Served,
    only: &[Row],
    print_row: impl Fn(&Value) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let all = [Row::OneByOne, Row::InFlight];
    if let Some(other) = only.iter().find(|row| !all.contains(row)) {
        let name = other.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        let message = format!("{name} cannot be measured on a running server; leave out --server, or --only");
        return Err(Failed::Refused(message));
    }
    let found =
        served.connect().await?.ask("query ($key: String!) { job(key: $key) { key } }", json!({"key": JOB})).await?;
    if !found["job"].is_null() {
        let message = format!("the organization has a job `{JOB}`, which the benchmark would replace; delete it first");
        return Err(Failed::Refused(message));
    }
    let wanted = |row: Row| only.is_empty() || only.contains(&row);
    let measured = async {
        if wanted(Row::OneByOne) {
            print_row(&one_by_one(served).await?)?;
        }
        if wanted(Row::InFlight) {
            print_row(&load::in_flight(served, IN_FLIGHT).await?)?;
        }
        Ok(())
    };
    let measured = measured.await;
    measured.and(delete(served).await)
}

/// Deletes the job, and kills its results that have not ended.
async fn delete(served: &Served) -> Result<(), Failed> {
    const DELETE: &str =
        "mutation ($key: String!) { deleteJob(input: {key: $key, killOpen: true}) { userErrors { message } } }";
    let deleted = served.connect().await?.ask(DELETE, json!({"key": JOB})).await?;
    load::none(&deleted["deleteJob"]["userErrors"])
}

/// Time from a start until the result is seen to have ended, over one connection.
async fn one_by_one(served: &Served) -> Result<Value, Failed> {
    load::prepare(served, json!({})).await?;
    let (mut client, mut times) = (served.connect().await?, Times::default());
    for _ in 0..ONE_BY_ONE {
        let began = Instant::now();
        run(&mut client).await?;
        times.note(began);
    }
    Ok(times.row("three-line job, 10 records, one at a time, over the API"))
}

async fn run(client: &mut HttpClient) -> Result<(), Failed> {
    const RUN: &str =
        "mutation ($input: RunJobInput!) { runJob(input: $input) { jobResult { id } userErrors { message } } }";
    const STATUS: &str = "query ($id: ID!) { jobResult(id: $id) { status message finishedAt } }";
    let began = Instant::now();
    let started = client.ask(RUN, json!({"input": {"job": JOB, "records": records(10)}})).await?;
    let id = started["runJob"]["jobResult"]["id"].clone();
    load::without_errors(started)?;
    while began.elapsed() < LONGEST_JOB {
        let found = client.ask(STATUS, json!({"id": id})).await?["jobResult"].take();
        match found["status"].as_str() {
            Some("PENDING" | "RUNNING") => tokio::time::sleep(Duration::from_micros(200)).await,
            Some("SUCCESS") => return Ok(()),
            _ => return Err(broken(&format!("a job of the benchmark ended otherwise: {found}"))),
        }
    }
    Err(broken(&"a job of the benchmark did not end within a minute; is the server busy with others?"))
}
