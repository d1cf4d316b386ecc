//! The local Lipschitz constant by enumerating activation regions in exact arithmetic.
//!
//! Neuron by neuron, a region is split where the neuron's activation bends, and each part is kept if it has an interior
//! ([`feasibility`](super::feasibility)). What is left are the Jacobians on the regions with interior: the constant is the
//! largest of their norms. Nothing is rounded and nothing of the engine is used: networks and problems are read from their JSON.

use serde_json::{Value, json};

use super::feasibility::{is_satisfiable, range};
use super::number::Number;
use super::truth::{Matrix, Norm, Truth};

/// An activation with linear pieces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    Identity,
    Relu,
    LeakyRelu { slope: f64 },
    Clip { slope: f64, offset: f64, lower: f64, upper: f64 },
}

/// `x ↦ σ(W x + b)`.
#[derive(Clone, Debug)]
pub struct Layer {
    pub weight: Vec<Vec<f64>>,
    pub bias: Vec<f64>,
    pub activation: Activation,
}

/// A network, as its JSON document has it.
#[derive(Clone, Debug)]
pub struct Network {
    pub layers: Vec<Layer>,
}

impl Network {
    pub fn inputs(&self) -> usize {
        self.layers[0].weight[0].len()
    }

    pub fn outputs(&self) -> usize {
        self.layers.last().unwrap().bias.len()
    }

    /// Reads the document.
    pub fn read(document: &Value) -> Self {
        let layer = |layer: &Value| {
            let weight: Vec<Vec<f64>> = layer["weight"].as_array().unwrap().iter().map(numbers).collect();
            let bias = layer.get("bias").map_or_else(|| vec![0.0; weight.len()], numbers);
            let sigma = &layer["activation"];
            let activation = match (sigma.as_str(), sigma.get("leaky_relu"), sigma.get("clip")) {
                (Some("relu"), ..) => Activation::Relu,
                (_, Some(leaky), _) => Activation::LeakyRelu { slope: leaky["slope"].as_f64().unwrap() },
                (.., Some(clip)) => Activation::Clip {
                    slope: clip["slope"].as_f64().unwrap_or(1.0),
                    offset: clip["offset"].as_f64().unwrap_or(0.0),
                    lower: clip["lower"].as_f64().unwrap(),
                    upper: clip["upper"].as_f64().unwrap(),
                },
                _ => {
                    assert!(sigma.is_null() || sigma == "identity", "{sigma}");
                    Activation::Identity
                }
            };
            Layer { weight, bias, activation }
        };
        Self { layers: document["layers"].as_array().unwrap().iter().map(layer).collect() }
    }

    /// Writes the document.
    pub fn document(&self) -> Value {
        let layer = |layer: &Layer| {
            let mut document = json!({"weight": layer.weight, "bias": layer.bias});
            let activation = match layer.activation {
                Activation::Identity => return document,
                Activation::Relu => json!("relu"),
                Activation::LeakyRelu { slope } => json!({"leaky_relu": {"slope": slope}}),
                Activation::Clip { slope, offset, lower, upper } => {
                    json!({"clip": {"slope": slope, "offset": offset, "lower": lower, "upper": upper}})
                }
            };
            document["activation"] = activation;
            document
        };
        json!({"layers": self.layers.iter().map(layer).collect::<Vec<_>>()})
    }
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// `slopes·y + constant`, y being the free inputs from their lower ends on.
#[derive(Clone, Debug)]
struct Form {
    slopes: Vec<Number>,
    constant: Number,
}

impl Form {
    fn constant(free: usize, constant: Number) -> Self {
        Self { slopes: vec![Number::zero(); free], constant }
    }

    fn combination(weights: &[Number], forms: &[Form], free: usize, bias: Number) -> Self {
        let mut sum = Self::constant(free, bias);
        for (weight, form) in weights.iter().zip(forms).filter(|(weight, _)| !weight.is_zero()) {
            sum.slopes.iter_mut().zip(&form.slopes).for_each(|(s, f)| *s = s.plus(&weight.times(f)));
            sum.constant = sum.constant.plus(&weight.times(&form.constant));
        }
        sum
    }

    fn affine(&self, slope: &Number, offset: &Number) -> Self {
        Self {
            slopes: self.slopes.iter().map(|s| s.times(slope)).collect(),
            constant: self.constant.times(slope).plus(offset),
        }
    }

    fn at(&self, y: &[Number]) -> Number {
        self.slopes.iter().zip(y).fold(self.constant.clone(), |sum, (s, y)| sum.plus(&s.times(y)))
    }

    fn is_constant(&self) -> bool {
        self.slopes.iter().all(Number::is_zero)
    }
}

/// A kink: `slope·z + offset - end` changes its sign there.
type Kink = (Number, Number);

/// An activation: its kinks from below, and its pieces `(slope, offset)` between them.
struct Bends {
    kinks: Vec<Kink>,
    pieces: Vec<(Number, Number)>,
}

impl Bends {
    fn of(activation: Activation) -> Self {
        let (n, zero, one) = (Number::of, Number::zero, Number::one);
        let kinked =
            |slope: f64| Self { kinks: vec![(one(), zero())], pieces: vec![(n(slope), zero()), (one(), zero())] };
        match activation {
            Activation::Identity => Self { kinks: vec![], pieces: vec![(one(), zero())] },
            Activation::Relu => kinked(0.0),
            Activation::LeakyRelu { slope } => kinked(slope),
            Activation::Clip { slope, offset, lower, upper } => Self {
                kinks: vec![(n(slope), n(offset).minus(&n(lower))), (n(slope), n(offset).minus(&n(upper)))],
                pieces: vec![(zero(), n(lower)), (n(slope), n(offset)), (zero(), n(upper))],
            },
        }
    }
}

/// What the Jacobian is asked about, in numbers.
struct Asked {
    /// The width of each free input.
    widths: Vec<Number>,
    /// Every input in terms of the free ones.
    inputs: Vec<Form>,
    /// Conditions of the domain: each is above 0 inside.
    conditions: Vec<Form>,
    /// The functional's rows on the outputs.
    rows: Matrix,
    input_norm: Norm,
    output_norm: Norm,
}

impl Asked {
    fn read(problem: &Value, inputs: usize, outputs: usize) -> Self {
        let domain = &problem["domain"];
        let each = |value: &Value| value.as_f64().map_or_else(|| numbers(value), |all| vec![all; inputs]);
        let n = |values: Vec<f64>| values.into_iter().map(Number::of).collect::<Vec<_>>();
        let (lower, upper) = match domain["type"].as_str().unwrap() {
            "box" => (n(each(&domain["lower"])), n(each(&domain["upper"]))),
            "ball" => {
                let radius = Number::of(domain["radius"].as_f64().unwrap());
                let center = n(numbers(&domain["center"]));
                let clip = domain.get("clip").map(|clip| n(numbers(clip)));
                let cut = |end: Number| match &clip {
                    Some(clip) => end.clamp(clip[0].clone(), clip[1].clone()),
                    None => end,
                };
                let end = |sign: Number| center.iter().map(|c| cut(c.plus(&sign.times(&radius)))).collect::<Vec<_>>();
                (end(Number::one().negative()), end(Number::one()))
            }
            other => panic!("no oracle for {other}"),
        };
        let free: Vec<usize> = (0..inputs).filter(|&k| lower[k] < upper[k]).collect();
        let form = |k: usize| {
            let mut form = Form::constant(free.len(), lower[k].clone());
            if let Some(at) = free.iter().position(|&f| f == k) {
                form.slopes[at] = Number::one();
            }
            form
        };
        let forms: Vec<Form> = (0..inputs).map(form).collect();
        let widths: Vec<Number> = free.iter().map(|&k| upper[k].minus(&lower[k])).collect();
        let mut asked = Self {
            widths,
            inputs: forms,
            conditions: vec![],
            rows: functional(&problem["functional"], outputs),
            input_norm: Norm::read(&problem["norm"]["input"]),
            output_norm: match problem["functional"]["type"].as_str() {
                Some("jacobian") => Norm::read(&problem["norm"]["output"]),
                _ => Norm::Linf,
            },
        };
        // A Euclidean ball is no polytope: what is left of it here is the box around it.
        if domain["type"] == "ball" && domain["norm"] == "l1" {
            let center = n(numbers(&domain["center"]));
            let radius = Number::of(domain["radius"].as_f64().unwrap());
            for bits in 0..1u32 << inputs {
                let sign = |k: usize| if bits >> k & 1 == 1 { Number::one().negative() } else { Number::one() };
                let signs: Vec<Number> = (0..inputs).map(sign).collect();
                let at_center = signs.iter().zip(&center).fold(radius.clone(), |sum, (s, c)| sum.plus(&s.times(c)));
                let negative: Vec<Number> = signs.iter().map(Number::negative).collect();
                let left = Form::combination(&negative, &asked.inputs, asked.widths.len(), at_center);
                asked.conditions.push(left);
            }
        }
        asked
    }

    /// The free inputs of a point, from their lower ends on; `None` where it lies outside the domain.
    fn beyond(&self, x: &[f64]) -> Option<Vec<Number>> {
        let mut share = vec![Number::zero(); self.widths.len()];
        for (form, &x) in self.inputs.iter().zip(x) {
            let beyond = Number::of(x).minus(&form.constant);
            match form.slopes.iter().position(|s| !s.is_zero()) {
                Some(at) if !beyond.is_negative() && beyond <= self.widths[at] => share[at] = beyond,
                None if beyond.is_zero() => {}
                _ => return None,
            }
        }
        self.conditions.iter().all(|condition| !condition.at(&share).is_negative()).then_some(share)
    }

    /// A form over the unit cube.
    fn row(&self, form: &Form) -> Vec<Number> {
        let slopes = form.slopes.iter().zip(&self.widths).map(|(s, w)| s.times(w));
        slopes.chain([form.constant.clone()]).collect()
    }
}

fn functional(functional: &Value, outputs: usize) -> Matrix {
    let index = |name: &str| functional[name].as_u64().map(|i| i as usize);
    let row = |entries: &[(usize, f64)]| {
        let mut row = vec![Number::zero(); outputs];
        entries.iter().for_each(|&(i, v)| row[i] = Number::of(v));
        row
    };
    match functional["type"].as_str().unwrap() {
        "vector" => vec![numbers(&functional["c"]).into_iter().map(Number::of).collect()],
        "logit" => vec![row(&[(index("index").unwrap(), 1.0)])],
        "margin" => vec![row(&[(index("label").unwrap(), 1.0), (index("target").unwrap(), -1.0)])],
        "jacobian" => (0..outputs).map(|i| row(&[(i, 1.0)])).collect(),
        "cross_lipschitz" => {
            let pairs = (0..outputs).flat_map(|i| (0..i).map(move |j| (i, j)));
            let wanted = pairs.filter(|&(i, j)| index("label").is_none_or(|label| label == i || label == j));
            wanted.map(|(i, j)| row(&[(i, 1.0), (j, -1.0)])).collect()
        }
        other => panic!("no oracle for {other}"),
    }
}

/// What the oracle knows of the constant, and on how many regions it was looked for.
#[derive(Clone, Debug)]
pub struct Found {
    /// The constant; over a Euclidean ball, the one over the box around it.
    pub truth: Truth,
    /// Over a Euclidean ball: the constant over the ℓ1 ball within it. The constant lies between the two.
    pub least: Option<Truth>,
    pub regions: usize,
}

/// The local Lipschitz constant of a network, both as their JSON documents; `None` where more than `most` parts had to be
/// looked at.
pub fn constant(network: &Network, problem: &Value, most: usize) -> Option<Found> {
    let mut least = None;
    if problem["domain"]["norm"] == "l2" {
        let mut within = problem.clone();
        within["domain"]["norm"] = json!("l1");
        least = Some(constant(network, &within, most)?.truth);
    }
    let asked = Asked::read(problem, network.inputs(), network.outputs());
    let mut walk = Walk { network, asked: &asked, left: most, at: None, jacobians: vec![] };
    let mut conditions: Vec<_> = asked.conditions.iter().map(|condition| asked.row(condition)).collect();
    let interior = is_satisfiable(&conditions, asked.widths.len());
    if interior && !asked.widths.is_empty() {
        walk.layer(0, &asked.inputs, &mut conditions)?;
    }
    let truth = Truth::largest(&walk.jacobians, asked.input_norm, asked.output_norm);
    Some(Found { truth, least, regions: walk.jacobians.len() })
}

/// The norm of the Jacobian around a point of the domain; `None` where the point lies outside, or where the Jacobian is not the
/// same on all regions of the domain that meet there.
pub fn at(network: &Network, problem: &Value, x: &[f64]) -> Option<Truth> {
    let asked = Asked::read(problem, network.inputs(), network.outputs());
    let point = asked.beyond(x)?;
    // Directions that lead into the domain.
    let mut cone: Vec<Form> = asked.conditions.iter().filter(|form| form.at(&point).is_zero()).cloned().collect();
    for (k, (y, width)) in point.iter().zip(&asked.widths).enumerate() {
        let mut side = Form::constant(point.len(), Number::zero());
        side.slopes[k] = if y.is_zero() { Number::one() } else { Number::one().negative() };
        if y.is_zero() || y == width {
            cone.push(side);
        }
    }
    let mut conditions = cone.iter().map(direction).collect();
    let mut walk = Walk { network, asked: &asked, left: usize::MAX, at: Some(point), jacobians: vec![] };
    walk.layer(0, &asked.inputs, &mut conditions)?;
    let first = walk.jacobians.first()?;
    let same = walk.jacobians.iter().all(|jacobian| jacobian == first);
    same.then(|| Truth::largest(&walk.jacobians, asked.input_norm, asked.output_norm))
}

/// A form's slopes along `2y - 1`: directions as points of the cube.
fn direction(form: &Form) -> Vec<Number> {
    let sum = form.slopes.iter().fold(Number::zero(), |sum, s| sum.plus(s));
    form.slopes.iter().map(|s| s.plus(s)).chain([sum.negative()]).collect()
}

struct Walk<'a> {
    network: &'a Network,
    asked: &'a Asked,
    left: usize,
    /// The free inputs from their lower ends on, where only the region around this point is wanted.
    at: Option<Vec<Number>>,
    jacobians: Vec<Matrix>,
}

impl Walk<'_> {
    /// Splits the region of `conditions`, in which the layer's inputs are `below`.
    fn layer(&mut self, l: usize, below: &[Form], conditions: &mut Vec<Vec<Number>>) -> Option<()> {
        let free = self.asked.widths.len();
        let Some(layer) = self.network.layers.get(l) else {
            let outputs: Matrix = below.iter().map(|form| form.slopes.clone()).collect();
            let product = |row: &Vec<Number>| {
                let column =
                    |k: usize| row.iter().zip(&outputs).fold(Number::zero(), |sum, (c, g)| sum.plus(&c.times(&g[k])));
                (0..free).map(column).collect()
            };
            self.jacobians.push(self.asked.rows.iter().map(product).collect());
            return Some(());
        };
        let affine = |(weights, bias): (&Vec<f64>, &f64)| {
            let weights: Vec<Number> = weights.iter().map(|&w| Number::of(w)).collect();
            Form::combination(&weights, below, free, Number::of(*bias))
        };
        let z: Vec<Form> = layer.weight.iter().zip(&layer.bias).map(affine).collect();
        self.neuron(l, &z, &Bends::of(layer.activation), &mut vec![], conditions)
    }

    /// Splits where neuron `done.len()` of layer `l` bends.
    fn neuron(
        &mut self,
        l: usize,
        z: &[Form],
        bends: &Bends,
        done: &mut Vec<Form>,
        conditions: &mut Vec<Vec<Number>>,
    ) -> Option<()> {
        let Some(z_next) = z.get(done.len()) else { return self.layer(l + 1, done, conditions) };
        let excess = |kink: &Kink| z_next.affine(&kink.0, &kink.1);
        for (i, piece) in bends.pieces.iter().enumerate() {
            // Above the kink before it, below the kink after it.
            let below = i.checked_sub(1).map(|k| excess(&bends.kinks[k]));
            let above = bends.kinks.get(i).map(|kink| excess(kink).affine(&Number::one().negative(), &Number::zero()));
            let sides: Vec<Form> = below.into_iter().chain(above).collect();
            let before = conditions.len();
            let mut exists = true;
            if z_next.is_constant() {
                // On a kink either piece has the same value, and the slope meets no change: the first one that fits does.
                exists = sides.iter().all(|side| !side.constant.is_negative());
            } else {
                for side in &sides {
                    // Around a point, what is not 0 there is settled, and the directions from it take the place of points.
                    let value = self.at.as_ref().map(|at| side.at(at)).filter(|value| !value.is_zero());
                    if let Some(value) = value {
                        exists &= value.is_positive();
                        continue;
                    }
                    let row = if self.at.is_some() { direction(side) } else { self.asked.row(side) };
                    let (smallest, largest) = range(&row);
                    exists &= largest.is_positive();
                    if smallest.is_negative() {
                        conditions.push(row);
                    }
                }
                if exists && conditions.len() > before {
                    self.left = self.left.checked_sub(1)?;
                    exists = is_satisfiable(conditions, self.asked.widths.len());
                }
            }
            if exists {
                done.push(z_next.affine(&piece.0, &piece.1));
                self.neuron(l, z, bends, done, conditions)?;
                done.pop();
            }
            conditions.truncate(before);
            if exists && z_next.is_constant() {
                break;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `constant` of a network written as layers of (weights, biases), all relu but the last.
    fn relu(layers: &[(&[&[f64]], &[f64])]) -> Network {
        let last = layers.len() - 1;
        let layer = |(l, (weight, bias)): (usize, &(&[&[f64]], &[f64]))| Layer {
            weight: weight.iter().map(|row| row.to_vec()).collect(),
            bias: bias.to_vec(),
            activation: if l == last { Activation::Identity } else { Activation::Relu },
        };
        Network { layers: layers.iter().enumerate().map(layer).collect() }
    }

    fn over(lower: f64, upper: f64) -> Value {
        json!({"domain": {"type": "box", "lower": lower, "upper": upper}, "functional": {"type": "logit", "index": 0}})
    }

    fn floor(network: &Network, problem: &Value) -> (f64, usize) {
        let found = constant(network, problem, 1000).unwrap();
        assert!(found.truth.is_at_most(found.truth.floor()), "{}", found.truth.digits());
        (found.truth.floor(), found.regions)
    }

    #[test]
    fn kinks_that_meet_have_no_region_between_them() {
        // 2x - σ(x) + σ(-x) = x, its linear part as 2σ(x) - 2σ(-x).
        let network = relu(&[(&[&[1.0], &[-1.0], &[1.0], &[-1.0]], &[0.0; 4]), (&[&[2.0, -2.0, -1.0, 1.0]], &[0.0])]);
        assert_eq!(floor(&network, &over(-1.0, 1.0)), (1.0, 2));
    }

    #[test]
    fn a_pre_activation_that_vanishes_on_a_region_hides_no_gradient() {
        // h = relu(x, -x, x - ½), z = (h₁ - 2.2 h₃, h₂), f = relu(z₁) + 5 relu(z₂): 5 on x < 0, where z₁ is 0.
        let network = relu(&[
            (&[&[1.0], &[-1.0], &[1.0]], &[0.0, 0.0, -0.5]),
            (&[&[1.0, 0.0, -2.2], &[0.0, 1.0, 0.0]], &[0.0, 0.0]),
            (&[&[1.0, 5.0]], &[0.0]),
        ]);
        assert_eq!(floor(&network, &over(-1.0, 1.0)), (5.0, 4));
        // On x > 0 alone the slopes are 1 and 1 - 2.2, before z₁ changes its sign.
        assert_eq!(floor(&network, &over(0.0, 1.0)).0, 2.2 - 1.0);
        assert_eq!(floor(&network, &over(0.0, 0.5)), (1.0, 1));
        assert_eq!(floor(&network, &over(0.5, 0.5)), (0.0, 0), "no input is free");
    }

    #[test]
    fn every_activation_has_its_pieces() {
        let with = |activation| Network {
            layers: vec![
                Layer { weight: vec![vec![2.0]], bias: vec![-1.0], activation },
                Layer { weight: vec![vec![3.0]], bias: vec![0.0], activation: Activation::Identity },
            ],
        };
        let clip = with(Activation::Clip { slope: 0.5, offset: 0.25, lower: 0.0, upper: 1.0 });
        let leaky = with(Activation::LeakyRelu { slope: 0.25 });
        // 0.5(2x - 1) + 0.25 lies between 0 and 1 for 0.25 < x < 1.25.
        for (network, lower, upper, expected) in [
            (&clip, 0.0, 2.0, (3.0, 3)),
            (&clip, 0.25, 1.25, (3.0, 1)),
            (&clip, 1.25, 2.0, (0.0, 1)),
            (&clip, -1.0, 0.25, (0.0, 1)),
            (&leaky, -1.0, 0.5, (1.5, 1)),
            (&leaky, -1.0, 0.5f64.next_up(), (6.0, 2)),
        ] {
            assert_eq!(floor(network, &over(lower, upper)), expected, "{network:?} on [{lower}, {upper}]");
            assert_eq!(floor(&Network::read(&network.document()), &over(lower, upper)), expected);
        }
    }

    #[test]
    fn balls_are_cut_exactly() {
        // σ(x + y - 1): its kink touches the l1 ball of radius 1 and cuts the box.
        let network = relu(&[(&[&[1.0, 1.0]], &[-1.0]), (&[&[1.0]], &[0.0])]);
        let ball = |norm: &str, center: [f64; 2], radius: f64| {
            let domain = json!({"type": "ball", "norm": norm, "center": center, "radius": radius});
            floor(&network, &json!({"domain": domain, "functional": {"type": "logit", "index": 0}})).0
        };
        assert_eq!(ball("l1", [0.0, 0.0], 1.0), 0.0);
        assert_eq!(ball("l1", [0.0, 0.0], 1f64.next_up()), 2.0);
        assert_eq!(ball("l1", [0.0, 5e-324], 1.0), 2.0);
        let round = json!({"type": "ball", "norm": "l2", "center": [0.0, 0.0], "radius": 0.75});
        let round = json!({"domain": round, "functional": {"type": "logit", "index": 0}});
        let found = constant(&network, &round, 1000).unwrap();
        assert_eq!(
            (found.truth.floor(), found.least.unwrap().floor()),
            (2.0, 0.0),
            "the box around it, the diamond in it"
        );
        assert_eq!(ball("linf", [0.0, 0.0], 0.5), 0.0);
        assert_eq!(ball("linf", [0.0, 0.0], 0.5f64.next_up()), 2.0);
        assert_eq!(ball("linf", [0.5, 0.5], 1e-300), 2.0, "the radius is lost in rounding");
        let clipped = json!({"type": "ball", "norm": "linf", "center": [0.5, 0.5], "radius": 1.0, "clip": [0.0, 0.5]});
        assert_eq!(floor(&network, &json!({"domain": clipped, "functional": {"type": "logit", "index": 0}})).0, 0.0);
    }

    #[test]
    fn functionals_and_norms_take_part() {
        // f(x, y) = (σ(x), 2σ(y), σ(x) + σ(y)).
        let network =
            relu(&[(&[&[1.0, 0.0], &[0.0, 1.0]], &[0.0, 0.0]), (&[&[1.0, 0.0], &[0.0, 2.0], &[1.0, 1.0]], &[0.0; 3])]);
        let asked = |functional: Value, input: &str, output: &str| {
            let domain = json!({"type": "box", "lower": [-1.0, -1.0], "upper": [1.0, 1.0]});
            let norm = json!({"input": input, "output": output});
            let problem = json!({"domain": domain, "functional": functional, "norm": norm});
            constant(&network, &problem, 1000).unwrap().truth.floor()
        };
        assert_eq!(asked(json!({"type": "vector", "c": [3.0, 0.0, -1.0]}), "linf", "linf"), 3.0);
        assert_eq!(asked(json!({"type": "logit", "index": 2}), "l1", "l2"), 1.0);
        assert_eq!(asked(json!({"type": "margin", "label": 0, "target": 1}), "linf", "linf"), 3.0);
        assert_eq!(asked(json!({"type": "cross_lipschitz"}), "linf", "l2"), 3.0);
        assert_eq!(asked(json!({"type": "cross_lipschitz", "label": 2}), "linf", "l2"), 2.0, "(1, 1) - (0, 2)");
        assert_eq!(asked(json!({"type": "jacobian"}), "l1", "l1"), 3.0);
        assert_eq!(asked(json!({"type": "jacobian"}), "linf", "linf"), 2.0);
        assert_eq!(asked(json!({"type": "jacobian"}), "linf", "l1"), 5.0);
        assert_eq!(asked(json!({"type": "jacobian"}), "linf", "l2"), 3.0, "(1, 2, 2)");
    }

    #[test]
    fn around_a_point_its_own_region_counts() {
        // 2σ(x) + σ(x - ½) on [-1, 1].
        let network = relu(&[(&[&[1.0], &[1.0]], &[0.0, -0.5]), (&[&[2.0, 1.0]], &[0.0])]);
        let problem = over(-1.0, 1.0);
        let floor = |x: f64| at(&network, &problem, &[x]).map(|truth| truth.floor());
        assert_eq!([-1.0, 0.25, 0.5f64.next_up(), 1.0].map(floor), [0.0, 2.0, 3.0, 3.0].map(Some));
        assert_eq!([0.0, 0.5, 1f64.next_up()].map(floor), [None; 3], "on a kink, on another, outside");
        // On the face of a box that lies on one side of the kink, that side counts.
        for (lower, upper, x, expected) in [(0.0, 0.25, 0.0, 2.0), (-1.0, 0.0, 0.0, 0.0), (0.5, 1.0, 0.5, 3.0)] {
            assert_eq!(at(&network, &over(lower, upper), &[x]).unwrap().floor(), expected);
        }
        // Kinks that cancel: 2x - σ(x) + σ(-x) = x.
        let line = relu(&[(&[&[1.0], &[-1.0], &[1.0], &[-1.0]], &[0.0; 4]), (&[&[2.0, -2.0, -1.0, 1.0]], &[0.0])]);
        assert_eq!(at(&line, &problem, &[0.0]).unwrap().floor(), 1.0);
    }

    #[test]
    fn a_walk_has_an_end() {
        let rows: Vec<Vec<f64>> = (0..12).map(|i| vec![1.0, f64::from(i)]).collect();
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let bias: Vec<f64> = (0..12).map(|i| 0.01 * f64::from(i * i)).collect();
        let network = relu(&[(&rows, &bias), (&[&[1.0; 12]], &[0.0])]);
        assert!(constant(&network, &over(-1.0, 1.0), 10).is_none());
        assert!(constant(&network, &over(-1.0, 1.0), 1000).is_some());
    }
}
