//! The arguments and records that a start gets on the command line.

use std::path::{Path, PathBuf};

use clap::Args;
use engine::execution::sources::read_all;
use engine::model::Instant;
use engine::model::argument::Arguments;
use engine::model::source::{FileSource, Format};
use engine::ports::files::Folder;
use serde_json::{Map, Value};

use crate::Failed;

/// Arguments and records.
#[derive(Args)]
pub struct StartArgs {
    /// Records for the first line: a CSV, TSV, JSON or JSON Lines file
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// An argument of the job; may be repeated
    #[arg(long = "arg", value_name = "NAME=VALUE", value_parser = read_argument)]
    arguments: Vec<(String, String)>,
}

fn read_argument(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Reads an instant on the command line.
pub fn read_instant(text: &str) -> Result<Instant, String> {
    text.parse::<Instant>().map_err(|_| "write an instant such as 2026-11-20T07:00:00Z".to_owned())
}

impl StartArgs {
    /// The arguments, each read as the job declares it.
    pub fn arguments(&self, declared: &Arguments) -> Map<String, Value> {
        self.arguments.iter().map(|(name, text)| (name.clone(), declared.from_text(name, text))).collect()
    }

    /// The records, if a file was named.
    pub fn records(&self) -> Result<Option<Vec<Value>>, Failed> {
        self.data.as_deref().map(read_data).transpose()
    }
}

fn read_data(path: &Path) -> Result<Vec<Value>, Failed> {
    let name = path.to_string_lossy();
    let refused = |message: String| Failed::Refused(format!("--data: {message}"));
    // The dates of a workbook are in the time zone of a job, which is not known here.
    let source = FileSource::of_path(&name).ok().filter(|source| source.format != Format::Xlsx);
    let source = source.ok_or_else(|| refused(format!("{name}: use a .csv, .tsv, .json or .jsonl file")))?;
    read_all(&Folder::open_from("."), &source).map_err(refused)
}
