//! `exactlip submit`: a problem to a service, with its network where that is not stored there yet.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use ureq::http::StatusCode;
use uuid::Uuid;

use super::super::choice::Chosen;
use super::super::input::{self, BadInput};
use super::follow::{self, Patience, Telling};
use super::service::{Service, query};
use super::{Connection, RemoteError, exit, label, print_end, show};
use crate::http::Code;
use crate::jobs::network_id;
use crate::network::import::Format;
use crate::problem::non_finite_number;

/// The flags of `exactlip submit`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The problem: the body of `POST /v1/jobs`; `-` reads it from standard input.
    #[arg(env = "EXACTLIP_PROBLEM", value_name = "PROBLEM.json")]
    problem: PathBuf,
    #[command(flatten)]
    connection: Connection,
    /// The network: a file, which is uploaded unless it is stored already, or an id [default: the problem's `network`].
    #[arg(long, env = "EXACTLIP_NETWORK", value_name = "FILE|ID")]
    network: Option<PathBuf>,
    /// What to call the network [default: the file's name].
    #[arg(long, env = "EXACTLIP_NAME")]
    name: Option<String>,
    /// The network's format [default: what the file looks like].
    #[arg(long, env = "EXACTLIP_FORMAT", value_name = "onnx|nnet|json", value_parser = input::format)]
    format: Option<Format>,
    #[command(flatten)]
    chosen: Chosen,
    /// A label of the job; may be given several times.
    #[arg(long = "label", env = "EXACTLIP_LABEL", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// The request's own name: sent again within 24 hours, it returns the same job.
    #[arg(long, env = "EXACTLIP_IDEMPOTENCY_KEY", value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Wait until the job ends, and print it then.
    #[arg(long, env = "EXACTLIP_WAIT")]
    wait: bool,
    /// The same, with its progress on standard error.
    #[arg(long, env = "EXACTLIP_WATCH")]
    watch: bool,
    #[command(flatten)]
    patience: Patience,
}

/// Submits a job and prints it.
pub fn run(arguments: &Arguments) -> ExitCode {
    exit("submit", submit(arguments))
}

fn submit(arguments: &Arguments) -> Result<(), RemoteError> {
    let bad = |detail: String| BadInput::new(Code::BadRequest, detail);
    let text = input::problem_text(&arguments.problem)?;
    let mut problem: Value = serde_json::from_slice(&text).map_err(|e| match non_finite_number(&text) {
        Some(error) => BadInput::in_field("the problem", error),
        None => bad(format!("the problem is no JSON: {e}")),
    })?;
    let Some(fields) = problem.as_object_mut() else { return Err(bad("the problem must be an object".into()).into()) };
    if !arguments.labels.is_empty() {
        let labels = fields.entry("labels").or_insert_with(|| json!({}));
        let Some(labels) = labels.as_object_mut() else {
            return Err(bad("the problem's `labels` must be an object".into()).into());
        };
        labels.extend(arguments.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
    }
    let service = Service::new(&arguments.connection)?;
    if let Some(network) = &arguments.network {
        fields.insert("network".into(), stored(&service, network, arguments)?.into());
    }
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(arguments.idempotency_key.as_deref().map(|key| ("idempotency-key", key)));
    let job = service.post("/v1/jobs", &headers, problem.to_string().as_bytes())?;
    if !arguments.wait && !arguments.watch {
        return show(&job);
    }
    if !job["finished_at"].is_null() {
        return print_end(&job);
    }
    let id = job["id"].as_str().and_then(|id| Uuid::try_parse(id).ok());
    let id = id.ok_or_else(|| service.failed(StatusCode::ACCEPTED, "a job without an id".into()))?;
    let telling = if arguments.watch { Telling::Progress } else { Telling::Nothing };
    print_end(&follow::follow(&service, id, telling, &arguments.patience)?)
}

/// The id of a network that is stored once this returns.
fn stored(service: &Service, network: &Path, arguments: &Arguments) -> Result<String, RemoteError> {
    let name = network.to_string_lossy();
    if name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) && !network.exists() {
        return Ok(name.into_owned());
    }
    let bytes = input::network_bytes(network)?;
    let choice = arguments.chosen.choice()?;
    let id = network_id(&bytes, &choice);
    if service.find(&format!("/v1/networks/{id}"))?.is_some() {
        return Ok(id);
    }
    let file = network.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut parameters = vec![
        ("name".into(), arguments.name.clone().or(file)),
        ("format".into(), arguments.format.map(|format| format.name().to_owned())),
        ("output".into(), choice.output),
        ("keep_output_activation".into(), choice.keep_output_activation.map(|keep| keep.to_string())),
    ];
    parameters.extend(choice.fix.iter().map(|(name, value)| ("fix".into(), Some(format!("{name}={value}")))));
    let query = query(&parameters);
    let record =
        service.post(&format!("/v1/networks{query}"), &[("content-type", "application/octet-stream")], &bytes)?;
    // What the service calls it counts: another version may count differently.
    Ok(record["id"].as_str().map_or(id, str::to_owned))
}
