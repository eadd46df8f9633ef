//! `ropewalk module install [PATH]`: installs a module into a running server, which uses it at once.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::build::Project;
use crate::display::plain;
use crate::stdio::print;
use crate::{Failed, api_client};

/// What to install, and on which server.
#[derive(Args)]
pub struct Options {
    /// A built module, or the folder of its project
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Install it for every organization (server administrators only)
    #[arg(long)]
    global: bool,
    /// Print the answer of the server as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

const INSTALL: &str =
    "mutation ($upload: ID!, $global: Boolean!) { installModule(input: {upload: $upload, global: $global}) {
    module { key version digest owner capabilities grants actions { name summary } } userErrors { code path message } } }";

/// Uploads the module and installs it.
pub async fn install(options: &Options) -> Result<(), Failed> {
    let module = if options.path.is_dir() { Project::read(&options.path)?.module() } else { options.path.clone() };
    let upload = options.server.upload(&module).await?;
    let variables = json!({"upload": upload, "global": options.global});
    let installed = options.server.change("installModule", INSTALL, variables).await?;
    let installed = &installed["module"];
    if options.json { print(&installed.to_string()) } else { print(&summary(installed)) }
}

fn summary(module: &Value) -> String {
    let text = |value: &Value| plain(value.as_str().unwrap_or_default());
    let key = text(&module["key"]);
    let mut summary = format!("Installed {key}@{}, which offers", text(&module["version"]));
    for action in module["actions"].as_array().into_iter().flatten() {
        summary.push_str(&format!("\n  {}  {}", text(&action["name"]), text(&action["summary"])));
    }
    for capability in ungranted(module) {
        summary.push_str(&format!(
            "\nIt asks for {capability}; grant it with `ropewalk module grant {key} {capability}=…`."
        ));
    }
    summary
}

/// The capabilities that the module asks for and that are not granted yet.
fn ungranted(module: &Value) -> Vec<String> {
    let asked = module["capabilities"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let asked = asked.map(str::to_lowercase).filter(|name| name != "log");
    asked.filter(|name| module["grants"].get(name).is_none()).collect()
}
