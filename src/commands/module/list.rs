//! `ropewalk module list`: lists the modules of a server.

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Value, json};

use crate::display::plain;
use crate::stdio::print;
use crate::{Failed, api_client};

/// How to list them.
#[derive(Args)]
pub struct Options {
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

const LIST: &str =
    "{ modules { key version digest size description owner capabilities pure grants installedAt installedBy
    actions { name } } }";

/// Lists the modules.
pub async fn list(options: &Options) -> Result<(), Failed> {
    let listed = options.server.ask(LIST, json!({})).await?;
    if options.json {
        return print(&listed["modules"].to_string());
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["module", "version", "owner", "asks for", "granted", "actions"]);
    for module in listed["modules"].as_array().into_iter().flatten() {
        table.add_row(row(module));
    }
    print(&table.to_string())
}

fn row(module: &Value) -> [String; 6] {
    let text = |name: &str| plain(module[name].as_str().unwrap_or_default());
    let words = |value: &Value| {
        let words = value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_lowercase);
        words.filter(|word| word != "log").collect::<Vec<_>>().join(", ")
    };
    let granted = module["grants"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    let names = module["actions"].as_array().into_iter().flatten().filter_map(|action| action["name"].as_str());
    let names = names.map(|name| name.rsplit('/').next().unwrap_or_default().to_owned());
    [
        text("key"),
        text("version"),
        text("owner").to_lowercase(),
        words(&module["capabilities"]),
        granted.collect::<Vec<_>>().join(", "),
        plain(&names.collect::<Vec<_>>().join(", ")),
    ]
}
