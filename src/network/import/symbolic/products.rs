//! Products and quotients of functions of one unit: SiLU, GELU, Mish, HardSwish, Softsign, and by their exponentials Sigmoid and
//! Softplus, as graphs spell them.
//!
//! A factor `w·g(F) + c`, where g(F) is a unit with its pre-activation F, times a multiple of F is an activation of F, scaled,
//! plus a multiple of F. Factors are compared as affine forms of units, so that it does not matter which operators made them,
//! in which order, and where constants were folded.

use std::f64::consts::SQRT_2;
use std::rc::Rc;

use super::Making;
use super::forms::{Forms, Map, Rows};
use super::parts::{Function, Part, Row, TANH_CUBE, TANH_FACTOR};
use crate::network::Activation;

/// How far, relatively, a file's constants may be from those of GELU's tanh form: they are rounded to single precision. A
/// relative change of the cube's coefficient by δ changes no slope of GELU by δ/4 or more.
const TANH_ROUNDING: f64 = 1e-6;

/// An entry of a product or quotient of A and B.
enum Entry {
    /// `gain · function(scale · A) + plain · A`.
    Function { function: Function, scale: f64, gain: f64, plain: f64 },
    /// A multiple of A.
    First(f64),
    /// A multiple of B.
    Second(f64),
    /// A number.
    Constant(f64),
}

/// An entry that is c(1 + eᶻ), or a number.
enum Factor {
    Of(f64),
    Number(f64),
}

/// Exponents, and for each the number that c(1 + eᶻ) has before it, or the number that the entry is.
type Exponentials = (Rc<Forms>, Vec<Factor>);

type Recognise = fn(&mut Making, &Row, &Row) -> Result<Option<Entry>, String>;

impl Making {
    /// `a·b`, entry by entry, where it is an activation, or a part of one; `None` where it is neither. `why` tells what is wrong
    /// with a part that stays alone, as the end of a sentence that starts with the node.
    pub(in crate::network::import) fn product(
        &mut self,
        a: &Rc<Forms>,
        b: &Rc<Forms>,
        why: &'static str,
    ) -> Result<Option<Rc<Forms>>, String> {
        for (a, b, recognise) in [(a, b, Making::gated as Recognise), (b, a, Making::gated), (a, b, Making::squared)] {
            if let Some(entries) = self.recognised(a, b, recognise)? {
                return self.combination(a, b, &entries, why).map(Some);
            }
        }
        Ok(None)
    }

    /// `a/b`, entry by entry, where it is a Softsign, or b is 1 + eᶻ and the product of a with the Sigmoid 1/b is an activation.
    /// `why` as for [`Making::product`].
    pub(in crate::network::import) fn quotient(
        &mut self,
        a: &Rc<Forms>,
        b: &Rc<Forms>,
        why: &'static str,
    ) -> Result<Option<Rc<Forms>>, String> {
        if let Some(entries) = self.recognised(a, b, Making::softsign)? {
            return self.combination(a, b, &entries, why).map(Some);
        }
        match self.reciprocal(b)? {
            Some(inverse) => self.product(a, &inverse, why),
            None => Ok(None),
        }
    }

    /// `1/b`, entry by entry, where b is c(1 + eᶻ): then it is the Sigmoid of -z, divided by c.
    pub(in crate::network::import) fn reciprocal(&mut self, forms: &Rc<Forms>) -> Result<Option<Rc<Forms>>, String> {
        let Some((exponents, factors)) = self.one_plus_exponential(forms)? else { return Ok(None) };
        let turned = self.times(&exponents, -1.0)?;
        let units = self.apply(&turned, Activation::Sigmoid)?;
        let each = factors.iter().map(|factor| match *factor {
            Factor::Of(c) => (c.recip(), 0.0),
            Factor::Number(value) => (0.0, value.recip()),
        });
        let (gains, offsets): (Vec<f64>, Vec<f64>) = each.unzip();
        self.of_units(&units, &gains, &offsets).map(Some)
    }

    /// The logarithm of each entry, where it is a Sigmoid, or 1 + eᶻ, whose logarithm is the Softplus of z; `None` elsewhere.
    pub(in crate::network::import) fn logarithm(&mut self, forms: &Rc<Forms>) -> Result<Option<Rc<Forms>>, String> {
        if let Some(found) = self.log_sigmoid(forms)? {
            return Ok(Some(found));
        }
        let Some((exponents, factors)) = self.one_plus_exponential(forms)? else { return Ok(None) };
        let units = self.apply(&exponents, Activation::Softplus { beta: 1.0 })?;
        let each = factors.iter().map(|factor| match *factor {
            Factor::Of(c) => (1.0, c.ln()),
            Factor::Number(value) => (0.0, value.ln()),
        });
        let (gains, offsets): (Vec<f64>, Vec<f64>) = each.unzip();
        self.of_units(&units, &gains, &offsets).map(Some)
    }

    /// Where every entry is c(1 + eᶻ), or a number: the zs, and the cs or the numbers.
    fn one_plus_exponential(&mut self, forms: &Forms) -> Result<Option<Exponentials>, String> {
        let mut exponents = Rows::new();
        let (mut biases, mut factors) = (Vec::new(), Vec::new());
        for i in 0..forms.len() {
            let row = self.resolved(forms, i)?;
            if row.is_constant() {
                exponents.push([]);
                biases.push(0.0);
                factors.push(Factor::Number(row.bias));
                continue;
            }
            let [(unit, weight)] = row.entries[..] else { return Ok(None) };
            let Some((Function::Part(Part::Exponential), exponent)) = self.argument_of(unit)? else { return Ok(None) };
            if weight != row.bias || weight <= 0.0 {
                return Ok(None);
            }
            self.spend(exponent.entries.len())?;
            exponents.push(exponent.entries);
            biases.push(exponent.bias);
            factors.push(Factor::Of(weight));
        }
        let some = factors.iter().any(|factor| matches!(factor, Factor::Of(_)));
        Ok(some.then(|| (Rc::new(Forms { map: Map::Sparse(exponents), bias: biases }), factors)))
    }

    /// `gain · unit + offset`, entry by entry.
    fn of_units(&mut self, units: &Rc<Forms>, gains: &[f64], offsets: &[f64]) -> Result<Rc<Forms>, String> {
        let scaled = self.scaled_quietly(units, gains)?;
        if offsets.iter().all(|&offset| offset == 0.0) {
            return Ok(scaled);
        }
        self.offset(&scaled, offsets).map(Rc::new)
    }

    /// `tanh(factor · entry)`, where the entries are the cubics of GELU's tanh form, up to constants rounded to single
    /// precision; `None` where they are not.
    pub(in crate::network::import) fn tanh_of_cubic(
        &mut self,
        forms: &Rc<Forms>,
        factor: f64,
        why: &'static str,
    ) -> Result<Option<Rc<Forms>>, String> {
        if self.parts.is_empty() {
            return Ok(None);
        }
        let mut arguments = Rows::new();
        let (mut biases, mut gains, mut constants) = (Vec::new(), Vec::new(), Vec::new());
        let mut rounded = false;
        for i in 0..forms.len() {
            let row = self.resolved(forms, i)?;
            if row.is_constant() {
                arguments.push([]);
                biases.push(0.0);
                gains.push(0.0);
                constants.push((factor * row.bias).tanh());
                continue;
            }
            let is_cube = |unit: u32| self.function_of(unit) == Some(Function::Part(Part::Cube));
            let Some(&(unit, cube)) = row.entries.iter().find(|(unit, _)| is_cube(*unit)) else { return Ok(None) };
            let Some((_, argument)) = self.argument_of(unit)? else { return Ok(None) };
            let Some(linear) = row.without(unit).ratio(&argument, argument.bias.abs()) else { return Ok(None) };
            // √(2/π)(kF + 0.044715 (kF)³)
            let scale = factor * linear / TANH_FACTOR;
            let expected = TANH_FACTOR * TANH_CUBE * scale * scale * scale;
            let off = (factor * cube - expected).abs();
            if off.is_nan() || off > TANH_ROUNDING * expected.abs() {
                return Ok(None);
            }
            rounded |= off > 16.0 * f64::EPSILON * expected.abs();
            self.spend(argument.entries.len())?;
            arguments.push(argument.entries.iter().map(|&(unit, weight)| (unit, scale * weight)));
            biases.push(scale * argument.bias);
            gains.push(1.0);
            constants.push(0.0);
        }
        if gains.iter().all(|&gain| gain == 0.0) {
            return Ok(None);
        }
        self.rounded_cubics |= rounded;
        let argument = Rc::new(Forms { map: Map::Sparse(arguments), bias: biases });
        let units = self.function(&argument, Function::Part(Part::TanhOfCubic), why)?;
        if gains.iter().all(|&gain| gain == 1.0) {
            return Ok(Some(units));
        }
        self.of_units(&units, &gains, &constants).map(Some)
    }

    /// The logarithm of each entry, where it is a Sigmoid; `None` where it is not.
    fn log_sigmoid(&mut self, forms: &Rc<Forms>) -> Result<Option<Rc<Forms>>, String> {
        let mut arguments = Rows::new();
        let mut biases = Vec::new();
        for i in 0..forms.len() {
            let [(unit, weight)] = forms.row(i)[..] else { return Ok(None) };
            let Some((function, argument)) = self.argument_of(unit)? else { return Ok(None) };
            if function != Function::Activation(Activation::Sigmoid) || weight != 1.0 || forms.bias[i] != 0.0 {
                return Ok(None);
            }
            self.spend(argument.entries.len())?;
            arguments.push(argument.entries);
            biases.push(argument.bias);
        }
        let argument = Rc::new(Forms { map: Map::Sparse(arguments), bias: biases });
        self.apply(&argument, Activation::LogSigmoid).map(Some)
    }

    /// What a product or quotient is in each entry; `None` where it is not recognised, or not the same function everywhere.
    fn recognised(&mut self, a: &Forms, b: &Forms, recognise: Recognise) -> Result<Option<Vec<Entry>>, String> {
        let mut entries = Vec::with_capacity(a.len());
        let mut same = None;
        for i in 0..a.len() {
            let (first, second) = (self.resolved(a, i)?, self.resolved(b, i)?);
            let Some(entry) = recognise(self, &first, &second)? else { return Ok(None) };
            if let Entry::Function { function, .. } = entry
                && *same.get_or_insert(function) != function
            {
                return Ok(None);
            }
            entries.push(entry);
        }
        Ok(Some(entries))
    }

    /// A·B, where A = s·F and B = w·g(F) + c.
    fn gated(&mut self, a: &Row, b: &Row) -> Result<Option<Entry>, String> {
        match (a.is_constant(), b.is_constant()) {
            (true, true) => return Ok(Some(Entry::Constant(a.bias * b.bias))),
            (true, false) => return Ok(Some(Entry::Second(a.bias))),
            (false, true) => return Ok(Some(Entry::First(b.bias))),
            (false, false) => {}
        }
        let [(unit, w)] = b.entries[..] else { return Ok(None) };
        let Some((function, argument)) = self.argument_of(unit)? else { return Ok(None) };
        let c = b.bias;
        let of = |activation| Function::Activation(activation);
        // g is odd in all but the first of these: where c = -w, g(F) - 1 = -(1 + g(-F)).
        let sign = if c == -w { -1.0 } else { 1.0 };
        let same = a.ratio(&argument, argument.bias.abs());
        Ok(match (function, same) {
            // SiLU is z·σ(z), and 1 - σ(z) = σ(-z).
            (Function::Activation(Activation::Sigmoid), Some(s)) => Some(Entry::Function {
                function: of(Activation::Silu),
                scale: sign / s,
                gain: w * s,
                plain: if sign < 0.0 { 0.0 } else { c },
            }),
            // tanh z = 2σ(2z) - 1.
            (Function::Activation(Activation::Tanh), Some(s)) => Some(Entry::Function {
                function: of(Activation::Silu),
                scale: 2.0 * sign / s,
                gain: w * s,
                plain: c - sign * w,
            }),
            // Mish is z·tanh(softplus(z)).
            (Function::Activation(Activation::Tanh), None) => {
                let (&[(inner, 1.0)], 0.0) = (&argument.entries[..], argument.bias) else { return Ok(None) };
                let Some((function, argument)) = self.argument_of(inner)? else { return Ok(None) };
                if function != of(Activation::Softplus { beta: 1.0 }) {
                    return Ok(None);
                }
                a.ratio(&argument, argument.bias.abs()).map(|s| Entry::Function {
                    function: of(Activation::Mish),
                    scale: 1.0 / s,
                    gain: w * s,
                    plain: c,
                })
            }
            // GELU is z·(1 + erf(z/√2))/2.
            (Function::Activation(Activation::Erf), Some(s)) => Some(Entry::Function {
                function: of(Activation::Gelu),
                scale: SQRT_2 * sign / s,
                gain: SQRT_2 * w * s,
                plain: c - sign * w,
            }),
            (Function::Part(Part::TanhOfCubic), Some(s)) => Some(Entry::Function {
                function: of(Activation::GeluTanh),
                scale: sign / s,
                gain: 2.0 * w * s,
                plain: c - sign * w,
            }),
            (Function::Part(Part::Square), Some(s)) => {
                Some(Entry::Function { function: Function::Part(Part::Cube), scale: 1.0 / s, gain: w * s, plain: c })
            }
            // HardSwish is z·cut(z + 3)/6, cut to [0, 6]: the clip is lower + (upper - lower)/6·cut(z + 3).
            (Function::Activation(Activation::Clip { slope, offset, lower, upper }), _) => {
                let span = (upper - lower) / 6.0;
                let entries = argument.entries.iter().map(|&(unit, weight)| (unit, slope / span * weight)).collect();
                let bias = slope / span * argument.bias + ((offset - lower) / span - 3.0);
                let magnitude = (slope / span * argument.bias).abs() + (offset / span).abs() + 3.0;
                a.ratio(&Row { entries, bias }, magnitude).map(|s| Entry::Function {
                    function: of(Activation::HardSwish),
                    scale: 1.0 / s,
                    gain: 6.0 * span * w * s,
                    plain: w * lower + c,
                })
            }
            _ => None,
        })
    }

    /// A·B, where A is a multiple of B.
    fn squared(&mut self, a: &Row, b: &Row) -> Result<Option<Entry>, String> {
        if a.is_constant() || b.is_constant() {
            return self.gated(a, b);
        }
        let square =
            |s: f64| Entry::Function { function: Function::Part(Part::Square), scale: 1.0, gain: 1.0 / s, plain: 0.0 };
        Ok(a.ratio(b, b.bias.abs()).map(square))
    }

    /// A/B, where A = s·F and B = c + k·|F|, which is c - k·F + 2k·max(F, 0).
    fn softsign(&mut self, a: &Row, b: &Row) -> Result<Option<Entry>, String> {
        if b.is_constant() {
            let entry = if a.is_constant() { Entry::Constant(a.bias / b.bias) } else { Entry::First(1.0 / b.bias) };
            return Ok((b.bias != 0.0).then_some(entry));
        }
        for &(unit, weight) in &b.entries {
            let Some((function, argument)) = self.argument_of(unit)? else { continue };
            let is_rectified = match function {
                Function::Activation(activation) => activation.kinked_slope() == Some(0.0),
                Function::Part(_) => false,
            };
            let (k, rest) = (weight / 2.0, b.without(unit));
            let Some(slope) = rest.linear().ratio(&argument.linear(), 0.0) else { continue };
            let c = rest.bias + k * argument.bias;
            if !is_rectified || (slope + k).abs() > 8.0 * f64::EPSILON * k.abs() || k / c <= 0.0 || !(k / c).is_finite()
            {
                continue;
            }
            if a.is_constant() {
                // A constant over a value is no Softsign; 0 is 0.
                return Ok((a.bias == 0.0).then_some(Entry::Constant(0.0)));
            }
            return Ok(a.ratio(&argument, argument.bias.abs()).map(|s| Entry::Function {
                function: Function::Activation(Activation::Softsign),
                scale: k / c / s,
                gain: s / k,
                plain: 0.0,
            }));
        }
        Ok(None)
    }

    /// The product or quotient of a and b that has these entries.
    fn combination(
        &mut self,
        a: &Rc<Forms>,
        b: &Rc<Forms>,
        entries: &[Entry],
        why: &'static str,
    ) -> Result<Rc<Forms>, String> {
        let zeros = || vec![0.0; entries.len()];
        let (mut scales, mut gains, mut firsts, mut seconds) = (zeros(), zeros(), zeros(), zeros());
        let mut constants = zeros();
        let mut common = None;
        for (i, entry) in entries.iter().enumerate() {
            match *entry {
                Entry::Function { function, scale, gain, plain } => {
                    common = Some(function);
                    (scales[i], gains[i], firsts[i]) = (scale, gain, plain);
                }
                Entry::First(factor) => firsts[i] = factor,
                Entry::Second(factor) => seconds[i] = factor,
                Entry::Constant(value) => constants[i] = value,
            }
        }
        let mut terms = Vec::new();
        if let Some(function) = common {
            let argument = self.scaled_quietly(a, &scales)?;
            terms.push((self.function(&argument, function, why)?, gains));
        }
        terms.extend([(a.clone(), firsts), (b.clone(), seconds)]);
        let mut sum: Option<Rc<Forms>> = None;
        for (forms, factors) in terms.iter().filter(|(_, factors)| factors.iter().any(|&factor| factor != 0.0)) {
            let scaled = self.scaled_quietly(forms, factors)?;
            sum = Some(match sum {
                None => scaled,
                Some(sum) => Rc::new(self.add(&sum, &scaled, 1.0)?),
            });
        }
        match sum {
            None => Ok(Rc::new(Forms::constants(constants))),
            Some(sum) if constants.iter().all(|&constant| constant == 0.0) => Ok(sum),
            Some(sum) => self.offset(&sum, &constants).map(Rc::new),
        }
    }
}
