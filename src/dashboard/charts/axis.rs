//! An axis: linear, or logarithmic where its values span decades.

/// Values whose largest is this many times their smallest get a logarithmic axis.
const SPANS_DECADES: f64 = 30.0;

/// Where values stand, and which of them are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    logarithmic: bool,
    /// The ends, in places.
    pub(super) from: f64,
    pub(super) to: f64,
    /// Place and words of what is written.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis for values from `low` to `high`, with some `ticks` written. `zero`: a linear one begins at 0.
    pub(super) fn covering(low: f64, high: f64, ticks: usize, zero: bool) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() { (low.min(high), high.max(low)) } else { (0.0, 1.0) };
        if low > 0.0 && high / low >= SPANS_DECADES {
            return Self::logarithmic(low, high, ticks);
        }
        let (low, high) = match (zero && low > 0.0, high > low) {
            (true, _) => (0.0, high),
            (false, true) => (low, high),
            (false, false) => (low - 0.5 * low.abs().max(1e-3), high + 0.5 * high.abs().max(1e-3)),
        };
        let step = nice((high - low) / ticks as f64);
        let (from, to) = ((low / step).floor(), (high / step).ceil());
        let count = ((to - from) as usize).min(4 * ticks);
        let decimals = (-step.log10()).ceil().clamp(0.0, 12.0) as usize;
        let value = |k: usize| (from + k as f64) * step;
        let words = |value: f64| match value.abs() {
            size if size >= 1e6 || (size > 0.0 && step < 1e-5) => format!("{value:.1e}"),
            _ => format!("{value:.decimals$}"),
        };
        let ticks = (0..=count).map(|k| (value(k), words(value(k)))).collect();
        Self { logarithmic: false, from: from * step, to: to * step, ticks }
    }

    fn logarithmic(low: f64, high: f64, wanted: usize) -> Self {
        let (from, to) = (low.log10(), high.log10());
        let decades = to - from;
        // 1, 2, 5 where there is room for them; else every so many powers of ten.
        let digits: &[f64] = if 3.0 * decades <= 1.5 * wanted as f64 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = (decades / wanted as f64).ceil().max(1.0) as i32;
        let mut ticks = Vec::new();
        for power in (from.floor() as i32..=to.ceil() as i32).filter(|power| power.rem_euclid(stride) == 0) {
            for digit in digits {
                let place = f64::from(power) + digit.log10();
                if place >= from - 1e-9 && place <= to + 1e-9 {
                    ticks.push((place, power_words(*digit, power)));
                }
            }
        }
        Self { logarithmic: true, from, to, ticks }
    }

    /// An axis of things: one place each, the first one at the far end.
    pub(super) fn of_names(names: &[&str]) -> Self {
        let count = names.len() as f64;
        let ticks = names.iter().enumerate().map(|(k, name)| (count - k as f64, (*name).to_owned())).collect();
        Self { logarithmic: false, from: 0.4, to: count + 0.6, ticks }
    }

    /// Some room at both ends.
    pub(super) fn padded(mut self, share: f64) -> Self {
        if self.logarithmic {
            let room = share * (self.to - self.from);
            self.from -= room;
            self.to += room;
        }
        self
    }

    /// Where a value stands: beyond an end, at the end.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        place.clamp(self.from, self.to)
    }

    /// Whether it is logarithmic.
    pub(super) fn is_logarithmic(&self) -> bool {
        self.logarithmic
    }
}

/// The next of 1, 2, 5 times a power of ten.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|nice| *nice >= step * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

fn power_words(digit: f64, power: i32) -> String {
    match power {
        -3..=5 => {
            let decimals = usize::try_from(-power).unwrap_or(0);
            format!("{:.decimals$}", digit * 10f64.powi(power))
        }
        _ => format!("{digit:.0}e{power}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Axis;

    fn words(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, words)| words.as_str()).collect()
    }

    #[test]
    fn decades_get_a_logarithmic_axis_and_the_rest_round_numbers() {
        assert_eq!(words(&Axis::covering(2.1, 3.9, 4, false)), ["2.0", "2.5", "3.0", "3.5", "4.0"]);
        assert_eq!(words(&Axis::covering(2.1, 3.9, 4, true)), ["0", "1", "2", "3", "4"]);
        assert_eq!(words(&Axis::covering(0.5, 2e4, 6, true)), ["1", "10", "100", "1000", "10000"]);
        assert_eq!(words(&Axis::covering(1.0, 50.0, 6, true)), ["1", "2", "5", "10", "20", "50"]);
        assert_eq!(
            words(&Axis::covering(1e-12, 1e12, 6, true)),
            ["1e-12", "1e-8", "1e-4", "1", "10000", "1e8", "1e12"]
        );
    }

    #[test]
    fn strange_values_have_an_axis_too() {
        for (low, high) in [
            (0.0, 0.0),
            (3.0, 3.0),
            (f64::NAN, 1.0),
            (1.0, f64::INFINITY),
            (-1e300, 1e300),
            (5.0, 1.0),
            (1e-300, 1e300),
        ] {
            let axis = Axis::covering(low, high, 5, true).padded(0.05);
            assert!(axis.from < axis.to && !axis.ticks.is_empty() && axis.ticks.len() < 30, "{low} {high}: {axis:?}");
            assert!([low, high, 0.0].iter().all(|v| v.is_nan() || (axis.from..=axis.to).contains(&axis.place(*v))));
        }
    }
}
