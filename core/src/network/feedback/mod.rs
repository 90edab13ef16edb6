//! Feedback rules: which weights B carry the error back, dL/dh = G·Bᵀ. One page for each rule.
//!
//! A rule belongs to a layer. It changes the signal that leaves the layer backwards; the layer's own weight gradient
//! hᵀG is always the ordinary one.
//!
//! | notation | rule | B | numbers stored | time |
//! |---|---|---|---|---|
//! | | [symmetric] | W | none | 1 |
//! | `(R)` | [fixed] | random, stays | as many as weights | 1.0 |
//! | `(R*)` | [updated] | random, receives W's updates | as many as weights | 1.0 |
//! | `(KP)` | [`kolen_pollack`] | as `(R*)`, and both shrink | as many as weights | 1.0 |
//! | `(uSF)` | [`uniform_sign`] | signs of W, one magnitude | as many as weights | 1.0 |
//! | `(frSF)` | [`fixed_sign`] | signs of W, fixed random magnitudes | as many as weights | 1.0 |
//! | `(brSF)` | [`batch_sign`] | signs of W, magnitudes drawn anew each step | as many as weights | 1.05 |
//! | `(WM)` | [`weight_mirror`] | learns W from noise | as many as weights | 1.15 |
//! | `(DFA)` | [direct] | from the output error straight to this layer's input | inputs × classes | 0.98 |
//! | `(DRTP)` | [target] | from the labels straight to this layer's input | inputs × classes | 0.97 |
//!
//! *Time* is that of a step of `3072 - dense512 - dense256 - dense10` with the rule on both upper layers, batch 128, Adam,
//! beside the true gradient's, on one core with AVX-512. docs/results.md has what each rule reaches on CIFAR-10.

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

/// Which weights carry the error signal that leaves a layer backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Feedback {
    /// B = W: the true gradient, ordinary backpropagation. See [`symmetric`].
    #[default]
    Symmetric,
    /// `(R)`: B is drawn once and stays. See [`fixed`].
    Fixed,
    /// `(R*)`: B is drawn as for `(R)` and then receives the very updates of W. See [`updated`].
    Updated,
    /// `(KP)`: as `(R*)`, and W and B shrink by the same share each step. See [`kolen_pollack`].
    KolenPollack,
    /// `(uSF)`: the signs of W with one magnitude. See [`uniform_sign`].
    UniformSign,
    /// `(frSF)`: the signs of W with fixed random magnitudes. See [`fixed_sign`].
    FixedSign,
    /// `(brSF)`: the signs of W with magnitudes drawn anew each step. See [`batch_sign`].
    BatchSign,
    /// `(WM)`: B learns W from what noise does in the forward path. See [`weight_mirror`].
    WeightMirror,
    /// `(DFA)`: the output error reaches this layer's input at once. See [`direct`].
    Direct,
    /// `(DRTP)`: the labels reach this layer's input instead of an error. See [`target`].
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

    /// What stands behind a layer in the notation.
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

    /// Whether the rule keeps a matrix B of its own.
    pub const fn is_stored(self) -> bool {
        !matches!(self, Self::Symmetric)
    }

    /// Whether B is random and never changes, so that it may lie in flash or nowhere, see [`Storage`].
    pub const fn is_fixed(self) -> bool {
        matches!(self, Self::Fixed | Self::Direct | Self::Target)
    }

    /// Whether B receives the updates of W.
    pub const fn receives_weight_updates(self) -> bool {
        matches!(self, Self::Updated | Self::KolenPollack)
    }

    /// Whether B leads from the network's output to this layer's input, inputs × classes, instead of beside W.
    pub const fn is_direct(self) -> bool {
        matches!(self, Self::Direct | Self::Target)
    }

    /// Whether B has the signs of W at every step.
    pub const fn has_weight_signs(self) -> bool {
        matches!(self, Self::UniformSign | Self::FixedSign | Self::BatchSign)
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
