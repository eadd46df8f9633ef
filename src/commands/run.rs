//! `ropewalk run FILE`: a job from beginning to end, without a server.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use engine::model::Instant;
use engine::model::job::{JobFile, Part};
use engine::model::organization::Access;
use engine::model::result::JobResult;
use engine::model::status::Status;
use engine::ports::StoreError;
use engine::runtime::engine::Engine;
use engine::runtime::perform::Performed;
use engine::runtime::set::Set;
use engine::runtime::start::{Start, StartError};
use engine::runtime::worker::Worker;

use crate::display::{output, progress, report, say, tell};
use crate::given::{Given, read_instant};
use crate::local::{Local, Modules};
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
    given: Given,
    /// Print the job result as one JSON object
    #[arg(long)]
    json: bool,
    /// Write the final records to a file: .json, .jsonl or .csv; a report's text to any other
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Act as if it were this instant (RFC 3339), for trials
    #[arg(long, value_name = "INSTANT", value_parser = read_instant)]
    now: Option<Instant>,
    /// Zone of jobs that name none
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// Note what the job would do outside, instead of doing it
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
    let local = Local::open(&options.file, options.now, &options.time_zone, &options.modules).await?;
    local.take_queues(&file).await?;
    let faults = local.take_templates(&file).await?;
    if !faults.is_empty() {
        return Err(Failed::Refused(job_file::told(&options.file, &faults)));
    }
    let Local { engine, access } = local;
    save_others(&engine, &access, &file, part).await;
    let started = start(&engine, &access, part, &options).await?;
    let performed = perform(&engine, &access, &started, options.json).await?;
    match options.json {
        true => tell(|out| report::write_json(&performed, out))?,
        false => say(&report::text(&performed))?,
    }
    let failed = matches!(performed.result.status, Status::Error | Status::Killed);
    match &options.output {
        Some(path) if failed => eprintln!("{} was not written, since the job did not get to its end", path.display()),
        Some(path) => output::write(path, &performed.records)?,
        None => {}
    }
    if failed { Err(Failed::Job) } else { Ok(()) }
}

/// Saves the other jobs of the file, so that lines can start them.
async fn save_others(engine: &Engine, access: &Access, file: &JobFile, part: &Part) {
    for other in file.jobs.iter().filter(|other| *other != part) {
        let mut document = other.document.clone();
        if let Some(fields) = document.as_object_mut() {
            fields.shift_remove("schedules");
        }
        if let Err(error) = engine.save_job(access, document, None).await {
            eprintln!("note: {} cannot be started: {error}; `ropewalk check` shows its faults", other.path);
        }
    }
}

async fn start(engine: &Engine, access: &Access, part: &Part, options: &Options) -> Result<JobResult, Failed> {
    let refused = |faults: Vec<_>| Failed::Refused(job_file::told(&options.file, &faults));
    let not_saved = |error| job_file::not_saved(part, error).map_or_else(|failed| failed, refused);
    let job = engine.check_job(access, &part.document).await.map_err(not_saved)?;
    let arguments = options.given.arguments(&job.arguments);
    let records = options.given.records()?;
    let mut document = part.document.clone();
    if let Some(fields) = document.as_object_mut() {
        // It is started by hand, also when all that it would start at by itself is past.
        fields.shift_remove("schedules");
    }
    engine.save_job(access, document, None).await.map_err(not_saved)?;
    let start = Start { job: job.key, arguments, records, dry_run: options.dry_run, ..Start::default() };
    engine.start(access, start).await.map_err(|error| match error {
        StartError::Faults(faults) => refused(faults),
        other => Failed::Broken(other.to_string()),
    })
}

/// Performs the result that was started; Ctrl-C kills it.
async fn perform(engine: &Arc<Engine>, access: &Access, started: &JobResult, quiet: bool) -> Result<Performed, Failed> {
    let progress = progress::show(engine, quiet);
    let worker = Worker::new(Arc::clone(engine), 1);
    let work = perform_to_the_end(&worker, started);
    tokio::pin!(work);
    let performed = loop {
        tokio::select! {
            performed = &mut work => break performed,
            Ok(()) = tokio::signal::ctrl_c() => { let _ = engine.kill(access, started.id, Some("Ctrl-C")).await; }
        }
    };
    progress.end();
    let broken = |error: &dyn std::fmt::Display| Failed::Broken(error.to_string());
    match performed.map_err(|error| broken(&error))? {
        Some(performed) => Ok(performed),
        None => killed(engine, access, started).await.map_err(|error| broken(&error)),
    }
}

/// Jobs that its lines start come in between.
async fn perform_to_the_end(worker: &Worker, started: &JobResult) -> Result<Option<Performed>, StoreError> {
    loop {
        match worker.step().await? {
            Some(performed) if performed.result.id != started.id => {}
            ended => return Ok(ended),
        }
    }
}

async fn killed(engine: &Engine, access: &Access, started: &JobResult) -> Result<Performed, StoreError> {
    let result = engine.results.find(access.scope(), started.id).await?.unwrap_or_else(|| started.clone());
    let lines = engine.results.lines(access.scope(), &[started.id]).await?;
    Ok(Performed {
        result,
        lines: lines.into_iter().map(|(_, line)| line).collect(),
        records: Set::held(Vec::new()),
        rejected: Vec::new(),
    })
}
