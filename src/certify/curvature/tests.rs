//! The room as a whole: no promise is broken, and brackets close where the theory says so.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::bounds::{extremes_at, global};
use super::dual::distance_up;
use super::margin::Margin;
use super::samples::with_activation;
use super::{Curved, Norms};
use crate::control::Control;
use crate::network::{Activation, Network};

const ACTIVATIONS: [Activation; 5] =
    [Activation::Tanh, Activation::Sigmoid, Activation::Softplus { beta: 1.0 }, Activation::Arctan, Activation::Relu];

fn label(network: &Network, x: &[f64]) -> usize {
    let scores = network.evaluate(x);
    (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap()
}

/// A point on the sphere of the given radius.
fn around(x: &[f64], radius: f64, random: &mut ChaCha8Rng) -> Vec<f64> {
    let step: Vec<f64> = x.iter().map(|_| random.random_range(-1.0..1.0)).collect();
    let size = super::minimize::norm(&step);
    x.iter().zip(&step).map(|(x, s)| x + s / size * radius).collect()
}

#[test]
fn no_point_within_a_certified_radius_changes_the_decision() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for seed in 0..60 {
        for activation in ACTIVATIONS {
            let widths: &[usize] = if activation == Activation::Relu || seed % 2 == 0 { &[3, 8] } else { &[3, 6, 5] };
            let network = with_activation(seed, widths, 3, activation);
            let curved = Curved::new(&network);
            let x: Vec<f64> = (0..3).map(|_| random.random_range(-1.5..1.5)).collect();
            let label = label(&network, &x);
            for target in (0..3).filter(|t| *t != label) {
                let found = curved.certify(&x, label, target, &Control::unlimited());
                assert!(found.upper().is_none_or(|upper| found.lower <= upper), "{activation} {seed} {found:?}");
                let margin = Margin::new(&network, label, target);
                if let Some(adversary) = &found.adversary {
                    assert!(margin.at(&adversary.x).value <= 1e-12);
                    assert!(distance_up(&adversary.x, &x) <= adversary.distance);
                }
                // Samples on spheres inside, each followed downhill.
                for _ in 0..40 {
                    let mut y = around(&x, found.lower * random.random_range(0.5..1.0), &mut random);
                    for _ in 0..20 {
                        let point = margin.at(&y);
                        assert!(point.value > 0.0, "{activation} {seed} target {target}: {y:?} within {}", found.lower);
                        let slope = super::minimize::norm(&point.gradient).max(1e-300);
                        let step = 0.1 * found.lower / slope;
                        y.iter_mut().zip(&point.gradient).for_each(|(y, g)| *y -= step * g);
                        let size = super::minimize::norm(&y.iter().zip(&x).map(|(y, x)| y - x).collect::<Vec<_>>());
                        if size > found.lower {
                            let factor = found.lower / size * (1.0 - 1e-12);
                            y.iter_mut().zip(&x).for_each(|(y, x)| *y = x + factor * (*y - x));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn no_hessian_leaves_its_bounds_global_or_local() {
    let mut random = ChaCha8Rng::seed_from_u64(8);
    for seed in 0..80 {
        for activation in &ACTIVATIONS[..4] {
            let widths: &[usize] = if seed % 2 == 0 { &[4, 3] } else { &[2, 5, 4] };
            let network = with_activation(seed, widths, 2, *activation);
            let curved = Curved::new(&network);
            let margin = Margin::new(&network, 0, 1);
            let center: Vec<f64> = (0..widths[0]).map(|_| random.random_range(-2.0..2.0)).collect();
            let radius = random.random_range(0.01..2.0);
            let everywhere = global(&margin, &Norms::of(&network)).curvature();
            let within = curved.over_ball(&margin, &center, radius);
            assert!(everywhere.lowest <= within.lowest && within.highest <= everywhere.highest);
            for _ in 0..20 {
                let y = around(&center, radius * random.random_range(0.0..1.0), &mut random);
                let (low, high) = extremes_at(&margin, &y);
                assert!(within.lowest <= low + 1e-12 && high <= within.highest + 1e-12, "{activation} {seed}");
            }
        }
    }
}

#[test]
fn a_truncated_inner_loop_proves_less_but_nothing_wrong() {
    // The dual at points that are far from the inner solution: below the true squared distance, which dense rays give.
    let network = with_activation(3, &[2, 6], 2, Activation::Tanh);
    let x = [0.2, -0.4];
    let label = label(&network, &x);
    let margin = Margin::new(&network, label, 1 - label);
    let mut nearest = f64::INFINITY;
    for i in 0..20_000 {
        let angle = f64::from(i) * std::f64::consts::TAU / 20_000.0;
        let at = |t: f64| margin.at(&[x[0] + t * angle.cos(), x[1] + t * angle.sin()]).value;
        let steps = (1..400).map(|k| f64::from(k) * 0.01);
        if let Some(t) = steps.into_iter().find(|&t| at(t) <= 0.0) {
            nearest = nearest.min(t - 0.01);
        }
    }
    let curvature = global(&margin, &Norms::of(&network)).curvature();
    let mut random = ChaCha8Rng::seed_from_u64(9);
    for _ in 0..2000 {
        let eta = -random.random_range(0.0..1.0) / curvature.lowest;
        let dual = super::dual::Dual { margin: &margin, origin: &x, distance: 1.0, factor: eta, radius: 0.0 };
        let y = around(&x, random.random_range(0.0..2.0), &mut random);
        if let Some(value) = dual.at(&y, curvature.lowest) {
            assert!(super::dual::radius_down(value) <= nearest + 0.02);
        }
    }
}

#[test]
fn an_attack_encloses_every_margin_that_samples_see() {
    let mut random = ChaCha8Rng::seed_from_u64(10);
    for seed in 0..40 {
        for activation in ACTIVATIONS {
            let widths: &[usize] = if activation == Activation::Relu || seed % 2 == 0 { &[3, 8] } else { &[3, 6, 5] };
            let network = with_activation(seed, widths, 2, activation);
            let x: Vec<f64> = (0..3).map(|_| random.random_range(-1.5..1.5)).collect();
            let radius = random.random_range(0.05..1.0);
            let found = Curved::new(&network).attack(&x, 0, 1, radius, &Control::unlimited());
            let margin = Margin::new(&network, 0, 1);
            assert!(margin.at(&found.x).value <= found.upper && distance_up(&found.x, &x) <= radius);
            assert!(found.lower.is_some_and(|lower| lower <= found.upper), "{activation} {seed} {found:?}");
            for _ in 0..2000 {
                let y = around(&x, radius * random.random_range(0.0..1.0), &mut random);
                assert!(margin.at(&y).value >= found.lower.unwrap(), "{activation} {seed}");
            }
        }
    }
}

#[test]
fn a_linear_network_is_settled_exactly() {
    let network = with_activation(5, &[1], 3, Activation::Tanh);
    assert!(network.hidden().is_empty());
    let x = [0.3];
    let label = label(&network, &x);
    let target = (0..3).find(|t| *t != label).unwrap();
    let found = Curved::new(&network).certify(&x, label, target, &Control::unlimited());
    let margin = Margin::new(&network, label, target).at(&x);
    let distance = margin.value / margin.gradient[0].abs();
    assert!(found.is_closed() && (found.lower - distance).abs() < 1e-9, "{found:?} {distance}");
}

#[test]
fn local_bounds_never_lose_against_global_ones() {
    // Where the global certificate leaves a gap, local bounds narrow it on most networks.
    let (mut open, mut better) = (0, 0);
    for seed in 0..40 {
        let network = with_activation(seed, &[3, 7], 2, Activation::Tanh);
        let curved = Curved::new(&network);
        let x = [0.4, -0.3, 0.2];
        let label = label(&network, &x);
        let margin = Margin::new(&network, label, 1 - label);
        let found = curved.certify(&x, label, 1 - label, &Control::unlimited());
        let reduced = curved.space.around(&margin, &x);
        let around = super::Around { margin: &margin, x: &x, space: &curved.space, reduced: &reduced };
        let global = global(&margin, &curved.norms).curvature();
        let plain = super::certify(around, global, None, &Control::unlimited());
        assert!(found.lower >= plain.radius);
        let upper = found.upper().unwrap_or(f64::INFINITY);
        open += usize::from(plain.radius < 0.99 * upper);
        better += usize::from(plain.radius < 0.99 * upper && found.lower > 1.01 * plain.radius);
    }
    assert!(open >= 5 && 2 * better >= open, "{better} of {open}");
}
