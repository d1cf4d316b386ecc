//! Lipschitz constants of a margin over a ball, by the methods that bound constants.

use super::balls::Ball;
use crate::answer::{Ledger, Rigor, Subject};
use crate::bounds::tiers::Tiers;
use crate::bounds::{fastlip, linear_jacobian, recurjac};
use crate::mip::{Bounds, relaxation};
use crate::network::Network;
use crate::problem::{Limits, Method, Question, Region, Seeds, StopWhen};
use crate::room::{Room, Run};
use crate::search::{Start, search};
use crate::workers::Workers;

/// An upper bound of the constant over a ball; `None` where the method has none there.
pub fn constant(method: Method, network: &Network, seeds: Seeds, ball: &Ball, workers: &Workers) -> Option<f64> {
    let room: &Room = match method {
        Method::Fastlip => &fastlip::ROOM,
        Method::Recurjac => &recurjac::backward::ROOM,
        Method::LinearJacobian => &linear_jacobian::ROOM,
        Method::Lp => return by_program(network, seeds, ball, workers),
        Method::ExactLipschitz => return exactly(network, seeds, ball, workers),
        // No other method bounds constants here.
        _ => return None,
    };
    let question = Question { seeds, ..ball.question.clone() };
    let tiers = Tiers::new(network, &question, &ball.forward, workers);
    match room.run {
        Run::Tier(bound) => bound(&tiers),
        Run::Visit(_) => None,
    }
}

/// The question over the ball's box. What is known of the pre-activations is known over the ball: bounds of the box's part on which
/// that holds are bounds of the ball's.
fn over_box(seeds: Seeds, ball: &Ball) -> Question {
    let region = Region { ball: None, ..ball.question.region.clone() };
    let limits = Limits { gap_abs: None, ..ball.question.limits };
    Question { seeds, region, limits, stop_when: StopWhen::default(), ..ball.question.clone() }
}

/// LipLP's bound. It has one in ℓ∞ and ℓ1.
fn by_program(network: &Network, seeds: Seeds, ball: &Ball, workers: &Workers) -> Option<f64> {
    let question = over_box(seeds, ball);
    let phases = ball.forward.phases(network);
    let subject = Subject { network, question: &question, phases: &phases };
    let tiers = Tiers::new(network, &question, &ball.forward, workers);
    let bounds = Bounds { forward: &ball.forward, backward: tiers.of_programs()? };
    let found = relaxation::upper_bound(&subject, bounds, workers.control()).ok().flatten()?;
    Some(found.upper)
}

/// The constant itself, by the search, as far as there is time: its bound is never above the linear relaxation's.
fn exactly(network: &Network, seeds: Seeds, ball: &Ball, workers: &Workers) -> Option<f64> {
    let question = over_box(seeds, ball);
    let phases = ball.forward.phases(network);
    let subject = Subject { network, question: &question, phases: &phases };
    let tiers = Tiers::new(network, &question, &ball.forward, workers);
    let control = workers.control().silent();
    let mut ledger = Ledger::new(&question, &control);
    if let Some(bound) = tiers.linear_jacobian() {
        ledger.offer_upper(Method::LinearJacobian, Rigor::Rounded, bound);
    }
    let start = Start { forward: &ball.forward, seeds: tiers.of_search()? };
    search(subject, start, &mut ledger);
    ledger.bracket().rounded_end().map(|end| end.value)
}
