//! The whole engine against exact arithmetic, on tiny networks of extreme scale.
//!
//! - [`number`], [`feasibility`], [`truth`], [`oracle`]: the constant by enumerating regions, without rounding and without
//!   any code of the engine.
//! - [`networks`], [`questions`]: what is asked, from a seed.
//! - [`judge`]: the engine's answer against the truth.
//! - [`known`]: questions that were answered wrong once.
//!
//! A question that fails is printed with its seed, network and problem, so that `exactlip solve` repeats it.
//! `EXACTLIP_FUZZ_SEEDS=17..18` asks the questions of these seeds only, `EXACTLIP_FUZZ_FOLDER` names a folder to which the
//! documents of all that fail are written, and the seed that each thread is at: an engine that aborts tells nothing else.

mod feasibility;
mod judge;
mod known;
mod networks;
mod number;
mod oracle;
mod questions;
mod truth;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use judge::{Verdict, judge};
use num_bigint::BigInt;
use oracle::Network;
use questions::asked;

use super::stored_json;

/// The number of questions that are asked at a time.
const THREADS: usize = 2;
/// How long after its limit the engine may answer, where that is looked at.
const OVERRUN: Duration = Duration::from_secs(2);
/// The most failures that are printed in full.
const PRINTED: usize = 5;

/// Asks the questions of some seeds, and tells all failures.
fn hold(seeds: Range<u64>, overrun: Option<Duration>) {
    let seeds = std::env::var("EXACTLIP_FUZZ_SEEDS").map_or(seeds, |range| {
        let (first, last) = range.split_once("..").expect("EXACTLIP_FUZZ_SEEDS is FIRST..END");
        first.parse().unwrap()..last.parse().unwrap()
    });
    let next = AtomicU64::new(seeds.start);
    let counts: Mutex<BTreeMap<String, u64>> = Mutex::default();
    let failures: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (next, counts, failures, end) = (&next, &counts, &failures, seeds.end);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    write(format_args!("thread-{thread}"), &seed.to_string());
                    let asked = asked(seed);
                    let name = match judge(&asked, overrun) {
                        Verdict::Right { exact: true } => "right, exact".into(),
                        Verdict::Right { exact: false } if asked.is_searched() => "right, open after a search".into(),
                        Verdict::Right { exact: false } => "right, open".into(),
                        Verdict::Refused(reason) => format!("refused: {reason:.60}"),
                        Verdict::Unknown => "beyond the oracle".into(),
                        Verdict::Wrong { kind, detail } => {
                            let told = tell(seed, &kind, &detail);
                            failures.lock().unwrap().push(told);
                            format!("WRONG: {kind}")
                        }
                    };
                    *counts.lock().unwrap().entry(name).or_default() += 1;
                }
            });
        }
    });
    let (counts, failures) = (counts.into_inner().unwrap(), failures.into_inner().unwrap());
    let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count:6} {name}")).collect();
    println!("{}", counts.join("\n"));
    let shown = failures.iter().take(PRINTED).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} of {} questions failed\n{shown}", failures.len(), seeds.end - seeds.start);
}

/// A failure in words, with the documents that repeat it.
fn tell(seed: u64, kind: &str, detail: &str) -> String {
    let asked = asked(seed);
    let (network, problem) = (asked.network.document(), &asked.problem);
    write(format_args!("{seed}.network.json"), &network.to_string());
    write(format_args!("{seed}.problem.json"), &problem.to_string());
    write(format_args!("{seed}.txt"), &format!("{kind}: {detail}\n"));
    format!("seed {seed}: {kind}: {detail}\nnetwork.json: {network}\nproblem.json: {problem}")
}

/// Writes a file of the folder that was named, if one was.
fn write(name: std::fmt::Arguments, text: &str) {
    if let Ok(folder) = std::env::var("EXACTLIP_FUZZ_FOLDER") {
        std::fs::write(std::path::Path::new(&folder).join(name.to_string()), text).unwrap();
    }
}

#[test]
fn the_oracle_finds_what_is_known_of_extreme_numbers() {
    for case in stored_json("exact_numbers.json").as_array().unwrap() {
        let network = Network::read(&case["network"]);
        let found = oracle::constant(&network, &case["problem"], 5000).unwrap();
        let known = digits(case["truth"].as_str().unwrap());
        let here = digits(&found.truth.digits());
        // Rounded there and cut here: the last of 25 digits may differ by one. Of a spectral norm 17 are known.
        let off = if here.2 < 25 { BigInt::from(10).pow(9) } else { BigInt::from(1) };
        let close = known.1 == here.1 && (&known.0 - &here.0).magnitude() <= off.magnitude();
        assert!(close, "{}: {} for {}", case["name"], found.truth.digits(), case["truth"]);
    }
}

/// 25 digits, the power of ten of the first one, and how many digits there were.
fn digits(text: &str) -> (BigInt, i64, usize) {
    let (number, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all = format!("{whole}{fraction}");
    let leading = all.len() - all.trim_start_matches('0').len();
    let significant = &all[leading..];
    let given = significant.len();
    let power = power.parse::<i64>().unwrap() + whole.len() as i64 - 1 - leading as i64;
    (format!("{significant:0<25}")[..25].parse().unwrap(), power, given)
}

#[test]
fn five_hundred_questions_are_answered_right() {
    hold(0..500, None);
}

#[test]
#[ignore = "minutes"]
fn twenty_thousand_questions_are_answered_right_and_in_time() {
    hold(0..20_000, Some(OVERRUN));
}
