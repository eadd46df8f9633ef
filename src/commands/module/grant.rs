//! `ropewalk module grant MODULE GRANT…`: grants capabilities to a module.

use clap::Args;
use engine::model::grant::Grants;
use serde_json::{Value, json};

use crate::stdio::print;
use crate::{Failed, api_client};

/// What to grant, and to which module.
#[derive(Args)]
pub struct Options {
    /// Key of the module; the grant is for all its versions
    module: String,
    /// What to grant: http=HOST,… http.methods=METHOD,… http.addresses=NETWORK,… collections=NAME,…
    /// collections.read=NAME,… jobs=KEY,…; `*` means all
    #[arg(value_name = "GRANT")]
    grants: Vec<String>,
    /// Replace earlier grants instead of adding to them
    #[arg(long)]
    replace: bool,
    /// Print the answer of the server as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

const NOW: &str = "query ($key: String!) { module(key: $key) { grants } }";
const GRANT: &str = "mutation ($input: GrantModuleInput!) { grantModule(input: $input) {
    module { key grants } userErrors { code path message } } }";

/// Adds the grants, or replaces the earlier ones.
pub async fn grant(options: &Options) -> Result<(), Failed> {
    if options.grants.is_empty() && !options.replace {
        return Err(Failed::Refused(
            "Name a grant, such as http=api.example.com, or withdraw all grants with --replace.".to_owned(),
        ));
    }
    let mut document = json!({});
    if !options.replace {
        let now = options.server.ask(NOW, json!({"key": options.module})).await?;
        document = now["module"]["grants"].as_object().map_or(document, |grants| json!(grants));
    }
    for term in &options.grants {
        Grants::add(&mut document, term).map_err(Failed::Refused)?;
    }
    if let Some(access) = document["collections"].get_mut("access") {
        *access = json!(access.as_str().unwrap_or_default().to_uppercase());
    }
    let mut input = document.as_object().cloned().unwrap_or_default();
    input.retain(|_, part| !part.is_null());
    input.insert("module".to_owned(), json!(options.module));
    let granted = options.server.change("grantModule", GRANT, json!({"input": Value::Object(input)})).await?;
    if options.json {
        return print(&granted["module"].to_string());
    }
    print(&format!("Module {} has these grants: {}", options.module, granted["module"]["grants"]))
}
