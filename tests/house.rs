//! The order of the house: which module may use which, read from the imports under `src/`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The modules from the top; each may use those on its own line and above. `answer` and `control` share one: a control
/// carries events, and the account of a solve asks the control whether to go on. So do `bounds` and `room`: a method is run
/// with the bounds at hand, and some bounds are methods.
const ORDER: [&[&str]; 17] = [
    &["arithmetic"],
    &["network"],
    &["problem"],
    &["answer", "control"],
    &["workers"],
    &["bounds", "room"],
    &["estimate"],
    &["search"],
    &["mip"],
    &["certificate"],
    &["certify"],
    &["ladder"],
    &["bench"],
    &["jobs"],
    &["http"],
    &["dashboard"],
    &["cli"],
];
/// The last module of the engine.
const ENGINE_ENDS: &str = "ladder";
/// What only the service may use.
const SERVICE_CRATES: [&str; 10] =
    ["tokio", "axum", "hyper", "hyper_util", "sqlx", "tower", "tower_http", "askama", "clap", "futures_util"];
/// The largest file, in lines.
const MAX_LINES: usize = 450;

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    all
}

/// The names that follow `prefix` in code: in `crate::network::Layer` or `use crate::{network, problem::Norm}`.
fn named_after(prefix: &str, code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut start = true;
            for (at, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => start = true,
                    _ if c.is_whitespace() => {}
                    _ if start => {
                        names.insert(word(&group[at..]));
                        start = false;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            names.insert(word(rest));
        }
    }
    names
}

/// Code without comments; the tests inside a module may use what they like.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// A module's place in the order.
fn place(module: &str) -> Option<usize> {
    ORDER.iter().position(|line| line.contains(&module))
}

/// Every file of a module, with the module's place in the order.
fn sources() -> Vec<(PathBuf, usize, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    for path in files(&root) {
        let module = path.strip_prefix(&root).unwrap().components().next().unwrap();
        let module = module.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let place = place(&module);
        let place = place.unwrap_or_else(|| panic!("`{module}` has no place in the order of the house"));
        let code = code(&path);
        sources.push((path, place, code));
    }
    assert!(sources.len() > 20);
    sources
}

#[test]
fn modules_use_only_those_above_them() {
    for (path, at, code) in sources() {
        for name in named_after("crate::", &code) {
            let used = place(&name);
            let used = used.unwrap_or_else(|| panic!("{}: `crate::{name}` is no module", path.display()));
            assert!(used <= at, "{} must not use `{name}`", path.display());
        }
    }
}

#[test]
fn the_engine_knows_nothing_of_the_service() {
    let last = place(ENGINE_ENDS).unwrap();
    for (path, _, code) in sources().into_iter().filter(|(_, place, _)| *place <= last) {
        for service in SERVICE_CRATES {
            let named = !named_after(&format!("{service}::"), &code).is_empty();
            assert!(!named, "{} must not use {service}", path.display());
        }
    }
}

#[test]
fn bounds_are_not_folded_by_functions_that_drop_what_is_no_number() {
    let last = place(ENGINE_ENDS).unwrap();
    // What an import folds is the network's own arithmetic.
    let import = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/network/import");
    let engine = sources().into_iter().filter(|(path, place, _)| *place <= last && !path.starts_with(&import));
    for (path, _, code) in engine {
        for name in ["f64::max", "f64::min"] {
            let folded = code.match_indices(name).any(|(at, _)| {
                // `f64::maximum` is another function.
                !code[at + name.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
            });
            assert!(!folded, "{}: `{name}` drops NaN: use those of arithmetic::ends", path.display());
        }
    }
}

/// Where maps are written out as dense matrices, and why that is bounded.
const WRITTEN_OUT: [&str; 7] = [
    // Formats whose layers are dense in the file.
    "network/import",
    // Where the choice of a form is made.
    "network/layer.rs",
    "network/map",
    // Semidefinite programs and decompositions are dense, and have a largest order.
    "estimate/lipsdp",
    "estimate/seqlip.rs",
    // What is written out has at most twice as many entries.
    "estimate/branches.rs",
    // Certificates decompose the first layer of small networks.
    "certify",
];

#[test]
fn maps_are_written_out_nowhere_else() {
    let last = place(ENGINE_ENDS).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (path, _, code) in sources().into_iter().filter(|(_, place, _)| *place <= last) {
        let may = WRITTEN_OUT.iter().any(|place| path.starts_with(root.join(place)));
        let is_test = path.file_name().is_some_and(|name| name == "tests.rs")
            || path.parent().is_some_and(|p| p.ends_with("tests"));
        for name in [".weight()", ".dense()", ".dense_mut()", ".written_out()"] {
            assert!(may || is_test || !code.contains(name), "{}: `{name}` takes rows times columns", path.display());
        }
    }
}

#[test]
fn files_are_short() {
    for (path, _, _) in sources() {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn imports_are_read_right() {
    let code = "use crate::network::Layer;\nuse crate::{answer::{Report, Tier}, problem, mip::Bounds};\nmycrate::no();";
    let names = named_after("crate::", code);
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["answer", "mip", "network", "problem"]);
}
