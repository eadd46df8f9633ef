//! `ropewalk token`: makes a token to set before the first start of a server. `ropewalk token create`: adds an
//! administrator token to a database, in place of one that was lost.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use engine::model::token::{ParsedToken, TokenRecord, TokenScope};
use engine::ports::clock::{Clock, SystemClock};
use engine::ports::organizations::Organizations;
use schema::{OpenError, Store};

use super::serve::DATABASE;
use crate::Failed;
use crate::stdio::print;

/// Which kind of token to make.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Add an administrator token to the database of a stopped server
    Create(Create),
}

#[derive(Args)]
struct Create {
    /// Folder of the database
    #[arg(long, value_name = "DIR", default_value = "ropewalk-data", env = "ROPEWALK_DATA_DIR")]
    data_dir: PathBuf,
    /// Name of the token; job results show it as who started them
    #[arg(long, value_name = "NAME", default_value = "administrator from the command line", value_parser = read_name)]
    name: String,
}

fn read_name(name: &str) -> Result<String, String> {
    let plain =
        (1..=200).contains(&name.chars().count()) && !name.trim().is_empty() && !name.chars().any(char::is_control);
    if plain { Ok(name.to_owned()) } else { Err("write 1 to 200 characters without line breaks".to_owned()) }
}

/// Prints a new token.
pub async fn token(options: &Options) -> Result<(), Failed> {
    let (text, token) = ParsedToken::fresh()
        .map_err(|error| Failed::Broken(format!("the system cannot make random numbers: {error}")))?;
    if let Some(Verb::Create(create)) = &options.verb {
        adopt(&token, create).await?;
    }
    print(&text)
}

/// Saves the token in the database as one of a server administrator.
async fn adopt(token: &ParsedToken, Create { data_dir, name }: &Create) -> Result<(), Failed> {
    let database = data_dir.join(DATABASE);
    if !database.is_file() {
        return Err(Failed::Refused(format!(
            "There is no database in {}. Name the data folder of a server with --data-dir. A new server prints its \
             first token when it starts.",
            data_dir.display()
        )));
    }
    let store = Store::open_sqlite(&database).await.map_err(|error| match error {
        OpenError::InUse(_) => Failed::Broken(format!(
            "A server is using {}. Stop it, make the token, and start it again.",
            data_dir.display()
        )),
        error => Failed::Broken(error.to_string()),
    })?;
    let record = TokenRecord {
        id: token.id,
        name: name.clone(),
        hash: token.hash(),
        scope: TokenScope::Server,
        expires_at: None,
        created_at: SystemClock.now(),
    };
    let kept = store.add_token(&record).await;
    store.close().await;
    kept.map_err(|error| Failed::Broken(error.to_string()))
}
