//! Headless Chromium, driven by `chromedriver` over WebDriver.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::service::server::{PATIENCE, Server};

/// What the reader's screen is like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Look {
    Light,
    Dark,
    Phone,
}

impl Look {
    pub const ALL: [Look; 3] = [Look::Light, Look::Dark, Look::Phone];

    pub fn name(self) -> &'static str {
        match self {
            Look::Light => "light",
            Look::Dark => "dark",
            Look::Phone => "phone",
        }
    }
}

/// One browser at a time: each takes a core and some hundred megabytes.
static ONE: Mutex<()> = Mutex::new(());

/// A browser window. The few commands of WebDriver that the tests need are spoken here: the crates that know them all bring
/// macro crates whose features would have HiGHS built a second time.
pub struct Browser {
    agent: ureq::Agent,
    /// The window's address at the driver.
    session: String,
    driver: Child,
    base: String,
    _profile: TempDir,
    _one: MutexGuard<'static, ()>,
}

/// The name of an element's id in WebDriver.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The program of one of these names.
fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = || std::env::split_paths(&path);
    names.iter().find_map(|name| places().map(|place| place.join(name)).find(|program| program.is_file()))
}

impl Browser {
    /// Opens a window on the pages of `server`; `None`, with a word about it, where there is no Chromium.
    pub fn open(server: &Server, look: Look) -> Option<Self> {
        let chromium = program(&["chromium", "chromium-browser", "google-chrome"]);
        let (Some(chromium), Some(driver)) = (chromium, program(&["chromedriver"])) else {
            // Not `eprintln!`: what a test that passes prints with it is not shown.
            let words = b"skipped: pages in a browser (chromium and chromedriver are not installed)\n";
            std::io::stderr().write_all(words).unwrap();
            return None;
        };
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let profile = TempDir::new().unwrap();
        let mut driver =
            Command::new(driver).arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port: u16 = lines
            .find_map(|line| line.unwrap().split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok())
            .expect("the driver tells its port");
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1280,1400",
        ]
        .map(String::from)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        if look == Look::Dark {
            arguments.push("--blink-settings=preferredColorScheme=0".into());
        }
        let mut options = json!({ "args": arguments, "binary": chromium });
        if look == Look::Phone {
            let metrics = json!({"width": 390, "height": 1800, "pixelRatio": 1.0, "mobile": true, "touch": true});
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(2 * PATIENCE))
            .build()
            .new_agent();
        // On a busy machine, a script takes its time.
        let patience = PATIENCE.as_millis() as u64;
        let wanted = json!({"goog:chromeOptions": options, "timeouts": {"script": patience, "pageLoad": patience}});
        let (base, session) = (format!("http://{}", server.address()), format!("http://127.0.0.1:{port}/session"));
        let mut browser = Self { agent, session, driver, base, _profile: profile, _one: one };
        let session = browser.command("POST", "", Some(json!({"capabilities": {"alwaysMatch": wanted}})));
        let session = session.expect("the browser starts")["sessionId"].as_str().unwrap().to_owned();
        browser.session = format!("{}/{session}", browser.session);
        Some(browser)
    }

    /// One command to the driver, and its value; what went wrong otherwise.
    fn command(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, String> {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.session));
        let response = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.to_string()).unwrap())
            }
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.map_err(|error| error.to_string())?;
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string().map_err(|e| e.to_string())?;
        let mut answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let value = answer["value"].take();
        if response.status().is_success() { Ok(value) } else { Err(value.to_string()) }
    }

    fn post(&self, path: &str, body: Value) -> Value {
        self.command("POST", path, Some(body.clone())).unwrap_or_else(|error| panic!("{path} {body:.500}: {error}"))
    }

    fn element(&self, css: &str) -> String {
        let found = self.post("/element", json!({"using": "css selector", "value": css}));
        format!("/element/{}", found[ELEMENT].as_str().unwrap())
    }

    pub fn go(&self, path: &str) {
        self.post("/url", json!({"url": format!("{}{path}", self.base)}));
    }

    /// Path and query of the page.
    pub fn place(&self) -> String {
        let url = self.command("GET", "/url", None).unwrap();
        url.as_str().unwrap().trim_start_matches(&self.base).to_owned()
    }

    pub fn script(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": arguments}))
    }

    /// Waits until an expression of the page is true.
    pub fn until(&self, expression: &str) {
        let start = Instant::now();
        let question = json!({"script": format!("return Boolean({expression})"), "args": []});
        // While a page is being left, nothing can be asked of it.
        while self.command("POST", "/execute/sync", Some(question.clone())) != Ok(Value::Bool(true)) {
            let page = || self.script("return document.documentElement.outerHTML", vec![]);
            assert!(start.elapsed() < PATIENCE, "never came: {expression} at {}\n{}", self.place(), page());
            sleep(Duration::from_millis(50));
        }
    }

    pub fn click(&self, css: &str) {
        self.post(&format!("{}/click", self.element(css)), json!({}));
    }

    /// Types a text into a field, in place of what stood there.
    pub fn fill(&self, css: &str, text: &str) {
        let field = self.element(css);
        self.post(&format!("{field}/clear"), json!({}));
        self.post(&format!("{field}/value"), json!({"text": text}));
    }

    /// Chooses a file in a file field.
    pub fn choose(&self, css: &str, file: &Path) {
        self.post(&format!("{}/value", self.element(css)), json!({"text": file.canonicalize().unwrap()}));
    }

    pub fn text(&self, css: &str) -> String {
        let text = self.script("return document.querySelector(arguments[0]).textContent.trim()", vec![json!(css)]);
        text.as_str().unwrap().to_owned()
    }

    /// Keeps a picture of the window.
    pub fn screenshot(&self, name: &str) {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&directory).unwrap();
        let picture = self.command("GET", "/screenshot", None).unwrap();
        let picture = BASE64_STANDARD.decode(picture.as_str().unwrap()).unwrap();
        std::fs::write(directory.join(format!("{name}.png")), picture).unwrap();
    }

    /// What axe-core calls serious or critical on the page; in the dark, only colours can differ.
    pub fn barriers(&self, look: Look) -> Vec<String> {
        const AXE: &str = include_str!("../../data/axe/axe.min.js");
        self.script(AXE, vec![]);
        let mut options = json!({"resultTypes": ["violations"]});
        if look == Look::Dark {
            options["runOnly"] = json!(["color-contrast"]);
        }
        let run = "const done = arguments[arguments.length - 1];\
                   axe.run(document, arguments[0]).then(\
                   (found) => done(found.violations.filter((v) => ['serious', 'critical'].includes(v.impact))\
                   .map((v) => `${v.id}: ${v.help}: ` + v.nodes.slice(0, 3).map((n) => n.html + ' ' + n.failureSummary).join(' | '))),\
                   (error) => done([String(error)]))";
        let found = self.post("/execute/async", json!({"script": run, "args": [options]}));
        found.as_array().unwrap().iter().map(|words| words.as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The window is closed, also when a test fails; then its driver ends.
        let _ = self.command("DELETE", "", None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
