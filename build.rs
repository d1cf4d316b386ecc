//! Compiles the few lines of C++ in front of CBC, whose C interface can neither be interrupted nor watched; takes the engine's
//! fingerprint; and has the program built anew when a migration is added, which it holds.

use std::path::Path;

#[path = "build/fingerprint.rs"]
mod fingerprint;

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/mip/cbc/driver.cpp");
    println!("cargo::rerun-if-changed=migrations");
    // Debian's package coinor-libcbc-dev brings headers and libraries; `scripts/install-packages` installs it.
    let cbc = match pkg_config::Config::new().cargo_metadata(false).probe("cbc") {
        Ok(cbc) => cbc,
        Err(error) => {
            println!("cargo::error=CBC is missing (Debian's coinor-libcbc-dev): {error}");
            return;
        }
    };
    if let Err(error) = fingerprint_engine(&cbc.version) {
        println!("cargo::error=the engine's sources cannot be read: {error}");
        return;
    }
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .includes(&cbc.include_paths)
        .file("src/mip/cbc/driver.cpp")
        .opt_level(2)
        .compile("exactlip_cbc");
    for path in &cbc.link_paths {
        println!("cargo::rustc-link-search=native={}", path.display());
    }
    // What the driver names itself; the rest comes with these shared libraries.
    for library in ["CbcSolver", "Cbc", "OsiClp", "Clp", "Osi", "CoinUtils"] {
        println!("cargo::rustc-link-lib=dylib={library}");
    }
}

/// Tells the crate its fingerprint as `EXACTLIP_ENGINE`.
fn fingerprint_engine(cbc: &str) -> std::io::Result<()> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in ["src", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let target = (variable("TARGET"), variable("CARGO_CFG_TARGET_FEATURE"));
    let fingerprint = fingerprint::fingerprint(package, &[cbc, &target.0, &target.1])?;
    println!("cargo::rustc-env=EXACTLIP_ENGINE={fingerprint}");
    Ok(())
}
