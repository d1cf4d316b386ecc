//! `cargo bench --bench methods`: seconds of every upper bound on a small, a medium and a large network.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use exactlip::bench::networks;
use exactlip::bounds::ForwardBounds;
use exactlip::bounds::fastlip::BackwardBounds;
use exactlip::bounds::linear_jacobian::{Entries, linear_jacobian};
use exactlip::bounds::recurjac::{backward::Recurjac, forward};
use exactlip::problem::{Region, VectorNorm};
use exactlip::workers::Workers;

fn methods(criterion: &mut Criterion) {
    for (name, widths, radius) in [
        ("small", &[10, 20, 30, 20, 2][..], 0.1),
        ("medium", &[64, 128, 128, 64, 10], 0.02),
        ("large", networks::MNIST, 0.002),
    ] {
        let network = networks::he(widths, 1).expect("a network");
        let center = networks::center(widths[0], 1);
        let end = |sign: f64| center.iter().map(|c| c + sign * radius).collect::<Vec<f64>>();
        let region = Region::from_box(end(-1.0), end(1.0)).expect("a box");
        let bounds = ForwardBounds::crown(&network, &region);
        let mut seed = vec![0.0; network.output_dim()];
        seed[0] = 1.0;
        let workers = Workers::single();
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        if name != "large" {
            group.bench_function("crown", |b| b.iter(|| black_box(ForwardBounds::crown(&network, &region))));
            group.bench_function("recurjac_f1", |b| {
                b.iter(|| black_box(forward::from_first_layer(&network, &bounds, &seed, &workers)));
            });
        }
        let fastlip = || BackwardBounds::fastlip(&network, &bounds, &seed);
        group.bench_function("fastlip", |b| b.iter(|| black_box(fastlip())));
        group.bench_function("recurjac", |b| {
            b.iter(|| {
                Recurjac::new(&network, &bounds, &seed, &workers)
                    .map(|found| black_box(found.constant(&network, &region, VectorNorm::Linf)))
            });
        });
        let before = fastlip();
        group.bench_function("linear_jacobian", |b| {
            b.iter(|| {
                black_box(linear_jacobian(
                    &network,
                    &bounds,
                    &before,
                    &region,
                    VectorNorm::Linf,
                    Entries::Needed,
                    &workers,
                ))
            });
        });
        group.finish();
    }
}

criterion_group!(benches, methods);
criterion_main!(benches);
