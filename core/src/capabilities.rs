//! Capabilities: one bit for each layer, feedback rule, loss or optimizer whose code an image holds.
//!
//! `Trainer<{ NET.capabilities(&TRAINING) }>` compiles only the code that the network and its training use; [`ALL`]
//! compiles everything. The code of a capability is guarded by `enabled::<CAPS>(…)`, a constant, so that the compiler
//! removes it from an image without the bit.

/// Dense layers.
pub const DENSE: u32 = 1;
/// Convolutions whose positions share their filters.
pub const CONVOLUTION: u32 = 1 << 1;
/// Untied (locally connected) convolutions.
pub const UNTIED: u32 = 1 << 2;
/// Max pooling.
pub const MAX_POOL: u32 = 1 << 3;
/// Average pooling.
pub const AVERAGE_POOL: u32 = 1 << 4;
/// Feedback that receives the updates of the weights: `(R*)` and `(KP)`.
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
/// Clipping of the weight gradient hᵀG.
pub const CLIP: u32 = 1 << 11;
/// Steps of more than one sample.
pub const BATCH: u32 = 1 << 12;
/// Sigmoid.
pub const SIGMOID: u32 = 1 << 13;
/// Tanh.
pub const TANH: u32 = 1 << 14;
/// Binary cross-entropy on sigmoids.
pub const BINARY_CROSS_ENTROPY: u32 = 1 << 15;
/// Weight decay.
pub const DECAY: u32 = 1 << 16;
/// Weights or feedback that decay by a factor each step: `(KP)` and `(WM)`.
pub const KP_DECAY: u32 = 1 << 17;
/// Feedback with the signs of the weights: `(uSF)`, `(frSF)` and `(brSF)`.
pub const SIGN: u32 = 1 << 18;
/// Weight mirrors: `(WM)`.
pub const MIRROR: u32 = 1 << 19;
/// Feedback from the network's output directly to a layer: `(DFA)` and `(DRTP)`.
pub const DIRECT: u32 = 1 << 20;
/// Initial distributions other than Glorot's.
pub const INITIAL: u32 = 1 << 21;
/// Fixed feedback or frozen layers in a table.
pub const TABLE: u32 = 1 << 22;
/// Fixed feedback that is regenerated from its seed while it is used.
pub const SEEDED: u32 = 1 << 23;
/// Layers that are not trained.
pub const FROZEN: u32 = 1 << 24;
/// Mean squared error.
pub const MEAN_SQUARED: u32 = 1 << 25;
/// Huber loss.
pub const HUBER: u32 = 1 << 26;
/// Layers on images.
pub(crate) const IMAGES: u32 = CONVOLUTION | UNTIED | MAX_POOL | AVERAGE_POOL;
/// Convolutions with a stride other than 1.
pub const STRIDE: u32 = 1 << 27;
/// Layers that are cut into slices.
pub const SLICES: u32 = 1 << 28;
/// Losses whose targets are stored as a value for each output.
pub(crate) const VALUES: u32 = BINARY_CROSS_ENTROPY | MEAN_SQUARED | HUBER;
/// RMSprop.
pub const RMSPROP: u32 = 1 << 29;
/// Biases with a learning rate of their own.
pub const BIAS_RATE: u32 = 1 << 30;
/// Weight mirrors with another noise or response, or without a leak.
pub const MIRROR_OPTIONS: u32 = 1 << 31;
/// Optimizers that keep a state.
pub(crate) const STATES: u32 = MOMENTUM | ADAM | RMSPROP;
/// Everything.
pub const ALL: u32 = u32::MAX;

// No two of them share a bit: all 32 are taken, each by one.
const _: () = assert!(
    DENSE
        ^ CONVOLUTION
        ^ UNTIED
        ^ MAX_POOL
        ^ AVERAGE_POOL
        ^ UPDATED
        ^ CROSS_ENTROPY
        ^ HINGE
        ^ SGD
        ^ MOMENTUM
        ^ ADAM
        ^ CLIP
        ^ BATCH
        ^ SIGMOID
        ^ TANH
        ^ BINARY_CROSS_ENTROPY
        ^ DECAY
        ^ KP_DECAY
        ^ SIGN
        ^ MIRROR
        ^ DIRECT
        ^ INITIAL
        ^ TABLE
        ^ SEEDED
        ^ FROZEN
        ^ MEAN_SQUARED
        ^ HUBER
        ^ STRIDE
        ^ SLICES
        ^ RMSPROP
        ^ BIAS_RATE
        ^ MIRROR_OPTIONS
        == ALL
);

/// Whether one of the bits of `capability` is compiled in.
#[inline(always)]
pub(crate) const fn enabled<const CAPS: u32>(capability: u32) -> bool {
    CAPS & capability != 0
}
