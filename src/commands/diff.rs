//! `ropewalk diff FILE`: shows how job files differ from what a server has.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use similar::TextDiff;

use crate::api_client::Server;
use crate::comparison::{self, Change, Compared, text_of};
use crate::display::{counted, plain};
use crate::stdio::print;
use crate::{Failed, job_folder};

/// What to compare.
#[derive(Args)]
pub struct Options {
    /// A job file (YAML or JSON), or a folder with job files
    #[arg(value_name = "FILE|DIR")]
    path: PathBuf,
    /// Print the differences as a JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// How long to look for the smallest difference of two documents.
const DIFF_TIMEOUT: Duration = Duration::from_secs(2);

/// Prints the differences.
///
/// # Errors
/// [`Failed::Different`] if there are any.
pub async fn diff(options: &Options) -> Result<(), Failed> {
    let documents = job_folder::read(&options.path, false)?;
    let templates = options.server.template_documents().await?;
    let compared = comparison::compare(&options.server, documents, &templates).await?;
    let different: Vec<_> = compared.iter().filter(|document| document.change != Change::Unchanged).collect();
    if options.json {
        print(&Value::Array(compared.iter().map(json_of).collect()).to_string())?;
    } else {
        different.iter().try_for_each(|document| print(plain(&difference(document)).trim_end()))?;
    }
    match different.as_slice() {
        [] if options.json => Ok(()),
        [] => print(&format!("The server has the same: {}.", counted(compared.len(), "document"))),
        _ => Err(Failed::Different),
    }
}

fn json_of(document: &Compared) -> Value {
    let mut all = document.json();
    all["difference"] = json!((document.change != Change::Unchanged).then(|| difference(document)));
    all
}

/// A unified diff from the server to the file.
fn difference(document: &Compared) -> String {
    let before = document.saved.as_ref().map_or_else(String::new, |saved| text_of(&saved.document));
    let after = document.document().map_or_else(String::new, text_of);
    let on_server = match &document.saved {
        Some(saved) => format!("{}, version {} on the server", document.name(), saved.version),
        None => format!("{}, not on the server", document.name()),
    };
    let in_file = format!("{}, {}", document.name(), document.file());
    let diff = TextDiff::configure().timeout(DIFF_TIMEOUT).diff_lines(&before, &after);
    diff.unified_diff().header(&on_server, &in_file).to_string()
}
