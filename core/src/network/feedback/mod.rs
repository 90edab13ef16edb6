//! Feedback rules: the weights B of a layer's input gradient dL/dh = G·Bᵀ. Each rule is a module, and its page.
//!
//! A rule belongs to a layer and changes only the layer's input gradient, the error signal for the layers before it. The
//! layer's own weight gradient is hᵀG under every rule.
//!
//! | notation | rule | B | values stored | time |
//! |---|---|---|---|---|
//! | | [symmetric] | W | none | 1 |
//! | `(R)` | [fixed] | random, constant | as many as weights | 1.0 |
//! | `(R*)` | [updated] | random, receives the updates of W | as many as weights | 1.0 |
//! | `(KP)` | [`kolen_pollack`] | as `(R*)`, and W and B decay | as many as weights | 1.0 |
//! | `(uSF)` | [`uniform_sign`] | signs of W, the same magnitude | as many as weights | 1.0 |
//! | `(frSF)` | [`fixed_sign`] | signs of W, fixed random magnitudes | as many as weights | 1.0 |
//! | `(brSF)` | [`batch_sign`] | signs of W, new random magnitudes each step | as many as weights | 1.05 |
//! | `(WM)` | [`weight_mirror`] | learns W from noise | as many as weights | 1.15 |
//! | `(DFA)` | [direct] | from the gradient of the logits to the input of the layer | inputs × classes | 0.98 |
//! | `(DRTP)` | [target] | from the labels to the input of the layer | inputs × classes | 0.97 |
//!
//! *Time* is that of a step of `input 3072 - dense512 - dense256 - dense10` with the rule on the last two layers, batch 128,
//! Adam, on one core with AVX-512, relative to the true gradient. `docs/results.md` lists the accuracy of each rule on
//! CIFAR-10.

pub mod batch_sign;
pub mod direct;
pub mod fixed;
pub mod fixed_sign;
pub mod kolen_pollack;
mod storage;
pub mod symmetric;
pub mod target;
pub mod uniform_sign;
pub mod updated;
pub mod weight_mirror;

use crate::capabilities;

pub use self::storage::Storage;
pub(crate) use self::storage::{read_seed, write_seed};

/// The weights B of a layer's input gradient dL/dh = G·Bᵀ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Feedback {
    /// B = W: the true gradient, ordinary backpropagation. See [`symmetric`].
    #[default]
    Symmetric,
    /// `(R)`: B is random and constant. See [`fixed`].
    Fixed,
    /// `(R*)`: B is drawn as for `(R)` and receives the updates of W. See [`updated`].
    Updated,
    /// `(KP)`: as `(R*)`, and W and B decay at the same rate. See [`kolen_pollack`].
    KolenPollack,
    /// `(uSF)`: the signs of W, the same magnitude everywhere. See [`uniform_sign`].
    UniformSign,
    /// `(frSF)`: the signs of W, fixed random magnitudes. See [`fixed_sign`].
    FixedSign,
    /// `(brSF)`: the signs of W, new random magnitudes in each step. See [`batch_sign`].
    BatchSign,
    /// `(WM)`: B learns W from the layer's response to noise. See [`weight_mirror`].
    WeightMirror,
    /// `(DFA)`: B projects the gradient of the logits to the layer's input. See [`direct`].
    Direct,
    /// `(DRTP)`: B projects the labels to the layer's input. See [`target`].
    Target,
}

impl Feedback {
    /// All rules.
    pub const ALL: [Self; 10] = [
        Self::Symmetric,
        Self::Fixed,
        Self::Updated,
        Self::KolenPollack,
        Self::UniformSign,
        Self::FixedSign,
        Self::BatchSign,
        Self::WeightMirror,
        Self::Direct,
        Self::Target,
    ];

    /// The notation at the end of a layer; empty for the true gradient.
    pub const fn notation(self) -> &'static str {
        match self {
            Self::Symmetric => "",
            Self::Fixed => "(R)",
            Self::Updated => "(R*)",
            Self::KolenPollack => "(KP)",
            Self::UniformSign => "(uSF)",
            Self::FixedSign => "(frSF)",
            Self::BatchSign => "(brSF)",
            Self::WeightMirror => "(WM)",
            Self::Direct => "(DFA)",
            Self::Target => "(DRTP)",
        }
    }

    /// Whether B is a matrix of its own instead of W.
    pub const fn is_stored(self) -> bool {
        match self {
            Self::Symmetric => false,
            Self::Fixed
            | Self::Updated
            | Self::KolenPollack
            | Self::UniformSign
            | Self::FixedSign
            | Self::BatchSign
            | Self::WeightMirror
            | Self::Direct
            | Self::Target => true,
        }
    }

    /// Whether B is random and constant, so that it may lie in flash or be regenerated, see [`Storage`].
    pub const fn is_fixed(self) -> bool {
        match self {
            Self::Fixed | Self::Direct | Self::Target => true,
            Self::Symmetric
            | Self::Updated
            | Self::KolenPollack
            | Self::UniformSign
            | Self::FixedSign
            | Self::BatchSign
            | Self::WeightMirror => false,
        }
    }

    /// Whether B receives the updates of W.
    pub const fn receives_weight_updates(self) -> bool {
        match self {
            Self::Updated | Self::KolenPollack => true,
            Self::Symmetric
            | Self::Fixed
            | Self::UniformSign
            | Self::FixedSign
            | Self::BatchSign
            | Self::WeightMirror
            | Self::Direct
            | Self::Target => false,
        }
    }

    /// Whether B leads from the network's output to the layer's input: its shape is then inputs × classes instead of that
    /// of W.
    pub const fn is_direct(self) -> bool {
        match self {
            Self::Direct | Self::Target => true,
            Self::Symmetric
            | Self::Fixed
            | Self::Updated
            | Self::KolenPollack
            | Self::UniformSign
            | Self::FixedSign
            | Self::BatchSign
            | Self::WeightMirror => false,
        }
    }

    /// Whether B has the signs of W at every step.
    pub const fn has_weight_signs(self) -> bool {
        match self {
            Self::UniformSign | Self::FixedSign | Self::BatchSign => true,
            Self::Symmetric
            | Self::Fixed
            | Self::Updated
            | Self::KolenPollack
            | Self::WeightMirror
            | Self::Direct
            | Self::Target => false,
        }
    }

    pub(crate) const fn capabilities(self) -> u32 {
        match self {
            Self::Symmetric | Self::Fixed => 0,
            Self::Updated => capabilities::UPDATED,
            Self::KolenPollack => capabilities::UPDATED | capabilities::KP_DECAY,
            Self::UniformSign | Self::FixedSign | Self::BatchSign => capabilities::SIGN,
            Self::WeightMirror => capabilities::MIRROR | capabilities::KP_DECAY | capabilities::SGD,
            Self::Direct | Self::Target => capabilities::DIRECT,
        }
    }
}
