//! The methods that a problem may ask for, and who solves its programs.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The register: every method in the order in which methods run, cheap lower ends first, then from cheap to exact. A line gives
/// a method's variant, its name in requests (the same in snake case) and its [`Room`](crate::room::Room), which says and does everything else.
///
/// `every_method!(then)` calls the macro `then` with all lines. The names are taken here; the rooms, which lie further down the
/// house, only where [`ladder`](crate::ladder) takes them.
macro_rules! every_method {
    ($then:ident) => {
        $then! {
            Random "random" estimate::sampling::ROOM,
            Ascent "ascent" estimate::ascent::ROOM,
            Dataset "dataset" estimate::dataset::ROOM,
            Naive "naive" estimate::naive::ROOM,
            Frobenius "frobenius" estimate::frobenius::ROOM,
            Autolip "autolip" estimate::autolip::ROOM,
            GreedySeqlip "greedy_seqlip" estimate::greedy_seqlip::ROOM,
            Fastlip "fastlip" bounds::fastlip::ROOM,
            Recurjac "recurjac" bounds::recurjac::backward::ROOM,
            LinearJacobian "linear_jacobian" bounds::linear_jacobian::ROOM,
            Seqlip "seqlip" estimate::seqlip::ROOM,
            Lipsdp "lipsdp" estimate::lipsdp::ROOM,
            RecurjacF1 "recurjac_f1" bounds::recurjac::forward::F1,
            RecurjacF0 "recurjac_f0" bounds::recurjac::forward::F0,
            Annealing "annealing" estimate::annealing::ROOM,
            Grid "grid" estimate::grid::ROOM,
            Clever "clever" estimate::clever::ROOM,
            Lp "lp" mip::relaxation::ROOM,
            Mip "mip" mip::room::ROOM,
            Exact "exact" search::room::ROOM,
        }
    };
}
pub(crate) use every_method;

macro_rules! define {
    ($($variant:ident $name:literal $($room:ident)::+,)*) => {
        /// A way to bound or to estimate the constant; its room tells which.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "what each method is stands in its room")]
        pub enum Method {
            $($variant,)*
        }

        impl Method {
            /// All methods, in the order in which they run.
            pub const IN_ORDER: &'static [Method] = &[$(Method::$variant,)*];

            /// The name in requests.
            pub fn name(self) -> &'static str {
                match self {
                    $(Method::$variant => $name,)*
                }
            }
        }
    };
}
every_method!(define);

impl Method {
    /// What runs when a problem names no methods: cheap lower ends first.
    pub fn default_ladder() -> Vec<Method> {
        vec![
            Method::Random,
            Method::Ascent,
            Method::Fastlip,
            Method::Recurjac,
            Method::LinearJacobian,
            Method::Lipsdp,
            Method::Lp,
            Method::Exact,
        ]
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
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
