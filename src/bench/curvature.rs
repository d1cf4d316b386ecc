//! Curvature bounds and certificates of networks that are trained here: the shape of Table 7 (K_ub and K_lb by depth) and of the
//! certificate columns of Table 2 (CRC beside CROWN) of the paper on curvature-based certificates (Singla and Feizi 2020), on
//! 8×8 digits, ones against sevens.

use std::fmt::Write;
use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::asking::BenchError;
use super::data;
use super::table::EPOCHS;
use super::train::{accuracy, cross_entropy, train_with};
use crate::certify::curvature::bounds::extremes_at;
use crate::certify::curvature::margin::Margin;
use crate::certify::curvature::{Curved, crown};
use crate::control::Control;
use crate::network::{Activation, Network, NetworkError};
use crate::workers::Workers;

/// What to compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How many affine layers the networks have.
    pub layers: Vec<usize>,
    /// Neurons in each hidden layer.
    pub neurons: usize,
    /// Pixels on each side of a picture: 8, or more, by repeating pixels.
    pub side: usize,
    /// Pictures that are certified.
    pub images: usize,
    /// Threads.
    pub threads: u32,
    /// The seed of everything random.
    pub seed: u64,
}

/// One network.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Inputs, hidden layers, outputs.
    pub widths: Vec<usize>,
    /// σ.
    pub activation: String,
    /// The share of pictures that it labels rightly.
    pub accuracy: f64,
    /// Pictures that were certified: the first ones that are labelled rightly.
    pub images: usize,
    /// K of Theorem 4.
    pub curvature_above: f64,
    /// The largest absolute eigenvalue of the Hessian at any of the pictures.
    pub curvature_below: f64,
    /// The mean certificate of CROWN.
    pub crown: f64,
    /// The mean certificate from global bounds of the curvature.
    pub global: f64,
    /// The mean certificate when bounds over balls are tried too.
    pub local: f64,
    /// The mean distance of the adversarial points.
    pub adversarial: f64,
    /// The share of pictures whose bracket closed.
    pub closed: f64,
    /// Seconds for all pictures: CRC with global bounds alone, with local ones too, and CROWN.
    pub seconds: [f64; 3],
}

/// All of the comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// One network each.
    pub rows: Vec<Row>,
    /// The seed of everything random.
    pub seed: u64,
    /// Threads.
    pub threads: u32,
}

/// Trains the networks and certifies; `say` hears how far it is.
///
/// # Errors
/// [`BenchError`].
pub fn run(plan: &Plan, mut say: impl FnMut(&str)) -> Result<Comparison, BenchError> {
    let mut samples = data::digits();
    samples.inputs.iter_mut().for_each(|picture| *picture = enlarged(picture, plan.side));
    let control = Control::unlimited();
    let workers = Workers::new(plan.threads, &control);
    let mut rows = Vec::new();
    for &layers in &plan.layers {
        for activation in [Activation::Sigmoid, Activation::Tanh, Activation::Softplus { beta: 1.0 }] {
            let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
            let hidden = vec![plan.neurons; layers.saturating_sub(1)];
            let widths = [vec![plan.side * plan.side], hidden, vec![2]].concat();
            let loss = cross_entropy(&samples.labels);
            let network = single(&train_with(activation, &widths, &samples.inputs, loss, EPOCHS, &mut random)?)?;
            let largest = |y: &[f64]| usize::from(y[1] > y[0]);
            let right =
                samples.inputs.iter().zip(&samples.labels).filter(|(x, l)| largest(&network.evaluate(x)) == **l);
            let images: Vec<(&Vec<f64>, usize)> = right.map(|(x, l)| (x, *l)).cycle().take(plan.images).collect();
            let row = measure(&network, &images, &workers, accuracy(&network, &samples), activation, widths);
            say(&format!("{:?} {}: {:.1} s", row.widths, row.activation, row.seconds.iter().sum::<f64>()));
            rows.push(row);
        }
    }
    Ok(Comparison { rows, seed: plan.seed, threads: plan.threads })
}

/// The network with its weights in single precision, as files hold them: the difference of two of them is a number then.
fn single(network: &Network) -> Result<Network, NetworkError> {
    let mut layers = network.layers().to_vec();
    for layer in &mut layers {
        let weights = layer.map.dense_mut().entries_mut().iter_mut();
        weights.chain(&mut layer.bias).for_each(|value| *value = f64::from(*value as f32));
    }
    Network::new(layers, vec![])
}

fn measure(
    network: &Network,
    images: &[(&Vec<f64>, usize)],
    workers: &Workers,
    accuracy: f64,
    activation: Activation,
    widths: Vec<usize>,
) -> Row {
    let control = Control::unlimited();
    let curved = Curved::new(network);
    let timed = |work: &(dyn Fn(usize) -> f64 + Sync)| {
        let begun = Instant::now();
        let values = workers.map(images.len(), work).unwrap_or_default();
        (values, begun.elapsed().as_secs_f64())
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let (global, global_seconds) = timed(&|i| {
        let (x, label) = images[i];
        curved.certify_globally(x, label, 1 - label, &control).radius
    });
    let begun = Instant::now();
    let whole = |i: usize| curved.certify(images[i].0, images[i].1, 1 - images[i].1, &control);
    let found = workers.map(images.len(), whole).unwrap_or_default();
    let local_seconds = begun.elapsed().as_secs_f64();
    let (crown, crown_seconds) =
        timed(&|i| crown::radius(network, images[i].0, images[i].1, 1 - images[i].1, &control));
    // A dozen pictures show the size of the Hessian.
    let bends = images.iter().take(12).map(|(x, label)| {
        let (low, high) = extremes_at(&Margin::new(network, *label, 1 - label), x);
        high.max(-low)
    });
    let local: Vec<f64> = found.iter().map(|found| found.lower).collect();
    let upper: Vec<f64> = found.iter().filter_map(|found| found.upper()).collect();
    Row {
        widths,
        activation: activation.to_string(),
        accuracy,
        images: images.len(),
        curvature_above: curved.global(0, 1).any_depth,
        curvature_below: bends.fold(0.0, f64::max),
        crown: mean(&crown),
        global: mean(&global),
        local: mean(&local),
        adversarial: mean(&upper),
        closed: found.iter().filter(|found| found.is_closed()).count() as f64 / images.len().max(1) as f64,
        seconds: [global_seconds, local_seconds, crown_seconds],
    }
}

/// A picture of 8×8 pixels on `side` pixels a side, each taking the nearest one's value.
fn enlarged(picture: &[f64], side: usize) -> Vec<f64> {
    let near = |i: usize| i * 8 / side;
    (0..side * side).map(|k| picture[8 * near(k / side) + near(k % side)]).collect()
}

const HEADINGS: [&str; 12] = [
    "network",
    "activation",
    "accuracy",
    "K_ub",
    "K_lb",
    "CROWN",
    "CRC",
    "CRC local",
    "adversarial",
    "closed",
    "CRC s/image",
    "local s/image",
];

impl Row {
    fn fields(&self) -> [String; 12] {
        let widths = self.widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        let each = |seconds: f64| format!("{:.4}", seconds / self.images.max(1) as f64);
        [
            widths,
            self.activation.clone(),
            format!("{:.1} %", 100.0 * self.accuracy),
            format!("{:.4}", self.curvature_above),
            format!("{:.4}", self.curvature_below),
            format!("{:.5}", self.crown),
            format!("{:.5}", self.global),
            format!("{:.5}", self.local),
            format!("{:.5}", self.adversarial),
            format!("{:.0} %", 100.0 * self.closed),
            each(self.seconds[0]),
            each(self.seconds[1]),
        ]
    }
}

/// A table for people and for documents.
pub fn markdown(found: &Comparison) -> String {
    let line = |fields: &[String]| format!("| {} |\n", fields.join(" | "));
    let mut text = line(&HEADINGS.map(str::to_owned));
    text += &line(&HEADINGS.map(|_| "---".to_owned()));
    found.rows.iter().for_each(|row| text += &line(&row.fields()));
    text
}

/// One line a network.
pub fn csv(found: &Comparison) -> String {
    let mut text = String::from(
        "network,activation,accuracy,images,k_ub,k_lb,crown,crc,crc_local,adversarial,closed,crc_seconds,crc_local_seconds,crown_seconds\n",
    );
    for row in &found.rows {
        let widths = row.widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        let Row { activation, accuracy, images, curvature_above, curvature_below, crown, global, local, .. } = row;
        let [first, second, third] = row.seconds;
        let _ = writeln!(
            text,
            "{widths},{activation},{accuracy},{images},{curvature_above},{curvature_below},{crown},{global},{local},{},{},{first},{second},{third}",
            row.adversarial, row.closed
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_has_its_line_and_no_bound_contradicts_another() {
        let plan = Plan { layers: vec![2, 3], neurons: 6, side: 8, images: 6, threads: 1, seed: 1 };
        let found = run(&plan, |_| {}).unwrap();
        assert_eq!(found.rows.len(), 6);
        for row in &found.rows {
            assert!(row.global <= row.local && row.local <= row.adversarial, "{row:?}");
            assert!(
                0.0 < row.crown
                    && row.crown <= row.adversarial * (1.0 + 1e-9)
                    && row.curvature_below <= row.curvature_above,
                "{row:?}"
            );
        }
        assert_eq!(markdown(&found).lines().count(), 8);
        let csv = csv(&found);
        assert!(csv.lines().all(|line| line.split(',').count() == 14), "{csv}");
    }
}
