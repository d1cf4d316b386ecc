//! The LipMIP programs themselves: every point of X with its pattern is a feasible start of the right value, and the proof of
//! LipLP's bound loses next to nothing against another LP solver's optimum.

use exactlip::answer::Subject;
use exactlip::bounds::fastlip::BackwardBounds;
use exactlip::bounds::linear_jacobian::{Entries, linear_jacobian};
use exactlip::bounds::{ForwardBounds, norms};
use exactlip::mip::lipmip::parts_of;
use exactlip::mip::{Bounds, Encoding, Objective, Program};
use exactlip::network::lowering::{Step, lower};
use exactlip::network::{Activation, Matrix, Network, Pattern};
use exactlip::problem::{Method, Question, VectorNorm};
use exactlip::workers::Workers;
use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOutcome};
use proptest::prelude::*;

use super::{answer, problem, question, strategies};

fn programs(network: &Network, question: &Question) -> Vec<Encoding> {
    let forward = ForwardBounds::crown(network, &question.region);
    let fastlip = BackwardBounds::fastlip(network, &forward, question.output_weights());
    let tight = linear_jacobian(
        network,
        &forward,
        &fastlip,
        &question.region,
        question.input_norm,
        Entries::All,
        &Workers::single(),
    );
    let phases = forward.phases(network);
    let subject = Subject { network, question, phases: &phases };
    let bounds = Bounds { forward: &forward, backward: &tight.bounds };
    parts_of(subject.question).into_iter().map(|objective| Encoding::new(&subject, bounds, objective, None)).collect()
}

/// The optimum of the relaxation by another solver, in the units of the question.
fn relaxed_optimum(program: &Program) -> f64 {
    let mut other = Problem::new(OptimizationDirection::Maximize);
    let mut costs = vec![0.0; program.variables.len()];
    program.objective.iter().for_each(|&(j, c)| costs[j] += c);
    let columns: Vec<_> =
        program.variables.iter().zip(&costs).map(|(v, &c)| other.add_var(c, (v.lower, v.upper))).collect();
    for row in &program.rows {
        let terms: Vec<_> = row.terms.iter().map(|&(j, a)| (columns[j], a)).collect();
        match (row.lower.is_finite(), row.upper.is_finite()) {
            (true, true) => other.add_constraint(terms, ComparisonOp::Eq, row.lower),
            (true, false) => other.add_constraint(terms, ComparisonOp::Ge, row.lower),
            _ => other.add_constraint(terms, ComparisonOp::Le, row.upper),
        }
    }
    match other.solve().unwrap() {
        SolveOutcome::Solution(solution) => program.scale * (solution.objective() + program.constant),
        SolveOutcome::Interrupted(_) => unreachable!("no limit was set"),
    }
}

proptest! {
    #![proptest_config(strategies::cases(200))]

    #[test]
    fn every_point_with_its_pattern_is_a_feasible_start_of_its_value(
        (network, (lower, upper, c)) in strategies::with_box(strategies::small_network()),
        shares in prop::collection::vec(0.0..1.0f64, 5),
        norm in prop_oneof![Just("linf"), Just("l1")],
    ) {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        let x: Vec<f64> = (0..lower.len()).map(|k| lower[k] + shares[k] * (upper[k] - lower[k])).collect();
        let pattern = Pattern::of(&network, &network.pre_activations(&x));
        let gradient = network.gradient(&x, question.output_weights());
        for encoding in programs(&network, &question) {
            let start = encoding.start(&x, &pattern);
            let (violation, name) = encoding.program.violation(&start);
            prop_assert!(violation < 1e-9, "{name} is violated by {violation}");
            let value = match encoding.objective {
                Objective::AbsoluteSum => norms::dual_norm(VectorNorm::Linf, &gradient, &question.region),
                Objective::Entry { input, sign } => sign * gradient[input],
            };
            let found = encoding.program.value(&start);
            prop_assert!((found - value).abs() <= 1e-9 * (1.0 + value.abs()), "{found}, not {value}");
        }
    }

    #[test]
    fn the_proof_of_the_relaxation_loses_next_to_nothing(
        (network, (lower, upper, c)) in strategies::with_box(strategies::tiny_network()),
        norm in prop_oneof![Just("linf"), Just("l1")],
    ) {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        let optimum = programs(&network, &question).iter().map(|e| relaxed_optimum(&e.program)).fold(0.0, f64::max);
        let proved = answer(&network, &question, &[Method::Lp]).tiers[0].value.unwrap();
        prop_assert!(proved >= optimum * (1.0 - 1e-7) - 1e-9, "proved {proved}, optimum {optimum}");
        prop_assert!(proved <= optimum * (1.0 + 1e-6) + 1e-9, "proved {proved}, optimum {optimum}");
    }
}

#[test]
fn an_entry_that_only_rounding_makes_cross_zero_has_one_sign() {
    // g₀ = 1 + a, g₁ = ½ - a with the second neuron's a in {0, 1}.
    let steps = vec![
        Step::affine(Matrix::from_row_major(2, 2, vec![1.0, 0.5, 1.0, -1.0]).unwrap(), vec![0.0; 2]),
        Step::activations(Activation::Relu),
        Step::affine(Matrix::from_row_major(1, 2, vec![1.0; 2]).unwrap(), vec![0.0]),
    ];
    let network = lower(2, steps, vec![]).unwrap();
    let question = question(&network, problem(&[0.0; 2], &[1.0; 2], &[1.0], "linf"));
    let forward = ForwardBounds::crown(&network, &question.region);
    let phases = forward.phases(&network);
    let subject = Subject { network: &network, question: &question, phases: &phases };
    for (sign, beyond) in [(1.0, 1e-14), (-1.0, 1e-14), (1.0, 0.25)] {
        let mut backward = BackwardBounds::fastlip(&network, &forward, question.output_weights());
        let gradient = &mut backward.post_activation[0];
        if sign > 0.0 {
            gradient.lower[0] = -beyond;
        } else {
            (gradient.lower[0], gradient.upper[0]) = (-2.0, beyond);
        }
        let bounds = Bounds { forward: &forward, backward: &backward };
        let encoding = Encoding::new(&subject, bounds, Objective::AbsoluteSum, None);
        let has_binary = encoding.program.variables.iter().any(|variable| variable.name == "p0");
        assert_eq!(has_binary, beyond > 0.1);
        // A program of the right sign has the true value and next to nothing more.
        let x = [0.75, 0.25];
        let pattern = Pattern::of(&network, &network.pre_activations(&x));
        let value = encoding.program.value(&encoding.start(&x, &pattern));
        let wanted = if sign > 0.0 { 2.5 } else { -1.5 };
        assert!(value >= wanted && value <= wanted + 1e-12, "{value} for {wanted}");
    }
}

#[test]
fn programs_have_moderate_numbers_whatever_the_scale_of_the_network() {
    let affine = |rows: usize, columns: usize, weight: &[f64], bias: Vec<f64>, scale: f64| {
        let scaled = weight.iter().map(|w| w * scale).collect();
        Step::affine(Matrix::from_row_major(rows, columns, scaled).unwrap(), bias)
    };
    for scale in [1e-200, 1e-100, 1.0, 1e100, 1e200] {
        let steps = vec![
            affine(3, 2, &[1.0, -0.5, 0.25, 1.5, -1.0, 0.75], vec![0.25 * scale, 0.0, -0.5 * scale], 1.0),
            Step::activations(Activation::Relu),
            affine(2, 3, &[1.0, 0.5, -1.0, -0.25, 1.0, 0.75], vec![0.0; 2], 1.0 / scale),
            Step::activations(Activation::Relu),
            affine(1, 2, &[1.0, -1.5], vec![0.0], scale),
        ];
        let network = lower(2, steps, vec![]).unwrap();
        for norm in ["linf", "l1"] {
            let question = question(&network, problem(&[-scale; 2], &[scale; 2], &[1.0], norm));
            for encoding in programs(&network, &question) {
                let program = encoding.program;
                let rows = program.rows.iter().flat_map(|row| &row.terms).chain(&program.objective);
                let ends = program.variables.iter().flat_map(|v| [v.lower, v.upper]);
                let largest = rows.map(|(_, c)| *c).chain(ends).fold(0.0, |most: f64, v| most.max(v.abs()));
                assert!(largest < 100.0, "{scale:e}: {largest:e}");
            }
        }
    }
}
