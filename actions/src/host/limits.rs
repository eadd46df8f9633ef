//! The limits of modules.

use std::time::Duration;

use ::engine::model::text::printable;
use wasmtime::ResourceLimiter;

use crate::egress;

const MIB: usize = 1024 * 1024;
/// Core modules in one instance of a component: the guest itself, its libraries and adapters.
pub(super) const CORE_INSTANCES: u32 = 32;
/// Tables of one component.
pub(super) const TABLES: u32 = 16;
/// Linear memories of one component.
pub(super) const MEMORIES: u32 = 1;

/// The limits of every guest. All are finite, and all apply from the first instruction.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Linear memory of one instance, in bytes.
    pub memory: usize,
    /// Bytes of all responses that one line gets through `wasi:http`. The host holds them until the
    /// guest has read them.
    pub held: usize,
    /// Elements of one table.
    pub table_elements: usize,
    /// Instances that exist at once on this node; further lines wait.
    pub instances: u32,
    /// Bytes of JSON that one call may return.
    pub output: usize,
    /// Bytes of a message, of the reason for a rejection, or of a failure.
    pub sentence: usize,
    /// Log messages of one line.
    pub log_messages: usize,
    /// Bytes of one log message.
    pub log_message: usize,
    /// Interval at which the host checks whether a guest must stop.
    pub tick: Duration,
    /// How long a module may take to list its actions when it is loaded.
    pub listing: Duration,
    /// Size of a component, in bytes.
    pub component: usize,
    /// Body of one function, in bytes; long ones take minutes to compile.
    pub function: usize,
    /// Functions of a component.
    pub functions: u32,
    /// Imports of a component and of everything in it; the same limit applies to exports and to types.
    pub declarations: u32,
    /// Depth to which components and core modules may be nested.
    pub nesting: u32,
    /// Bytes that `list` may return.
    pub list: usize,
    /// Actions of one module.
    pub actions: usize,
    /// Schema of the parameters of one action, in bytes.
    pub schema: usize,
    /// Processor time that a component may take to compile.
    pub compile_time: Duration,
    /// How long compiling may take on the clock. The compiler has a low priority, and waits for other work.
    pub compile_deadline: Duration,
    /// Memory of the process that compiles, in bytes.
    pub compile_memory: u64,
    /// Components that are compiled at the same time.
    pub compilers: usize,
    /// How often one line may call the host, besides its log.
    pub calls: u32,
    /// Limits of one HTTP request.
    pub http: egress::Limits,
    /// Streams, pollables and other resources of WASI that a guest may hold.
    pub resources: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 * MIB,
            held: 256 * MIB,
            table_elements: 100_000,
            instances: 100,
            output: 64 * MIB,
            sentence: 8 * 1024,
            log_messages: 1000,
            log_message: 8 * 1024,
            tick: Duration::from_millis(1),
            listing: Duration::from_secs(2),
            component: 32 * MIB,
            // The interpreter loop of CPython has 416 KiB.
            function: 512 * 1024,
            functions: 100_000,
            declarations: 100_000,
            nesting: 10,
            list: 4 * MIB,
            actions: 200,
            schema: 256 * 1024,
            compile_time: Duration::from_secs(60),
            compile_deadline: Duration::from_secs(600),
            compile_memory: 2048 * MIB as u64,
            compilers: 2,
            calls: 10_000,
            http: egress::Limits::default(),
            resources: 10_000,
        }
    }
}

impl Limits {
    pub(super) fn memory_in_words(&self) -> String {
        in_words(self.memory)
    }

    pub(super) fn output_in_words(&self) -> String {
        in_words(self.output)
    }
}

/// A text of a guest that people read (a message, reason or log entry), without control characters
/// and with at most `longest` bytes. A mark shows where it was cut.
pub(super) fn clean_text(mut text: String, longest: usize) -> String {
    let cut = text.len() > longest;
    text.truncate(text.floor_char_boundary(longest));
    let mut text = printable(&text);
    if cut {
        text.push('…');
    }
    text
}

/// `256 MiB`.
pub(super) fn in_words(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..MIB => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / MIB),
    }
}

/// Refuses growth beyond the limits, and remembers it, so that the failure that follows can name
/// the limit.
#[derive(Debug)]
pub(super) struct GrowthLimiter {
    memory: usize,
    table_elements: usize,
    /// The largest memory so far, in bytes.
    pub(super) memory_peak: usize,
    /// Whether memory was refused.
    pub(super) memory_refused: bool,
    /// Whether a table was refused.
    pub(super) table_refused: bool,
}

impl GrowthLimiter {
    pub(super) fn within(limits: &Limits) -> Self {
        Self {
            memory: limits.memory,
            table_elements: limits.table_elements,
            memory_peak: 0,
            memory_refused: false,
            table_refused: false,
        }
    }
}

impl ResourceLimiter for GrowthLimiter {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = desired <= self.memory;
        self.memory_refused |= !allowed;
        if allowed {
            self.memory_peak = self.memory_peak.max(desired);
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = desired <= self.table_elements;
        self.table_refused |= !allowed;
        Ok(allowed)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}
