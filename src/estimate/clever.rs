//! CLEVER (Weng et al. 2018): the largest gradients of batches of samples are taken for extremes of one distribution, whose end
//! is the estimate. It proves nothing: it may lie on either side of the constant.

use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::norm_at;
use super::sampling::uniform;
use super::weibull::{self, Fit};
use crate::arithmetic::ends::hull_upper;
use crate::control::Control;
use crate::network::Network;
use crate::problem::Question;
use crate::room::{Room, Run, Scope, Side, Visit};

/// The method `clever`.
pub const ROOM: Room = Room {
    side: Side::Nothing,
    native_norm: None,
    about: "CLEVER: the end of the extreme value distribution fitted to samples",
    scope: Scope::EVERYTHING,
    run: Run::Visit(extrapolate),
};

/// N_b and N_s of the paper.
pub const BATCHES: usize = 500;
/// Samples in a batch.
pub const BATCH_SAMPLES: usize = 1024;
/// The fewest batches that are fitted, and the share of the remaining time that more than these may take.
const FEWEST_BATCHES: usize = 20;
const TIME_SHARE: f64 = 0.25;

fn extrapolate(visit: &mut Visit<'_, '_>) -> Option<f64> {
    let question = visit.question();
    let mut random = ChaCha8Rng::seed_from_u64(question.random_seed);
    visit.tell("seed", question.random_seed);
    let Some(found) = estimate(visit.network(), question, &mut random, visit.control()) else {
        visit.tell("reason", "too few batches were drawn before the time limit");
        return None;
    };
    let fit = found.fit;
    visit.tell("batches", found.batches);
    visit.tell("batch_samples", BATCH_SAMPLES);
    visit.tell("largest_sample", found.largest);
    visit.tell("shape", fit.shape);
    visit.tell("scale", fit.scale);
    visit.tell("ks_statistic", fit.ks_statistic);
    visit.tell("ks_p_value", fit.ks_p_value);
    visit.tell("fit_bounded", fit.bounded);
    Some(fit.location)
}

/// What CLEVER found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The fit; its location is the estimate.
    pub fit: Fit,
    /// The largest gradient norm of all samples.
    pub largest: f64,
    /// Batches drawn.
    pub batches: usize,
}

/// The estimate in the asked norm; `None` when too few batches could be drawn.
pub fn estimate(
    network: &Network,
    question: &Question,
    random: &mut ChaCha8Rng,
    control: &Control,
) -> Option<Estimate> {
    let share = control.remaining().map(|rest| rest.mul_f64(TIME_SHARE));
    let begun = Instant::now();
    let mut maxima = Vec::with_capacity(BATCHES);
    'batches: for batch in 0..BATCHES {
        let late = batch >= FEWEST_BATCHES && share.is_some_and(|share| begun.elapsed() >= share);
        if late || control.should_stop() {
            break;
        }
        let mut largest = 0.0f64;
        for _ in 0..BATCH_SAMPLES {
            if control.should_stop() {
                break 'batches;
            }
            let x = uniform(&question.region, random);
            largest = hull_upper(largest, norm_at(network, question, &x));
        }
        maxima.push(largest);
    }
    let enough = maxima.len() >= FEWEST_BATCHES;
    let fit = weibull::fit(&maxima).filter(|_| enough)?;
    Some(Estimate { fit, largest: maxima.iter().copied().fold(0.0, hull_upper), batches: maxima.len() })
}
