//! The engine's fingerprint: a hash of all that can change an answer. Stored answers are reused under the same fingerprint
//! only, so that a fault that was mended does not live on in them.

use std::io;
use std::path::{Path, PathBuf};

/// What stands around the engine under `src/` and changes no answer. Whatever is not named here counts.
pub const SERVICE: [&str; 7] = ["bench", "cli", "dashboard", "http", "jobs", "lib.rs", "main.rs"];

/// The files that count, in a fixed order: the engine's sources and the versions of all that it is built from.
pub fn files(package: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = vec![package.join("Cargo.lock")];
    for entry in std::fs::read_dir(package.join("src"))? {
        let entry = entry?;
        if !SERVICE.iter().any(|name| entry.file_name().to_string_lossy() == *name) {
            collect(&entry.path(), &mut all)?;
        }
    }
    all.sort();
    Ok(all)
}

fn collect(path: &Path, all: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), all)?;
        }
    } else {
        all.push(path.to_path_buf());
    }
    Ok(())
}

/// The hash of the files' names and contents, and of `others`: what else the engine is built with.
pub fn fingerprint(package: &Path, others: &[&str]) -> io::Result<String> {
    let mut hash = Fnv::default();
    for path in files(package)? {
        let name = path.strip_prefix(package).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        hash.part(name.as_bytes());
        hash.part(&std::fs::read(&path)?);
    }
    others.iter().for_each(|other| hash.part(other.as_bytes()));
    Ok(format!("{:032x}", hash.0))
}

/// FNV-1a in 128 bits: nobody attacks it, and it needs no crate.
struct Fnv(u128);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fnv {
    /// Its length first, so that parts cannot run into each other.
    fn part(&mut self, bytes: &[u8]) {
        for byte in (bytes.len() as u64).to_le_bytes().iter().chain(bytes) {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}
