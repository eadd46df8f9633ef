//! Compiles a component in a separate process.
//!
//! Compiling hostile code may take minutes and gigabytes. It happens in a child process of
//! the same program, with limits on memory and time and with an empty environment; the parent
//! only waits.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, nice, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use wasmtime::Engine;

use super::engine::config;
use super::limits::{Limits, in_words};

/// The hidden command of the program that compiles a component from standard input.
pub const VERB: &str = "compile-module";

/// The priority (nice value): running lines come first, but a busy machine leaves it about a tenth of the processor.
const NICE: i32 = 10;

/// Compiles components with a program that knows [`VERB`].
#[derive(Debug, Clone)]
pub struct Compiler {
    program: PathBuf,
}

impl Compiler {
    /// A compiler that runs this program.
    pub fn with_program(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    pub(super) async fn compile(&self, limits: &Limits, component: &[u8]) -> Result<Vec<u8>, String> {
        let mut child = Command::new(&self.program)
            .arg(VERB)
            .arg(limits.compile_memory.to_string())
            .arg(limits.compile_time.as_secs().max(1).to_string())
            .arg(limits.memory.to_string())
            .arg(limits.table_elements.to_string())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("the compiler cannot be started: {error}"))?;
        let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feed = async {
            if let Some(mut stdin) = stdin.take() {
                // If writing fails, the child ended early, and its own message says why.
                let _ = stdin.write_all(component).await;
            }
        };
        let work = async { tokio::join!(feed, read_all(stdout), read_all(stderr), child.wait()) };
        let finished = tokio::time::timeout(limits.compile_deadline, work).await;
        let (_, code, complaint, status) = finished.map_err(|_| {
            let deadline = limits.compile_deadline;
            format!("was not compiled within {deadline:?}; install it again when the server has less to do")
        })?;
        match status {
            Ok(status) if status.success() => Ok(code),
            Ok(status) => Err(describe_failure(limits, status, &String::from_utf8_lossy(&complaint))),
            Err(error) => Err(format!("the compiler process failed: {error}")),
        }
    }
}

/// Why there is no code, from how the child ended and what it wrote to standard error.
fn describe_failure(limits: &Limits, status: ExitStatus, complaint: &str) -> String {
    let memory = in_words(saturate(limits.compile_memory));
    let out_of_memory = ["out of memory", "memory allocation of"].iter().any(|words| complaint.contains(words));
    match status.code() {
        _ if complaint.contains("overflowed its stack") => "is nested too deeply to be compiled".to_owned(),
        _ if out_of_memory => format!("needs more than {memory} to compile"),
        _ if status.signal() == Some(Signal::XCPU.as_raw()) => {
            format!("needs more than {:?} of processor time to compile", limits.compile_time)
        }
        Some(REFUSED) => complaint.trim().to_owned(),
        _ => format!("needs more than {memory} to compile, or crashes the compiler ({status})"),
    }
}

fn saturate(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

async fn read_all(stream: Option<impl tokio::io::AsyncRead + Unpin>) -> Vec<u8> {
    let mut all = Vec::new();
    if let Some(mut stream) = stream {
        // If reading fails, the output is too short, and the exit status explains why.
        let _ = stream.read_to_end(&mut all).await;
    }
    all
}

/// The exit code of a child that refused to compile the component.
const REFUSED: i32 = 3;

/// What the child process does: it reads a component from standard input and writes its code to
/// standard output. `arguments` are memory and seconds for the child itself, and memory and table
/// elements of guests. Returns the exit code of the process.
pub fn compile_as_child(arguments: &[u64]) -> i32 {
    match compile_within(arguments) {
        Ok(code) => match std::io::stdout().lock().write_all(&code) {
            Ok(()) => 0,
            Err(_) => 1,
        },
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            REFUSED
        }
    }
}

fn compile_within(arguments: &[u64]) -> Result<Vec<u8>, String> {
    let [memory, seconds, guest_memory, table_elements] = arguments else {
        return Err("the compiler takes four numbers".to_owned());
    };
    let guest =
        Limits { memory: saturate(*guest_memory), table_elements: saturate(*table_elements), ..Limits::default() };
    // Without the right to change the priority, the compiler runs with that of the parent.
    let _ = nice(NICE);
    // The engine comes first, because it reserves address space that is not memory.
    let engine = Engine::new(&config(&guest, 1)).map_err(|error| error.to_string())?;
    // At the first limit the kernel sends a signal that says why, at the second it kills.
    set_limit(Resource::Cpu, *seconds, *seconds + 1)?;
    let addresses = reserved_addresses().saturating_add(*memory);
    set_limit(Resource::As, addresses, addresses)?;
    let mut component = Vec::new();
    std::io::stdin().lock().read_to_end(&mut component).map_err(|error| error.to_string())?;
    engine
        .precompile_component(&component)
        .map_err(|error| format!("is not a component that this host can run: {error:#}"))
}

fn set_limit(resource: Resource, soft: u64, hard: u64) -> Result<(), String> {
    let hard = getrlimit(resource).maximum.map_or(hard, |maximum| maximum.min(hard));
    setrlimit(resource, Rlimit { current: Some(soft.min(hard)), maximum: Some(hard) }).map_err(|error| {
        format!("cannot be compiled, because the limits of the compiler process cannot be set: {error}")
    })
}

/// Address space that the process has reserved already, in bytes.
fn reserved_addresses() -> u64 {
    const PAGE: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE
}
