//! Which output of a graph is taken, and which value carries the scores behind it.
//!
//! Classifiers as frameworks export them end in probabilities, labels and maps from labels to probabilities. The question is
//! about the logits: what follows them is left out, with a note each, but no more than one squashing. A network with one
//! output that is no classifier's keeps its squashing: it is part of the function.

use std::collections::HashSet;

use super::graph::Graph;
use super::proto::{NodeProto, TensorProto, ValueInfoProto, kind};
use super::tensor::Tensor;
use super::{MACHINE_LEARNING, is_standard, quote};
use crate::network::import::ImportError;

/// The value to take, and what is left out.
#[derive(Clone)]
pub(super) struct Scores<'a> {
    /// The value that carries the scores.
    pub value: &'a str,
    /// What was left out to come there, a sentence each.
    pub notes: Vec<String>,
    /// The squashing that was left out.
    pub squashing: Option<Squashing<'a>>,
}

/// A squashing of scores that may be left out.
#[derive(Clone)]
pub(super) struct Squashing<'a> {
    /// The value with it.
    pub value: &'a str,
    /// What is left out all the same, a sentence each.
    pub notes: Vec<String>,
    /// Its operator.
    pub operator: &'a str,
    /// Whether labels or maps of labels behind it tell that the scores are a classifier's.
    pub of_classes: bool,
    /// The node, where the squashing is but a part of what it does.
    pub part_of: Option<usize>,
}

impl<'a> Graph<'a> {
    /// The output that is `wanted`, or the first float tensor that depends on the input, or the first output of any kind that
    /// does; and the scores behind it.
    ///
    /// # Errors
    /// There is no such output.
    pub(super) fn scores(&self, wanted: Option<&str>) -> Result<Scores<'a>, ImportError> {
        let names = || self.outputs.iter().map(|o| o.name.as_str());
        let chosen = match wanted {
            Some(wanted) => names().find(|name| *name == wanted).ok_or_else(|| {
                let known: Vec<String> = names().take(10).map(quote).collect();
                ImportError::Model(format!("the graph has no output {}: it has {}", quote(wanted), known.join(", ")))
            })?,
            None => self.first_output()?,
        };
        let mut scores = self.before_probabilities(chosen);
        let others: Vec<&str> = names().filter(|name| *name != chosen).collect();
        if !others.is_empty() {
            let names: Vec<String> = others.iter().take(10).map(|name| quote(name)).collect();
            scores.notes.push(format!("the output {} was taken, not {}", quote(chosen), names.join(", ")));
        }
        Ok(scores)
    }

    fn first_output(&self) -> Result<&'a str, ImportError> {
        let dependent = self.dependent();
        let depends = |output: &&ValueInfoProto| dependent.contains(output.name.as_str());
        let floats = || self.outputs.iter().filter(|output| may_be_float(output));
        // Without a float tensor the scores behind a map or a label are taken.
        let is_map = |name: &str| self.producer(name).is_some_and(|node| node.op_type == "ZipMap");
        let has_scores = |name: &'a str| self.before_probabilities(name).value != name;
        let named = || self.outputs.iter().filter(depends).filter(|output| has_scores(&output.name));
        let first = floats().find(depends).or_else(|| named().find(|o| is_map(&o.name))).or_else(|| named().next());
        // Where none depends on the input, running the first one tells why.
        let first = first.or_else(|| floats().next());
        first
            .map(|o| o.name.as_str())
            .ok_or_else(|| ImportError::Model("no output of the graph is a float tensor".into()))
    }

    /// Goes back from an output over what only names, orders or squashes scores, over one squashing at most.
    fn before_probabilities(&self, output: &'a str) -> Scores<'a> {
        let mut scores = Scores { value: output, notes: Vec::new(), squashing: None };
        let mut of_classes = false;
        // Operators that change no value are passed only where something behind them is left out.
        let mut at = output;
        // Whether a cast to whole numbers stands behind: of labels it changes nothing, of anything else it is a staircase.
        let mut whole = false;
        // A value is never come to twice, unless the graph has a cycle: that is found when the nodes are put in order.
        let mut seen = HashSet::new();
        while let Some(node) = self.producer(at).filter(|_| seen.insert(at)) {
            if let Some((value, note)) = self.pruned(node) {
                scores.value = value;
                scores.notes.extend(note);
                of_classes = true;
                whole = false;
                at = value;
            } else if let (Some(before), Some(operator), None, false) =
                (node.input.first(), squashing(node), &scores.squashing, whole)
            {
                scores.squashing = Some(Squashing {
                    value: scores.value,
                    notes: scores.notes.clone(),
                    operator,
                    of_classes,
                    part_of: None,
                });
                scores.notes.push(format!(
                    "a trailing {operator} was dropped: the question is about the logits, the scores before it"
                ));
                scores.value = before;
                at = before;
            } else if node.op_type == "LinearClassifier" && node.domain == MACHINE_LEARNING {
                let labels = node.output.first().is_some_and(|label| label == at);
                if whole && !labels {
                    break;
                }
                if let Some(scores_of_it) = node.output.get(1).filter(|_| labels) {
                    scores.value = scores_of_it;
                }
                if scores.squashing.is_none() {
                    scores.squashing = Some(Squashing {
                        value: scores.value,
                        notes: scores.notes.clone(),
                        operator: "LinearClassifier",
                        of_classes: true,
                        part_of: self.producer_index(at),
                    });
                }
                break;
            } else if is_standard(&node.domain) && keeps_values(node) {
                let Some(before) = node.input.first() else { break };
                whole |= node.op_type == "Cast" && !casts_to_floats(node);
                at = before;
            } else {
                break;
            }
        }
        scores
    }

    /// What a node at the end makes its result of, where it is one to leave out, and what to tell about it.
    fn pruned(&self, node: &'a NodeProto) -> Option<(&'a str, Option<String>)> {
        let input = |at: usize| node.input.get(at).map(String::as_str);
        let of = |what: &str| Some(format!("a trailing {} was left out: {what}", node.op_type));
        match (node.op_type.as_str(), node.domain.as_str()) {
            ("ArgMax", domain) if is_standard(domain) => Some((input(0)?, of("the question is about the scores"))),
            ("Concat", domain) if is_standard(domain) => {
                let probability = self.complemented(node)?;
                let note = "the probabilities 1 - p and p of a binary classifier were taken as p alone";
                Some((probability, Some(note.into())))
            }
            // Probabilities that add up to 1 already.
            ("Normalizer", MACHINE_LEARNING) if self.makes_probabilities(input(0)?) => Some((input(0)?, None)),
            ("ZipMap" | "Binarizer", MACHINE_LEARNING) => Some((input(0)?, of("the question is about the scores"))),
            // The label that stands at the place of the largest score.
            ("ArrayFeatureExtractor", MACHINE_LEARNING) => Some((input(1)?, None)),
            _ => None,
        }
    }

    /// Whether a value is what a LinearClassifier makes of a Softmax.
    fn makes_probabilities(&self, name: &str) -> bool {
        self.producer(name).is_some_and(|node| {
            let transform = node.attribute.iter().find(|a| a.name == "post_transform");
            node.op_type == "LinearClassifier"
                && node.domain == MACHINE_LEARNING
                && transform.is_some_and(|a| a.s == b"SOFTMAX")
        })
    }

    /// p, where a Concat joins 1 - p and p = Sigmoid(z).
    fn complemented(&self, concat: &'a NodeProto) -> Option<&'a str> {
        let [complement, probability] = &concat.input[..] else { return None };
        let sub = self.producer(complement).filter(|node| is_standard(&node.domain) && node.op_type == "Sub")?;
        let sigmoid = self.producer(probability)?;
        let [one, subtracted] = &sub.input[..] else { return None };
        let is_one = |tensor: &TensorProto| Tensor::decode(tensor).is_ok_and(|t| t.to_reals() == [1.0]);
        let fits = subtracted == probability
            && is_standard(&sigmoid.domain)
            && sigmoid.op_type == "Sigmoid"
            && self.initializer(one).is_some_and(is_one);
        fits.then_some(probability.as_str())
    }
}

/// The operator, where a node squashes scores and keeps their order.
fn squashing(node: &NodeProto) -> Option<&str> {
    let squashes = matches!(node.op_type.as_str(), "Softmax" | "LogSoftmax" | "Sigmoid");
    (squashes && is_standard(&node.domain)).then_some(node.op_type.as_str())
}

fn keeps_values(node: &NodeProto) -> bool {
    matches!(node.op_type.as_str(), "Identity" | "Cast" | "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze")
}

/// Whether a Cast makes floating-point numbers: to whole numbers it is a staircase.
fn casts_to_floats(cast: &NodeProto) -> bool {
    let to = cast.attribute.iter().find(|a| a.name == "to");
    to.is_some_and(|a| i32::try_from(a.i).is_ok_and(|to| FLOATS.contains(&to)))
}

/// The element types that scores may have.
const FLOATS: [i32; 4] = [kind::TENSOR_FLOAT, kind::TENSOR_DOUBLE, kind::TENSOR_FLOAT16, kind::TENSOR_BFLOAT16];

/// Whether an output is a float tensor, or does not say what it is.
fn may_be_float(output: &ValueInfoProto) -> bool {
    output.r#type.as_ref().is_none_or(|t| t.tensor_type.as_ref().is_some_and(|t| FLOATS.contains(&t.elem_type)))
}
