//! How the engine reaches actions: modules to load, and lines to open.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::reach::Reach;
use crate::model::action::ModuleDigest;
use crate::model::effect::Effect;
use crate::model::module::ModuleInfo;
use crate::model::result::LogEntry;

/// What a module is told about the line it works for. Texts are ready to be handed over.
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
    pub parameters: Value,
    /// About the line.
    pub context: LineContext,
    /// What it may do outside.
    pub reach: Arc<dyn Reach>,
    /// How long the line may take in all.
    pub timeout: Duration,
    /// Interrupts the line when it is cancelled.
    pub kill: CancellationToken,
    /// Hears each message of the log as it comes.
    pub listener: Arc<dyn Listener>,
}

/// Hears what a line logs, as it comes.
pub trait Listener: Send + Sync {
    /// One more message; bounded in number and length by the host.
    fn logged(&self, entry: &LogEntry);
}

/// Nobody listens.
impl Listener for () {
    fn logged(&self, _: &LogEntry) {}
}

/// What came of a batch, or of closing the line.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The records that go on, as a JSON array; none leaves the batch as it was (at close: adds nothing).
    pub records: Option<Vec<Value>>,
    /// Positions in the batch, with reasons.
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
    /// Somebody should look at it.
    Warning,
}

/// Why a line failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What went wrong, where, and what to do.
    pub message: String,
    /// What a line that could not be opened told before it failed.
    pub told: Box<Told>,
}

/// What a line tells besides its records, however it ends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Told {
    /// Messages, bounded by the host, with a mark where it cut.
    pub log: Vec<LogEntry>,
    /// What it did outside, bounded alike.
    pub effects: Vec<Effect>,
}

/// What kind of failure it was. All of them end the line in `error`, but `Killed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The action says that trying again may help.
    Temporary {
        /// Seconds to wait at least.
        retry_after: Option<u32>,
    },
    /// The action says that it will not.
    Final,
    /// The module broke off: a trap, or an answer that breaks the contract.
    Trap,
    /// A limit was met: memory, size, recursion.
    Limit,
    /// The line took too long.
    Timeout,
    /// The line was killed.
    Killed,
}

impl Failure {
    /// The failure of a line that took too long.
    pub fn timed_out(timeout: Duration) -> Self {
        let message =
            format!("The line took longer than its timeout of {timeout:?}; give it a longer one, or less to do.");
        Self::new(FailureKind::Timeout, message)
    }

    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), told: Box::default() }
    }
}

/// The modules that are ready on this node, and what runs them.
#[async_trait]
pub trait Actions: Send + Sync {
    /// The modules that come with the program. They are always ready.
    fn bundled(&self) -> Vec<ModuleInfo>;

    /// Makes a component ready, and says what it is. One that is ready already is left as it
    /// is. Compiles what this node never met, which may take a while and is bounded.
    ///
    /// # Errors
    /// Every fault of a component that is refused, one sentence each.
    async fn load(&self, component: Arc<[u8]>) -> Result<ModuleInfo, Vec<String>>;

    /// Makes a module ready that this node has compiled before; false if it has not.
    async fn recall(&self, digest: &str) -> bool;

    /// Forgets a module. Lines that are at work with it go on.
    fn unload(&self, digest: &str);

    /// Opens a line in a fresh instance of its module.
    async fn open(&self, line: OpenLine) -> Result<Box<dyn ActionLine>, Failure>;
}

/// One line at work.
#[async_trait]
pub trait ActionLine: Send {
    /// Works on one batch. `number` is its place in the set, from 0; after a crash the numbers need
    /// not begin there.
    async fn take(&mut self, number: u32, batch: &[Value]) -> Result<Outcome, Failure>;

    /// Called once after the last batch, not after a failure.
    async fn close(&mut self) -> Result<Outcome, Failure>;

    /// What it told since it was last asked.
    fn drain(&mut self) -> Told;
}
