//! Gemm, MatMul, Einsum, and scikit-learn's LinearRegressor and LinearClassifier: products with weights.

use super::super::tensor::{Tensor, broadcast_steps, common_shape, indices, positions, size, strides};
use super::arrays::forms_of;
use super::{Call, Run, Value, one, signal};
use crate::network::{Activation, Matrix};

/// On which side of a product the weights stand.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Side {
    /// `W x`.
    Left,
    /// `x W`.
    Right,
}

/// A product of two matrices, or of stacks of them.
struct Product {
    /// Where the matrices of both factors lie, one of each for a matrix of the result.
    stack: Vec<(usize, usize)>,
    /// The rows of the result, its columns, and the length of the sums.
    sizes: [usize; 3],
    /// How far apart neighbours are along the rows and the columns of each factor.
    steps: [(usize, usize); 2],
}

impl Product {
    /// Where the factors of the products that make an entry of the result lie, in the first factor and in the second.
    fn terms(&self, entry: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let [rows, columns, length] = self.sizes;
        let (matrix, i, j) = (entry / (rows * columns), entry / columns % rows, entry % columns);
        let (a, b) = self.stack[matrix];
        let [(a_row, a_column), (b_row, b_column)] = self.steps;
        (0..length).map(move |k| (a + i * a_row + k * a_column, b + k * b_row + j * b_column))
    }

    fn entries(&self) -> Option<usize> {
        self.stack.len().checked_mul(self.sizes[0])?.checked_mul(self.sizes[1])
    }

    fn run(
        &self,
        run: &mut Run,
        call: &Call,
        shape: Vec<usize>,
        factor: f64,
        bias: &[f64],
    ) -> Result<Vec<Value>, String> {
        let count = self.entries().ok_or("its result is too large")?;
        let work = (count as u64).saturating_mul(self.sizes[2] as u64);
        let (forms, weights, side) = match (call.input(0)?, call.input(1)?) {
            (Value::Constant(a), Value::Constant(b)) => {
                run.spend(count)?;
                run.making.spend(usize::try_from(work / 64).unwrap_or(usize::MAX))?;
                let (a, b) = (a.to_reals(), b.to_reals());
                let values = (0..count)
                    .map(|i| factor * self.terms(i).map(|(x, y)| a[x] * b[y]).sum::<f64>() + bias[i])
                    .collect();
                return one(Value::Constant(Tensor::reals(shape, values)?));
            }
            (Value::Signal(_), Value::Signal(_)) => {
                return Err("multiplies two values that both depend on the graph's input, as attention does: such a \
                            product is no linear map, and no method here bounds it"
                    .into());
            }
            (Value::Signal(x), Value::Constant(w)) => (x.forms()?, w, Side::Right),
            (Value::Constant(w), Value::Signal(x)) => (x.forms()?, w, Side::Left),
        };
        let weights = weights.as_reals().ok_or("its weights are integers")?;
        run.has_layers = true;
        let pick = |(a, b): (usize, usize)| if side == Side::Right { (a, b) } else { (b, a) };
        let result = if self.is_one_vector(side) && forms.len() == self.sizes[2] {
            // The whole value is one vector, in order: a dense layer.
            run.spend(count.saturating_mul(self.sizes[2]))?;
            let mut entries = Vec::with_capacity(weights.len());
            for i in 0..count {
                entries.extend(self.terms(i).map(|term| weights[pick(term).1]));
            }
            if factor != 1.0 {
                entries.iter_mut().for_each(|entry| *entry *= factor);
            }
            let matrix = Matrix::from_row_major(count, self.sizes[2], entries).ok_or("its weights do not fit")?;
            run.making.dense(forms, matrix)?
        } else {
            run.making.check_work(work)?;
            run.making.linear(forms, &vec![0.0; count], &mut |i, row| {
                row.extend(self.terms(i).map(pick).map(|(at, weight)| (at, factor * weights[weight])));
            })?
        };
        if bias.iter().all(|&b| b == 0.0) {
            return signal(shape, result);
        }
        let with_bias = run.making.offset(&result, bias)?;
        signal(shape, with_bias)
    }

    fn is_one_vector(&self, side: Side) -> bool {
        let [rows, columns, _] = self.sizes;
        let vectors = if side == Side::Right { rows } else { columns };
        self.stack.len() == 1 && vectors == 1
    }
}

/// `alpha A' B' + beta C`, where A' is A or its transpose.
pub(super) fn gemm(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (alpha, beta) = (call.float("alpha", 1.0)?, call.float("beta", 1.0)?);
    let (a, b) = (call.input(0)?.shape(), call.input(1)?.shape());
    let flattened;
    let a = match a {
        // Before version 7 more axes were flattened.
        [first, rest @ ..] if rest.len() > 1 && run.version < 7 => {
            flattened = [*first, rest.iter().product()];
            &flattened[..]
        }
        _ => a,
    };
    let (&[a0, a1], &[b0, b1]) = (a, b) else {
        return Err(format!("its factors have the shapes {a:?} and {b:?}: two dimensions are needed"));
    };
    let (rows, inner, a_steps) = if call.flag("transA")? { (a1, a0, (1, a1)) } else { (a0, a1, (a1, 1)) };
    let (length, columns, b_steps) = if call.flag("transB")? { (b1, b0, (1, b1)) } else { (b0, b1, (b1, 1)) };
    let weights_first = matches!(call.input(0)?, Value::Constant(_));
    fits(call, inner, length, weights_first)?;
    let product = Product { stack: vec![(0, 0)], sizes: [rows, columns, length], steps: [a_steps, b_steps] };
    let shape = vec![rows, columns];
    let count = product.entries().ok_or("its result is too large")?;
    run.spend(count)?;
    let bias = match call.optional(2) {
        None => vec![0.0; count],
        Some(_) => {
            let c = call.constant(2, "C")?;
            let c = Tensor::reals(c.shape.clone(), c.to_reals())?
                .broadcast(&shape)
                .map_err(|detail| format!("C {detail}"))?;
            c.into_iter().map(|c| beta * c).collect()
        }
    };
    let depends = [0, 1].iter().any(|&at| matches!(call.optional(at), Some(Value::Signal(_))));
    for (name, factor) in [("alpha", alpha), ("beta", beta)] {
        if factor != 1.0 && depends {
            run.note(format!("the factor {name} = {factor} of a Gemm was multiplied into its constants"));
        }
    }
    product.run(run, call, shape, alpha, &bias)
}

fn fits(call: &Call, inner: usize, length: usize, weights_first: bool) -> Result<(), String> {
    if inner == length {
        return Ok(());
    }
    let (weight, taken, given) = if weights_first { (0, inner, length) } else { (1, length, inner) };
    Err(format!("its weights of shape {:?} take {taken} entries, its input has {given}", call.input(weight)?.shape()))
}

/// `A B` with NumPy's rules for any number of dimensions.
pub(super) fn matmul(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (a, b) = (call.input(0)?.shape(), call.input(1)?.shape());
    // A factor with one dimension is a row on the left and a column on the right, and the axis is dropped again.
    let (a_stack, rows, inner) = match a {
        [] => return Err("its input is a single number: one dimension or more is needed".into()),
        [length] => (&[][..], 1, *length),
        [stack @ .., rows, columns] => (stack, *rows, *columns),
    };
    let (b_stack, length, columns) = match b {
        [] => return Err("its input is a single number: one dimension or more is needed".into()),
        [length] => (&[][..], *length, 1),
        [stack @ .., rows, columns] => (stack, *rows, *columns),
    };
    fits(call, inner, length, matches!(call.input(0)?, Value::Constant(_)))?;
    let stack = common_shape(a_stack, b_stack)
        .ok_or_else(|| format!("its factors have the shapes {a:?} and {b:?}, which do not fit"))?;
    let matrices = size(&stack).ok_or("its result is too large")?;
    run.making.spend(matrices)?;
    let places = |own: &[usize], entries: usize| -> Result<Vec<usize>, String> {
        Ok(indices(&stack, &broadcast_steps(own, &stack)?).map(|at| at * entries).collect())
    };
    let pairs = places(a_stack, rows * inner)?.into_iter().zip(places(b_stack, length * columns)?).collect();
    let product = Product { stack: pairs, sizes: [rows, columns, length], steps: [(inner, 1), (columns, 1)] };
    let count = product.entries().ok_or("its result is too large")?;
    run.spend(count)?;
    let mut shape = stack.clone();
    shape.extend((a.len() > 1).then_some(rows));
    shape.extend((b.len() > 1).then_some(columns));
    product.run(run, call, shape, 1.0, &vec![0.0; count])
}

/// The letters that an ellipsis stands for are no letters of a text: they begin here.
const FIRST_LETTER: u32 = 0xe000;

fn is_own(letter: char) -> bool {
    letter as u32 >= FIRST_LETTER
}

/// A sum of products over named axes, of which one factor may depend on the graph's input.
pub(super) fn einsum(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let equation: String = call.text("equation", "")?.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left.to_owned(), Some(right.to_owned())),
        None => (equation.clone(), None),
    };
    let terms: Vec<&str> = left.split(',').collect();
    if terms.len() != call.node.input.len() {
        return Err(format!("has an equation for {} factors, but {} inputs", terms.len(), call.node.input.len()));
    }
    // The axes that an ellipsis stands for get letters of their own, the last axis the first one.
    let named = |term: &str| term.replacen("...", "", 1).chars().count();
    let mut hidden = 0;
    for (at, term) in terms.iter().enumerate().filter(|(_, term)| term.contains("...")) {
        let rank = call.input(at)?.shape().len();
        hidden = hidden.max(rank.checked_sub(named(term)).ok_or("names more axes than a factor has")?);
    }
    let own_letter = |i: usize| char::from_u32(FIRST_LETTER + i as u32).unwrap_or('…');
    let written = |term: &str, axes: usize| -> Result<Vec<char>, String> {
        let ellipsis: String = (0..axes).rev().map(own_letter).collect();
        let written: Vec<char> = term.replacen("...", &ellipsis, 1).chars().collect();
        if written.contains(&'.') {
            return Err(format!("has the equation {equation:?}, which is none"));
        }
        Ok(written)
    };
    let mut written_terms = Vec::new();
    for (at, term) in terms.iter().enumerate() {
        let axes = if term.contains("...") { call.input(at)?.shape().len() - named(term) } else { 0 };
        written_terms.push(written(term, axes)?);
    }
    let terms = written_terms;
    // Without a right side: the ellipsis, then the letters that stand once, in alphabetical order.
    let result: Vec<char> = match right {
        Some(right) => written(&right, hidden)?,
        None => {
            let mut letters: Vec<char> = terms.concat();
            letters.retain(|&letter| !is_own(letter));
            letters.sort_unstable();
            let single = letters.chunk_by(|a, b| a == b).filter(|same| same.len() == 1).map(|same| same[0]);
            (0..hidden).rev().map(own_letter).chain(single).collect()
        }
    };
    if result.iter().enumerate().any(|(i, letter)| result[..i].contains(letter)) {
        return Err(format!("names an axis of the result of {equation:?} twice"));
    }
    let mut letters = result.clone();
    letters.extend(terms.concat());
    let mut names: Vec<char> = Vec::new();
    letters.into_iter().for_each(|c| {
        if !names.contains(&c) {
            names.push(c)
        }
    });
    let mut lengths = vec![None; names.len()];
    let place = |c: char| names.iter().position(|&name| name == c).unwrap_or(0);
    for (at, term) in terms.iter().enumerate() {
        let shape = call.input(at)?.shape();
        if shape.len() != term.len() {
            return Err(format!("names {} axes of a value of shape {shape:?}", term.len()));
        }
        for (&c, &length) in term.iter().zip(shape) {
            let known = lengths[place(c)].get_or_insert(length);
            // Axes of an ellipsis are repeated where they have one entry.
            if is_own(c) && *known == 1 {
                *known = length;
            }
            if *known != length && !(is_own(c) && length == 1) {
                return Err(format!("names an axis `{c}` that has {known} entries and {length}"));
            }
        }
    }
    let mut steps = Vec::new();
    for (at, term) in terms.iter().enumerate() {
        let shape = call.input(at)?.shape();
        let mut step = vec![0; names.len()];
        for ((&c, &length), stride) in term.iter().zip(shape).zip(strides(shape)) {
            if lengths[place(c)] == Some(length) {
                step[place(c)] += stride;
            }
        }
        steps.push(step);
    }
    let lengths: Option<Vec<usize>> = lengths.into_iter().collect();
    let lengths = lengths.ok_or("its result has an axis that no factor has")?;
    let (outer, inner) = lengths.split_at(result.len());
    let (count, terms_of_each) = (size(outer), size(inner));
    let (count, terms_of_each) = count.zip(terms_of_each).ok_or("its result is too large")?;
    run.making.check_work((count as u64).saturating_mul(terms_of_each as u64))?;
    run.spend(count)?;
    let signals: Vec<usize> =
        (0..steps.len()).filter(|&at| matches!(call.optional(at), Some(Value::Signal(_)))).collect();
    let known: Vec<(usize, Vec<f64>)> = (0..steps.len())
        .filter(|at| !signals.contains(at))
        .map(|at| Ok((at, call.constant(at, "a factor")?.to_reals())))
        .collect::<Result<_, String>>()?;
    let at = |factor: usize, outer: &[usize], inner: &[usize]| -> usize {
        outer.iter().chain(inner).zip(&steps[factor]).map(|(p, s)| p * s).sum()
    };
    let weight =
        |o: &[usize], i: &[usize]| known.iter().map(|(factor, values)| values[at(*factor, o, i)]).product::<f64>();
    let all: Vec<Vec<usize>> = positions(outer).collect();
    match signals[..] {
        [] => {
            let sum = |o: &Vec<usize>| positions(inner).map(|i| -> f64 { weight(o, &i) }).sum::<f64>();
            one(Value::Constant(Tensor::reals(outer.to_vec(), all.iter().map(sum).collect())?))
        }
        [factor] => {
            run.has_layers = true;
            let forms = forms_of(call.input(factor)?)?;
            let result = run.making.linear(&forms, &vec![0.0; count], &mut |entry, row| {
                row.extend(positions(inner).map(|i| (at(factor, &all[entry], &i), weight(&all[entry], &i))));
            })?;
            signal(outer.to_vec(), result)
        }
        _ => {
            Err("multiplies two values that both depend on the graph's input, as attention does: such a product is no \
                  linear map, and no method here bounds it"
                .into())
        }
    }
}

/// `x Wᵀ + b`, the weights in the attribute `coefficients`, one row a target.
pub(super) fn linear_regressor(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let transform = call.text("post_transform", "NONE")?;
    if transform != "NONE" {
        return Err(format!("has the transform {transform:?}: NONE is supported"));
    }
    let targets = usize::try_from(call.int("targets", 1)?).unwrap_or(0);
    one(linear_model(run, call, targets)?)
}

/// The labels, which have no value here, and the scores of each class.
pub(super) fn linear_classifier(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let features: usize = call.signal(0)?.0.iter().product();
    let weights = call.floats("coefficients")?.ok_or("its `coefficients` are missing")?;
    let classes = weights.len() / features.max(1);
    let transform = call.text("post_transform", "NONE")?;
    let labels = call.ints("classlabels_ints")?.map_or(0, <[i64]>::len)
        + call.attribute("classlabels_strings", super::kind::ATTRIBUTE_STRINGS)?.map_or(0, |a| a.strings.len());
    let mut scores = linear_model(run, call, classes)?;
    if classes == 1 && labels == 2 && (call.unsquashed || transform == "NONE") {
        // One score tells two classes apart: it speaks for the second, and its negative for the first.
        run.note("the one score s of a binary classifier was taken as the scores -s and s of its two classes".into());
        let forms = forms_of(&scores)?;
        let turned = run.making.times(&forms, -1.0)?;
        let both = run.making.join(&[&*turned, &*forms])?;
        scores = signal(vec![1, 2], both)?.remove(0);
    }
    if !call.unsquashed {
        match transform.as_str() {
            "NONE" => {}
            "LOGISTIC" => {
                let forms = run.making.apply(&forms_of(&scores)?, Activation::Sigmoid)?;
                scores = signal(scores.shape().to_vec(), forms)?.remove(0);
            }
            other => {
                return Err(format!(
                    "has the transform {other:?}, which mixes the scores: ask for the scores before it"
                ));
            }
        }
    } else if transform != "NONE" {
        run.note(format!(
            "the transform {transform} of a LinearClassifier was dropped: the question is about the scores"
        ));
    }
    let labels = Value::Constant(Tensor::integers(vec![0], Vec::new())?);
    Ok(vec![labels, scores])
}

fn linear_model(run: &mut Run, call: &Call, targets: usize) -> Result<Value, String> {
    let (shape, forms) = call.signal(0)?;
    let features = forms.len();
    if !matches!(shape, [_] | [1, _]) {
        return Err(format!("its input has the shape {shape:?}: one sample is supported"));
    }
    let weights = call.floats("coefficients")?.ok_or("its `coefficients` are missing")?;
    let count = weights.len();
    run.has_layers = true;
    let matrix = Matrix::from_row_major(targets, features, weights);
    let matrix = matrix.filter(|m| m.rows() > 0).ok_or_else(|| {
        format!("has {count} coefficients, its input has {features} entries and it {targets} targets")
    })?;
    let result = run.making.dense(forms, matrix)?;
    let intercepts = call.floats("intercepts")?.filter(|b| !b.is_empty()).unwrap_or_else(|| vec![0.0; targets]);
    if intercepts.len() != targets {
        return Err(format!("has {} intercepts for {targets} targets", intercepts.len()));
    }
    let result = run.making.offset(&result, &intercepts)?;
    Ok(signal(vec![1, targets], result)?.remove(0))
}
