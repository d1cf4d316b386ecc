//! Import against recorded outputs of another runtime, and against broken files.

mod mutated;
mod recorded;

use std::path::{Path, PathBuf};

/// A file of the package.
fn package_file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// All recorded models.
fn fixture_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(package_file("tests/fixtures/networks"))
        .expect("fixtures are there")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    files
}
