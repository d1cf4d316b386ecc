//! `exactlip bench`: the papers' comparisons, on networks that are trained here, and a service under load.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use clap::{Args, Subcommand};
use thiserror::Error;

use super::input::{self, BadInput};
use super::{load, records};
use crate::bench::table::{self, BenchError, Plan};
use crate::bench::{chart, networks, output, programs, speed};
use crate::network::Network;
use crate::problem::Method;

/// The arguments of `exactlip bench`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    name: Name,
}

#[derive(Debug, Subcommand)]
enum Name {
    /// Every method on small trained networks: time and relative error, as LipMIP's Table 1.
    Table1(Table1),
    /// A service that runs: how quickly it answers while many read and submit jobs, and a solve runs.
    Load(load::Arguments),
    /// The exact search on recorded problems: bracket, nodes, seconds, and the ratio to HiGHS on the LipMIP program.
    Exact(records::Arguments),
    /// FastLip, RecurJac and the linear Jacobian relaxation on large networks: value, time and memory.
    Recurjac(Recurjac),
    /// The mixed-integer program of a problem, built from looser and from tighter bounds.
    Programs(Programs),
}

#[derive(Debug, Args)]
struct Programs {
    /// The problem, as `exactlip solve` takes it; its time limit holds for each program. `-`: standard input.
    problem: PathBuf,
    /// The network file.
    #[arg(long, env = "EXACTLIP_NETWORK")]
    network: PathBuf,
}

#[derive(Debug, Args)]
struct Recurjac {
    /// Network files; without any, two random networks of the size of MNIST and CIFAR classifiers.
    #[arg(long, env = "EXACTLIP_NETWORK", value_delimiter = ',')]
    network: Vec<PathBuf>,
    /// Instead of files: the widths of a random network, inputs first.
    #[arg(long, env = "EXACTLIP_WIDTHS", value_delimiter = ',', conflicts_with = "network")]
    widths: Vec<usize>,
    /// Radii of the ℓ∞ balls.
    #[arg(long, env = "EXACTLIP_RADII", value_delimiter = ',', default_values_t = [0.01, 0.002, 0.0005, 0.0001])]
    radii: Vec<f64>,
    /// The methods: fastlip, recurjac, recurjac_f0, recurjac_f1, linear_jacobian.
    #[arg(long, env = "EXACTLIP_METHODS", value_delimiter = ',', default_value = "fastlip,recurjac,linear_jacobian")]
    methods: Vec<String>,
    /// All outputs, not the first alone.
    #[arg(long, env = "EXACTLIP_ALL_OUTPUTS")]
    all_outputs: bool,
    /// Threads of the parallel runs; all there are by default.
    #[arg(long, env = "EXACTLIP_THREADS")]
    threads: Option<u32>,
    /// The seed of random networks and of the balls' centres.
    #[arg(long, env = "EXACTLIP_SEED", default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct Table1 {
    /// Networks of each kind.
    #[arg(long, env = "EXACTLIP_NETWORKS", default_value_t = 10)]
    networks: usize,
    /// Seconds for all methods together on one network.
    #[arg(long, env = "EXACTLIP_TIME_LIMIT", default_value_t = 60.0)]
    time_limit: f64,
    /// Threads of the exact search.
    #[arg(long, env = "EXACTLIP_THREADS", default_value_t = 2)]
    threads: u32,
    /// The seed of everything random.
    #[arg(long, env = "EXACTLIP_SEED", default_value_t = 0)]
    seed: u64,
    /// Where table1.csv, table1.json and table1.svg go; without it the table is only printed.
    #[arg(long, short, env = "EXACTLIP_OUTPUT")]
    output: Option<PathBuf>,
}

#[derive(Debug, Error)]
enum RunError {
    #[error(transparent)]
    Bench(#[from] BenchError),
    #[error("{0}")]
    Argument(String),
    #[error(transparent)]
    Input(#[from] BadInput),
    #[error("the table cannot be written: {0}")]
    Write(#[from] io::Error),
    #[error("the table cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> ExitCode {
    let result = match &arguments.name {
        Name::Table1(arguments) => table1(arguments),
        Name::Recurjac(arguments) => recurjac(arguments),
        Name::Programs(arguments) => programs(arguments),
        Name::Load(arguments) => return load::run(arguments),
        Name::Exact(arguments) => exact(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(RunError::Input(bad)) => bad.report(),
        Err(error @ (RunError::Bench(BenchError::Question(_)) | RunError::Argument(_))) => {
            eprintln!("exactlip: {error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("exactlip: {error}");
            ExitCode::FAILURE
        }
    }
}

fn table1(arguments: &Table1) -> Result<(), RunError> {
    let Table1 { networks, time_limit, threads, seed, ref output } = *arguments;
    if let Some(directory) = output {
        // Before the work, so that a wrong path is heard of at once.
        fs::create_dir_all(directory)?;
    }
    let plan = Plan { networks, time_s: time_limit, threads, seed };
    let table = table::run(&plan, |line| eprintln!("{line}"))?;
    print!("{}", output::text(&table));
    output.as_deref().map_or(Ok(()), |directory| write(directory, &table))
}

fn write(directory: &Path, table: &table::Table) -> Result<(), RunError> {
    fs::write(directory.join("table1.csv"), output::csv(table))?;
    fs::write(directory.join("table1.json"), output::json(table)?)?;
    fs::write(directory.join("table1.svg"), chart::svg(table))?;
    Ok(())
}

fn recurjac(arguments: &Recurjac) -> Result<(), RunError> {
    let Recurjac { seed, all_outputs, ref radii, .. } = *arguments;
    if let Some(radius) = radii.iter().find(|radius| !(radius.is_finite() && **radius > 0.0)) {
        return Err(RunError::Argument(format!("--radii: {radius} is not a finite number above 0")));
    }
    let method = |name: &String| {
        let known = [Method::Fastlip, Method::Recurjac, Method::RecurjacF0, Method::RecurjacF1, Method::LinearJacobian];
        let found = known.into_iter().find(|method| method.name() == name);
        found.ok_or_else(|| RunError::Argument(format!("--methods: `{name}` is not one of those that are measured")))
    };
    let methods = arguments.methods.iter().map(method).collect::<Result<Vec<Method>, RunError>>()?;
    let threads =
        arguments.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get() as u32));
    let generated = |widths: &[usize]| {
        let name = widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        let network = networks::he(widths, seed).map_err(|error| RunError::Argument(format!("--widths: {error}")))?;
        Ok::<_, RunError>((name, network))
    };
    let named: Vec<(String, Network)> = if !arguments.network.is_empty() {
        let read = |path: &PathBuf| Ok((path.display().to_string(), input::network(path, None, None)?));
        arguments.network.iter().map(read).collect::<Result<_, RunError>>()?
    } else if !arguments.widths.is_empty() {
        vec![generated(&arguments.widths)?]
    } else {
        vec![generated(networks::MNIST)?, generated(networks::CIFAR)?]
    };
    for (name, network) in named {
        let center = networks::center(network.input_dim(), seed);
        let plan = speed::Plan { methods: methods.clone(), radii: radii.clone(), center, all_outputs, threads };
        println!("{name}, {}", if all_outputs { "all outputs" } else { "one output" });
        println!("{}", speed::Measurement::heading(threads));
        speed::run(&network, &plan, |measurement| println!("{measurement}"));
    }
    Ok(())
}

fn exact(arguments: &records::Arguments) -> Result<(), RunError> {
    match records::run(arguments)? {
        true => Ok(()),
        false => Err(RunError::Argument("a bracket contradicts its record".into())),
    }
}

fn programs(arguments: &Programs) -> Result<(), RunError> {
    let network = input::network(&arguments.network, None, None)?;
    let mut problem = input::problem(&arguments.problem)?;
    problem.methods = vec![Method::Mip];
    let question = input::question(&problem, &network)?;
    if let Some(reason) = network.exact_support().reason {
        return Err(RunError::Argument(format!("no program describes the network: {reason}")));
    }
    println!("{}", programs::Solved::heading());
    programs::run(&network, &question, |solved| println!("{solved}"));
    Ok(())
}
