//! `ropewalk module remove MODULE@VERSION`: removes a version that no job uses.

use clap::Args;
use serde_json::json;

use crate::stdio::print;
use crate::{Failed, api_client};

/// What to remove.
#[derive(Args)]
pub struct Options {
    /// Module and version, such as shop@1.2.0
    #[arg(value_name = "MODULE@VERSION", value_parser = read_name)]
    name: (String, String),
    /// Print the answer of the server as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

fn read_name(text: &str) -> Result<(String, String), String> {
    let (module, version) = text.split_once('@').ok_or("write MODULE@VERSION, such as shop@1.2.0")?;
    Ok((module.to_owned(), version.to_owned()))
}

const REMOVE: &str = "mutation ($module: String!, $version: String!) {
    removeModule(input: {module: $module, version: $version}) { removed userErrors { code path message } } }";

/// Removes it.
pub async fn remove(options: &Options) -> Result<(), Failed> {
    let (module, version) = &options.name;
    let removed = options.server.change("removeModule", REMOVE, json!({"module": module, "version": version})).await?;
    if options.json {
        return print(&json!({"removed": removed["removed"]}).to_string());
    }
    print(&format!("Removed {}.", removed["removed"].as_str().unwrap_or_default()))
}
