//! A service of their own for the tests.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{LONG, PROGRAM, long_problem, network_bytes, with};

/// How long anything that must happen may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running service.
pub struct Server {
    process: Child,
    base: String,
    agent: ureq::Agent,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text()))
    }
}

impl Server {
    /// Starts a service whose database is in `directory`.
    pub fn start(directory: &Path, flags: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", directory, flags)
    }

    /// Starts a service at an address.
    pub fn start_at(address: &str, directory: &Path, flags: &[&str]) -> Self {
        let log = File::options().create(true).append(true).open(directory.join("log")).unwrap();
        Self::launch(address, directory, log.into(), flags)
    }

    /// Starts a service that writes its log to `log`.
    pub fn launch(address: &str, directory: &Path, log: Stdio, flags: &[&str]) -> Self {
        Self::run(Self::command(address, directory, flags), log)
    }

    /// Starts a service that may have `files` files open.
    pub fn start_with_files(files: u32, directory: &Path, flags: &[&str]) -> Self {
        let log = File::options().create(true).append(true).open(directory.join("log")).unwrap();
        let own = Self::command("127.0.0.1:0", directory, flags);
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")]).arg(own.get_program());
        command.args(own.get_args()).env("EXACTLIP_WORKERS", "2");
        Self::run(command, log.into())
    }

    fn run(mut command: Command, log: Stdio) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base = line.trim().strip_prefix("listening on ").expect("the service listens").to_owned();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .allow_non_standard_methods(true)
            // A connection that the service is about to close would fail the next request.
            .max_idle_connections(0)
            .max_redirects(0)
            .build()
            .new_agent();
        Self { process, base, agent }
    }

    /// The command that starts a service whose database is in `directory`.
    pub fn command(address: &str, directory: &Path, flags: &[&str]) -> Command {
        let database = format!("sqlite://{}", directory.join("jobs.db").display());
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "--listen", address, "--database", &database]).env("EXACTLIP_WORKERS", "2").args(flags);
        command
    }

    /// Closes the pipe that the service writes its log to, if it writes to one.
    pub fn close_log(&mut self) {
        drop(self.process.stderr.take());
    }

    /// A service in a directory of its own.
    pub fn fresh(flags: &[&str]) -> (TempDir, Self) {
        let directory = TempDir::new().unwrap();
        let server = Self::start(directory.path(), flags);
        (directory, server)
    }

    /// One request.
    pub fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        self.try_call(method, path, headers, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// One request that may fail, to a service that may be gone.
    pub fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = match body {
            Some(body) => self.agent.run(request.body(body).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        }?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.body_mut().with_config().limit(64 << 20).read_to_vec()?,
        })
    }

    /// The service's process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], None)
    }

    pub fn post_json(&self, path: &str, document: &Value) -> Answer {
        let body = document.to_string();
        self.call("POST", path, &[("content-type", "application/json")], Some(body.as_bytes()))
    }

    pub fn upload(&self, query: &str, bytes: &[u8]) -> Answer {
        let headers = [("content-type", "application/octet-stream")];
        self.call("POST", &format!("/v1/networks{query}"), &headers, Some(bytes))
    }

    /// Stores a network and returns its id.
    pub fn network(&self, file: &str) -> String {
        self.upload("", &network_bytes(file)).json()["id"].as_str().unwrap().to_owned()
    }

    /// Submits a job and returns its id.
    pub fn submit(&self, network: &str, problem: &Value) -> String {
        let answer = self.post_json("/v1/jobs", &with(problem, json!({"network": network})));
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Submits a job that takes hours and returns its id once it has both ends of a bracket.
    pub fn busy(&self) -> String {
        let id = self.submit(&self.network(LONG), &long_problem());
        self.until(&id, |job| job["state"] == "running" && has_bracket(job));
        id
    }

    pub fn job(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v1/jobs/{id}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The job once it is as `wanted`.
    pub fn until(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let job = self.job(id);
            if wanted(&job) {
                return job;
            }
            assert!(start.elapsed() < PATIENCE, "never came: {job:#}");
            sleep(Duration::from_millis(50));
        }
    }

    /// The job once it has ended.
    pub fn finished(&self, id: &str) -> Value {
        self.until(id, |job| !job["finished_at"].is_null())
    }

    /// How many networks and jobs are stored.
    pub fn stored(&self) -> (usize, usize) {
        let count = |list: &str| {
            let page = self.get(&format!("/v1/{list}?limit=200")).json();
            assert!(page["next_cursor"].is_null());
            page[list].as_array().unwrap().len()
        };
        (count("networks"), count("jobs"))
    }

    /// A number of the service's own, as it tells Prometheus.
    pub fn number(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// The most memory that the service itself ever had, in MiB.
    pub fn peak_memory_mb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB")).unwrap();
        peak.trim().parse::<u64>().unwrap() / 1024
    }

    /// The process ids of the children.
    pub fn children(&self) -> Vec<u32> {
        let parent = format!("PPid:\t{}", self.process.id());
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|id| {
                let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
                status.lines().any(|line| line == parent)
            })
            .collect()
    }

    /// Kills the one child.
    pub fn kill_child(&self) {
        let start = Instant::now();
        loop {
            if let [child] = self.children()[..] {
                return send(child, "KILL");
            }
            assert!(start.elapsed() < PATIENCE, "there is no child");
            sleep(Duration::from_millis(20));
        }
    }

    /// Ends the service by `signal` and waits for its end; whether it ended well.
    pub fn end(mut self, signal: &str) -> bool {
        send(self.process.id(), signal);
        self.process.wait().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its children end with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether both ends are there.
pub fn has_bracket(job: &Value) -> bool {
    job["progress"]["lower"].is_f64() && job["progress"]["upper"].is_f64()
}

/// Sends a signal.
pub fn send(process: u32, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &process.to_string()]).status().unwrap();
    assert!(sent.success());
}
