//! Which questions a method answers, and in which words it declines the others.

use crate::network::Summary;
use crate::problem::{Question, Region, Seeds, VectorNorm};

/// What a method looks at before it answers.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// X.
    pub region: &'a Region,
    /// Which functions of the outputs are asked about.
    pub seeds: &'a Seeds,
    /// α.
    pub input_norm: VectorNorm,
    /// The network, as far as it is known already.
    pub network: Option<&'a Summary>,
}

impl<'a> Asked<'a> {
    /// A question about a network.
    pub fn of(question: &'a Question, network: Option<&'a Summary>) -> Self {
        Self { region: &question.region, seeds: &question.seeds, input_norm: question.input_norm, network }
    }

    /// The number of inputs that are free in X.
    pub fn free_inputs(&self) -> usize {
        (0..self.region.dim()).filter(|&k| self.region.is_free(k)).count()
    }

    /// The numbers of neurons of the hidden layers, as far as the network is known.
    pub fn hidden_widths(&self) -> impl Iterator<Item = usize> {
        let layers = self.network.map_or(&[][..], |network| &network.layers);
        layers[..layers.len().saturating_sub(1)].iter().map(|layer| layer.outputs)
    }
}

/// Functionals.
#[derive(Clone, Copy)]
pub enum Functionals {
    /// All.
    All,
    /// The scalar ones.
    Scalar {
        /// What the others hear.
        otherwise: &'static str,
    },
    /// Those whose seeds fit.
    Fitting {
        /// Which, in a few words.
        limit: &'static str,
        /// Whether they do.
        fits: fn(&Seeds) -> bool,
        /// What the others hear.
        otherwise: &'static str,
    },
}

/// Domains.
#[derive(Clone, Copy)]
pub enum Domains {
    /// All.
    All,
    /// Boxes, and balls in ℓ∞, which are boxes.
    Boxes {
        /// What the others hear.
        otherwise: &'static str,
    },
}

/// Input norms.
#[derive(Clone, Copy)]
pub enum InputNorms {
    /// All.
    All,
    /// ℓ∞ and ℓ1, whose dual norms are the largest of finitely many linear forms.
    Polyhedral {
        /// What ℓ2 hears.
        otherwise: &'static str,
    },
}

/// Activations of the network.
#[derive(Clone, Copy)]
pub enum Activations {
    /// All.
    All,
    /// Linear pieces; the network says what is none.
    PiecewiseLinear,
}

/// Sizes.
#[derive(Clone, Copy)]
pub enum Size {
    /// Any.
    Any,
    /// Some sizes of the question. A request that names the method for others is refused.
    OfQuestion {
        /// Up to which, in a few words.
        limit: &'static str,
        /// What a question hears that is too large.
        too_large: fn(&Asked<'_>) -> Option<String>,
    },
    /// Some sizes of the network. For others the method ends without a value and says why, and the default ladder leaves it
    /// out.
    OfNetwork {
        /// Up to which, in a few words.
        limit: &'static str,
        /// What is said of a network that is too large.
        too_large: fn(&Asked<'_>) -> Option<String>,
    },
}

/// Which questions a method answers. There are no defaults.
#[derive(Clone, Copy)]
pub struct Scope {
    /// About which functionals.
    pub functionals: Functionals,
    /// Over which domains.
    pub domains: Domains,
    /// In which input norms.
    pub input_norms: InputNorms,
    /// Of networks with which activations.
    pub activations: Activations,
    /// Up to which size.
    pub size: Size,
}

impl Scope {
    /// All questions.
    pub const EVERYTHING: Scope = Scope {
        functionals: Functionals::All,
        domains: Domains::All,
        input_norms: InputNorms::All,
        activations: Activations::All,
        size: Size::Any,
    };

    /// All questions about scalar functionals.
    pub const SCALAR: Scope = Scope {
        functionals: Functionals::Scalar {
            otherwise: "it is built for the functionals vector, logit and margin; this one has several outputs",
        },
        ..Scope::EVERYTHING
    };

    /// The questions in a few words, for tables.
    pub fn in_words(&self) -> String {
        let functionals = match self.functionals {
            Functionals::All => None,
            Functionals::Scalar { .. } => Some("one functional"),
            Functionals::Fitting { limit, .. } => Some(limit),
        };
        let domains = match self.domains {
            Domains::All => None,
            Domains::Boxes { .. } => Some("boxes"),
        };
        let norms = match self.input_norms {
            InputNorms::All => None,
            InputNorms::Polyhedral { .. } => Some("linf and l1"),
        };
        let activations = match self.activations {
            Activations::All => None,
            Activations::PiecewiseLinear => Some("linear pieces"),
        };
        let size = match self.size {
            Size::Any => None,
            Size::OfQuestion { limit, .. } | Size::OfNetwork { limit, .. } => Some(limit),
        };
        let parts: Vec<&str> = [functionals, domains, norms, activations, size].into_iter().flatten().collect();
        if parts.is_empty() { "everything".into() } else { parts.join(", ") }
    }

    /// Why the method does not answer; `None` where it does, as far as can be told.
    pub fn obstacle(&self, asked: &Asked<'_>) -> Option<String> {
        let functional = match self.functionals {
            Functionals::All => None,
            Functionals::Scalar { otherwise } => (!asked.seeds.is_scalar()).then_some(otherwise),
            Functionals::Fitting { limit: _, fits, otherwise } => (!fits(asked.seeds)).then_some(otherwise),
        };
        let domain = match self.domains {
            Domains::All => None,
            Domains::Boxes { otherwise } => asked.region.ball.is_some().then_some(otherwise),
        };
        let norm = match self.input_norms {
            InputNorms::All => None,
            InputNorms::Polyhedral { otherwise } => (asked.input_norm == VectorNorm::L2).then_some(otherwise),
        };
        let activation = match self.activations {
            Activations::All => None,
            Activations::PiecewiseLinear => asked.network.and_then(|network| network.exact.reason.clone()),
        };
        let size = match self.size {
            Size::Any | Size::OfNetwork { .. } => None,
            Size::OfQuestion { limit: _, too_large } => too_large(asked),
        };
        functional.or(domain).or(norm).map(str::to_owned).or(activation).or(size)
    }

    /// Why the network is too large for the method; `None` where it is not.
    pub fn too_large(&self, asked: &Asked<'_>) -> Option<String> {
        match self.size {
            Size::Any | Size::OfQuestion { .. } => None,
            Size::OfNetwork { limit: _, too_large } => too_large(asked),
        }
    }
}
