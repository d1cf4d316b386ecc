//! The smallest adversarial radius of one target as a mixed-integer program, solved by HiGHS or CBC.

use std::sync::atomic::{AtomicBool, Ordering};

use super::attack::Attack;
use super::margin::Adversary;
use super::search::Searcher;
use crate::answer::Subject;
use crate::bounds::{ForwardBounds, Interval};
use crate::mip::encode::Nearest;
use crate::mip::highs::{FEASIBILITY_TOLERANCE, MipEnd, Options, Report};
use crate::mip::{Encoding, cbc, highs, resolution, tighten};
use crate::network::Pattern;
use crate::problem::{Question, Region, Solver};

/// By how many feasibility tolerances (in the objective's scale) a solver's dual bound is widened: as LipMIP's.
const MARGIN_IN_TOLERANCES: f64 = 10.0;
/// The most unstable neurons whose bounds are tightened by linear programs.
const MOST_TIGHTENED: usize = 300;

/// What the solver came to.
#[derive(Clone, Debug, Default)]
pub struct Solved {
    /// Its dual bound, widened: no adversary is nearer, up to the solver's tolerances.
    pub lower: Option<f64>,
    /// Whether it claims that there is none in reach.
    pub none: bool,
    /// The adversary that its solution leads to.
    pub adversary: Option<Adversary>,
    /// Nodes and simplex iterations.
    pub nodes: u64,
    /// Likewise.
    pub iterations: u64,
    /// What went wrong.
    pub failure: Option<String>,
}

/// Solves the program of one target over the ball of the nearest adversary that is known, or over all that is in reach.
pub fn solve(searcher: &Searcher<'_>, question: &Question, target: usize, known: Option<&Adversary>) -> Solved {
    let failed = |failure: &str| Solved { failure: Some(failure.into()), ..Solved::default() };
    let (margins, space, workers) = (searcher.margins, searcher.space, searcher.workers);
    let control = workers.control();
    let reach = known.map_or(space.reach, |known| known.distance);
    let parts = margins.extended(&[target]).zip(searcher.balls.region(reach));
    let Some((network, region)) = parts else { return failed("the network's numbers overflow") };
    let forward = ForwardBounds::crown_on(&network, &region, workers);
    if !forward.layers.iter().all(Interval::is_finite) {
        return failed("the network's numbers overflow on this region");
    }
    let region = Region { ball: None, ..region };
    let question = Question { region, ..question.clone() };
    let phases = forward.phases(&network);
    let subject = Subject { network: &network, question: &question, phases: &phases };
    let forward = match forward.unstable(&network) <= MOST_TIGHTENED {
        true => tighten::tightened(&subject, &forward, workers),
        false => forward.clone(),
    };
    if let Some(reason) = resolution::obstacle(&network, &forward) {
        return failed(&reason);
    }
    let phases = forward.phases(&network);
    let subject = Subject { phases: &phases, ..subject };
    let nearest = Nearest { center: &space.center, norm: space.norm, reach };
    let encoding = Encoding::of_distance(&subject, &forward, nearest);
    let start = known.map(|known| {
        let pattern = Pattern::of(&network, &network.pre_activations(&known.x));
        encoding.start_of_distance(&known.x, &pattern, nearest)
    });
    let options = Options {
        threads: question.limits.threads,
        time_s: control.remaining().map_or(f64::INFINITY, |left| left.as_secs_f64()),
        gap: 0.25 * question.limits.gap,
        seed: question.random_seed,
        log: control.solver_log(),
    };
    let end = run(&encoding, start.as_deref(), options, question.solver, searcher);
    let end: MipEnd = match end {
        Ok(end) => end,
        Err(failure) => return failed(&failure),
    };
    let margin = MARGIN_IN_TOLERANCES * FEASIBILITY_TOLERANCE * encoding.program.scale;
    let mut solved = Solved { nodes: end.nodes, iterations: end.simplex_iterations, ..Solved::default() };
    if end.infeasible {
        // An adversary at the end of the ball refutes the claim.
        solved.none = known.is_none();
        solved.lower = known.is_none().then_some(reach);
        return solved;
    }
    solved.lower = end.bound.map(|bound| (-bound - margin).max(0.0)).filter(|lower| lower.is_finite());
    if let Some(solution) = &end.solution {
        let x = encoding.point(solution, &space.center);
        let mut attack = Attack::new(margins, space, control, searcher.seed);
        solved.adversary = attack.improve(space.change(&x), target);
    }
    solved
}

fn run(
    encoding: &Encoding,
    start: Option<&[f64]>,
    options: Options,
    solver: Solver,
    searcher: &Searcher<'_>,
) -> Result<MipEnd, String> {
    let control = searcher.workers.control();
    let stop = AtomicBool::new(false);
    let go_on = || {
        if control.should_stop() {
            stop.store(true, Ordering::Relaxed);
        }
        !stop.load(Ordering::Relaxed)
    };
    let program = &encoding.program;
    match solver {
        Solver::Cbc if program.integers() > 0 => {
            cbc::solve(program, start, options, &mut |_| go_on()).map_err(|error| error.to_string())
        }
        Solver::Auto | Solver::Highs | Solver::Cbc => {
            highs::solve(program, start, options, &mut |_: Report| go_on()).map_err(|error| error.to_string())
        }
    }
}
