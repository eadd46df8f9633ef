//! `ropewalk run FILE`: runs a job without a server.

use std::path::PathBuf;

use clap::Args;
use engine::engine::Engine;
use engine::execution::outcome::Performed;
use engine::execution::start::Start;
use engine::execution::worker::Worker;
use engine::model::Instant;
use engine::model::fault::Fault;
use engine::model::job::{JobFile, Part};
use engine::model::organization::Access;
use engine::model::result::JobResult;
use engine::model::status::Status;
use engine::node::service_error::ServiceError;
use engine::ports::StoreError;
use engine::records::Set;

use crate::display::{output, progress, report};
use crate::host_setup::explain_when_slow;
use crate::local_engine::{LocalEngine, Modules};
use crate::start_args::{StartArgs, read_instant};
use crate::stdio::{print, print_error, print_with};
use crate::{Failed, job_file};

/// What to run, and with what.
#[derive(Args)]
pub struct Options {
    /// The job file (YAML or JSON)
    file: PathBuf,
    /// The job to run, where the file holds several
    #[arg(long, value_name = "KEY")]
    job: Option<String>,
    #[command(flatten)]
    start: StartArgs,
    /// Print the job result as one JSON object
    #[arg(long)]
    json: bool,
    /// Write the final records to a .json, .jsonl or .csv file, or the text of a report to any file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Run as if it were this instant (RFC 3339), for tests
    #[arg(long, value_name = "INSTANT", value_parser = read_instant)]
    now: Option<Instant>,
    /// Time zone of jobs that name none
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// Record what the job would do outside, instead of doing it
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    modules: Modules,
}

/// Runs a job file.
pub async fn run(options: Options) -> Result<(), Failed> {
    let file = job_file::read(&options.file)?;
    let part = file.job(options.job.as_deref());
    let part = part.map_err(|message| Failed::Refused(format!("{}: {message}", options.file.display())))?;
    if let Some(path) = &options.output {
        output::check(path)?;
    }
    let local = LocalEngine::open(&options.file, options.now, &options.time_zone, &options.modules).await?;
    local.add_queues(&file).await?;
    let faults = local.add_templates(&file).await?;
    if !faults.is_empty() {
        return Err(Failed::Refused(job_file::list(&options.file, &faults)));
    }
    let LocalEngine { engine, access } = local;
    save_others(&engine, &access, &file, part).await;
    let started = start(&engine, &access, part, &options).await?;
    let performed = perform(&engine, &access, &started, options.json).await?;
    // The job has run: a closed output must hide neither the file nor how the job ended.
    let printed = match options.json {
        true => print_with(|out| report::write_json(&performed, out)),
        false => print(&report::text(&performed)),
    };
    let failed = matches!(performed.result.status, Status::Error | Status::Killed);
    match &options.output {
        Some(path) if failed => {
            print_error(&format!("{} was not written, because the job did not complete.", path.display()));
        }
        Some(path) => output::write(path, &performed.records)?,
        None => {}
    }
    match printed {
        Ok(()) | Err(Failed::NoReader) if failed => Err(Failed::Job),
        printed => printed,
    }
}

/// Saves the other jobs of the file, so that lines can start them.
async fn save_others(engine: &Engine, access: &Access, file: &JobFile, part: &Part) {
    for other in file.jobs.iter().filter(|other| *other != part) {
        let mut document = other.document.clone();
        if let Some(fields) = document.as_object_mut() {
            fields.shift_remove("schedules");
        }
        if let Err(error) = engine.jobs().save(access, document, None).await {
            print_error(&format!("Lines cannot start {}: {error}; `ropewalk check` shows its faults.", other.path));
        }
    }
}

async fn start(engine: &Engine, access: &Access, part: &Part, options: &Options) -> Result<JobResult, Failed> {
    let refused = |faults: Vec<_>| Failed::Refused(job_file::list(&options.file, &faults));
    let not_saved = |error| job_file::refused(part, error).map_or_else(|failed| failed, refused);
    let job = explain_when_slow(engine.jobs().check(access, &part.document)).await.map_err(not_saved)?;
    if let Some(path) = &options.output {
        output::check_ending(path, &job)?;
    }
    let arguments = options.start.arguments(&job.arguments);
    let records = options.start.records()?;
    let mut document = part.document.clone();
    if let Some(fields) = document.as_object_mut() {
        // Started by hand, a job may run even if all times of its schedules are past.
        fields.shift_remove("schedules");
    }
    engine.jobs().save(access, document, None).await.map_err(not_saved)?;
    let start = Start { job: job.key, arguments, records, dry_run: options.dry_run, ..Start::default() };
    engine.jobs().start(access, start).await.map_err(|error| match error {
        ServiceError::Refused(refusals) => {
            refused(refusals.into_iter().map(|refusal| Fault::at(refusal.path, refusal.message)).collect())
        }
        ServiceError::Store(error) => Failed::Broken(error.to_string()),
    })
}

/// Performs the result that was started; Ctrl-C kills it.
async fn perform(engine: &Engine, access: &Access, started: &JobResult, quiet: bool) -> Result<Performed, Failed> {
    let progress = progress::show(engine, quiet);
    let worker = engine.worker(1);
    let work = perform_to_the_end(&worker, started);
    tokio::pin!(work);
    let performed = loop {
        tokio::select! {
            performed = &mut work => break performed,
            Ok(()) = tokio::signal::ctrl_c() => { let _ = engine.results().kill(access, started.id, Some("Ctrl-C")).await; }
        }
    };
    progress.end();
    let broken = |error: StoreError| Failed::Broken(error.to_string());
    match performed.map_err(broken)? {
        Some(performed) => Ok(performed),
        None => killed(engine, access, started).await.map_err(broken),
    }
}

/// The jobs that its lines start are performed by the same worker in between.
async fn perform_to_the_end(worker: &Worker, started: &JobResult) -> Result<Option<Performed>, StoreError> {
    loop {
        match worker.step().await? {
            Some(performed) if performed.result.id != started.id => {}
            ended => return Ok(ended),
        }
    }
}

async fn killed(engine: &Engine, access: &Access, started: &JobResult) -> Result<Performed, StoreError> {
    let result = engine.results().find(access.scope(), started.id).await?.unwrap_or_else(|| started.clone());
    let lines = engine.results().lines(access.scope(), &[started.id]).await?;
    Ok(Performed {
        result,
        lines: lines.into_iter().map(|(_, line)| line).collect(),
        records: Set::held(Vec::new()),
        rejected: Vec::new(),
    })
}
