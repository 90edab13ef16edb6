//! Bits for the code that an image holds: layers, feedback rules, losses, optimizers.
//!
//! `Trainer<{ NET.capabilities(&TRAINING) }>` compiles only what the network and its training use; [`ALL`] compiles
//! everything. Code of a capability is guarded by `enabled::<CAPS>(…)`, a constant, so that the compiler removes it.

/// Dense layers.
pub const DENSE: u32 = 1;
/// Convolutions with one filter for all positions.
pub const CONVOLUTION: u32 = 1 << 1;
/// Untied convolutions.
pub const UNTIED: u32 = 1 << 2;
/// Max pooling.
pub const MAX_POOL: u32 = 1 << 3;
/// Average pooling.
pub const AVERAGE_POOL: u32 = 1 << 4;
/// Feedback that receives the weight's updates.
pub const UPDATED: u32 = 1 << 5;
/// Softmax cross-entropy.
pub const CROSS_ENTROPY: u32 = 1 << 6;
/// The four hinge losses.
pub const HINGE: u32 = 1 << 7;
/// Plain gradient descent.
pub const SGD: u32 = 1 << 8;
/// Momentum and Nesterov momentum.
pub const MOMENTUM: u32 = 1 << 9;
/// Adam.
pub const ADAM: u32 = 1 << 10;
/// Clipping of hᵀG.
pub const CLIP: u32 = 1 << 11;
/// Steps of more than one sample.
pub const BATCH: u32 = 1 << 12;
/// The activation sigmoid.
pub const SIGMOID: u32 = 1 << 13;
/// The activation tanh.
pub const TANH: u32 = 1 << 14;
/// Sigmoid and binary cross-entropy.
pub const BINARY_CROSS_ENTROPY: u32 = 1 << 15;
/// Weight decay.
pub const DECAY: u32 = 1 << 16;
/// Weights or feedback that decay by a factor each step: (KP) and weight mirrors.
pub const KP_DECAY: u32 = 1 << 17;
/// Feedback with the signs of the weights.
pub const SIGN: u32 = 1 << 18;
/// Weight mirrors.
pub const MIRROR: u32 = 1 << 19;
/// Feedback from the network's output directly to a layer.
pub const DIRECT: u32 = 1 << 20;
/// Initial weights or feedback other than Glorot's.
pub const INITIAL: u32 = 1 << 21;
/// Fixed feedback in a table.
pub const TABLE: u32 = 1 << 22;
/// Feedback that is regenerated from its seed while it is used.
pub const SEEDED: u32 = 1 << 23;
/// Layers that are not trained.
pub const FROZEN: u32 = 1 << 24;
/// Everything.
pub const ALL: u32 = u32::MAX;

/// Whether one of the bits of `capability` is compiled in.
#[inline(always)]
pub(crate) const fn enabled<const CAPS: u32>(capability: u32) -> bool {
    CAPS & capability != 0
}
