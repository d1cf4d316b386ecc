//! `exactlip bench`: the papers' comparisons, on networks that are trained here, and a service under load.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use clap::{Args, Subcommand};
use serde::Serialize;
use thiserror::Error;

use super::input::{self, BadInput};
use super::{load, print, records};
use crate::bench::asking::BenchError;
use crate::bench::curves::{self, Curves};
use crate::bench::{chart, curvature, depth, lines, networks, output, programs, radius, speed, table};
use crate::http::Code;
use crate::network::Network;
use crate::network::import::Choice;
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
    /// Euclidean bounds against the depth of the network, as Figure 4 of SeqLip's paper.
    Seqlip(Seqlip),
    /// Every method's constant against the radius of the ball, as RecurJac's Figure 1.
    Radius(Radius),
    /// A service that runs: how quickly it answers while many read and submit jobs, and a solve runs.
    Load(load::Arguments),
    /// The exact search on recorded problems: bracket, nodes, seconds, and the ratio to HiGHS on the LipMIP program.
    Exact(records::Arguments),
    /// CROWN, FastLip, RecurJac and the linear Jacobian relaxation on large networks: value, time and memory.
    Recurjac(Recurjac),
    /// Bounds of second derivatives, and CRC's certificates beside CROWN's, on trained smooth networks.
    Curvature(Curvature),
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
struct Curvature {
    /// The depths: how many affine layers each network has.
    #[arg(long, env = "EXACTLIP_LAYERS", value_delimiter = ',', default_value = "2,3,4", value_parser = clap::value_parser!(u8).range(1..=12))]
    layers: Vec<u8>,
    /// Neurons in each hidden layer.
    #[arg(long, env = "EXACTLIP_NEURONS", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=2048))]
    neurons: u16,
    /// Pixels on each side of a picture; 28 makes 784 inputs.
    #[arg(long, env = "EXACTLIP_SIDE", default_value_t = 8, value_parser = clap::value_parser!(u8).range(8..=64))]
    side: u8,
    /// Pictures that are certified.
    #[arg(long, env = "EXACTLIP_IMAGES", default_value_t = 150)]
    images: usize,
    /// Threads.
    #[arg(long, env = "EXACTLIP_THREADS", default_value_t = 2)]
    threads: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// The seed of everything random.
    #[arg(long, env = "EXACTLIP_SEED", default_value_t = 0)]
    seed: u64,
    /// Where the CSV, JSON and SVG files go; without it the comparison is only printed.
    #[arg(long, short, env = "EXACTLIP_OUTPUT")]
    output: Option<PathBuf>,
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
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Seqlip {
    /// The depths: how many affine layers each network has, with 20 neurons in each.
    #[arg(long, env = "EXACTLIP_LAYERS", value_delimiter = ',', default_value = "4,5,7,10", value_parser = clap::value_parser!(u8).range(1..=50))]
    layers: Vec<u8>,
    /// Points of the function that the networks learn.
    #[arg(long, env = "EXACTLIP_POINTS", default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(1..=20_000))]
    points: u64,
    /// How often a network sees all of them.
    #[arg(long, env = "EXACTLIP_EPOCHS", default_value_t = 20)]
    epochs: usize,
    /// Seconds for all methods together on one network.
    #[arg(long, env = "EXACTLIP_TIME_LIMIT", default_value_t = 300.0)]
    time_limit: f64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Radius {
    /// How many radii.
    #[arg(long, env = "EXACTLIP_RADII", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=200))]
    radii: u16,
    /// The largest radius; the smallest one is 0.004.
    #[arg(long, env = "EXACTLIP_LARGEST", default_value_t = 1.0)]
    largest: f64,
    /// Seconds for all methods together at one radius.
    #[arg(long, env = "EXACTLIP_TIME_LIMIT", default_value_t = 60.0)]
    time_limit: f64,
    /// Threads of the exact search.
    #[arg(long, env = "EXACTLIP_THREADS", default_value_t = 2)]
    threads: u32,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Error)]
enum RunError {
    #[error(transparent)]
    Bench(#[from] BenchError),
    #[error("{0}")]
    Argument(String),
    #[error(transparent)]
    Input(#[from] BadInput),
    #[error("the comparison cannot be written: {0}")]
    Write(#[from] io::Error),
    #[error("the comparison cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> ExitCode {
    let result = match &arguments.name {
        Name::Table1(arguments) => table1(arguments),
        Name::Seqlip(arguments) => seqlip(arguments),
        Name::Radius(arguments) => by_radius(arguments),
        Name::Curvature(arguments) => by_curvature(arguments),
        Name::Recurjac(arguments) => recurjac(arguments),
        Name::Programs(arguments) => programs(arguments),
        Name::Load(arguments) => return load::run(arguments),
        Name::Exact(arguments) => exact(arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(RunError::Input(bad)) => bad.report(),
        Err(error @ (RunError::Bench(BenchError::Question(_)) | RunError::Argument(_))) => {
            print::failure("bench", Code::BadRequest, error);
            ExitCode::from(2)
        }
        Err(error) => {
            print::failure("bench", Code::Internal, error);
            ExitCode::FAILURE
        }
    }
}

fn table1(arguments: &Table1) -> Result<(), RunError> {
    let Table1 { networks, time_limit, threads, ref common } = *arguments;
    let directory = common.directory()?;
    let plan = table::Plan { networks, time_s: time_limit, threads, seed: common.seed };
    let table = table::run(&plan, |line| print::complain(line))?;
    print::text(output::text(&table));
    write(directory, "table1", &output::csv(&table), &table, &chart::svg(&table))
}

fn seqlip(arguments: &Seqlip) -> Result<(), RunError> {
    let directory = arguments.common.directory()?;
    let plan = depth::Plan {
        layers: arguments.layers.iter().map(|&layers| usize::from(layers)).collect(),
        points: usize::try_from(arguments.points).unwrap_or(usize::MAX),
        epochs: arguments.epochs,
        time_s: arguments.time_limit,
        seed: arguments.common.seed,
    };
    show(directory, "seqlip", &depth::run(&plan, |line| print::complain(line))?)
}

fn by_radius(arguments: &Radius) -> Result<(), RunError> {
    let Radius { radii, largest, time_limit, threads, ref common } = *arguments;
    let directory = common.directory()?;
    let plan = radius::Plan { radii: usize::from(radii), largest, time_s: time_limit, threads, seed: common.seed };
    show(directory, "radius", &radius::run(&plan, |line| print::complain(line))?)
}

fn by_curvature(arguments: &Curvature) -> Result<(), RunError> {
    let directory = arguments.common.directory()?;
    let plan = curvature::Plan {
        layers: arguments.layers.iter().map(|&layers| usize::from(layers)).collect(),
        neurons: usize::from(arguments.neurons),
        side: usize::from(arguments.side),
        images: arguments.images,
        threads: arguments.threads,
        seed: arguments.common.seed,
    };
    let found = curvature::run(&plan, |line| print::complain(line))?;
    let markdown = curvature::markdown(&found);
    print::text(&markdown);
    let Some(directory) = directory else { return Ok(()) };
    let path = |ending: &str| directory.join(format!("curvature.{ending}"));
    fs::write(path("csv"), curvature::csv(&found))?;
    fs::write(path("json"), output::json(&found)?)?;
    fs::write(path("md"), markdown)?;
    Ok(())
}

impl Common {
    /// The directory for the files, made before the work so that a wrong path is heard of at once.
    fn directory(&self) -> Result<Option<&Path>, RunError> {
        self.output
            .as_deref()
            .map(|directory| fs::create_dir_all(directory).map(|()| directory))
            .transpose()
            .map_err(RunError::from)
    }
}

fn show(directory: Option<&Path>, name: &str, found: &Curves) -> Result<(), RunError> {
    print::text(curves::text(found));
    write(directory, name, &curves::csv(found), found, &lines::svg(found))
}

fn write(directory: Option<&Path>, name: &str, csv: &str, all: &impl Serialize, svg: &str) -> Result<(), RunError> {
    let Some(directory) = directory else { return Ok(()) };
    let path = |ending: &str| directory.join(format!("{name}.{ending}"));
    fs::write(path("csv"), csv)?;
    fs::write(path("json"), output::json(all)?)?;
    fs::write(path("svg"), svg)?;
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
        let read = |path: &PathBuf| Ok((path.display().to_string(), input::network(path, None, &Choice::default())?));
        arguments.network.iter().map(read).collect::<Result<_, RunError>>()?
    } else if !arguments.widths.is_empty() {
        vec![generated(&arguments.widths)?]
    } else {
        vec![generated(networks::MNIST)?, generated(networks::CIFAR)?]
    };
    for (name, network) in named {
        let center = networks::center(network.input_dim(), seed);
        let plan = speed::Plan { methods: methods.clone(), radii: radii.clone(), center, all_outputs, threads };
        print::line(format_args!("{name}, {}", if all_outputs { "all outputs" } else { "one output" }));
        print::line(speed::Measurement::heading(threads));
        speed::run(&network, &plan, |measurement| print::line(measurement));
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
    let network = input::network(&arguments.network, None, &Choice::default())?;
    let mut problem = input::problem(&arguments.problem, || None)?;
    problem.methods = vec![Method::Mip];
    let question = input::question(&problem, &network)?;
    if let Some(reason) = network.exact_support().reason {
        return Err(RunError::Argument(format!("no program describes the network: {reason}")));
    }
    print::line(programs::Solved::heading());
    programs::run(&network, &question, |solved| print::line(solved));
    Ok(())
}
