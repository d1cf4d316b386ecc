//! The kind `curvature`: all targets of a question, one after another, and the report.

use super::bounds::Curvature;
use super::{Curved, TargetCertificate, relu};
use crate::answer::{
    Audit, CurvatureTarget, Event, GlobalCurvature, LocalCurvature, Progress, Report, Status, relative_gap,
};
use crate::arithmetic::ends::{hull_lower, intersection_upper};
use crate::control::{Control, StopReason};
use crate::network::Network;
use crate::problem::{CurvatureRequest, Question};

/// The relative width at which a bracket counts as exact.
const EXACT: f64 = 1e-6;

/// Answers a question of the kind `curvature`.
///
/// The lower end of a certificate is never missing: 0 promises nothing. Its bracket is that of the nearest target; an attack's
/// is that of the smallest margin.
pub fn answer(network: &Network, question: &Question, request: &CurvatureRequest, control: &Control) -> Report {
    let curved = Curved::new(network);
    let margins = network.evaluate(&request.x);
    let mut order = request.targets.clone();
    // The targets with the smallest margin first: they are the nearest more often than not.
    order.sort_by(|&a, &b| margins[b].total_cmp(&margins[a]));
    let mut targets: Vec<CurvatureTarget> = Vec::with_capacity(order.len());
    let mut ends = (None, None);
    for &target in &order {
        if control.should_stop() {
            break;
        }
        targets.push(match request.attack_radius {
            None => certified(&curved, request, target, control),
            Some(radius) => attacked(&curved, request, target, radius, control),
        });
        ends = bracket(&targets, order.len(), request.attack_radius.is_some());
        control.emit(Event::Progress(Progress {
            phase: "curvature".into(),
            lower: ends.0,
            upper: ends.1,
            gap: relative_gap(ends.0, ends.1),
            elapsed_s: control.elapsed().as_secs_f64(),
            ..Progress::default()
        }));
        if stops(question, ends, targets.len() == order.len()) {
            break;
        }
    }
    targets.sort_by_key(|target| request.targets.iter().position(|asked| *asked == target.target));
    let whole = targets.len() == order.len();
    let attack = request.attack_radius.is_some();
    let exact = whole && is_exact(ends);
    let status = match control.stop_reason() {
        _ if exact => Status::Optimal,
        Some(StopReason::Cancelled) => Status::Cancelled,
        Some(StopReason::Memory) => Status::MemoryLimit,
        None if whole && gap(ends, attack).is_some_and(|gap| gap <= question.limits.gap) => Status::Gap,
        None if stops(question, ends, whole) => Status::Stopped,
        None if control.is_late() => Status::TimeLimit,
        None => Status::Bounded,
    };
    let mut notes = network.notes().to_vec();
    if status == Status::Bounded {
        notes.push(match request.attack_radius {
            None => {
                "the bounds of the second derivatives leave a gap between the certificate and the nearest point found"
                    .into()
            }
            Some(_) => {
                "the bounds of the second derivatives leave a gap between both ends of the smallest margin".into()
            }
        });
    }
    if !whole {
        notes.push(format!("{} of {} targets were looked at", targets.len(), order.len()));
    }
    Report {
        lower: ends.0,
        upper: ends.1,
        upper_proof: None,
        gap: gap(ends, attack),
        gap_abs: None,
        exact,
        status,
        witness: None,
        tiers: Vec::new(),
        audit: Audit { general_position: true, excluded_patterns: 0, witness_checked: ends.1.is_some() },
        solver: None,
        seconds: control.elapsed().as_secs_f64(),
        seed: question.random_seed,
        notes,
        checks: None,
        targets: Some(targets),
    }
}

/// The bracket over all targets: a certificate holds for all of them together once all were looked at.
fn bracket(targets: &[CurvatureTarget], asked: usize, attack: bool) -> (Option<f64>, Option<f64>) {
    let lower = if targets.len() < asked {
        // Nothing is known of the others.
        (!attack).then_some(0.0)
    } else if targets.iter().any(|target| target.lower.is_none()) {
        None
    } else {
        targets.iter().filter_map(|target| target.lower).reduce(hull_lower)
    };
    (lower, targets.iter().filter_map(|target| target.upper).reduce(intersection_upper))
}

fn stops(question: &Question, (lower, upper): (Option<f64>, Option<f64>), whole: bool) -> bool {
    let stop = &question.stop_when;
    let above = stop.lower_above.zip(lower.filter(|_| whole)).is_some_and(|(asked, lower)| lower > asked);
    let below = stop.upper_below.zip(upper).is_some_and(|(asked, upper)| upper < asked);
    above || below
}

fn is_exact((lower, upper): (Option<f64>, Option<f64>)) -> bool {
    let within = |(lower, upper): (f64, f64)| upper - lower <= EXACT * lower.abs().max(upper.abs());
    lower.zip(upper).is_some_and(within)
}

/// Margins may be negative: their gap is relative to the larger of both ends' absolute values.
fn gap((lower, upper): (Option<f64>, Option<f64>), attack: bool) -> Option<f64> {
    if !attack {
        return relative_gap(lower, upper);
    }
    let (lower, upper) = lower.zip(upper)?;
    let size = lower.abs().max(upper.abs());
    Some(if upper <= lower { 0.0 } else { (upper - lower) / size }).filter(|gap| gap.is_finite())
}

fn certified(curved: &Curved<'_>, request: &CurvatureRequest, target: usize, control: &Control) -> CurvatureTarget {
    let found: TargetCertificate = curved.certify(&request.x, request.label, target, control);
    let upper = found.upper();
    CurvatureTarget {
        target,
        lower: Some(found.lower),
        upper,
        radius_as_published: Some(found.radius_as_published).filter(|radius| radius.is_finite()),
        bounds: found.global.and_then(global),
        local_bounds: found.local.and_then(|(curvature, radius)| local(curvature, radius)),
        x_star: found.solution,
        eta: found.eta,
        adversarial: found.adversary.map(|adversary| adversary.x),
    }
}

fn attacked(
    curved: &Curved<'_>,
    request: &CurvatureRequest,
    target: usize,
    radius: f64,
    control: &Control,
) -> CurvatureTarget {
    let found = curved.attack(&request.x, request.label, target, radius, control);
    CurvatureTarget {
        target,
        lower: found.lower,
        upper: Some(found.upper).filter(|upper| upper.is_finite()),
        radius_as_published: None,
        bounds: (!relu::applies(curved.network)).then(|| curved.global(request.label, target)).and_then(global),
        local_bounds: local(curved.local(&request.x, request.label, target, radius), radius),
        adversarial: Some(found.x.clone()),
        x_star: found.x,
        eta: found.eta,
    }
}

fn global(bounds: super::GlobalBounds) -> Option<GlobalCurvature> {
    let finite = Some(bounds.any_depth).filter(|k| k.is_finite())?;
    let two = bounds.two_layers.filter(|c| c.lowest.is_finite() && c.highest.is_finite());
    Some(GlobalCurvature { m: two.map(|c| c.lowest), most: two.map(|c| c.highest), any_depth: finite })
}

fn local(Curvature { lowest, highest }: Curvature, radius: f64) -> Option<LocalCurvature> {
    (lowest.is_finite() && highest.is_finite()).then_some(LocalCurvature { m: lowest, most: highest, radius })
}
