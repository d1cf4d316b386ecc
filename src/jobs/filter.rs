//! Which jobs a list holds, and how much may be asked for at once: every list and every page counts here.

use std::collections::BTreeMap;

use thiserror::Error;
use uuid::Uuid;

use super::State;
use crate::problem::Kind;

/// The most labels of a filter: no job has more.
const MAX_LABELS: usize = 32;
/// The most words that are looked for.
const MAX_WORDS: usize = 16;
/// The most jobs that are named one by one.
const MAX_NAMED_JOBS: usize = 200;

/// Which jobs a list holds.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Only in this state.
    pub state: Option<State>,
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only about this network.
    pub network: Option<String>,
    /// Only of this batch.
    pub batch: Option<Uuid>,
    /// Only with all of these labels.
    pub labels: BTreeMap<String, String>,
    /// Only where each of these words begins a word of the network's name, the id, the kind or a label.
    pub words: Vec<String>,
}

/// Why a filter is none.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum FilterError {
    /// More is asked for than one query should hold.
    #[error("at most {most} {what} can be asked for at once")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// One label is asked for twice.
    #[error("is given twice")]
    LabelTwice,
}

/// Refuses one more of `what` beside `count` others where `most` are allowed.
fn one_more(what: &'static str, count: usize, most: usize) -> Result<(), FilterError> {
    if count < most { Ok(()) } else { Err(FilterError::TooMany { what, most }) }
}

impl JobFilter {
    /// Asks for a label, too.
    ///
    /// # Errors
    /// [`FilterError`]
    pub fn add_label(&mut self, name: &str, value: &str) -> Result<(), FilterError> {
        one_more("labels", self.labels.len(), MAX_LABELS)?;
        match self.labels.insert(name.to_owned(), value.to_owned()) {
            None => Ok(()),
            Some(_) => Err(FilterError::LabelTwice),
        }
    }

    /// Asks for the words of a text instead of the present ones.
    ///
    /// # Errors
    /// [`FilterError::TooMany`]
    pub fn set_words(&mut self, text: &str) -> Result<(), FilterError> {
        let words: Vec<&str> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(MAX_WORDS + 1).collect();
        one_more("words", words.len().saturating_sub(1), MAX_WORDS)?;
        self.words = words.into_iter().map(str::to_owned).collect();
        Ok(())
    }
}

/// Names one more job beside `named`.
///
/// # Errors
/// [`FilterError::TooMany`]
pub fn name_job(named: &mut Vec<String>, job: String) -> Result<(), FilterError> {
    one_more("jobs", named.len(), MAX_NAMED_JOBS)?;
    named.push(job);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_holds_as_much_as_it_may_and_no_more() {
        let mut filter = JobFilter::default();
        for i in 0..MAX_LABELS {
            assert_eq!(filter.add_label(&format!("name {i}"), "value"), Ok(()));
        }
        let refused = filter.add_label("one more", "value");
        assert_eq!(refused, Err(FilterError::TooMany { what: "labels", most: MAX_LABELS }));
        assert_eq!(filter.labels.len(), MAX_LABELS);

        assert_eq!(filter.set_words(&"word ".repeat(MAX_WORDS)), Ok(()));
        assert_eq!(filter.words.len(), MAX_WORDS);
        assert!(filter.set_words(&"word ".repeat(MAX_WORDS + 1)).is_err());
        assert_eq!(filter.set_words("  "), Ok(()));
        assert!(filter.words.is_empty());

        let mut named = vec!["job".to_owned(); MAX_NAMED_JOBS - 1];
        assert_eq!(name_job(&mut named, "job".into()), Ok(()));
        assert!(name_job(&mut named, "job".into()).is_err());
    }

    #[test]
    fn a_label_cannot_have_two_values() {
        let mut filter = JobFilter::default();
        assert_eq!(filter.add_label("run", "1"), Ok(()));
        assert_eq!(filter.add_label("run", "2"), Err(FilterError::LabelTwice));
    }
}
