//! `ropewalk token`: makes a token to set before the first start of a server; creates, lists and revokes the tokens of a
//! server; and adds an administrator token to a database, in place of one that was lost.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use engine::model::Instant;
use engine::model::organization::Role;
use engine::model::token::{ParsedToken, TokenRecord, TokenScope};
use engine::ports::clock::{Clock, SystemClock};
use schema::add_token_beside;
use serde_json::{Value, json};

use super::serve::DATABASE;
use crate::display::plain;
use crate::start_args::read_instant;
use crate::stdio::print;
use crate::{Failed, api_client};

/// Which tokens to make or to manage.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Create a token on a server, or an administrator token in a database on this machine (with --data-dir)
    Create(Create),
    /// List the tokens of an organization, or of the server
    List(List),
    /// Revoke a token
    Revoke(Revoke),
}

#[derive(Args)]
struct Create {
    /// Add an administrator token to the database in this folder; the server may be running or stopped, and no other
    /// token is needed
    #[arg(long, value_name = "DIR", conflicts_with_all = ["role", "admin_of_server", "expires"])]
    data_dir: Option<PathBuf>,
    /// Name of the token; job results show it as who started them
    #[arg(long, value_name = "NAME", value_parser = read_name)]
    name: Option<String>,
    /// What it may do in the organization
    #[arg(long, value_name = "ROLE", value_parser = PossibleValuesParser::new(Role::ALL.map(Role::word)))]
    role: Option<String>,
    /// Make a token of a server administrator
    #[arg(long, conflicts_with = "role")]
    admin_of_server: bool,
    /// When it expires; without it, never
    #[arg(long, value_name = "INSTANT", value_parser = read_instant)]
    expires: Option<Instant>,
    #[command(flatten)]
    server: api_client::Server,
}

#[derive(Args)]
struct List {
    /// List the tokens of server administrators
    #[arg(long)]
    of_server: bool,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: api_client::Server,
}

#[derive(Args)]
struct Revoke {
    /// Id of the token, as `ropewalk token list` shows it
    id: String,
    /// Whether it is a token of a server administrator
    #[arg(long)]
    of_server: bool,
    #[command(flatten)]
    server: api_client::Server,
}

fn read_name(name: &str) -> Result<String, String> {
    let plain =
        (1..=200).contains(&name.chars().count()) && !name.trim().is_empty() && !name.chars().any(char::is_control);
    if plain { Ok(name.to_owned()) } else { Err("write 1 to 200 characters without line breaks".to_owned()) }
}

const CREATE: &str = "mutation ($input: CreateTokenInput!) {
    createToken(input: $input) { token userErrors { path message } } }";
const REVOKE: &str = "mutation ($id: ID!, $server: Boolean!) {
    revokeToken(input: {id: $id, server: $server}) { revoked { name } userErrors { path message } } }";
const LIST: &str = "query ($first: Int!, $after: String, $server: Boolean!) {
    tokens(first: $first, after: $after, server: $server) {
        nodes { id name role server createdAt createdBy expiresAt lastUsedAt } pageInfo { hasNextPage endCursor } } }";

/// Makes or manages tokens.
pub async fn token(options: &Options) -> Result<(), Failed> {
    match &options.verb {
        None => print(&fresh()?.0),
        Some(Verb::Create(Create { data_dir: Some(folder), name, .. })) => recover(folder, name.as_deref()).await,
        Some(Verb::Create(create)) => create_on_server(create).await,
        Some(Verb::List(options)) => list(options).await,
        Some(Verb::Revoke(Revoke { id, of_server, server })) => {
            let payload = server.change("revokeToken", REVOKE, json!({"id": id, "server": of_server})).await?;
            print(&format!("Token {}: revoked.", plain(payload["revoked"]["name"].as_str().unwrap_or_default())))
        }
    }
}

fn fresh() -> Result<(String, ParsedToken), Failed> {
    ParsedToken::fresh().map_err(|error| Failed::Broken(format!("the system cannot make random numbers: {error}")))
}

async fn create_on_server(create: &Create) -> Result<(), Failed> {
    let Create { name: Some(name), role, admin_of_server, expires, server, .. } = create else {
        return Err(Failed::Refused(
            "Give the token a name with --name, and a role with --role; or name the data folder of a server on this \
             machine with --data-dir."
                .to_owned(),
        ));
    };
    let input = json!({
        "name": name,
        "role": role.as_ref().map(|role| role.to_uppercase()),
        "server": admin_of_server,
        "expiresAt": expires.map(|at| at.to_rfc3339()),
    });
    let flag = |path: &str| match path {
        "expiresAt" => "--expires".to_owned(),
        "server" => "--admin-of-server".to_owned(),
        other => format!("--{other}"),
    };
    let payload = server.change_by_flags("createToken", CREATE, json!({"input": input}), flag).await?;
    print(&plain(payload["token"].as_str().unwrap_or_default()))
}

async fn list(options: &List) -> Result<(), Failed> {
    let variables = json!({"server": options.of_server});
    let tokens = options.server.list("tokens", LIST, variables, usize::MAX).await?;
    if options.json {
        return print(&Value::Array(tokens).to_string());
    }
    if tokens.is_empty() {
        return print("There are no tokens here.");
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["id", "name", "role", "created", "by", "expires", "last used"]);
    for token in &tokens {
        let text = |name: &str| plain(token[name].as_str().unwrap_or_default());
        let role = token["role"].as_str().map_or("server administrator".to_owned(), str::to_lowercase);
        let expires = if token["expiresAt"].is_null() { "never".to_owned() } else { text("expiresAt") };
        table.add_row([
            text("id"),
            text("name"),
            role,
            text("createdAt"),
            text("createdBy"),
            expires,
            text("lastUsedAt"),
        ]);
    }
    print(&table.to_string())
}

/// Adds a token of a server administrator to a database, whose server may be running.
async fn recover(folder: &Path, name: Option<&str>) -> Result<(), Failed> {
    let database = folder.join(DATABASE);
    if !database.is_file() {
        return Err(Failed::Refused(format!(
            "There is no database in {}. Name the data folder of a server with --data-dir. A new server prints its \
             first token when it starts.",
            folder.display()
        )));
    }
    let (text, token) = fresh()?;
    let record = TokenRecord {
        id: token.id,
        name: name.unwrap_or("administrator from the command line").to_owned(),
        hash: token.hash(),
        scope: TokenScope::Server,
        expires_at: None,
        created_at: SystemClock.now(),
        created_by: Some("the command line on the server's machine".to_owned()),
        last_used_at: None,
    };
    add_token_beside(&database, &record).await.map_err(|error| Failed::Broken(error.to_string()))?;
    print(&text)
}
