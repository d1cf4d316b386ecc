//! `exactlip bench exact`: the search on problems from a file, with the values on record.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::input::{self, BadInput};
use super::print;
use crate::bench::exact::{self, Plan, Row};
use crate::http::Code;
use crate::network::import::Choice;
use crate::problem::Problem;

/// The arguments of `exactlip bench exact`.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A JSON list of `{"network": FILE, "domain": …, "functional": …, "norm": …, "value": NUMBER or null}`.
    #[arg(default_value = "examples/records.json")]
    records: PathBuf,
    /// Where the network files are; by default in `networks` beside the records, or beside them.
    #[arg(long, env = "EXACTLIP_NETWORKS")]
    networks: Option<PathBuf>,
    /// Only networks whose names begin with one of these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Seconds for each search.
    #[arg(long, env = "EXACTLIP_TIME_LIMIT", default_value_t = 60.0)]
    time_limit: f64,
    /// Seconds for HiGHS on each LipMIP program; 0 leaves HiGHS out.
    #[arg(long, env = "EXACTLIP_MIP_TIME_LIMIT", default_value_t = 120.0)]
    mip_time_limit: f64,
    /// Threads of the search and of HiGHS.
    #[arg(long, env = "EXACTLIP_THREADS", default_value_t = 2)]
    threads: u32,
    /// Also run the search on one thread.
    #[arg(long)]
    single: bool,
}

#[derive(Deserialize)]
struct Record {
    network: String,
    domain: Value,
    functional: Value,
    #[serde(default)]
    norm: Option<Value>,
    #[serde(default)]
    value: Option<f64>,
}

/// Prints the table; whether no bracket is at odds with its record.
pub(super) fn run(arguments: &Arguments) -> Result<bool, BadInput> {
    for (flag, seconds) in [("--time-limit", arguments.time_limit), ("--mip-time-limit", arguments.mip_time_limit)] {
        if !(seconds.is_finite() && seconds >= 0.0) {
            return Err(BadInput::new(Code::BadRequest, format!("{flag}: {seconds} is no number of seconds")));
        }
    }
    let path = &arguments.records;
    let bad = |detail: String| BadInput::new(Code::BadRequest, format!("the records {}: {detail}", path.display()));
    let text = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
    let mut records: Vec<Record> = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
    let only = &arguments.only;
    records.retain(|record| only.is_empty() || only.iter().any(|start| record.network.starts_with(start)));
    if records.is_empty() {
        let names =
            if only.is_empty() { String::new() } else { format!(" whose network begins with {}", only.join(" or ")) };
        return Err(bad(format!("there is none{names}")));
    }
    let directory = arguments.networks.clone().unwrap_or_else(|| beside(path));
    let plan = Plan {
        time_s: arguments.time_limit,
        mip_time_s: (arguments.mip_time_limit > 0.0).then_some(arguments.mip_time_limit),
        threads: arguments.threads,
        single: arguments.single,
    };
    print::line(Row::heading());
    let mut agree = true;
    for record in records {
        let network = input::network(&directory.join(&record.network), None, &Choice::default())?;
        let norm = record.norm.unwrap_or_else(|| json!({}));
        let name = match norm.get("input").and_then(Value::as_str) {
            Some(norm) => format!("{} {norm}", record.network.trim_end_matches(".onnx")),
            None => record.network.clone(),
        };
        let document = json!({
            "domain": record.domain, "functional": record.functional, "norm": norm,
            "methods": ["exact"], "limits": {"threads": plan.threads, "gap": 1e-7},
        });
        let problem = Problem::from_value(document).map_err(|e| bad(format!("{}: {e}", record.network)))?;
        let question = input::question(&problem, &network)?;
        let row = exact::run(name, &network, &question, record.value, &plan);
        agree &= !row.contradicts_record();
        print::line(row);
    }
    Ok(agree)
}

fn beside(records: &Path) -> PathBuf {
    let parent = records.parent().unwrap_or(Path::new("."));
    let networks = parent.join("networks");
    if networks.is_dir() { networks } else { parent.to_path_buf() }
}
