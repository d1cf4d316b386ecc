//! What a reader's error means for the person who wrote the document: "did you mean", and which word to write.

/// What people write for a word of the interface: read as a hint only where that word is one of those expected.
const SYNONYMS: [(&str, &str); 22] = [
    ("eps", "radius"),
    ("epsilon", "radius"),
    ("centre", "center"),
    ("x0", "center"),
    ("low", "lower"),
    ("lb", "lower"),
    ("min", "lower"),
    ("high", "upper"),
    ("ub", "upper"),
    ("max", "upper"),
    ("timeout", "time_s"),
    ("time", "time_s"),
    ("time_limit", "time_s"),
    ("memory", "memory_mb"),
    ("tolerance", "gap"),
    ("output", "index"),
    ("class", "index"),
    ("method", "methods"),
    ("lipmip", "mip"),
    ("liplp", "lp"),
    ("hypercube", "box"),
    ("lipschitz_constant", "lipschitz"),
];
/// How many letters may differ, as a share of the word.
const LETTERS: usize = 3;

/// The reader's words, with the word that was probably meant.
pub(super) fn explained(text: String) -> String {
    for what in ["unknown variant `", "unknown field `"] {
        let Some((word, rest)) = text.strip_prefix(what).and_then(|rest| rest.split_once('`')) else { continue };
        let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
        return match nearest(word, &known) {
            Some(meant) => format!("{text}: did you mean `{meant}`?"),
            None => text,
        };
    }
    text
}

/// The word of `known` that is nearest to `word`, if one is near.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = word.trim().to_lowercase().replace(['-', ' '], "_");
    let meant = SYNONYMS.iter().find(|(written, _)| *written == plain).map_or(plain.as_str(), |(_, meant)| meant);
    let apart = |candidate: &&&str| strsim::damerau_levenshtein(candidate, meant);
    let near = known.iter().min_by_key(apart)?;
    (apart(&near) <= near.len().div_ceil(LETTERS).min(meant.len().saturating_sub(1))).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_named() {
        let methods = ["random", "fastlip", "linear_jacobian", "lp", "mip", "exact"];
        for (word, meant) in [
            ("fastlib", Some("fastlip")),
            ("Linear-Jacobian", Some("linear_jacobian")),
            ("LipMIP", Some("mip")),
            ("exactly", Some("exact")),
            ("quantum", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, &methods), meant, "{word}");
        }
        let text = explained("unknown field `epsilon`, expected one of `norm`, `center`, `radius`, `clip`".into());
        assert!(text.ends_with("did you mean `radius`?"), "{text}");
        let text = explained("unknown variant `robustnes`, expected `lipschitz` or `robustness`".into());
        assert!(text.ends_with("did you mean `robustness`?"), "{text}");
        assert_eq!(explained("missing field `domain`".into()), "missing field `domain`");
    }
}
