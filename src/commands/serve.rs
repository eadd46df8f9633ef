//! `ropewalk serve`: runs the server on one SQLite database.

use std::fs::Permissions;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use engine::engine::Engine;
use engine::model::lifecycle::retention::Retention;
use engine::model::token::{ChosenSecret, ParsedToken, TokenScope};
use engine::node::service_error::ServiceError;
use engine::ports::clock::SystemClock;
use engine::ports::files::Folder;
use engine::ports::scratch::ScratchFolder;
use engine::ports::stores::Stores;
use engine::records::spill_config::SpillConfig;
use engine::services::organizations::{DEFAULT_ORGANIZATION, NewOrganization};

use schema::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::display::counted;
use crate::host_setup::explain_when_slow;
use crate::lossy_log::{LossyLog, json_notice, text_notice};
use crate::stdio::print;
use crate::{Failed, host_setup};

/// How to serve.
#[derive(Args)]
pub struct Options {
    /// Address and port to listen on; port 0 chooses a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7700", env = "ROPEWALK_LISTEN")]
    listen: SocketAddr,
    /// Folder of the database, and of the files that jobs may read (`files/ORGANIZATION` in it)
    #[arg(long, value_name = "DIR", default_value = "ropewalk-data", env = "ROPEWALK_DATA_DIR")]
    data_dir: PathBuf,
    /// How many jobs run at the same time
    #[arg(long, value_name = "COUNT", default_value_t = 16, env = "ROPEWALK_WORKERS", value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// How many days the history is kept at least
    #[arg(long, value_name = "DAYS", default_value_t = 30, env = "ROPEWALK_KEEP_DAYS")]
    keep_days: u32,
    /// How many results of each job are kept at least, however old
    #[arg(long, value_name = "COUNT", default_value_t = 1000, env = "ROPEWALK_KEEP_RESULTS")]
    keep_results: u32,
    /// Token that a monitor sends as `Authorization: Bearer TOKEN` to read `/metrics`; without it, anybody may read
    /// them
    #[arg(long, value_name = "TOKEN", env = "ROPEWALK_METRICS_TOKEN", hide_env_values = true)]
    metrics_token: Option<String>,
    /// Format of the log on standard error
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text, env = "ROPEWALK_LOG_FORMAT")]
    log_format: LogFormat,
}

/// How events are written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// A line of text for each event
    Text,
    /// A JSON object on a line for each event
    Json,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The database in a data folder.
pub const DATABASE: &str = "ropewalk.db";
/// How long after the start the pages of the database are checked for the first time: the check must not slow the
/// start down.
const BEFORE_FIRST_CHECK: Duration = Duration::from_secs(60);

const FIRST_TOKEN: &str = "first administrator";
/// The environment variable with a token of an administrator.
const PRESET_TOKEN: &str = "ROPEWALK_ADMIN_TOKEN";
/// How long work in progress may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until it is interrupted.
pub async fn serve(options: Options) -> Result<(), Failed> {
    start_log(options.log_format);
    // clap must not read it: its message would print the token.
    let metrics_token = options.metrics_token.as_deref().map(ChosenSecret::read).transpose();
    let metrics_token =
        metrics_token.map_err(|fault| Failed::Refused(format!("The metrics token is not valid: {fault}")))?;
    let store = open(&options.data_dir).await?;
    let engine = engine(Arc::clone(&store), &options.data_dir).await?;
    // The first token is shown once, so it is made only after the address is known to be free.
    let listener = TcpListener::bind(options.listen).await;
    let listener =
        listener.map_err(|error| Failed::Broken(format!("The server cannot listen on {}: {error}", options.listen)))?;
    let modules = explain_when_slow(engine.load_modules()).await.map_err(|error| Failed::Broken(error.to_string()))?;
    let address = listener.local_addr().map_err(|error| Failed::Broken(error.to_string()))?;
    let token = first_start(&engine).await?;
    let recovered = engine.recover().await.map_err(|error| Failed::Broken(error.to_string()))?;
    announce(address, &options.data_dir, &token, Found { recovered, modules });
    let retention = Retention { age: DAY * options.keep_days, results: options.keep_results };
    let checking = tokio::spawn(check_daily(engine.clone(), options.data_dir.join(DATABASE)));
    let api = api::Options { metrics_token, ..api_options() };
    work(engine, listener, api, options.workers.into(), retention).await?;
    checking.abort();
    store.close().await;
    Ok(())
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("ROPEWALK_LOG").unwrap_or_else(|_| EnvFilter::new("warn,sqlx::pool=error"));
    let notice = match format {
        LogFormat::Text => text_notice as fn(u64) -> String,
        LogFormat::Json => json_notice,
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(LossyLog::to(std::io::stderr(), notice))
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

async fn open(folder: &Path) -> Result<Arc<Store>, Failed> {
    let files = folder.join("files");
    let unusable =
        |error: std::io::Error| Failed::Broken(format!("The data folder {} cannot be used: {error}", folder.display()));
    // The folder holds records and hashes of tokens, so other users must not read it, even if it existed before.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&files).map_err(unusable)?;
    if let Err(error) = std::fs::set_permissions(folder, Permissions::from_mode(0o700)) {
        tracing::warn!(folder = %folder.display(), %error, "other users may read the data folder, and its mode cannot be changed");
    }
    let store = Store::open_sqlite(folder.join(DATABASE)).await;
    store.map(Arc::new).map_err(|error| Failed::Broken(error.to_string()))
}

async fn engine(store: Arc<Store>, folder: &Path) -> Result<Engine, Failed> {
    let files = Folder::confined_to(folder.join("files"));
    let scratch = folder.join("scratch");
    let unusable = |error| Failed::Broken(format!("The folder {} cannot be used: {error}", scratch.display()));
    let scratch = ScratchFolder::emptied(&scratch).map_err(unusable)?;
    let host = Arc::new(host_setup::host(Some(folder)).await?);
    let spill = SpillConfig::with(Arc::new(scratch));
    let metrics = store.metrics();
    let stores = Stores::of(store).with_metrics(metrics);
    Ok(Engine::with_spill(stores, host, Arc::new(files), Arc::new(SystemClock), spill))
}

/// Makes the first organization and the first token where there are none. A token in the environment is made valid, also
/// when there are others.
async fn first_start(engine: &Engine) -> Result<FirstToken, Failed> {
    let broken = |error: &dyn std::fmt::Display| Failed::Broken(error.to_string());
    if engine.organizations().find(DEFAULT_ORGANIZATION).await.map_err(|error| broken(&error))?.is_none() {
        let new = NewOrganization {
            key: DEFAULT_ORGANIZATION.to_owned(),
            name: "Main".to_owned(),
            time_zone: "UTC".to_owned(),
        };
        engine.organizations().add(new).await.map_err(|error| broken(&error))?;
    }
    let tokens = engine.tokens();
    if let Ok(preset) = std::env::var(PRESET_TOKEN) {
        let token = ParsedToken::parse(&preset).ok_or_else(|| {
            Failed::Refused(format!("{PRESET_TOKEN} is not a token. Make one with `ropewalk token`."))
        })?;
        let first = !tokens.has_server_token().await.map_err(|error| broken(&error))?;
        let name = if first { FIRST_TOKEN } else { "administrator from ROPEWALK_ADMIN_TOKEN" };
        let added = tokens.ensure(&token, name).await.map_err(|error| match error {
            ServiceError::Refused(_) => Failed::Refused(format!(
                "{PRESET_TOKEN} cannot be used: {error} Make another one with `ropewalk token`, or unset the variable."
            )),
            error => broken(&error),
        })?;
        return Ok(if added && !first { FirstToken::Added } else { FirstToken::Known });
    }
    if tokens.has_server_token().await.map_err(|error| broken(&error))? {
        return Ok(FirstToken::Known);
    }
    let issued = tokens.issue(FIRST_TOKEN, TokenScope::Server, None, None).await.map_err(|error| broken(&error))?;
    Ok(FirstToken::Made(issued.text))
}

/// The token of a server administrator, at the start.
enum FirstToken {
    /// There was one already.
    Known,
    /// The environment gave one that was not known.
    Added,
    /// It was made now.
    Made(String),
}

/// What an earlier run of the server left.
struct Found {
    /// Job results that were running.
    recovered: u64,
    /// Installed modules.
    modules: usize,
}

fn announce(address: SocketAddr, folder: &Path, token: &FirstToken, Found { recovered, modules }: Found) {
    let mut text = format!(
        "Ropewalk {} listens on http://{address}
  GraphQL      http://{address}/graphql
  GraphiQL     http://{address}/graphiql
  data folder  {} (jobs may read the files in files/ORGANIZATION)
",
        env!("CARGO_PKG_VERSION"),
        folder.display()
    );
    if modules > 0 {
        text += &format!("  modules      {modules} installed\n");
    }
    if recovered > 0 {
        let results = counted(usize::try_from(recovered).unwrap_or(usize::MAX), "job result");
        text += &format!("  recovered    {results} that ran when the server last stopped\n");
    }
    match token {
        FirstToken::Known => {}
        FirstToken::Added => text += &format!("\nThe token in {PRESET_TOKEN} was added as one of an administrator.\n"),
        FirstToken::Made(token) => {
            text += &format!("\nAdministrator token (it is shown only once):\n  {token}\n");
        }
    }
    if !address.ip().is_loopback() {
        text += "\nOther machines can reach this address, and tokens are sent unencrypted: put a TLS proxy in front of it.\n";
    }
    // The server is up, whether or not somebody reads this.
    let _ = print(text.trim_end());
}

fn api_options() -> api::Options {
    api::Options {
        script_types: actions::bundled::SCRIPT_TYPES,
        upload_limit: actions::host::Limits::default().component,
        connections: connections(),
        ..api::Options::default()
    }
}

/// Checks all pages of the database soon after the start and then daily. Without this, damage stays unnoticed until
/// somebody reads the damaged page.
async fn check_daily(engine: Engine, database: PathBuf) {
    tokio::time::sleep(BEFORE_FIRST_CHECK).await;
    loop {
        match schema::check_pages(&database).await {
            Ok(faults) => engine.note_database_check(faults),
            Err(reason) => tracing::warn!(reason, "the pages of the database could not be checked"),
        }
        tokio::time::sleep(DAY).await;
    }
}

async fn work(
    engine: Engine,
    listener: TcpListener,
    options: api::Options,
    workers: usize,
    retention: Retention,
) -> Result<(), Failed> {
    let stop = CancellationToken::new();
    let mut worker = tokio::spawn(engine.worker(workers).work(stop.clone(), GRACE));
    let mut scheduler = tokio::spawn(engine.scheduler().work(stop.clone()));
    let pruning = {
        let (engine, stop) = (engine.clone(), stop.clone());
        tokio::spawn(async move { engine.remove_old_results(retention, stop).await })
    };
    let stopping = stop.clone();
    let mut failed = false;
    let shutdown = async {
        tokio::select! {
            () = interrupted() => {}
            // Without a worker or a scheduler the server would only look healthy, so it stops.
            _ = &mut worker => failed = true,
            _ = &mut scheduler => failed = true,
        }
        stopping.cancel();
    };
    let served = api::serve(listener, engine, options, shutdown).await;
    stop.cancel();
    if !scheduler.is_finished() {
        let _ = tokio::time::timeout(GRACE, scheduler).await;
    }
    // The worker ends by itself within its grace. The next start recovers what a panic left undone.
    if !worker.is_finished() {
        let _ = worker.await;
    }
    let _ = pruning.await;
    served.map_err(|error| Failed::Broken(format!("The server failed: {error}")))?;
    if failed {
        Err(Failed::Broken("The worker or the scheduler failed, so the server stopped. Start it again.".to_owned()))
    } else {
        Ok(())
    }
}

/// File descriptors kept for everything but connections: the database, modules, files, requests of actions.
const OTHER_DESCRIPTORS: u64 = 512;

/// As many connections as the process may have descriptors for, up to the default. Most systems start a program with
/// few descriptors and allow more on request.
fn connections() -> api::connections::Limits {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let usual = api::connections::Limits::default();
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = usual.connections as u64 + OTHER_DESCRIPTORS;
    let wanted = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = current.is_some_and(|current| current < wanted)
        && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok();
    let descriptors = if raised { Some(wanted) } else { current };
    let free =
        descriptors.map_or(u64::MAX, |descriptors| descriptors.saturating_sub(OTHER_DESCRIPTORS).max(descriptors / 2));
    let connections = usize::try_from(free).unwrap_or(usize::MAX).min(usual.connections);
    api::connections::Limits { connections, from_one_address: connections * 3 / 4, ..usual }
}

/// Waits for Ctrl-C, or for SIGTERM, with which supervisors stop a program.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
