//! The balls around x⁰ over which a network is bounded, each bounded once for all methods and targets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::bounds::ForwardBounds;
use crate::network::Network;
use crate::problem::{Question, Region, RobustnessRequest};
use crate::workers::Workers;

/// One ball, cut to the clip.
#[derive(Debug)]
pub struct Ball {
    /// The question with the ball as its region.
    pub question: Question,
    /// Bounds of the pre-activations over it.
    pub forward: ForwardBounds,
}

/// All of them.
pub struct Balls<'a> {
    network: &'a Network,
    question: &'a Question,
    request: &'a RobustnessRequest,
    workers: &'a Workers,
    known: RefCell<BTreeMap<u64, Rc<Ball>>>,
}

impl<'a> Balls<'a> {
    /// None is bounded yet.
    pub fn new(
        network: &'a Network,
        question: &'a Question,
        request: &'a RobustnessRequest,
        workers: &'a Workers,
    ) -> Self {
        Self { network, question, request, workers, known: RefCell::default() }
    }

    /// The question.
    pub fn question(&self) -> &'a Question {
        self.question
    }

    /// The region of a radius; `None` where it is no region.
    pub fn region(&self, radius: f64) -> Option<Region> {
        let RobustnessRequest { x, clip, .. } = self.request;
        Region::of_ball(self.question.input_norm.into(), x, radius, clip.as_ref())
    }

    /// The ball of a radius; `None` where it is no region, or the solve was asked to end.
    pub fn of(&self, radius: f64) -> Option<Rc<Ball>> {
        // Radii are above 0, so that their bits are in their order.
        if let Some(ball) = self.known.borrow().get(&radius.to_bits()) {
            return Some(Rc::clone(ball));
        }
        let region = self.region(radius)?;
        let forward = ForwardBounds::crown_on(self.network, &region, self.workers);
        if self.workers.control().should_stop() {
            return None;
        }
        let ball = Rc::new(Ball { question: Question { region, ..self.question.clone() }, forward });
        self.known.borrow_mut().insert(radius.to_bits(), Rc::clone(&ball));
        Some(ball)
    }
}
