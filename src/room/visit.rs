//! What a method finds when it is run.

use serde_json::{Map, Value};

use crate::answer::{Ledger, Subject};
use crate::bounds::tiers::Tiers;
use crate::control::Control;
use crate::network::Network;
use crate::problem::Question;
use crate::workers::Workers;

/// What the report says where the bounds of the pre-activations are not finite.
pub const OVERFLOW: &str = "the network's numbers overflow on this region: nothing can be bounded";

/// One method's run within a solve.
pub struct Visit<'v, 'a> {
    /// The network and the question.
    pub subject: Subject<'a>,
    /// The bounds of the pre-activations, and what follows from them.
    pub tiers: &'v Tiers<'a>,
    /// The threads of the solve.
    pub workers: &'a Workers,
    /// The account of the solve.
    pub ledger: &'v mut Ledger<'a>,
    /// What the method has to tell besides its value.
    pub detail: Map<String, Value>,
    /// Whether some method has climbed from samples to points of large gradient before.
    pub climbed: &'v mut bool,
}

impl<'a> Visit<'_, 'a> {
    /// The network.
    pub fn network(&self) -> &'a Network {
        self.subject.network
    }

    /// The question.
    pub fn question(&self) -> &'a Question {
        self.subject.question
    }

    /// The control of the solve.
    pub fn control(&self) -> &'a Control {
        self.ledger.control()
    }

    /// Adds to what the method has to tell.
    pub fn tell(&mut self, name: &str, value: impl Into<Value>) {
        self.detail.insert(name.into(), value.into());
    }

    /// How many neurons may have either sign over X.
    pub fn unstable_neurons(&self) -> usize {
        self.tiers.forward.unstable(self.network())
    }
}
