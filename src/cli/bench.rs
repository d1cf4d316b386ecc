//! `exactlip bench`: the papers' comparisons, on networks that are trained here, and a service under load.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use clap::{Args, Subcommand};
use thiserror::Error;

use super::load;
use crate::bench::table::{self, BenchError, Plan};
use crate::bench::{chart, output};

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
    #[error("the table cannot be written: {0}")]
    Write(#[from] io::Error),
    #[error("the table cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> ExitCode {
    let arguments = match &arguments.name {
        Name::Table1(arguments) => arguments,
        Name::Load(arguments) => return load::run(arguments),
    };
    match table1(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(RunError::Bench(error @ BenchError::Question(_))) => {
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
