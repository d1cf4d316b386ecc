//! The methods that a problem may ask for, and who solves its programs.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A way to bound or to estimate the constant.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is one row of METHODS.md's table and documented where it is implemented")]
pub enum Method {
    Random,
    Ascent,
    Annealing,
    Grid,
    Dataset,
    Clever,
    Naive,
    Frobenius,
    Autolip,
    Seqlip,
    GreedySeqlip,
    Lipsdp,
    Fastlip,
    Recurjac,
    RecurjacF0,
    RecurjacF1,
    LinearJacobian,
    Lp,
    Mip,
    Exact,
}

/// On which side of the constant a method's value lies.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Guarantee {
    /// At or below, with a witness.
    Lower,
    /// At or above, proved.
    Upper,
    /// Both at once, to the asked gap.
    Exact,
    /// Unknown: a heuristic.
    None,
}

impl Method {
    /// All methods, from cheap to exact: the order in which they are run.
    pub const IN_ORDER: [Method; 20] = [
        Method::Naive,
        Method::Frobenius,
        Method::Autolip,
        Method::GreedySeqlip,
        Method::Seqlip,
        Method::Fastlip,
        Method::Recurjac,
        Method::LinearJacobian,
        Method::Lipsdp,
        Method::Dataset,
        Method::Random,
        Method::Ascent,
        Method::RecurjacF1,
        Method::RecurjacF0,
        Method::Annealing,
        Method::Grid,
        Method::Clever,
        Method::Lp,
        Method::Mip,
        Method::Exact,
    ];

    /// What runs when a problem names no methods.
    pub fn default_ladder() -> Vec<Method> {
        vec![Method::Fastlip, Method::Recurjac, Method::LinearJacobian, Method::Lp, Method::Exact]
    }

    /// The name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Method::Random => "random",
            Method::Ascent => "ascent",
            Method::Annealing => "annealing",
            Method::Grid => "grid",
            Method::Dataset => "dataset",
            Method::Clever => "clever",
            Method::Naive => "naive",
            Method::Frobenius => "frobenius",
            Method::Autolip => "autolip",
            Method::Seqlip => "seqlip",
            Method::GreedySeqlip => "greedy_seqlip",
            Method::Lipsdp => "lipsdp",
            Method::Fastlip => "fastlip",
            Method::Recurjac => "recurjac",
            Method::RecurjacF0 => "recurjac_f0",
            Method::RecurjacF1 => "recurjac_f1",
            Method::LinearJacobian => "linear_jacobian",
            Method::Lp => "lp",
            Method::Mip => "mip",
            Method::Exact => "exact",
        }
    }

    /// Whether it follows activation patterns, which only networks of relu and leaky relu have.
    pub fn needs_patterns(self) -> bool {
        matches!(self, Method::Ascent) || self.solves_programs() || self.searches()
    }

    /// Whether it solves linear or mixed-integer programs, which are built for some questions only.
    pub fn solves_programs(self) -> bool {
        matches!(self, Method::Lp | Method::Mip)
    }

    /// Whether it searches through activation patterns, which is built for some questions only.
    pub fn searches(self) -> bool {
        self == Method::Exact
    }

    /// Whether it looks at nothing but the weights, through their Euclidean norms.
    pub fn bounds_weights(self) -> bool {
        matches!(self, Method::Frobenius | Method::Autolip | Method::Seqlip | Method::GreedySeqlip | Method::Lipsdp)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who solves the mixed-integer programs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Solver {
    /// The fastest one here.
    #[default]
    Auto,
    /// HiGHS.
    Highs,
    /// CBC.
    Cbc,
}
