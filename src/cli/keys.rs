//! `exactlip keys`: who may use a service. The commands work on its database, beside the service that may be running on it:
//! what they change holds within a second.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use thiserror::Error;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::print;
use crate::jobs::store::StoreError;
use crate::jobs::store::sqlite::KeyRegister;
use crate::jobs::{ApiKey, Scopes};

/// The commands of `exactlip keys`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The service's database: a path, or `sqlite://PATH`.
    // Its value is shown nowhere: addresses carry passwords.
    #[arg(
        long,
        global = true,
        env = "EXACTLIP_DATABASE",
        hide_env_values = true,
        default_value = "sqlite://exactlip.db",
        value_name = "PATH"
    )]
    database: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key and print it: this once, it is kept nowhere.
    Create {
        /// What to call it: whose it is, or what for.
        #[arg(long, value_name = "NAME")]
        name: String,
        /// What it allows: read (look), submit (upload, ask, cancel), admin (delete).
        #[arg(long, default_value = "read,submit", value_name = "SCOPES")]
        scopes: Scopes,
        /// After how many days it ends [default: never].
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        expires_days: Option<u32>,
    },
    /// List the keys, without their secrets.
    List,
    /// End a key, and the sessions of browsers that have signed in with it.
    Revoke {
        /// Its id, or what its secret begins with.
        #[arg(value_name = "ID")]
        key: String,
    },
    /// Print who changed what, oldest first.
    Record {
        /// How many entries at most: the last ones.
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: u32,
    },
}

/// Why a command did not do what it should.
#[derive(Debug, Error)]
enum KeysError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Bad(String),
    #[error("cannot start: {0}")]
    System(io::Error),
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

/// Runs a command.
pub fn run(arguments: &Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(KeysError::System);
    match runtime.and_then(|runtime| runtime.block_on(keys(arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::complain(format_args!("exactlip keys: {error}"));
            ExitCode::from(if matches!(error, KeysError::Bad(_)) { 2 } else { 1 })
        }
    }
}

async fn keys(arguments: &Arguments) -> Result<(), KeysError> {
    let mut register = KeyRegister::open(&arguments.database).await?;
    let done = command(&mut register, &arguments.command).await;
    register.close().await?;
    done
}

async fn command(register: &mut KeyRegister, command: &Command) -> Result<(), KeysError> {
    let mut output = io::stdout();
    let terminal = output.is_terminal();
    match command {
        Command::Create { name, scopes, expires_days } => {
            let now = OffsetDateTime::now_utc();
            let end = expires_days.map(|days| now + Duration::days(days.into()));
            let (key, secret) = ApiKey::new(name, scopes.clone(), now, end).map_err(KeysError::Bad)?;
            register.add(&key, &secret.hash()).await?;
            writeln!(output, "{}", secret.reveal())?;
            print::complain(format_args!(
                "the key `{}` allows {}{}; its id is {}. It is shown this once: keep it where secrets are kept.",
                key.name,
                key.scopes,
                key.expires_at.map_or_else(String::new, |end| format!(" until {}", moment(end))),
                key.id
            ));
        }
        Command::List => {
            let keys = register.all().await?;
            if terminal {
                for key in &keys {
                    writeln!(output, "{}", line(key))?;
                }
            } else {
                writeln!(output, "{}", json!({ "keys": keys }))?;
            }
        }
        Command::Revoke { key } => {
            let id = find(&register.all().await?, key)?;
            if !register.revoke(id).await? {
                return Err(KeysError::Bad(format!("the key {id} was revoked before")));
            }
            print::complain(format_args!("the key {id} is revoked"));
        }
        Command::Record { limit } => {
            for entry in register.record(*limit).await? {
                writeln!(output, "{}", json!(entry))?;
            }
        }
    }
    Ok(output.flush()?)
}

/// The id of the key that is meant.
fn find(keys: &[ApiKey], meant: &str) -> Result<Uuid, KeysError> {
    let is_meant = |key: &&ApiKey| key.id.to_string() == meant || (!meant.is_empty() && key.prefix == meant);
    let found = keys.iter().find(is_meant).map(|key| key.id);
    // A whole secret is not repeated: it may still be good.
    found.ok_or_else(|| KeysError::Bad("there is no such key: `exactlip keys list` shows ids and prefixes".into()))
}

fn line(key: &ApiKey) -> String {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", moment(at)),
        (None, Some(end)) if key.ended(OffsetDateTime::now_utc()).is_some() => format!("expired {}", moment(end)),
        (None, Some(end)) => format!("until {}", moment(end)),
        (None, None) => "never ends".into(),
    };
    let used = key.last_used_at.map_or_else(|| "never used".into(), |at| format!("used {}", moment(at)));
    format!("{}  {}…  {:<20}  {:<17}  {state}, {used}", key.id, key.prefix, key.name, key.scopes.to_string())
}

fn moment(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}
