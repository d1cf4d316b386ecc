//! Operators that are known and cannot be read, and what would help.

use super::super::proto::NodeProto;
use super::super::{MACHINE_LEARNING, is_standard};

const STAIRCASE: &str = "is a staircase: a function must be continuous to have a Lipschitz constant";
const LOOP: &str = "runs a part of the graph again and again or on a condition, which is not supported: export the model \
                    unrolled, without control flow";

/// What is wrong with an operator that is read of constants alone.
pub(super) const OF_A_VALUE: &str = "is applied to a value that depends on the graph's input: as a function of one unit it is no \
                                     activation that is known here";

/// Why a known operator is refused, as the end of a sentence that starts with the node.
pub(super) fn reason(node: &NodeProto) -> Option<String> {
    let operator = node.op_type.as_str();
    if node.domain == MACHINE_LEARNING {
        let trees = operator.starts_with("TreeEnsemble");
        return trees.then(|| "is an ensemble of trees, which jumps: it has no Lipschitz constant".into());
    }
    if !is_standard(&node.domain) {
        return None;
    }
    let why = match operator {
        "LSTM" | "GRU" | "RNN" => {
            "is a recurrent cell, whose gates multiply values that depend on the graph's input: no method here bounds such \
             products"
        }
        "LayerNormalization"
        | "InstanceNormalization"
        | "GroupNormalization"
        | "RMSNormalization"
        | "LRN"
        | "MeanVarianceNormalization"
        | "LpNormalization" => {
            "divides by a spread that depends on the graph's input, which no method here bounds: a BatchNormalization, which \
             is linear at inference, would be read"
        }
        "Softmax" | "LogSoftmax" | "Hardmax" => {
            "mixes the scores by a quotient, which no method here bounds: only as the last node it is left out, and the \
             question is about the scores before it"
        }
        "Attention" => {
            "is attention, which multiplies values that depend on the graph's input: no method here bounds such products"
        }
        "If" | "Loop" | "Scan" => LOOP,
        "QuantizeLinear"
        | "DynamicQuantizeLinear"
        | "QLinearConv"
        | "QLinearMatMul"
        | "ConvInteger"
        | "MatMulInteger" => {
            "quantises, which is a staircase: export the network with its weights alone quantised, or not quantised"
        }
        "ArgMax" | "ArgMin" | "OneHot" | "NonZero" | "Mod" | "BitShift" => STAIRCASE,
        _ => return None,
    };
    Some(why.into())
}
