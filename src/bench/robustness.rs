//! Certified and attacked radii of digits, for the runner-up, a random and the least likely target, on networks that are trained
//! here naturally and against projected gradient descent: the shape of Table 1 of RecurJac's paper (Zhang, Zhang and Hsieh 2019).

use std::fmt::Write;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::json;

use super::asking::BenchError;
use super::data::{self, Samples};
use super::table::EPOCHS;
use super::train::{accuracy, cross_entropy, train_against};
use crate::answer::Report;
use crate::control::{Control, StopFlag};
use crate::ladder;
use crate::network::{Activation, Network, NetworkError};
use crate::problem::{Method, Problem};

/// The methods whose radii are compared.
pub const METHODS: [Method; 6] =
    [Method::Fastlip, Method::Recurjac, Method::LinearJacobian, Method::Crown, Method::Exact, Method::Attack];
/// How far is looked; pixels lie in [0, 1].
const MOST: f64 = 1.0;
/// Steps of the descent that is trained against.
const STEPS: usize = 5;

/// What to compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How many affine layers the networks have.
    pub layers: Vec<usize>,
    /// Neurons in each hidden layer.
    pub neurons: usize,
    /// Pictures, the first ones that are labelled rightly.
    pub images: usize,
    /// The radius of the descent that is trained against.
    pub epsilon: f64,
    /// Seconds for one picture and target.
    pub time_s: f64,
    /// Threads.
    pub threads: u32,
    /// The seed of everything random.
    pub seed: u64,
}

/// Whose score is to reach the label's.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The output that comes second at the picture.
    RunnerUp,
    /// One at random.
    Random,
    /// The output that comes last.
    LeastLikely,
}

impl Against {
    const ALL: [Against; 3] = [Against::RunnerUp, Against::Random, Against::LeastLikely];

    fn name(self) -> &'static str {
        match self {
            Against::RunnerUp => "runner-up",
            Against::Random => "random",
            Against::LeastLikely => "least likely",
        }
    }

    fn target(self, outputs: &[f64], label: usize, random: &mut ChaCha8Rng) -> usize {
        let mut others: Vec<usize> = (0..outputs.len()).filter(|&j| j != label).collect();
        others.sort_by(|&a, &b| outputs[b].total_cmp(&outputs[a]));
        let place = match self {
            Against::RunnerUp => 0,
            Against::Random => random.random_range(0..others.len()),
            Against::LeastLikely => others.len() - 1,
        };
        others[place]
    }
}

/// One network and kind of target.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Inputs, hidden layers, outputs.
    pub widths: Vec<usize>,
    /// Whether it was trained against projected gradient descent.
    pub adversarial: bool,
    /// The share of digits that it labels rightly.
    pub accuracy: f64,
    /// Whose score is to reach the label's.
    pub against: Against,
    /// Pictures.
    pub images: usize,
    /// The mean radius of each of [`METHODS`]: certified, or of the nearest adversarial point for the attack.
    pub radii: Vec<f64>,
    /// The mean seconds of each.
    pub seconds: Vec<f64>,
    /// The share of pictures whose bracket closed.
    pub exact: f64,
}

/// All of the comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The methods, in the order of the rows' numbers.
    pub methods: Vec<Method>,
    /// One network and kind of target each.
    pub rows: Vec<Row>,
    /// The radius of the descent that was trained against.
    pub epsilon: f64,
    /// The seed of everything random.
    pub seed: u64,
}

/// Trains the networks and asks; `say` hears how far it is.
///
/// # Errors
/// [`BenchError`].
pub fn run(plan: &Plan, mut say: impl FnMut(&str)) -> Result<Comparison, BenchError> {
    let samples = data::all_digits();
    let mut rows = Vec::new();
    for &layers in &plan.layers {
        let hidden = vec![plan.neurons; layers.saturating_sub(1)];
        let widths = [vec![64], hidden, vec![10]].concat();
        for adversarial in [false, true] {
            let network = trained(&widths, &samples, adversarial.then_some(plan.epsilon), plan.seed)?;
            let share = accuracy(&network, &samples);
            for against in Against::ALL {
                let mut row = measure(&network, &samples, against, plan)?;
                (row.widths, row.adversarial, row.accuracy) = (widths.clone(), adversarial, share);
                say(&row.line().join(" "));
                rows.push(row);
            }
        }
    }
    Ok(Comparison { methods: METHODS.to_vec(), rows, epsilon: plan.epsilon, seed: plan.seed })
}

/// A network that was trained on the digits, or on what projected gradient descent within ε makes of them.
fn trained(widths: &[usize], samples: &Samples, epsilon: Option<f64>, seed: u64) -> Result<Network, NetworkError> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let loss = cross_entropy(&samples.labels);
    let instead = |network: &Network, i: usize| {
        let (epsilon, x) = (epsilon?, &samples.inputs[i]);
        let mut moved = x.clone();
        for _ in 0..STEPS {
            let gradient = network.gradient(&moved, &loss(i, &network.evaluate(&moved)));
            for ((m, g), x) in moved.iter_mut().zip(gradient).zip(x) {
                let step = if g == 0.0 { 0.0 } else { (epsilon / 3.0).copysign(g) };
                *m = (*m + step).clamp(x - epsilon, x + epsilon).clamp(0.0, 1.0);
            }
        }
        Some(moved)
    };
    train_against(Activation::Relu, widths, &samples.inputs, &loss, instead, EPOCHS, &mut random)
}

fn measure(network: &Network, samples: &Samples, against: Against, plan: &Plan) -> Result<Row, BenchError> {
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed ^ 0x7a_67e7);
    let wins = |x: &[f64], label: usize| {
        let outputs = network.evaluate(x);
        outputs.iter().enumerate().all(|(j, output)| j == label || *output < outputs[label])
    };
    // Every so many pictures, so that all digits come.
    let step = (samples.inputs.len() / plan.images.max(1)).max(1);
    let right = samples.inputs.iter().zip(&samples.labels).step_by(step).filter(|(x, label)| wins(x, **label));
    let (mut radii, mut seconds) = (vec![0.0; METHODS.len()], vec![0.0; METHODS.len()]);
    let (mut images, mut exact) = (0, 0);
    for (x, &label) in right.take(plan.images) {
        let target = against.target(&network.evaluate(x), label, &mut random);
        let report = ask(network, x, label, target, plan)?;
        images += 1;
        exact += usize::from(report.exact);
        for (i, method) in METHODS.iter().enumerate() {
            let tier = report.tiers.iter().find(|tier| tier.method == *method);
            let none = if *method == Method::Attack { MOST } else { 0.0 };
            radii[i] += tier.and_then(|tier| tier.value).unwrap_or(none);
            seconds[i] += tier.map_or(0.0, |tier| tier.seconds);
        }
    }
    let count = images.max(1) as f64;
    let mean = |sums: Vec<f64>| sums.into_iter().map(|sum| sum / count).collect();
    Ok(Row {
        widths: vec![],
        adversarial: false,
        accuracy: 0.0,
        against,
        images,
        radii: mean(radii),
        seconds: mean(seconds),
        exact: exact as f64 / count,
    })
}

fn ask(network: &Network, x: &[f64], label: usize, target: usize, plan: &Plan) -> Result<Report, BenchError> {
    let problem = json!({
        "kind": "robustness", "x": x, "label": label, "targets": [target], "norm": "linf", "max_radius": MOST,
        "clip": [0, 1], "methods": METHODS, "limits": {"time_s": plan.time_s, "threads": plan.threads}, "seed": plan.seed,
    });
    let problem = Problem::from_value(problem)?;
    let question = problem.question(network.input_dim(), network.output_dim()).map_err(BenchError::Question)?;
    let time = Duration::try_from_secs_f64(plan.time_s).ok();
    Ok(ladder::answer(network, &question, &Control::new(time, StopFlag::default(), |_| {})))
}

impl Row {
    fn name(&self) -> String {
        self.widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
    }

    fn training(&self) -> &'static str {
        if self.adversarial { "against PGD" } else { "natural" }
    }

    fn line(&self) -> Vec<String> {
        let share = |share: f64| format!("{:.0} %", 100.0 * share);
        let radii = self.radii.iter().map(|radius| format!("{radius:.5}"));
        let head = [self.name(), self.training().into(), share(self.accuracy), self.against.name().into()];
        head.into_iter().chain(radii).chain([share(self.exact)]).collect()
    }
}

/// A table for people and for documents.
pub fn markdown(found: &Comparison) -> String {
    let line = |fields: &[String]| format!("| {} |\n", fields.join(" | "));
    let methods = found.methods.iter().map(|method| method.name());
    let headings: Vec<String> = ["network", "training", "accuracy", "target"]
        .into_iter()
        .chain(methods)
        .chain(["closed"])
        .map(str::to_owned)
        .collect();
    let rule: Vec<String> = headings.iter().map(|_| "---".to_owned()).collect();
    let rows = found.rows.iter().map(|row| line(&row.line()));
    [line(&headings), line(&rule)].into_iter().chain(rows).collect()
}

/// One line a network, kind of target and method.
pub fn csv(found: &Comparison) -> String {
    let mut text = String::from("network,training,accuracy,target,images,exact,method,radius,seconds\n");
    for row in &found.rows {
        for ((method, radius), seconds) in found.methods.iter().zip(&row.radii).zip(&row.seconds) {
            let _ = writeln!(
                text,
                "{},{},{},{},{},{},{method},{radius},{seconds}",
                row.name(),
                row.training(),
                row.accuracy,
                row.against.name(),
                row.images,
                row.exact
            );
        }
    }
    text
}

/// Sizes of the picture in pixels, and colours that are far apart for all kinds of colour vision.
const LABELS: f64 = 260.0;
const PLOT: f64 = 460.0;
const BAR: f64 = 7.0;
const GROUP: f64 = 56.0;
const TOP: f64 = 50.0;
const COLORS: [&str; 6] = ["#0072b2", "#56b4e9", "#009e73", "#e69f00", "#000000", "#d55e00"];

/// Bars: a group a row, a bar a method.
pub fn svg(found: &Comparison) -> String {
    let most = found.rows.iter().flat_map(|row| &row.radii).copied().fold(f64::MIN_POSITIVE, f64::max);
    let height = TOP + GROUP * found.rows.len() as f64 + 10.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"18\">Mean radius in ℓ∞, certified and attacked; trained against ε = {}</text>\n",
        LABELS + PLOT + 80.0,
        found.epsilon
    );
    for (i, (method, color)) in found.methods.iter().zip(COLORS).enumerate() {
        let at = 10.0 + 125.0 * i as f64;
        let _ = writeln!(out, "<rect x=\"{at}\" y=\"28\" width=\"10\" height=\"10\" fill=\"{color}\"/>");
        let _ = writeln!(out, "<text x=\"{}\" y=\"37\">{method}</text>", at + 15.0);
    }
    for (r, row) in found.rows.iter().enumerate() {
        let top = TOP + GROUP * r as f64;
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}, {}</text>",
            LABELS - 10.0,
            top + 20.0,
            row.name(),
            LABELS - 10.0,
            top + 36.0,
            row.training(),
            row.against.name()
        );
        for (i, (radius, color)) in row.radii.iter().zip(COLORS).enumerate() {
            let (y, width) = (top + 4.0 + BAR * i as f64, PLOT * radius / most);
            let _ = writeln!(
                out,
                "<rect x=\"{LABELS}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\" fill=\"{color}\"/>\n\
                 <text x=\"{:.1}\" y=\"{}\" font-size=\"7\">{radius:.4}</text>",
                BAR - 1.0,
                LABELS + width + 4.0,
                y + 6.0
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_and_target_has_its_line_and_no_radius_contradicts_another() {
        let plan = Plan { layers: vec![2], neurons: 8, images: 4, epsilon: 0.05, time_s: 30.0, threads: 1, seed: 1 };
        let found = run(&plan, |_| {}).unwrap();
        assert_eq!(found.rows.len(), 6);
        for row in &found.rows {
            let [fastlip, recurjac, linear, crown, exact, attack] = row.radii[..] else { panic!("{row:?}") };
            assert!(0.0 < fastlip && fastlip <= recurjac * (1.0 + 1e-9), "{row:?}");
            assert!(recurjac <= linear * (1.0 + 1e-9) && linear <= exact * (1.0 + 1e-6), "{row:?}");
            assert!(crown <= exact * (1.0 + 1e-6) && exact <= attack * (1.0 + 1e-9) && row.exact == 1.0, "{row:?}");
        }
        assert_eq!(markdown(&found).lines().count(), 8);
        assert!(csv(&found).lines().count() == 37 && csv(&found).lines().all(|line| line.split(',').count() == 9));
        let svg = svg(&found);
        assert!(svg.contains("least likely") && svg.contains("linear_jacobian") && !svg.contains("NaN"), "{svg}");
    }
}
