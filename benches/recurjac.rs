//! `cargo bench --bench recurjac [-- cifar]`: the large networks at several radii: value, seconds, and the ratio to one dense
//! product of as many operations in the same run.

mod networks;

use std::time::Instant;

use exactlip::arithmetic::dense::{View, add_product};
use exactlip::bounds::ForwardBounds;
use exactlip::bounds::fastlip::BackwardBounds;
use exactlip::bounds::linear_jacobian::linear_jacobian;
use exactlip::bounds::norms::dual_norm_of_interval;
use exactlip::bounds::recurjac::backward::Recurjac;
use exactlip::control::Control;
use exactlip::problem::{Region, VectorNorm};
use exactlip::workers::Workers;

/// 3072 inputs, 10 outputs, 10 layers: the size of a CIFAR classifier.
const CIFAR: &[usize] = &[3072, 2048, 2048, 1024, 1024, 512, 512, 256, 256, 128, 10];

fn main() {
    let large = std::env::args().any(|argument| argument == "cifar");
    let widths = if large { CIFAR } else { networks::MNIST };
    let network = networks::he(widths, 1);
    let center = networks::center(widths[0], 1);
    println!("{widths:?}: {:.1} GFlop/s of a dense product", dense_speed() / 1e9);
    for radius in [0.01, 0.002, 0.0005, 0.0001] {
        let end = |sign: f64| center.iter().map(|c| c + sign * radius).collect::<Vec<f64>>();
        let Some(region) = Region::from_box(end(-1.0), end(1.0)) else { continue };
        let begun = Instant::now();
        let forward = ForwardBounds::crown(&network, &region);
        let crown = begun.elapsed().as_secs_f64();
        let mut seed = vec![0.0; network.output_dim()];
        seed[0] = 1.0;
        let begun = Instant::now();
        let before = BackwardBounds::fastlip(&network, &forward, &seed);
        let fastlip_seconds = begun.elapsed().as_secs_f64();
        let fastlip = dual_norm_of_interval(VectorNorm::Linf, before.gradient(), &region);
        println!(
            "radius {radius}: crown {crown:.3} s, {} unstable; fastlip {fastlip:.6e} in {fastlip_seconds:.4} s",
            forward.unstable(&network)
        );
        for threads in [1, 2] {
            let workers = Workers::new(threads, &Control::unlimited());
            let begun = Instant::now();
            let Some(found) = Recurjac::new(&network, &forward, &seed, &workers) else { continue };
            let value = found.constant(&network, &region, VectorNorm::Linf);
            let seconds = begun.elapsed().as_secs_f64();
            let begun = Instant::now();
            let relaxed = linear_jacobian(&network, &forward, &before, &region, VectorNorm::Linf, &workers).norm;
            let relaxed_seconds = begun.elapsed().as_secs_f64();
            println!("  linear_jacobian {relaxed:.6e} in {relaxed_seconds:.4} s on {threads} threads");
            println!("  recurjac {value:.6e} in {seconds:.4} s on {threads} threads");
        }
    }
}

/// Operations a second of one large product on one thread.
fn dense_speed() -> f64 {
    let n = 1024;
    let (left, right) = (vec![0.5; n * n], vec![0.25; n * n]);
    let mut target = vec![0.0; n * n];
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let begun = Instant::now();
        if let (Some(left), Some(right)) = (View::new(&left, n, n, n), View::new(&right, n, n, n)) {
            add_product(&mut target, left, right);
        }
        best = best.min(begun.elapsed().as_secs_f64());
    }
    2.0 * (n as f64).powi(3) / best
}
