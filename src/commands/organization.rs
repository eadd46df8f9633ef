//! `ropewalk organization`: lists, creates and changes the organizations of a server.

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Value, json};

use crate::display::plain;
use crate::stdio::print;
use crate::{Failed, api_client};

/// What to do. All of it needs a token of a server administrator.
#[derive(Subcommand)]
pub enum Verb {
    /// List the organizations
    List(List),
    /// Create an organization
    Create(Create),
    /// Change the name or the time zone of an organization
    Update(Update),
    /// Let jobs of an organization start again
    Activate(Named),
    /// Keep everything in an organization from starting, and refuse its tokens and webhooks
    Deactivate(Named),
}

#[derive(Args)]
pub struct List {
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

#[derive(Args)]
pub struct Create {
    /// Key of the organization: lower-case words joined by hyphens
    key: String,
    /// Its name, for people
    #[arg(long, value_name = "NAME")]
    name: String,
    /// IANA name of its time zone
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    #[command(flatten)]
    server: api_client::Server,
}

#[derive(Args)]
#[group(id = "changes", required = true, multiple = true)]
struct Changes {
    /// Another name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// IANA name of another time zone
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

#[derive(Args)]
pub struct Update {
    /// Key of the organization
    key: String,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    server: api_client::Server,
}

#[derive(Args)]
pub struct Named {
    /// Key of the organization
    key: String,
    #[command(flatten)]
    server: api_client::Server,
}

const LIST: &str = "query ($first: Int!, $after: String) { organizations(first: $first, after: $after) {
    nodes { key name timeZone active deactivatedAt } pageInfo { hasNextPage endCursor } } }";
const CREATE: &str = "mutation ($input: CreateOrganizationInput!) {
    createOrganization(input: $input) { organization { key } userErrors { path message } } }";
const UPDATE: &str = "mutation ($input: UpdateOrganizationInput!) {
    updateOrganization(input: $input) { organization { key } userErrors { path message } } }";

/// Lists or changes organizations.
pub async fn organization(verb: &Verb) -> Result<(), Failed> {
    match verb {
        Verb::List(options) => list(options).await,
        Verb::Create(Create { key, name, time_zone, server }) => {
            let input = json!({"key": key, "name": name, "timeZone": time_zone});
            server.change_by_flags("createOrganization", CREATE, json!({"input": input}), flag_of).await?;
            print(&format!("Organization {key}: created."))
        }
        Verb::Update(Update { key, changes, server }) => {
            let input = json!({"key": key, "name": changes.name, "timeZone": changes.time_zone});
            update(server, input, &format!("Organization {key}: changed.")).await
        }
        Verb::Activate(Named { key, server }) => {
            update(server, json!({"key": key, "active": true}), &format!("Organization {key}: active.")).await
        }
        Verb::Deactivate(Named { key, server }) => {
            update(server, json!({"key": key, "active": false}), &format!("Organization {key}: deactivated.")).await
        }
    }
}

async fn update(server: &api_client::Server, input: Value, done: &str) -> Result<(), Failed> {
    server.change_by_flags("updateOrganization", UPDATE, json!({"input": input}), flag_of).await?;
    print(done)
}

/// The flag for a path into the input.
fn flag_of(path: &str) -> String {
    match path {
        "name" => "--name".to_owned(),
        "timeZone" => "--time-zone".to_owned(),
        other => other.to_owned(),
    }
}

async fn list(options: &List) -> Result<(), Failed> {
    let organizations = options.server.list("organizations", LIST, json!({}), usize::MAX).await?;
    if options.json {
        return print(&Value::Array(organizations).to_string());
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["organization", "name", "time zone", ""]);
    for organization in &organizations {
        let text = |name: &str| plain(organization[name].as_str().unwrap_or_default());
        let state = match organization["deactivatedAt"].as_str() {
            Some(since) => format!("deactivated since {}", plain(since)),
            None => String::new(),
        };
        table.add_row([text("key"), text("name"), text("timeZone"), state]);
    }
    print(&table.to_string())
}
