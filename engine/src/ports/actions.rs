//! How the engine reaches actions: modules to load, and lines to open.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::model::action::ModuleDigest;
use crate::model::effect::Effect;
use crate::model::module::ModuleInfo;
use crate::model::result::LogEntry;
use crate::ports::host_calls::HostCalls;

/// The context of a line, as its module sees it. Texts are in their final form.
#[derive(Debug, Clone)]
pub struct LineContext {
    /// Id of the job result.
    pub job_result: String,
    /// Number of the line.
    pub line_no: u32,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The same in every attempt.
    pub idempotency_key: String,
    /// The clock reading: RFC 3339 with the offset of the job's time zone.
    pub now: String,
    /// The start of the last full success: RFC 3339.
    pub since: Option<String>,
    /// Key of the organization.
    pub organization: String,
    /// The arguments: a JSON object.
    pub arguments: Value,
    /// The date variables: a JSON object of strings.
    pub dates: Value,
    /// Whether effects are only described.
    pub dry_run: bool,
}

/// A line to be opened.
pub struct OpenLine {
    /// The module, as it was loaded.
    pub module: ModuleDigest,
    /// Name of the action in the module.
    pub action: String,
    /// Rendered parameters that fit the action's schema.
    pub parameters: Arc<Value>,
    /// The context of the line.
    pub context: LineContext,
    /// What it may call.
    pub host_calls: Arc<dyn HostCalls>,
    /// How long the line may take in all.
    pub timeout: Duration,
    /// Interrupts the line when it is cancelled.
    pub cancellation: CancellationToken,
    /// Receives each message of the log at once.
    pub listener: Arc<dyn Listener>,
}

/// Receives the log of a line while it runs.
pub trait Listener: Send + Sync {
    /// One more message; bounded in number and length by the host.
    fn logged(&self, entry: &LogEntry);
}

/// Ignores the log.
impl Listener for () {
    fn logged(&self, _: &LogEntry) {}
}

/// The outcome of a batch, or of closing the line.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The records that are passed on; none leaves the batch unchanged (at close: adds nothing).
    pub records: Option<Vec<Value>>,
    /// The positions of rejected records in the batch, with the reasons.
    pub rejected: Vec<(u32, String)>,
    /// One sentence for a clerk.
    pub message: Option<String>,
    /// How well it went.
    pub severity: Severity,
}

/// How well a batch went, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Severity {
    /// There was nothing to do.
    Info,
    /// Did its work.
    #[default]
    Success,
    /// Somebody should check it.
    Warning,
}

/// Why a line failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What went wrong, where, and what to do.
    pub message: String,
    /// The output of a line that could not be opened, before it failed.
    pub output: Box<LineOutput>,
}

/// The output of a line besides its records, however it ends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineOutput {
    /// Messages, limited by the host, with a mark where it cut.
    pub log: Vec<LogEntry>,
    /// The effects that it had, limited in the same way.
    pub effects: Vec<Effect>,
    /// The most memory that the instance of the module used, in bytes; 0 if it has none of its own.
    pub memory_peak: u64,
}

/// The kind of a failure. All of them end the line in `error`, except `Cancelled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The action says that a retry may succeed.
    Temporary {
        /// The shortest time to wait, in seconds.
        retry_after: Option<u32>,
    },
    /// The action says that a retry will not succeed.
    Final,
    /// The module trapped, or returned something that violates the contract.
    Trap,
    /// A limit was reached: memory, size or recursion.
    Limit,
    /// The line took too long.
    Timeout,
    /// The line was killed, or its worker stops.
    Cancelled,
}

impl Failure {
    /// The failure of a line that took too long.
    pub fn timed_out(timeout: Duration) -> Self {
        let message =
            format!("The line took longer than its timeout of {timeout:?}; increase the timeout, or reduce the work.");
        Self::new(FailureKind::Timeout, message)
    }

    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), output: Box::default() }
    }
}

/// The modules that are loaded on this node, and the host that runs them.
#[async_trait]
pub trait Actions: Send + Sync {
    /// The modules that come with the program. They are loaded when they are first needed, and never unloaded.
    fn bundled(&self) -> Vec<ModuleInfo>;

    /// Loads a component, and describes it. A component that is already loaded stays as it is. One that this node has
    /// never seen is compiled, which may take a while and is limited.
    ///
    /// # Errors
    /// Every fault of the component, one sentence each.
    async fn load(&self, component: Arc<[u8]>) -> Result<ModuleInfo, Vec<String>>;

    /// Loads a module that comes with the program, or that this node has compiled before; false if it is neither.
    async fn recall(&self, digest: &str) -> bool;

    /// Unloads a module. Lines that use it continue.
    fn unload(&self, digest: &str);

    /// Opens a line in a fresh instance of its module.
    async fn open(&self, line: OpenLine) -> Result<Box<dyn ActionLine>, Failure>;
}

/// A line that is open.
#[async_trait]
pub trait ActionLine: Send {
    /// Processes one batch. `number` is its position in the set, from 0; after a crash, the first batch may have a
    /// higher number.
    async fn take(&mut self, number: u32, batch: &[Value]) -> Result<Outcome, Failure>;

    /// Called once after the last batch, not after a failure.
    async fn close(&mut self) -> Result<Outcome, Failure>;

    /// The output since the last call.
    fn drain(&mut self) -> LineOutput;
}
