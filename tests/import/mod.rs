//! Import against recorded outputs of another runtime, and against broken files.

mod graphs;
mod mutated;
mod recorded;
mod text;

use std::path::{Path, PathBuf};

/// A file of the package.
fn package_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The recorded models in one folder of the fixtures: `networks` (made node by node) or `exported` (by real exporters).
fn fixture_files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(package_file("tests/fixtures").join(folder))
        .expect("fixtures are there")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    files
}
