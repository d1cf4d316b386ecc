//! Points of X with large gradients.

use std::sync::atomic::Ordering;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Shared, Tree};
use crate::answer::Checked;
use crate::control::Control;
use crate::estimate::{Candidate, annealing, ascent, sampling};

impl Tree<'_> {
    /// The random numbers of one worker.
    pub(super) fn random(&self, worker: usize) -> ChaCha8Rng {
        let mut random = ChaCha8Rng::seed_from_u64(self.root.subject.question.random_seed);
        random.set_stream(worker as u64 + 1);
        random
    }

    /// Local searches end when the workers do.
    fn control(&self) -> Control {
        Control::new(None, self.stop.clone(), |_| {})
    }

    /// One run of simulated annealing, and a climb from where it ends.
    pub(super) fn anneal(&self, random: &mut ChaCha8Rng) {
        let (network, question) = (self.root.subject.network, self.root.subject.question);
        let control = self.control();
        let starts = sampling::best_samples(network, question, 1, 1, random, &control);
        for candidate in annealing::anneal(network, question, &starts, 1, random, &control) {
            self.try_point(candidate.x);
        }
    }

    /// Offers the gradient at a point as incumbent.
    pub(super) fn try_point(&self, x: Vec<f64>) {
        let subject = &self.root.subject;
        let mut x = x;
        subject.question.region.clamp(&mut x);
        let candidate = Candidate::at(subject.network, subject.question, x);
        if candidate.value <= self.incumbent() * (1.0 + 1e-12) {
            return;
        }
        // A point on a kink may show a gradient that does not occur: no reason to climb from there.
        let range = |l: usize, r: usize| self.root.forward.layers[l].magnitude(r);
        let Some(checked) = subject.check_point(&candidate.x, range) else { return };
        let climbed = ascent::climb(subject, std::slice::from_ref(&candidate), 1, &self.control());
        let better = climbed.iter().filter(|found| found.value > candidate.value);
        let checked = better.filter_map(|found| subject.check_point(&found.x, range)).next().unwrap_or(checked);
        self.raise(&mut self.lock(), checked);
    }

    pub(super) fn raise(&self, shared: &mut Shared, checked: Checked) {
        if checked.value > self.incumbent() {
            self.incumbent.store(checked.value.to_bits(), Ordering::Relaxed);
            shared.found.push(checked);
        }
    }
}
