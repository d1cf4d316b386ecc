//! `exactlip list`: a page of jobs.

use std::process::ExitCode;

use clap::Args;

use super::service::{Service, query};
use super::{Connection, RemoteError, exit, label, show};

/// The flags of `exactlip list`.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// Only jobs in this state.
    #[arg(long, env = "EXACTLIP_STATE")]
    state: Option<String>,
    /// Only jobs of this kind.
    #[arg(long, env = "EXACTLIP_KIND")]
    kind: Option<String>,
    /// Only jobs about this network.
    #[arg(long, env = "EXACTLIP_NETWORK", value_name = "ID")]
    network: Option<String>,
    /// Only jobs with this label; may be given several times.
    #[arg(long = "label", env = "EXACTLIP_LABEL", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// How many jobs a page has, at most.
    #[arg(long, env = "EXACTLIP_LIMIT", value_name = "N")]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[arg(long, env = "EXACTLIP_CURSOR")]
    cursor: Option<String>,
}

/// Prints a page of jobs, newest first.
pub fn run(arguments: &Arguments) -> ExitCode {
    exit("list", list(arguments))
}

fn list(arguments: &Arguments) -> Result<(), RemoteError> {
    let mut parameters = vec![
        ("state".to_owned(), arguments.state.clone()),
        ("kind".to_owned(), arguments.kind.clone()),
        ("network".to_owned(), arguments.network.clone()),
        ("limit".to_owned(), arguments.limit.map(|limit| limit.to_string())),
        ("cursor".to_owned(), arguments.cursor.clone()),
    ];
    parameters.extend(arguments.labels.iter().map(|(name, value)| (format!("label.{name}"), Some(value.clone()))));
    show(&Service::new(&arguments.connection)?.get(&format!("/v1/jobs{}", query(&parameters)))?)
}
