//! The reverse Weibull distribution, `F(y) = exp(-((a - y)/s)^c)` for y ≤ a, and its fit by maximum likelihood.
//!
//! For a fixed location a the distances a - y follow a Weibull distribution, whose shape is the root of one increasing
//! function and whose scale is then explicit. The likelihood of the best (c, s) is searched over a. Shapes below 1 are left
//! out: there the likelihood has no bound as a approaches the largest observation.

/// A fitted distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// a, the end of the distribution's range: CLEVER's estimate.
    pub location: f64,
    /// c.
    pub shape: f64,
    /// s.
    pub scale: f64,
    /// The Kolmogorov–Smirnov distance between the sample and the fit.
    pub ks_statistic: f64,
    /// Its asymptotic p-value (with Stephens' correction for the sample's size).
    pub ks_p_value: f64,
    /// False when the likelihood grows towards an infinite location: then the location is the largest observation.
    pub bounded: bool,
}

/// The distance of a from the largest observation is searched between these multiples of the sample's spread.
const NEAREST: f64 = 1e-8;
const FARTHEST: f64 = 1e3;
/// Steps of the coarse search (evenly spaced in the logarithm), and of the golden-section search that follows.
const COARSE_STEPS: usize = 200;
const FINE_STEPS: usize = 80;
/// A sample whose spread is below this share of its size is one number, up to rounding.
const CONSTANT: f64 = 1e-13;

/// Fits a sample of at least two finite numbers; `None` for any other.
pub fn fit(sample: &[f64]) -> Option<Fit> {
    if sample.len() < 2 || sample.iter().any(|y| !y.is_finite()) {
        return None;
    }
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (lowest, highest) = (sorted[0], sorted[sorted.len() - 1]);
    let spread = highest - lowest;
    if spread <= CONSTANT * highest.abs() {
        return Some(Fit {
            location: highest,
            shape: 1.0,
            scale: 0.0,
            ks_statistic: 0.0,
            ks_p_value: 1.0,
            bounded: true,
        });
    }
    let profile = |theta: f64| Profile::at(&sorted, spread * theta.exp());
    let (from, to) = (NEAREST.ln(), FARTHEST.ln());
    let step = (to - from) / COARSE_STEPS as f64;
    let likelihood = |i: usize| profile(from + i as f64 * step).likelihood;
    let best = (0..=COARSE_STEPS).max_by(|&i, &j| likelihood(i).total_cmp(&likelihood(j)))?;
    if best == COARSE_STEPS {
        let found = profile(to);
        return Some(found.fit(&sorted, highest, false));
    }
    let theta = golden(|t| profile(t).likelihood, from + (best as f64 - 1.0) * step, from + (best as f64 + 1.0) * step);
    let found = profile(theta);
    Some(found.fit(&sorted, highest + found.distance, true))
}

/// The best shape and scale for one location.
struct Profile {
    /// a minus the largest observation.
    distance: f64,
    shape: f64,
    scale: f64,
    /// The mean logarithm of the density.
    likelihood: f64,
}

impl Profile {
    fn at(sorted: &[f64], distance: f64) -> Self {
        let highest = sorted[sorted.len() - 1];
        let longest = highest - sorted[0] + distance;
        // In units of the longest distance, so that powers stay in range.
        let logs: Vec<f64> = sorted.iter().map(|y| ((highest - y + distance) / longest).ln()).collect();
        let shape = shape(&logs).max(1.0);
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / logs.len() as f64;
        let log_scale = mean(&mut logs.iter().map(|v| (shape * v).exp())).ln() / shape;
        let mean_log = mean(&mut logs.iter().copied());
        let likelihood = (shape / longest).ln() - log_scale + (shape - 1.0) * (mean_log - log_scale) - 1.0;
        Self { distance, shape, scale: longest * log_scale.exp(), likelihood }
    }

    fn fit(&self, sorted: &[f64], location: f64, bounded: bool) -> Fit {
        let highest = sorted[sorted.len() - 1];
        let n = sorted.len() as f64;
        let distribution = |y: f64| (-((highest - y + self.distance) / self.scale).max(0.0).powf(self.shape)).exp();
        let ks_statistic = sorted.iter().enumerate().fold(0.0, |largest: f64, (i, &y)| {
            let f = distribution(y);
            largest.max(f - i as f64 / n).max((i + 1) as f64 / n - f)
        });
        let ks_p_value = kolmogorov_tail((n.sqrt() + 0.12 + 0.11 / n.sqrt()) * ks_statistic);
        Fit { location, shape: self.shape, scale: self.scale, ks_statistic, ks_p_value, bounded }
    }
}

/// The root c of `Σ w^c ln w / Σ w^c - 1/c - mean ln w`, from the logarithms of distances of at most 1; between 1e-3 and 1e6.
fn shape(logs: &[f64]) -> f64 {
    let mean_log = logs.iter().sum::<f64>() / logs.len() as f64;
    let slope = |c: f64| {
        let (mut weighted, mut total) = (0.0, 0.0);
        for v in logs {
            let power = (c * v).exp();
            weighted += power * v;
            total += power;
        }
        weighted / total - 1.0 / c - mean_log
    };
    let (mut low, mut high) = (1e-3f64.ln(), 1e6f64.ln());
    // Bisection on the logarithm, to the last bits.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if slope(middle.exp()) < 0.0 { low = middle } else { high = middle }
    }
    (0.5 * (low + high)).exp()
}

/// The place of the largest value of a function with one maximum between two places.
fn golden(f: impl Fn(f64) -> f64, mut from: f64, mut to: f64) -> f64 {
    let ratio = 0.5 * (5f64.sqrt() - 1.0);
    for _ in 0..FINE_STEPS {
        let (a, b) = (to - ratio * (to - from), from + ratio * (to - from));
        if f(a) < f(b) { from = a } else { to = b }
    }
    0.5 * (from + to)
}

/// P(K > x) of Kolmogorov's distribution.
fn kolmogorov_tail(x: f64) -> f64 {
    if x < 0.2 {
        return 1.0;
    }
    let terms = (1..=100).map(|k| {
        let k = f64::from(k);
        let sign = if k % 2.0 == 1.0 { 1.0 } else { -1.0 };
        sign * (-2.0 * k * k * x * x).exp()
    });
    (2.0 * terms.sum::<f64>()).clamp(0.0, 1.0)
}
