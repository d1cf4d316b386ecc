//! Names of activations, an example of each, and what their parameters may be.

use std::fmt;

use super::Activation;

impl Activation {
    /// SELU's alpha in its paper (Klambauer et al. 2017).
    pub const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
    /// SELU's gamma there.
    pub const SELU_GAMMA: f64 = 1.050_700_987_355_480_5;
    /// SELU with the constants of its paper.
    pub const SELU: Activation = Activation::Selu { alpha: Self::SELU_ALPHA, gamma: Self::SELU_GAMMA };

    /// One of each kind, and of kinds with parameters some that differ in what they are to the engine.
    pub fn examples() -> Vec<Activation> {
        let leaky = |slope| Activation::LeakyRelu { slope };
        let clip = |slope, offset, lower, upper| Activation::Clip { slope, offset, lower, upper };
        vec![
            Activation::Identity,
            Activation::Relu,
            leaky(0.25),
            leaky(0.0),
            leaky(1.0),
            clip(1.0, 0.0, -1.0, 1.0),
            clip(0.5, 0.25, 0.0, 1.0),
            clip(0.2, 0.5, 0.0, 1.0),
            clip(1.7, -0.3, -1.1, 0.4),
            Activation::Sigmoid,
            Activation::Tanh,
            Activation::Arctan,
            Activation::Softsign,
            Activation::Erf,
            Activation::Softplus { beta: 1.0 },
            Activation::Softplus { beta: 2.5 },
            Activation::LogSigmoid,
            Activation::Elu { alpha: 1.0 },
            Activation::Elu { alpha: 0.3 },
            Activation::Elu { alpha: 2.5 },
            Activation::Elu { alpha: 0.0 },
            Activation::SELU,
            Activation::Celu { alpha: 0.7 },
            Activation::Celu { alpha: 1.9 },
            Activation::Silu,
            Activation::Gelu,
            Activation::GeluTanh,
            Activation::Mish,
            Activation::HardSwish,
        ]
    }

    /// Kind and parameters, to tell activations apart: equal keys are equal activations.
    pub(in crate::network) fn key(self) -> (std::mem::Discriminant<Self>, [u64; 4]) {
        let parameters = match self {
            Activation::Identity
            | Activation::Relu
            | Activation::Sigmoid
            | Activation::Tanh
            | Activation::Arctan
            | Activation::Softsign
            | Activation::Erf
            | Activation::LogSigmoid
            | Activation::Silu
            | Activation::Gelu
            | Activation::GeluTanh
            | Activation::Mish
            | Activation::HardSwish => [0.0; 4],
            Activation::LeakyRelu { slope } => [slope, 0.0, 0.0, 0.0],
            Activation::Clip { slope, offset, lower, upper } => [slope, offset, lower, upper],
            Activation::Softplus { beta } => [beta, 0.0, 0.0, 0.0],
            Activation::Elu { alpha } | Activation::Celu { alpha } => [alpha, 0.0, 0.0, 0.0],
            Activation::Selu { alpha, gamma } => [alpha, gamma, 0.0, 0.0],
        };
        (std::mem::discriminant(&self), parameters.map(f64::to_bits))
    }

    /// What is wrong with the activation's parameters.
    pub fn defect(self) -> Option<String> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        match self {
            Activation::Identity
            | Activation::Relu
            | Activation::Sigmoid
            | Activation::Tanh
            | Activation::Arctan
            | Activation::Softsign
            | Activation::Erf
            | Activation::LogSigmoid
            | Activation::Silu
            | Activation::Gelu
            | Activation::GeluTanh
            | Activation::Mish
            | Activation::HardSwish => None,
            Activation::LeakyRelu { slope } => {
                (!(0.0..=1.0).contains(&slope)).then(|| format!("leaky slope {slope} is outside [0, 1]"))
            }
            Activation::Clip { slope, offset, lower, upper } => {
                let finite = [slope, offset, lower, upper, (lower - offset) / slope, (upper - offset) / slope];
                (finite.iter().any(|v| !v.is_finite()) || slope <= 0.0 || lower >= upper).then(|| {
                    format!("a clip of {slope}·z + {offset} to [{lower}, {upper}] needs finite numbers, a slope above 0 and an interval")
                })
            }
            Activation::Softplus { beta } => {
                (!positive(beta)).then(|| format!("softplus's beta {beta} must be a finite number above 0"))
            }
            Activation::Elu { alpha } => (!(alpha.is_finite() && alpha >= 0.0))
                .then(|| format!("elu's alpha {alpha} must be a finite number of at least 0")),
            Activation::Selu { alpha, gamma } => {
                let is_fit = alpha >= 0.0 && positive(gamma) && (gamma * alpha).is_finite();
                (!is_fit).then(|| {
                    format!("selu's alpha {alpha} must be at least 0 and its gamma {gamma} above 0, both finite")
                })
            }
            Activation::Celu { alpha } => {
                (!positive(alpha)).then(|| format!("celu's alpha {alpha} must be a finite number above 0"))
            }
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Activation::Identity => f.write_str("identity"),
            Activation::Relu => f.write_str("relu"),
            Activation::LeakyRelu { slope } => write!(f, "leaky_relu({slope})"),
            Activation::Clip { slope, offset, lower, upper } if *slope == 1.0 && *offset == 0.0 => {
                write!(f, "clip({lower}, {upper})")
            }
            Activation::Clip { slope, offset, lower, upper } => {
                write!(f, "clip({slope}·z + {offset}, {lower}, {upper})")
            }
            Activation::Sigmoid => f.write_str("sigmoid"),
            Activation::Tanh => f.write_str("tanh"),
            Activation::Arctan => f.write_str("arctan"),
            Activation::Softsign => f.write_str("softsign"),
            Activation::Erf => f.write_str("erf"),
            Activation::Softplus { beta } if *beta == 1.0 => f.write_str("softplus"),
            Activation::Softplus { beta } => write!(f, "softplus({beta})"),
            Activation::LogSigmoid => f.write_str("log_sigmoid"),
            Activation::Elu { alpha } => write!(f, "elu({alpha})"),
            Activation::Selu { .. } if *self == Activation::SELU => f.write_str("selu"),
            Activation::Selu { alpha, gamma } => write!(f, "selu({alpha}, {gamma})"),
            Activation::Celu { alpha } => write!(f, "celu({alpha})"),
            Activation::Silu => f.write_str("silu"),
            Activation::Gelu => f.write_str("gelu"),
            Activation::GeluTanh => f.write_str("gelu_tanh"),
            Activation::Mish => f.write_str("mish"),
            Activation::HardSwish => f.write_str("hard_swish"),
        }
    }
}
