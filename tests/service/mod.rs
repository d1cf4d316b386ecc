//! The service and the command line as their users meet them: the real program, over HTTP and pipes.
//!
//! - [`contract`]: what the interface promises.
//! - [`description`]: what it tells about itself.
//! - [`bad_input`]: what it refuses, and that nothing is stored then.
//! - [`check`]: estimates made elsewhere; `exactlip bench`. [`batches`]: many jobs in one request.
//! - [`curvature`]: the kind of that name.
//! - [`lifecycle`]: jobs and networks after they were made; [`events`]: server-sent events;
//!   [`programs`]: programs as files.
//! - [`files`]: networks in several files, named by their suffix, and at points.
//! - [`faults`]: killed children, cancels, a killed and a stopped service.
//! - [`solve`]: `exactlip solve`; [`remote`]: `exactlip submit`, `status`, `watch`, `cancel` and `list`.
//! - [`disk`]: a disk that is full or fails; [`log`]: a log that nobody reads; [`children`]: what processes may take.
//! - [`connections`]: what happens below requests; [`floods`]: many clients at once, and clients that want much;
//!   [`flood`]: all of that for minutes.
//! - [`keys`]: who gets in, and to what.
//! - [`terminal`]: what people see there.
//! - [`pages`]: the dashboard, in a browser and as text.
//! - [`server`]: a service of their own for the tests.

mod bad_input;
mod batches;
mod check;
mod children;
mod choices;
mod connections;
mod contract;
mod curvature;
mod description;
mod disk;
mod events;
mod faults;
mod files;
mod flood;
mod floods;
mod keys;
mod lifecycle;
mod log;
mod pages;
mod programs;
mod remote;
mod schema;
mod server;
mod solve;
mod terminal;
mod wide;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_exactlip");

/// A network file of the tests.
fn network_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/networks").join(name)
}

fn network_bytes(name: &str) -> Vec<u8> {
    std::fs::read(network_file(name)).unwrap()
}

/// Two inputs, two outputs; solved in a second.
const SMALL: &str = "a_rand_2-16-16-2_s0.onnx";
/// Its constant for [`small_problem`].
const SMALL_VALUE: f64 = 0.33524000299619877;
/// A network whose program keeps a solver busy for hours.
const LONG: &str = "e_random_10-40-40-40.onnx";

fn small_problem() -> Value {
    json!({"domain": {"type": "box", "lower": 0.0, "upper": 1.0}, "functional": {"type": "vector", "c": [1.0, -1.0]}})
}

fn long_problem() -> Value {
    json!({
        "domain": {"type": "box", "lower": 0.0, "upper": 1.0},
        "functional": {"type": "logit", "index": 0},
        "methods": ["fastlip", "mip"],
        "limits": {"time_s": 3600},
    })
}

/// `document` with the fields of `change`.
fn with(document: &Value, change: Value) -> Value {
    let mut document = document.clone();
    for (field, value) in change.as_object().unwrap() {
        document[field] = value.clone();
    }
    document
}
