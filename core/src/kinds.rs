//! Bits for what an image has to hold: kinds of layers, feedback rules, losses and optimizers.
//!
//! `Trainer<{ NET.kinds(&TRAINING) }>` compiles only what the network and its training name; [`ALL`] compiles everything.

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
/// Sigmoid behind layers.
pub const SIGMOID: u32 = 1 << 13;
/// tanh behind layers.
pub const TANH: u32 = 1 << 14;
/// Sigmoid and binary cross-entropy.
pub const BINARY_CROSS_ENTROPY: u32 = 1 << 15;
/// Weight decay.
pub const DECAY: u32 = 1 << 16;
/// Weights or feedback that shrink by a share each step.
pub const SHRINK: u32 = 1 << 17;
/// Feedback with the signs of the weights.
pub const SIGN: u32 = 1 << 18;
/// Weight mirrors.
pub const MIRROR: u32 = 1 << 19;
/// Feedback from the network's output straight to a layer.
pub const DIRECT: u32 = 1 << 20;
/// Initial weights or feedback other than Glorot's.
pub const INITIAL: u32 = 1 << 21;
/// Feedback in a table.
pub const TABLE: u32 = 1 << 22;
/// Feedback that is drawn from its seed while it is used.
pub const DRAWN: u32 = 1 << 23;
/// Layers that are not trained.
pub const FROZEN: u32 = 1 << 24;
/// Everything.
pub const ALL: u32 = u32::MAX;

/// Whether `kind` is among the kinds compiled in.
#[inline(always)]
pub(crate) const fn has<const KINDS: u32>(kind: u32) -> bool {
    KINDS & kind != 0
}
