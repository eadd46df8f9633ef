//! `ropewalk serve`: the server, on one SQLite file.

use std::fs::Permissions;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use engine::model::token::{ChosenSecret, Presented, Reach};
use engine::ports::clock::SystemClock;
use engine::ports::files::Folder;
use engine::ports::results::Retention;
use engine::ports::scratch::ScratchFolder;
use engine::runtime::authenticate::DEFAULT_ORGANIZATION;
use engine::runtime::engine::{Engine, Stores};
use engine::runtime::manage::NewOrganization;
use engine::runtime::scheduler::Scheduler;
use engine::runtime::worker::Worker;
use schema::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::log::{LossyLog, print};
use crate::{Failed, home};

/// Where to serve from, and where to listen.
#[derive(Args)]
pub struct Options {
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7700", env = "ROPEWALK_LISTEN")]
    listen: SocketAddr,
    /// Folder of the database, and of the files that jobs may read (`files/ORGANIZATION` in it)
    #[arg(long, value_name = "DIR", default_value = "ropewalk-data", env = "ROPEWALK_DATA_DIR")]
    data_dir: PathBuf,
    /// How many jobs to work on at once
    #[arg(long, value_name = "COUNT", default_value_t = 16, env = "ROPEWALK_WORKERS", value_parser = clap::value_parser!(u16).range(1..))]
    workers: u16,
    /// How many days the history is kept at least
    #[arg(long, value_name = "DAYS", default_value_t = 30, env = "ROPEWALK_KEEP_DAYS")]
    keep_days: u32,
    /// How many results of each job are kept at least, however old
    #[arg(long, value_name = "COUNT", default_value_t = 1000, env = "ROPEWALK_KEEP_RESULTS")]
    keep_results: u32,
    /// What a monitor has to send as `Authorization: Bearer TOKEN` to read `/metrics`, which are open without one
    #[arg(long, value_name = "TOKEN", env = "ROPEWALK_METRICS_TOKEN", hide_env_values = true)]
    metrics_token: Option<String>,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The database in a data folder.
pub const DATABASE: &str = "ropewalk.db";
/// How long after the start the pages of the database are first checked: the start comes first.
const BEFORE_FIRST_CHECK: Duration = Duration::from_secs(60);

const FIRST_TOKEN: &str = "first administrator";
/// How long work in progress may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until it is interrupted.
pub async fn serve(options: Options) -> Result<(), Failed> {
    let filter = EnvFilter::try_from_env("ROPEWALK_LOG").unwrap_or_else(|_| EnvFilter::new("warn,sqlx::pool=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(LossyLog::to(std::io::stderr()))
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    // Not read by clap, which would print it.
    let metrics_token = options.metrics_token.as_deref().map(ChosenSecret::read).transpose();
    let metrics_token = metrics_token.map_err(|fault| Failed::Refused(format!("the token for metrics: {fault}")))?;
    let store = open(&options.data_dir).await?;
    let engine = Arc::new(engine(Arc::clone(&store), &options.data_dir).await?);
    // A token is made only when somebody will see it: the address first.
    let listener = TcpListener::bind(options.listen).await;
    let listener =
        listener.map_err(|error| Failed::Broken(format!("{} cannot be listened on: {error}", options.listen)))?;
    let modules = engine.make_modules_ready().await.map_err(|error| Failed::Broken(error.to_string()))?;
    let address = listener.local_addr().map_err(|error| Failed::Broken(error.to_string()))?;
    let token = first_start(&engine).await?;
    let recovered = engine
        .queue
        .recover(engine.node, engine.clock.now(), None)
        .await
        .map_err(|error| Failed::Broken(error.to_string()))?;
    announce(address, &options.data_dir, token.as_deref(), Found { recovered, modules });
    let retention = Retention { age: DAY * options.keep_days, results: options.keep_results };
    let checking = tokio::spawn(check_daily(Arc::clone(&engine), options.data_dir.join(DATABASE)));
    let api = api::Options { metrics_token, ..api_options() };
    work(engine, listener, api, options.workers.into(), retention).await?;
    checking.abort();
    store.close().await;
    Ok(())
}

async fn open(folder: &Path) -> Result<Arc<Store>, Failed> {
    let files = folder.join("files");
    let unusable =
        |error: std::io::Error| Failed::Broken(format!("the data folder {} cannot be used: {error}", folder.display()));
    // Records and hashes of tokens are nobody else's, also in a folder that was there before.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&files).map_err(unusable)?;
    if let Err(error) = std::fs::set_permissions(folder, Permissions::from_mode(0o700)) {
        tracing::warn!(folder = %folder.display(), %error, "others may look into the data folder, and that cannot be changed");
    }
    let store = Store::open_sqlite(folder.join(DATABASE)).await;
    store.map(Arc::new).map_err(|error| Failed::Broken(error.to_string()))
}

async fn engine(store: Arc<Store>, folder: &Path) -> Result<Engine, Failed> {
    let files = Folder::confined_to(folder.join("files"));
    let scratch = folder.join("scratch");
    let unusable = |error| Failed::Broken(format!("the folder {} cannot be used: {error}", scratch.display()));
    let scratch = ScratchFolder::emptied(&scratch).map_err(unusable)?;
    let engine = Engine::new(
        Stores::of(store),
        Arc::new(home::host(Some(folder)).await?),
        Arc::new(files),
        Arc::new(SystemClock),
    );
    Ok(engine.with_scratch(Arc::new(scratch)))
}

/// With nothing there yet: the first organization and the first token, whose text is given.
async fn first_start(engine: &Engine) -> Result<Option<String>, Failed> {
    let broken = |error: &dyn std::fmt::Display| Failed::Broken(error.to_string());
    if engine.organizations.by_key(DEFAULT_ORGANIZATION).await.map_err(|error| broken(&error))?.is_none() {
        let new = NewOrganization {
            key: DEFAULT_ORGANIZATION.to_owned(),
            name: "Main".to_owned(),
            time_zone: "UTC".to_owned(),
        };
        engine.add_organization(new).await.map_err(|error| broken(&error))?;
    }
    if engine.organizations.has_server_token().await.map_err(|error| broken(&error))? {
        return Ok(None);
    }
    match std::env::var("ROPEWALK_ADMIN_TOKEN") {
        Ok(preset) => {
            let token = Presented::parse(&preset);
            let token = token.ok_or_else(|| {
                Failed::Refused("ROPEWALK_ADMIN_TOKEN is not a token; make one with `ropewalk token`".to_owned())
            })?;
            engine.adopt_token(&token, FIRST_TOKEN, Reach::Server, None).await.map_err(|error| broken(&error))?;
            Ok(None)
        }
        Err(_) => {
            let issued = engine.issue_token(FIRST_TOKEN, Reach::Server, None).await.map_err(|error| broken(&error))?;
            Ok(Some(issued.text))
        }
    }
}

/// What an earlier server left.
struct Found {
    /// Job results that were at work.
    recovered: u64,
    /// Installed modules.
    modules: usize,
}

fn announce(address: SocketAddr, folder: &Path, token: Option<&str>, Found { recovered, modules }: Found) {
    let mut text = format!(
        "Ropewalk {} listens on http://{address}
  GraphQL      http://{address}/graphql
  try it in    http://{address}/graphiql
  data folder  {} (jobs read files from files/ORGANIZATION in it)
",
        env!("CARGO_PKG_VERSION"),
        folder.display()
    );
    if modules > 0 {
        text += &format!("  modules      {modules} installed\n");
    }
    if recovered > 0 {
        text += &format!("  going on with {recovered} job results that were at work when the server last stopped\n");
    }
    if let Some(token) = token {
        text += &format!("\nAdministrator token, shown only this once:\n  {token}\n");
    }
    if !address.ip().is_loopback() {
        text += "\nThis address can be reached from other machines, and tokens travel in the clear: put TLS in front of it.\n";
    }
    print(std::io::stdout(), &text);
}

fn api_options() -> api::Options {
    api::Options {
        script_types: actions::bundled::SCRIPT_TYPES,
        upload_limit: actions::host::Limits::default().component,
        connections: connections(),
        ..api::Options::default()
    }
}

/// Reads all pages of the database, soon after the start and then each day. A damaged one is served
/// without notice otherwise.
async fn check_daily(engine: Arc<Engine>, database: PathBuf) {
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
    engine: Arc<Engine>,
    listener: TcpListener,
    options: api::Options,
    workers: usize,
    retention: Retention,
) -> Result<(), Failed> {
    let stop = CancellationToken::new();
    let mut worker = tokio::spawn(Worker::new(Arc::clone(&engine), workers).work(stop.clone(), GRACE));
    let mut scheduler = tokio::spawn(Scheduler::new(Arc::clone(&engine)).work(stop.clone()));
    let keeper = tokio::spawn(Arc::clone(&engine).keep_house(retention, stop.clone()));
    let stopping = stop.clone();
    let mut broke_off = false;
    let shutdown = async {
        tokio::select! {
            () = interrupted() => {}
            // A server that does not work, or whose schedules rest, must not look as if it did.
            _ = &mut worker => broke_off = true,
            _ = &mut scheduler => broke_off = true,
        }
        stopping.cancel();
    };
    let served = api::serve(listener, engine, options, shutdown).await;
    stop.cancel();
    if !scheduler.is_finished() {
        let _ = tokio::time::timeout(GRACE, scheduler).await;
    }
    // The worker ends by itself within its grace; what a panic left undone is put back at the next start.
    if !worker.is_finished() {
        let _ = worker.await;
    }
    let _ = keeper.await;
    served.map_err(|error| Failed::Broken(format!("the server broke off: {error}")))?;
    if broke_off {
        Err(Failed::Broken("the worker or the scheduler broke off; start the server again".to_owned()))
    } else {
        Ok(())
    }
}

/// Descriptors that are left to everything but connections: the database, modules, files, requests of actions.
const OTHER_DESCRIPTORS: u64 = 512;

/// As many connections as the process may have descriptors for, up to the usual number. Most systems start a program
/// with few, and let it have more if it asks.
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

/// Ctrl-C, or the signal with which supervisors stop a program.
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
