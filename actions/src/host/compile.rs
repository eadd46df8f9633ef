//! Compiles a component in a separate process.
//!
//! Compiling hostile code may take minutes and gigabytes. It happens in a child process of
//! the same program, with limits on memory and time and with an empty environment; the parent
//! only waits.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use wasmtime::Engine;

use super::engine::config;
use super::limits::{Limits, in_words};

/// The hidden command of the program that compiles a component from standard input.
pub const VERB: &str = "compile-module";

/// The lowest priority (nice value), so that lines at work run first.
const NICE: i32 = 19;

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
        let finished = tokio::time::timeout(limits.compile_time, work).await;
        let (_, code, complaint, status) =
            finished.map_err(|_| format!("takes longer than {:?} to compile", limits.compile_time))?;
        match status {
            Ok(status) if status.success() => Ok(code),
            Ok(status) => {
                Err(describe_failure(limits, status.code() == Some(REFUSED), &String::from_utf8_lossy(&complaint)))
            }
            Err(error) => Err(format!("the compiler process failed: {error}")),
        }
    }
}

/// Why there is no code, from the message of the child and from whether it exited normally.
fn describe_failure(limits: &Limits, ended: bool, complaint: &str) -> String {
    if complaint.contains("overflowed its stack") {
        return "is nested too deeply to be compiled".to_owned();
    }
    if ended && !complaint.contains("out of memory") {
        return complaint.trim().to_owned();
    }
    let (memory, time) = (in_words(saturate(limits.compile_memory)), limits.compile_time);
    format!("needs more than {memory} or {time:?} to compile")
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
    set_limit(Resource::Cpu, *seconds)?;
    set_limit(Resource::As, reserved_addresses().saturating_add(*memory))?;
    let mut component = Vec::new();
    std::io::stdin().lock().read_to_end(&mut component).map_err(|error| error.to_string())?;
    engine
        .precompile_component(&component)
        .map_err(|error| format!("is not a component that this host can run: {error:#}"))
}

fn set_limit(resource: Resource, most: u64) -> Result<(), String> {
    let present = getrlimit(resource);
    let most = present.maximum.map_or(most, |maximum| maximum.min(most));
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) }).map_err(|error| {
        format!("cannot be compiled, because the limits of the compiler process cannot be set: {error}")
    })
}

/// Address space that the process has reserved already, in bytes.
fn reserved_addresses() -> u64 {
    const PAGE: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE
}
