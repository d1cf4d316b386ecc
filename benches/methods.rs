//! `cargo bench --bench methods`: seconds of all bounds, on one thread: those of the pre-activations, and the upper bounds that
//! start from them, on a small, a medium and a large network.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use exactlip::answer::Subject;
use exactlip::bench::networks;
use exactlip::bounds::ForwardBounds;
use exactlip::bounds::tiers::Tiers;
use exactlip::control::Control;
use exactlip::ladder;
use exactlip::mip::{Bounds, relaxation, tighten};
use exactlip::network::Network;
use exactlip::problem::{Method, Problem, Question};
use exactlip::workers::Workers;
use serde_json::json;

/// The first output over an ℓ∞ ball.
fn question_over(network: &Network, radius: f64) -> Question {
    let center = networks::center(network.input_dim(), 1);
    let problem = json!({
        "domain": {"type": "ball", "norm": "linf", "center": center, "radius": radius},
        "functional": {"type": "logit", "index": 0},
    });
    let problem = Problem::from_value(problem).expect("a problem");
    problem.question(network.input_dim(), network.output_dim()).expect("a question")
}

fn methods(criterion: &mut Criterion) {
    for (name, widths, radius) in [
        ("small", &[10, 20, 30, 20, 2][..], 0.1),
        ("medium", &[64, 128, 128, 64, 10], 0.02),
        ("large", networks::MNIST, 0.002),
    ] {
        let network = networks::he(widths, 1).expect("a network");
        let question = question_over(&network, radius);
        let region = &question.region;
        let forward = ForwardBounds::crown(&network, region);
        let workers = Workers::single();
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        group.bench_function("interval", |b| b.iter(|| black_box(ForwardBounds::interval(&network, region))));
        group.bench_function("crown", |b| b.iter(|| black_box(ForwardBounds::crown(&network, region))));
        let tiers = || Tiers::new(&network, &question, &forward, &workers);
        for method in [Method::Naive, Method::Fastlip, Method::Recurjac, Method::LinearJacobian] {
            group.bench_function(method.name(), |b| b.iter(|| black_box(ladder::tier(method, &tiers()))));
        }
        // A RecurJac an input or neuron, a linear program a neuron: seconds to a minute on the large network, where linear
        // programs get a smaller ball.
        group.sampling_mode(if name == "large" { SamplingMode::Flat } else { SamplingMode::Auto });
        for method in [Method::RecurjacF0, Method::RecurjacF1] {
            group.bench_function(method.name(), |b| b.iter(|| black_box(ladder::tier(method, &tiers()))));
        }
        let question = question_over(&network, if name == "large" { 0.0001 } else { radius });
        let forward = ForwardBounds::crown(&network, &question.region);
        let phases = forward.phases(&network);
        let subject = Subject { network: &network, question: &question, phases: &phases };
        let tightened = || tighten::tightened(&subject, &forward, &workers);
        group.bench_function("lp_tightening", |b| b.iter(|| black_box(tightened())));
        let tiers = Tiers::new(&network, &question, &forward, &workers);
        let backward = tiers.of_programs().expect("finite bounds");
        let control = Control::unlimited();
        let relaxed = || relaxation::upper_bound(&subject, Bounds { forward: &forward, backward }, &control);
        group.bench_function("lp", |b| b.iter(|| black_box(relaxed())));
        group.finish();
    }
}

criterion_group!(benches, methods);
criterion_main!(benches);
