//! Tiny networks and boxes of extreme scale, spoiled on purpose: kinks on faces and corners, ties, duplicated, cancelling and dead
//! neurons, proportional and zero rows, fixed inputs.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::oracle::{Activation, Layer, Network};

/// How the numbers of a network are drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Palette {
    /// Small multiples of 1/4: sums without rounding, and many ties.
    Quarters,
    /// Small multiples of 1/10: ties that rounding hides.
    Tenths,
    /// Anything within ±2.
    Plain,
    /// Layers scaled by powers of two, the next one mostly back.
    Layers,
    /// Rows scaled by powers of two, the next layer's columns back.
    Rows,
    /// Each number of its own magnitude.
    Wild,
    /// A few magnitudes near the ends of float32 and float64, and between.
    Ends,
}

/// The magnitudes of [`Palette::Ends`].
const ENDS: [f64; 12] = [5e-324, 1e-310, 1e-300, 1e-200, 1e-150, 1e-38, 1.0, 1e12, 1e38, 1e150, 1e200, 1e300];

/// `value·2^exponent`, in two steps so that neither factor overflows.
fn scaled(value: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    value * 2f64.powi(half) * 2f64.powi(exponent - half)
}

fn number(palette: Palette, random: &mut ChaCha8Rng) -> f64 {
    if random.random_bool(0.08) {
        return 0.0;
    }
    let coarse = |random: &mut ChaCha8Rng| f64::from(random.random_range(-8..=8));
    match palette {
        Palette::Quarters | Palette::Layers | Palette::Rows => coarse(random) / 4.0,
        Palette::Tenths => coarse(random) / 10.0,
        Palette::Plain => random.random_range(-2.0..2.0),
        Palette::Wild => {
            let spread = *[3, 60, 300, 1000].choose(random).unwrap();
            scaled(coarse(random) / 4.0, random.random_range(-spread..=spread))
        }
        Palette::Ends => coarse(random) / 4.0 * ENDS.choose(random).unwrap(),
    }
}

fn activation(random: &mut ChaCha8Rng) -> Activation {
    match random.random_range(0..10) {
        0..6 => Activation::Relu,
        6 => Activation::LeakyRelu { slope: *[0.01, 0.25, 1e-300, 5e-324, 0.0, 1.0].choose(random).unwrap() },
        7 => Activation::LeakyRelu { slope: 0.1 },
        8 => Activation::Clip { slope: 1.0, offset: 0.0, lower: -1.0, upper: 1.0 },
        _ => {
            let slope = *[0.5, 1.0, 1e-150, 1e12, 0.2].choose(random).unwrap();
            let offset = *[0.0, 0.5, 1.0].choose(random).unwrap();
            Activation::Clip { slope, offset, lower: 0.0, upper: *[1.0, 6.0, 1e-300].choose(random).unwrap() }
        }
    }
}

/// The numbers of a domain's ends, one pair an input.
pub type Ends = Vec<(f64, f64)>;

/// A box: each input of a kind of its own, or all of one.
pub fn ends(inputs: usize, random: &mut ChaCha8Rng) -> Ends {
    let kind = random.random_range(0..KINDS);
    let mixed = random.random_bool(0.3);
    let mut ends: Ends =
        (0..inputs).map(|_| interval(if mixed { random.random_range(0..KINDS) } else { kind }, random)).collect();
    for end in &mut ends {
        if random.random_bool(0.08) {
            end.1 = end.0;
        }
    }
    ends
}

const KINDS: u32 = 14;

fn interval(kind: u32, random: &mut ChaCha8Rng) -> (f64, f64) {
    let at = *[0.0, 0.5, -1.0, 1.0, 0.1, 0.3, -0.75, 1e-200, 1e12].choose(random).unwrap();
    match kind {
        0..3 => (-1.0, 1.0),
        3 => (f64::from(random.random_range(-8..=0)) / 4.0, f64::from(random.random_range(1..=8)) / 4.0),
        4 => {
            let low = random.random_range(-2.0..1.0);
            (low, low + random.random_range(0.01..2.0))
        }
        5 => (-1e12, 1e12),
        6 => (0.0, *[1e12, 1e6, 1e38].choose(random).unwrap()),
        7 => *[(-1e100, 1e100), (-1e150, 1e150), (-1e300, 1e300)].choose(random).unwrap(),
        8 => *[(-1e308, 1e308), (f64::MIN, f64::MAX), (0.0, f64::MAX), (-1e307, 1e307)].choose(random).unwrap(),
        9 => (at, at.next_up()),
        10 => (at.next_down(), at.next_up().next_up()),
        11 => (at - 1e-9, at + 1e-9),
        12 => *[(0.0, 5e-324), (-5e-324, 5e-324), (1e-300, 3e-300), (-1e-150, 1e-150), (0.0, 1e-12)]
            .choose(random)
            .unwrap(),
        _ => (at, at + f64::from(random.random_range(1..=8)) / 4.0),
    }
}

/// A network on inputs between `ends`.
pub fn network(ends: &Ends, random: &mut ChaCha8Rng) -> Network {
    let palette = *[
        Palette::Quarters,
        Palette::Quarters,
        Palette::Tenths,
        Palette::Plain,
        Palette::Layers,
        Palette::Layers,
        Palette::Rows,
        Palette::Wild,
        Palette::Ends,
    ]
    .choose(random)
    .unwrap();
    let hidden = random.random_range(1..=3usize);
    let outputs = random.random_range(1..=3usize);
    let mut widths = vec![ends.len()];
    for _ in 0..hidden {
        widths.push(random.random_range(1..=if hidden == 3 { 3 } else { 4 }));
    }
    // One wide layer, whose kinks mostly coincide.
    let wide = random.random_bool(0.06).then(|| {
        let l = random.random_range(1..=hidden);
        widths[l] = random.random_range(8..=16);
        l - 1
    });
    widths.push(outputs);
    let sigma = activation(random);
    let mut layers: Vec<Layer> = (0..=hidden)
        .map(|l| Layer {
            weight: (0..widths[l + 1]).map(|_| (0..widths[l]).map(|_| number(palette, random)).collect()).collect(),
            bias: (0..widths[l + 1]).map(|_| number(palette, random)).collect(),
            activation: if l == hidden { Activation::Identity } else { sigma },
        })
        .collect();
    if random.random_bool(0.2) {
        layers[..hidden].iter_mut().for_each(|layer| layer.activation = activation(random));
    }
    for l in 0..hidden {
        spoil(&mut layers, l, wide == Some(l), random);
    }
    place_kinks(&mut layers, ends, random);
    match palette {
        Palette::Layers => scale_layers(&mut layers, random),
        Palette::Rows => scale_rows(&mut layers, random),
        Palette::Quarters | Palette::Tenths | Palette::Plain | Palette::Wild | Palette::Ends => {}
    }
    // What has overflowed on the way is no number that a file could hold.
    for layer in &mut layers {
        let tame = |v: &mut f64| {
            if !v.is_finite() {
                *v = f64::MAX.copysign(if v.is_nan() { 1.0 } else { *v });
            }
        };
        layer.weight.iter_mut().flatten().for_each(tame);
        layer.bias.iter_mut().for_each(tame);
    }
    Network { layers }
}

/// Defects of single neurons of layer `l`.
fn spoil(layers: &mut [Layer], l: usize, wide: bool, random: &mut ChaCha8Rng) {
    let [layer, next] = &mut layers[l..l + 2] else { unreachable!() };
    for r in 0..layer.bias.len() {
        let other = random.random_range(0..layer.bias.len());
        let (row, bias) = (layer.weight[other].clone(), layer.bias[other]);
        let copy = |factor: f64, layer: &mut Layer| {
            layer.weight[r] = row.iter().map(|w| w * factor).collect();
            layer.bias[r] = bias * factor;
        };
        match random.random_range(0..if wide { 10 } else { 30 }) {
            // Proportional rows: by a power of two, exactly; by others, up to rounding.
            0..4 => copy(*[1.0, 2.0, -1.0, 0.5, -4.0, 1024.0].choose(random).unwrap(), layer),
            4..6 => copy(*[3.0, -0.1, 0.3, 7.0].choose(random).unwrap(), layer),
            6 => {
                // Cancels with the other one.
                copy(1.0, layer);
                next.weight.iter_mut().for_each(|row| row[r] = -row[other]);
            }
            7 => {
                copy(-1.0, layer);
                next.weight.iter_mut().for_each(|row| row[r] = row[other]);
            }
            10 => {
                layer.weight[r].fill(0.0);
                layer.bias[r] *= f64::from(random.random_range(0..=1));
            }
            11 => layer.weight[r].fill(0.0),
            12 => layer.bias[r] = *[-1e3, 1e3, -1e15, 1e15, -1e200].choose(random).unwrap(),
            13 => layer.bias[r] = 0.0,
            14 => next.weight.iter_mut().for_each(|row| row[r] = 0.0),
            15 => {
                layer.weight[r].fill(0.0);
                let k = random.random_range(0..layer.weight[r].len());
                layer.weight[r][k] = *[1.0, -1.0, 5e-324, 1e-160].choose(random).unwrap();
            }
            _ => {}
        }
    }
}

/// Moves kinks to chosen points of the box: its corners, the middles of its faces, its centre, and anywhere.
fn place_kinks(layers: &mut [Layer], ends: &Ends, random: &mut ChaCha8Rng) {
    let share = *[0.0, 0.4, 0.8].choose(random).unwrap();
    let hidden = layers.len() - 1;
    for l in 0..hidden {
        for r in 0..layers[l].bias.len() {
            if !random.random_bool(share) {
                continue;
            }
            let mut h: Vec<f64> = ends
                .iter()
                .map(|&(low, high)| {
                    let t = *[0.0, 1.0, 0.5, 0.25, random.random_range(0.0..=1.0)].choose(random).unwrap();
                    (1.0 - t) * low + t * high
                })
                .collect();
            for layer in &layers[..l] {
                let z = layer.weight.iter().zip(&layer.bias).map(|(row, b)| dot(row, &h) + b);
                h = z.map(|z| value(layer.activation, z)).collect();
            }
            let at = -dot(&layers[l].weight[r], &h);
            if at.is_finite() {
                layers[l].bias[r] = at;
            }
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn value(activation: Activation, z: f64) -> f64 {
    match activation {
        Activation::Identity => z,
        Activation::Relu => z.max(0.0),
        Activation::LeakyRelu { slope } => z.max(slope * z),
        Activation::Clip { slope, offset, lower, upper } => (slope * z + offset).clamp(lower, upper),
    }
}

/// Multiplies each layer's map by a power of two; the last one mostly takes back what the others gave. Under an activation that
/// is positively homogeneous the function is the same, as long as nothing overflows or underflows.
fn scale_layers(layers: &mut [Layer], random: &mut ChaCha8Rng) {
    let reach = *[20, 120, 300, 500].choose(random).unwrap();
    let mut total = 0;
    let last = layers.len() - 1;
    let balanced = random.random_bool(0.8);
    for (l, layer) in layers.iter_mut().enumerate() {
        let exponent = match l == last && balanced {
            true => -total,
            false => random.random_range(-reach..=reach),
        };
        total += exponent;
        layer.weight.iter_mut().flatten().for_each(|w| *w = scaled(*w, exponent));
        layer.bias.iter_mut().for_each(|b| *b = scaled(*b, total));
    }
}

/// Multiplies each neuron by a power of two and divides its outgoing weights by it.
fn scale_rows(layers: &mut [Layer], random: &mut ChaCha8Rng) {
    let reach = *[20, 120, 300, 500].choose(random).unwrap();
    for l in 0..layers.len() - 1 {
        for r in 0..layers[l].bias.len() {
            let exponent = random.random_range(-reach..=reach);
            layers[l].weight[r].iter_mut().for_each(|w| *w = scaled(*w, exponent));
            layers[l].bias[r] = scaled(layers[l].bias[r], exponent);
            layers[l + 1].weight.iter_mut().for_each(|row| row[r] = scaled(row[r], -exponent));
        }
    }
}
