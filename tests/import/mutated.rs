//! Broken files give an answer or an error, never a panic.

use std::sync::LazyLock;

use exactlip::network::import::{ImportError, ImportOptions, import};
use proptest::prelude::*;

use super::fixture_files;

fn contents(folder: &str) -> Vec<Vec<u8>> {
    fixture_files(folder).iter().map(|f| std::fs::read(f).expect("the model is there")).collect()
}

static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| [contents("networks"), contents("exported")].concat());

/// What was read is a network that can be used; what was not has a message of one line.
fn check(bytes: &[u8]) {
    match import(bytes, &ImportOptions::default()) {
        Ok(network) => {
            assert_eq!(network.evaluate(&vec![0.5; network.input_dim()]).len(), network.output_dim());
        }
        Err(error) => {
            let message = error.to_string();
            assert!(!message.is_empty() && !message.contains('\n'), "{message:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_panic(
        file in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = file.get(&FILES).clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        check(&bytes);
    }

    #[test]
    fn moved_pieces_never_panic(
        file in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        length in 0_usize..64,
        to in any::<prop::sample::Index>(),
    ) {
        let mut bytes = file.get(&FILES).clone();
        let from = from.index(bytes.len());
        let piece: Vec<u8> = bytes.drain(from..bytes.len().min(from + length)).collect();
        let to = to.index(bytes.len() + 1);
        bytes.splice(to..to, piece);
        check(&bytes);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }
}

#[test]
fn every_truncation_is_refused() {
    for file in contents("networks") {
        for length in 0..file.len() {
            let error = import(&file[..length], &ImportOptions::default()).expect_err("a part is no model");
            // The version of the operators stands behind the graph in some files: a cut between them leaves a readable file.
            assert!(
                matches!(error, ImportError::Empty | ImportError::Unreadable { .. } | ImportError::Model(_)),
                "{error}"
            );
        }
    }
}
