//! `exactlip serve`: the store, the workers and the REST interface in one process.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::Args;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::{capacity, print};
use crate::dashboard;
use crate::http::{self, Entrance, Maxima, Service};
use crate::jobs::store::sqlite::SqliteStore;
use crate::jobs::store::{Store, StoreError};
use crate::jobs::supervisor::Supervisor;
use crate::jobs::{Queue, Shutdown, workers};
use crate::workers::most_threads;

/// How long open requests may take once the service ends.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// The flags of `exactlip serve`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Where to listen; port 0 takes a free one. The address is printed to standard output.
    #[arg(long, env = "EXACTLIP_LISTEN", default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    listen: String,
    /// The file in which networks and jobs are kept: a path, or `sqlite://PATH`.
    // Its value is shown nowhere: addresses carry passwords.
    #[arg(
        long,
        env = "EXACTLIP_DATABASE",
        hide_env_values = true,
        default_value = "sqlite://exactlip.db",
        value_name = "PATH"
    )]
    database: String,
    /// How much of the database's disk is kept free, in MiB: below, networks and jobs are refused, and what runs can still
    /// store its answers.
    #[arg(long, env = "EXACTLIP_MIN_FREE_MB", default_value_t = 64, value_name = "MIB")]
    min_free_mb: u64,
    /// How many jobs run at once [default: one a core].
    #[arg(long, env = "EXACTLIP_WORKERS", value_name = "N")]
    workers: Option<usize>,
    /// The largest network file in bytes.
    #[arg(long, env = "EXACTLIP_MAX_UPLOAD_BYTES", default_value_t = 64 << 20, value_name = "BYTES")]
    max_upload_bytes: usize,
    /// The largest problem in bytes.
    #[arg(long, env = "EXACTLIP_MAX_PROBLEM_BYTES", default_value_t = 8 << 20, value_name = "BYTES")]
    max_problem_bytes: usize,
    /// The largest number of inputs of a network, and of neurons in a layer.
    #[arg(long, env = "EXACTLIP_MAX_WIDTH", default_value_t = 1 << 16, value_name = "N")]
    max_width: usize,
    /// The largest number of weights and biases of a network.
    #[arg(long, env = "EXACTLIP_MAX_PARAMETERS", default_value_t = 1 << 24, value_name = "N")]
    max_parameters: usize,
    /// How many seconds the reading of an uploaded network may take.
    #[arg(long, env = "EXACTLIP_MAX_IMPORT_S", default_value_t = 60, value_name = "SECONDS")]
    max_import_s: u64,
    /// How much memory it may take, in MiB: each file is read in a process of its own.
    #[arg(long, env = "EXACTLIP_MAX_IMPORT_MB", default_value_t = 2048, value_name = "MIB")]
    max_import_mb: u64,
    /// The longest time limit of a job in seconds.
    #[arg(long, env = "EXACTLIP_MAX_TIME_S", default_value_t = 86_400.0, value_name = "SECONDS")]
    max_time_s: f64,
    /// The largest memory limit of a job in MiB: all workers' jobs together must fit into the machine [default: what the
    /// machine has beside the service, shared out among the workers].
    #[arg(long, env = "EXACTLIP_MAX_MEMORY_MB", value_name = "MIB")]
    max_memory_mb: Option<u64>,
    /// The largest number of threads of a job; the system shares the cores out among them [default: four for each of the
    /// machine's cores, and at least 8].
    #[arg(long, env = "EXACTLIP_MAX_THREADS", value_name = "N")]
    max_threads: Option<u32>,
    /// How many jobs may wait.
    #[arg(long, env = "EXACTLIP_MAX_QUEUED", default_value_t = 10_000, value_name = "N")]
    max_queued: u64,
    /// How many connections may be open at once; fewer where the system's limit of open files allows no more. Half of them
    /// may be streams of events, a quarter answers that wait.
    #[arg(long, env = "EXACTLIP_MAX_CONNECTIONS", default_value_t = 2048, value_name = "N")]
    max_connections: usize,
    /// End, as on SIGTERM, when standard input ends: for a program that starts a service of its own, which then cannot outlive
    /// it.
    #[arg(long, env = "EXACTLIP_UNTIL_STDIN_ENDS")]
    until_stdin_ends: bool,
    /// A name or an address that clients reach the service by, with or without a port; may be given several times. Names that
    /// can only mean this machine need not be given, nor the address to listen on.
    #[arg(long, env = "EXACTLIP_ALLOWED_HOST", value_delimiter = ',', value_name = "HOST")]
    allowed_host: Vec<String>,
    /// The address of a proxy that is believed when it says where a request comes from (`X-Forwarded-For`) and whether that
    /// connection is encrypted (`X-Forwarded-Proto`); may be given several times.
    #[arg(long, env = "EXACTLIP_TRUSTED_PROXY", value_delimiter = ',', value_name = "ADDRESS")]
    trusted_proxy: Vec<IpAddr>,
    /// Listen on an address that other machines can reach although there are no API keys: whoever reaches it may do everything.
    #[arg(long, env = "EXACTLIP_INSECURE_NO_KEYS")]
    insecure_no_keys: bool,
    /// How many requests one key may send in a second [default: as many as it likes].
    #[arg(long, env = "EXACTLIP_KEY_RATE", value_name = "N")]
    key_rate: Option<NonZeroU32>,
    /// How many jobs of one key may wait [default: as many as of all].
    #[arg(long, env = "EXACTLIP_KEY_MAX_QUEUED", value_name = "N")]
    key_max_queued: Option<u64>,
    /// How many bytes the networks that one key has stored may have together.
    #[arg(long, env = "EXACTLIP_KEY_MAX_BYTES", default_value_t = 16 << 30, value_name = "BYTES")]
    key_max_bytes: u64,
}

/// Why the service does not start, or stopped.
#[derive(Debug, Error)]
enum ServeError {
    #[error("cannot listen on {listen}: {error}")]
    Listen { listen: String, error: io::Error },
    #[error(
        "refuses to listen on {0}, which other machines can reach: there are no API keys yet. Make one with `exactlip keys \
         create`, use a loopback address such as 127.0.0.1:8080, or open the service to everybody with --insecure-no-keys"
    )]
    NotLoopback(SocketAddr),
    #[error(
        "{workers} jobs of {job_mb} MiB at once (--workers, --max-memory-mb) do not fit into this machine, which has \
         {machine_mb} MiB: take fewer workers or less memory"
    )]
    Memory { workers: usize, job_mb: u64, machine_mb: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{what}: {error}")]
    System { what: &'static str, error: io::Error },
}

/// A [`ServeError`] from an operation of the system.
fn system(what: &'static str) -> impl Fn(io::Error) -> ServeError {
    move |error| ServeError::System { what, error }
}

/// Runs the service until SIGTERM or SIGINT.
pub fn run(arguments: Arguments) -> ExitCode {
    protect_process();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(system("cannot start the service's threads"))
        .and_then(|runtime| runtime.block_on(serve(arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::complain(format_args!("exactlip serve: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What holds for the whole process: its files are its user's alone, and a file that may not grow is an error of the write.
fn protect_process() {
    // SAFETY: two plain system calls, before any other thread is started. Ignoring a signal runs no code of ours.
    unsafe {
        libc::umask(0o077);
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

async fn serve(arguments: Arguments) -> Result<(), ServeError> {
    // Before anything is stored or claimed: the service either starts as a whole or not at all.
    let workers = arguments.workers.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
    let maxima = maxima(&arguments, workers)?;
    let places = maxima.connections;
    let asked = resolve(&arguments.listen).await?;
    let needs_keys = !asked.ip().is_loopback() && !arguments.insecure_no_keys;
    // Where there is no database there is no key, and none is made for nothing.
    if needs_keys && !SqliteStore::is_there(&arguments.database)? {
        return Err(ServeError::NotLoopback(asked));
    }
    let store = SqliteStore::open(&arguments.database, arguments.min_free_mb).await?;
    if needs_keys && !store.has_keys().await? {
        return Err(ServeError::NotLoopback(asked));
    }
    let (listener, address) = listen(asked, &arguments.listen).await?;
    let mut scratch = store.path().as_os_str().to_owned();
    scratch.push(".work");
    let program = std::env::current_exe().map_err(system("cannot find its own program"))?;
    let supervisor =
        Supervisor::new(program, PathBuf::from(scratch)).map_err(system("cannot make its working directory"))?;

    let shutdown = Shutdown::default();
    let queue = Queue::new(Arc::new(store), shutdown.clone());
    let recovered = queue.recover_all().await?;
    if !recovered.is_empty() {
        tracing::warn!(jobs = recovered.len(), "took jobs back that a service left running when it died");
    }
    stop_on_signals(shutdown.clone())?;
    if arguments.until_stdin_ends {
        stop_with_input(shutdown.clone())?;
    }
    let workers = tokio::spawn(workers::run(queue.clone(), supervisor.clone(), workers));
    let service = Service::new(queue, supervisor, maxima, entrance(&arguments, address));
    let app = http::router(service.clone(), dashboard::routes()).layer(axum::middleware::from_fn(dashboard::explain));
    let app = http::shielded(app);

    // Whoever has started it may not read: that is no failure.
    let _ = writeln!(io::stdout(), "listening on http://{address}");
    let mut serving = tokio::spawn(http::serve(listener, app, places, shutdown.clone()));
    let ended = tokio::select! {
        ended = &mut serving => Some(ended),
        () = shutdown.begun() => timeout(SHUTDOWN_GRACE, &mut serving).await.ok(),
    };
    match ended {
        None => tracing::warn!("requests are cut off that did not end in time"),
        Some(Err(error)) => tracing::error!(%error, "the server ended"),
        Some(Ok(())) => {}
    }
    // Also when the server failed: running jobs are handed back.
    shutdown.begin();
    if let Err(error) = workers.await {
        tracing::error!(%error, "the workers ended");
    }
    service.finish().await;
    Ok(())
}

/// The address that is meant.
async fn resolve(listen: &str) -> Result<SocketAddr, ServeError> {
    let failed = |error| ServeError::Listen { listen: listen.to_owned(), error };
    let mut addresses = tokio::net::lookup_host(listen).await.map_err(failed)?;
    addresses.next().ok_or_else(|| failed(io::ErrorKind::AddrNotAvailable.into()))
}

/// Listens on `address`, which is called `listen`.
async fn listen(address: SocketAddr, listen: &str) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |error| ServeError::Listen { listen: listen.to_owned(), error };
    let listener = http::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Who is let in.
fn entrance(arguments: &Arguments, address: SocketAddr) -> Entrance {
    let mut hosts = arguments.allowed_host.clone();
    if !address.ip().is_unspecified() {
        hosts.push(address.ip().to_string());
    }
    if arguments.insecure_no_keys {
        tracing::warn!("without keys, whoever reaches this service may do everything");
    }
    Entrance {
        hosts,
        trusted_proxies: arguments.trusted_proxy.clone(),
        key_rate: arguments.key_rate,
        key_queued: arguments.key_max_queued.unwrap_or(arguments.max_queued),
        key_bytes: arguments.key_max_bytes,
    }
}

/// The first SIGTERM or SIGINT ends the service gently; the second one ends the process.
fn stop_on_signals(shutdown: Shutdown) -> Result<(), ServeError> {
    let failed = system("cannot listen to signals");
    let mut terminate = signal(SignalKind::terminate()).map_err(&failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(&failed)?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if shutdown.has_begun() {
                // Children die with this process; their jobs are recovered at the next start.
                std::process::abort();
            }
            tracing::info!("ends: running jobs go back to the queue");
            shutdown.begin();
        }
    });
    Ok(())
}

/// The end of standard input ends the service gently, as does one that cannot be read.
fn stop_with_input(shutdown: Shutdown) -> Result<(), ServeError> {
    // A thread of its own: the runtime would wait for a read that nothing interrupts.
    std::thread::Builder::new()
        .name("standard input".into())
        .spawn(move || {
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            tracing::info!("standard input has ended");
            shutdown.begin();
        })
        .map(drop)
        .map_err(system("cannot wait for standard input"))
}

/// The limits of the service.
fn maxima(arguments: &Arguments, workers: usize) -> Result<Maxima, ServeError> {
    let machine_mb = capacity::machine_memory_mb();
    let job_mb = arguments.max_memory_mb.unwrap_or_else(|| capacity::job_memory_mb(machine_mb, workers));
    if !capacity::fits(machine_mb, workers, job_mb) {
        return Err(ServeError::Memory { workers, job_mb, machine_mb });
    }
    let files = capacity::open_files(capacity::files_for(arguments.max_connections, workers));
    let connections = capacity::connections(files, workers, arguments.max_connections);
    if connections < arguments.max_connections {
        tracing::warn!(connections, files, "fewer connections are possible than asked for: too few open files");
    }
    Ok(Maxima {
        upload_bytes: arguments.max_upload_bytes,
        problem_bytes: arguments.max_problem_bytes,
        width: arguments.max_width,
        parameters: arguments.max_parameters,
        time_s: arguments.max_time_s,
        memory_mb: job_mb,
        threads: arguments.max_threads.unwrap_or_else(most_threads),
        import_time: Duration::from_secs(arguments.max_import_s),
        import_mb: arguments.max_import_mb,
        queued: arguments.max_queued,
        connections,
    })
}
