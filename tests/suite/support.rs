//! The built program, as a user has it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The folder of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program, with its compiled modules kept between tests.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ropewalk"));
    command.current_dir(root()).env("ROPEWALK_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    command
}

/// What a run of the program printed, and how it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// The output of a program that succeeded.
pub fn done(ended: &Ended) -> &str {
    assert_eq!(ended.code, 0, "{ended:#?}");
    &ended.stdout
}

/// Runs the program to its end.
pub fn run(arguments: &[&str]) -> Ended {
    program().args(arguments).output().expect("the program starts").into()
}

/// A folder that goes away with the test.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A job file in the folder.
pub fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a file");
    path.to_str().expect("UTF-8").to_owned()
}

/// The folder of real data sets, where there is one.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("ROPEWALK_REAL_DATA").map(PathBuf::from);
    assert!(
        folder.is_some() || std::env::var_os("ROPEWALK_REQUIRE_REAL_DATA").is_none(),
        "ROPEWALK_REAL_DATA is not set"
    );
    if folder.is_none() {
        eprintln!("SKIPPED: ROPEWALK_REAL_DATA names no folder of real data sets");
    }
    folder
}
