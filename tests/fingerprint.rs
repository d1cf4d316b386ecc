//! The engine's fingerprint, under which stored answers are reused.

#[path = "../build/fingerprint.rs"]
mod hashing;

use std::fs;
use std::path::Path;

use hashing::{SERVICE, files, fingerprint};

fn write(package: &Path, name: &str, text: &str) {
    let path = package.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn whatever_can_change_an_answer_changes_the_fingerprint_and_nothing_else_does() {
    let directory = tempfile::TempDir::new().unwrap();
    let package = directory.path();
    for name in ["Cargo.lock", "src/lib.rs", "src/ladder.rs", "src/bounds/linear.rs", "src/http/mod.rs", "README.md"] {
        write(package, name, name);
    }
    let of = || fingerprint(package, &["2.10.8"]).unwrap();
    let first = of();
    for name in ["src/http/mod.rs", "src/lib.rs", "README.md"] {
        write(package, name, "something else");
        assert_eq!(of(), first, "{name} changes no answer");
    }
    let mut seen = vec![first, fingerprint(package, &["2.10.10"]).unwrap()];
    for name in ["src/bounds/linear.rs", "src/ladder.rs", "Cargo.lock", "src/mip/cbc/driver.cpp", "src/bounds/new.rs"] {
        write(package, name, "something else");
        seen.push(of());
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count, "each change is seen");
}

#[test]
fn the_fingerprint_covers_every_module_of_the_engine() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let counted = files(package).unwrap();
    for module in
        ["arithmetic", "network", "problem", "answer", "bounds", "estimate", "mip", "search", "room", "ladder"]
    {
        let path = package.join("src").join(module);
        assert!(counted.iter().any(|file| file.starts_with(&path)), "{module}");
    }
    assert!(SERVICE.iter().all(|name| !counted.iter().any(|file| file.starts_with(package.join("src").join(name)))));
    assert_eq!(env!("EXACTLIP_ENGINE").len(), 32);
}
