//! Solves the LipMIP programs of a question: incumbents are audited as they come, patterns without interior are excluded, and
//! the dual bounds close the bracket from above.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use thiserror::Error;

use super::cbc::{self, CbcError};
use super::encode::{Bounds, Encoding, Objective};
use super::highs::{self, HighsError, MipEnd, Options};
use crate::answer::{Ledger, Rigor, SolverReport, Subject, Verdict};
use crate::arithmetic::ends::{hull_upper, intersection_upper};
use crate::arithmetic::rounding::product_up;
use crate::network::Pattern;
use crate::problem::{Method, Question, Solver, VectorNorm};

/// By how many feasibility tolerances (in the objective's scale) a solver's dual bound is widened.
///
/// A claimed bound is the value of a relaxation whose rows may be violated by the tolerance; the columns are scaled to about
/// [-1, 1] and the objective to the constant's own size, so a few tolerances is what the objective can gain in practice. There
/// is no proof of that: the bound's rigor is `tolerance`. What rounding has done to the objective is added to it.
const MARGIN_IN_TOLERANCES: f64 = 10.0;
/// How often the waiting side looks whether it should stop the solver.
const POLL: Duration = Duration::from_millis(50);

/// Why the programs were not all solved.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum LipMipError {
    /// HiGHS failed.
    #[error(transparent)]
    Highs(#[from] HighsError),
    /// CBC failed.
    #[error(transparent)]
    Cbc(#[from] CbcError),
}

/// What a solver tells while it runs.
enum News {
    Highs(highs::Report),
    /// CBC's nodes so far: its bounds come at the end.
    Nodes(u64),
}

/// What became of a pattern that the solver put forward.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// Its gradient was recomputed at an interior point: the lower end has it.
    Witnessed,
    /// It has no interior, and was excluded.
    Empty,
    /// Neither was proved: the upper end must keep it.
    Open,
}

/// One program of the question, with what is proved about it.
struct Part {
    objective: Objective,
    /// An upper bound of its optimum.
    bound: f64,
    settled: bool,
}

/// The programs of one question.
pub struct LipMip<'a, 'b> {
    subject: Subject<'a>,
    bounds: Bounds<'a>,
    ledger: &'a mut Ledger<'b>,
    parts: Vec<Part>,
    fates: HashMap<Pattern, Fate>,
    /// Patterns that were excluded, and on which neurons.
    excluded: Vec<(Pattern, Vec<(usize, usize)>)>,
    nodes_before: u64,
    /// Whether a solver has proved anything yet.
    proved: bool,
    /// CBC solves the programs that have integers; the others are linear programs, and HiGHS's.
    by_cbc: bool,
}

impl<'a, 'b> LipMip<'a, 'b> {
    /// The programs of `subject`'s question under `bounds`.
    pub fn new(subject: Subject<'a>, bounds: Bounds<'a>, ledger: &'a mut Ledger<'b>) -> Self {
        let mut parts = parts(&subject, bounds);
        parts.sort_by(|a, b| b.bound.total_cmp(&a.bound));
        let by_cbc = subject.question.solver == Solver::Cbc;
        let (fates, excluded) = (HashMap::new(), Vec::new());
        // Without programs, as where every input is fixed, nothing is above 0.
        let proved = parts.is_empty();
        Self { subject, bounds, ledger, parts, fates, excluded, nodes_before: 0, proved, by_cbc }
    }

    /// Solves them, best bound first, until their bounds meet the witness, every program is settled or it is time to stop. What
    /// other methods have proved does not end it.
    ///
    /// # Errors
    /// [`LipMipError`] when the solver fails; what was proved before stays in the ledger.
    pub fn run(&mut self) -> Result<(), LipMipError> {
        // One binary decides for each group: the patterns in which its kinks are on different sides are left out.
        let tied: usize = self.subject.coincident_kinks().iter().map(|group| group.len() - 1).sum();
        if tied > 0 {
            self.ledger.count_excluded(tied as u64);
        }
        for i in 0..self.parts.len() {
            if self.ledger.should_stop() {
                break;
            }
            // Bounds are sorted: what cannot beat the witness is settled by it. The first one is always solved: until then there
            // is no solver's bound.
            if i == 0 || !self.is_settled(self.parts[i].bound) {
                self.solve_part(i)?;
            }
            self.parts[i].settled = true;
            self.publish();
        }
        Ok(())
    }

    /// The bound that the programs have proved of the constant; `None` before a solver has proved any.
    pub fn upper(&self) -> Option<f64> {
        let largest = self.parts.iter().map(|p| p.bound).fold(0.0, hull_upper);
        Some(largest).filter(|largest| self.proved && largest.is_finite())
    }

    /// Whether a program with this bound cannot move the answer beyond half of the asked gap.
    fn is_settled(&self, bound: f64) -> bool {
        let gap = self.subject.question.limits.gap;
        self.ledger.bracket().lower().is_some_and(|lower| bound <= lower * (1.0 + 0.5 * gap))
    }

    /// Tells the ledger the largest bound of all programs.
    fn publish(&mut self) {
        if let Some(upper) = self.upper() {
            self.ledger.offer_upper(Method::Mip, Rigor::Tolerance, upper);
        }
    }

    /// Solves program `i` again and again, until its optimum is settled or nothing more can be excluded.
    fn solve_part(&mut self, i: usize) -> Result<(), LipMipError> {
        loop {
            let mut encoding =
                Encoding::new(&self.subject, self.bounds, self.parts[i].objective, self.ledger.bracket().lower());
            encoding.program.widen_rows(highs::FEASIBILITY_TOLERANCE);
            for (pattern, neurons) in &self.excluded {
                encoding.exclude(pattern, neurons);
            }
            let excluded_before = self.excluded.len();
            let mut end = self.solve_once(i, &encoding, self.by_cbc)?;
            if end.infeasible && self.by_cbc {
                // Nothing is left, or CBC's tolerances let it believe so: that nothing is left must be said by both.
                end = self.solve_once(i, &encoding, false)?;
            }
            self.nodes_before += end.nodes;
            let nodes = self.nodes_before;
            let solver = self.solver();
            solver.simplex_iterations += end.simplex_iterations;
            solver.nodes = nodes;
            if end.infeasible && self.excluded.is_empty() {
                // Every point of the region is a solution: the claim is the tolerances' work.
                self.ledger.note("a solver found no solution where there is one; its claim was not taken".into());
                return Ok(());
            }
            if end.infeasible {
                // Every pattern is excluded: what is left is the witness.
                self.parts[i].bound = self.ledger.bracket().witnessed_up().unwrap_or(0.0);
                self.proved = true;
                return Ok(());
            }
            if let Some(solution) = &end.solution {
                let pattern = encoding.pattern(solution);
                let fate = self.judge(&pattern);
                if end.optimal && fate == Fate::Witnessed && !self.is_settled(self.parts[i].bound) {
                    // The solver's tolerances let it claim more for this pattern than its gradient has. The lower end has
                    // the true value, so the pattern may leave the program.
                    let all = self.unstable_neurons();
                    self.excluded.push((pattern, all));
                }
            }
            let finished = !end.optimal || self.is_settled(self.parts[i].bound) || self.ledger.should_stop();
            if finished || self.excluded.len() == excluded_before {
                return Ok(());
            }
        }
    }

    /// One run of the solver on one program; incumbents are judged while it runs.
    fn solve_once(&mut self, i: usize, encoding: &Encoding, by_cbc: bool) -> Result<MipEnd, LipMipError> {
        let question = self.subject.question;
        let options = Options {
            threads: question.limits.threads,
            time_s: self.ledger.control().remaining().map_or(f64::INFINITY, |t| t.as_secs_f64()),
            gap: 0.25 * question.limits.gap,
            seed: question.random_seed,
            log: self.ledger.control().solver_log(),
        };
        let start = self.ledger.witness().map(|(x, pattern)| encoding.start(x, pattern));
        let tolerances = MARGIN_IN_TOLERANCES * highs::FEASIBILITY_TOLERANCE;
        let margin = product_up(encoding.program.scale, tolerances + encoding.program.objective_error);
        let halt = AtomicBool::new(false);
        let (sender, receiver) = mpsc::channel();
        let by_cbc = by_cbc && encoding.program.integers() > 0;
        let end = std::thread::scope(|scope| {
            let solver = scope.spawn(|| {
                // Moved in, so that the receiver learns of the end.
                let sender = sender;
                // A receiver that is gone has seen a panic; the solve is of no use then.
                let tell = |news| sender.send(news).is_ok() && !halt.load(Ordering::Relaxed);
                let (program, start) = (&encoding.program, start.as_deref());
                if by_cbc {
                    cbc::solve(program, start, options, &mut |nodes| tell(News::Nodes(nodes)))
                        .map_err(LipMipError::from)
                } else {
                    highs::solve(program, start, options, &mut |report| tell(News::Highs(report)))
                        .map_err(LipMipError::from)
                }
            });
            loop {
                match receiver.recv_timeout(POLL) {
                    Ok(News::Highs(highs::Report::Incumbent(columns))) => {
                        self.judge(&encoding.pattern(&columns));
                    }
                    Ok(News::Highs(highs::Report::Standing { bound, nodes })) => {
                        self.tighten_part(i, bound + margin);
                        {
                            let total = self.nodes_before + nodes;
                            self.solver().nodes = total;
                        }
                    }
                    Ok(News::Nodes(nodes)) => {
                        let total = self.nodes_before + nodes;
                        self.solver().nodes = total;
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                self.ledger.heartbeat();
                // What is settled by other bounds still waits for the solver's first one.
                if self.ledger.should_stop() || self.proved && self.is_settled(self.parts[i].bound) {
                    halt.store(true, Ordering::Relaxed);
                }
            }
            solver.join().unwrap_or_else(|_| Err(HighsError::Status("a panic".into()).into()))
        })?;
        if let Some(bound) = end.bound {
            self.tighten_part(i, bound + margin);
        }
        Ok(end)
    }

    /// The account of the solver that solves the programs.
    fn solver(&mut self) -> &mut SolverReport {
        if self.by_cbc { self.ledger.solver("cbc", cbc::version) } else { self.ledger.solver("highs", highs::version) }
    }

    /// Takes a dual bound of program `i`.
    fn tighten_part(&mut self, i: usize, bound: f64) {
        if !bound.is_finite() {
            return;
        }
        self.proved = true;
        self.parts[i].bound = intersection_upper(self.parts[i].bound, bound);
        self.publish();
    }

    /// Audits a pattern, once.
    fn judge(&mut self, pattern: &Pattern) -> Fate {
        if let Some(fate) = self.fates.get(pattern) {
            return *fate;
        }
        let range = |l: usize, r: usize| self.bounds.forward.layers[l].magnitude(r);
        let fate = match self.subject.audit(pattern, range) {
            Verdict::Witnessed(checked) => {
                self.ledger.offer_lower(*checked);
                Fate::Witnessed
            }
            Verdict::Empty(neurons) => {
                self.ledger.count_excluded(1);
                self.excluded.push((pattern.clone(), neurons));
                Fate::Empty
            }
            Verdict::Open => {
                self.ledger.note(
                    "an activation pattern could neither be shown to have an interior nor to have none; it stays in the upper end".into(),
                );
                Fate::Open
            }
        };
        self.fates.insert(pattern.clone(), fate);
        fate
    }

    fn unstable_neurons(&self) -> Vec<(usize, usize)> {
        let layers = self.subject.phases.iter().enumerate();
        layers
            .flat_map(|(l, row)| (0..row.len()).map(move |r| (l, r)))
            .filter(|&(l, r)| self.subject.is_unstable(l, r))
            .collect()
    }
}

/// The programs of a question with the bounds that are known without solving: one for the absolute sum, or two for every
/// free input.
pub fn parts_of(question: &Question) -> Vec<Objective> {
    let region = &question.region;
    match question.input_norm {
        VectorNorm::L1 => (0..region.dim())
            .filter(|&k| region.is_free(k))
            .flat_map(|input| [1.0, -1.0].map(|sign| Objective::Entry { input, sign }))
            .collect(),
        // Without free inputs there is nothing to change: no program, and the constant is 0.
        VectorNorm::Linf | VectorNorm::L2 if !(0..region.dim()).any(|k| region.is_free(k)) => Vec::new(),
        VectorNorm::Linf | VectorNorm::L2 => vec![Objective::AbsoluteSum],
    }
}

fn parts(subject: &Subject<'_>, bounds: Bounds<'_>) -> Vec<Part> {
    let gradient = bounds.backward.gradient();
    let known = |objective: &Objective| match *objective {
        Objective::AbsoluteSum => {
            crate::bounds::norms::dual_norm_of_interval(VectorNorm::Linf, gradient, &subject.question.region)
        }
        Objective::Entry { input, sign } if sign > 0.0 => gradient.upper[input],
        Objective::Entry { input, .. } => -gradient.lower[input],
    };
    parts_of(subject.question)
        .into_iter()
        .map(|objective| Part { bound: known(&objective), objective, settled: false })
        .collect()
}
