//! The operands of the passes over a layer with weights.
//!
//! | pass | computes |
//! |---|---|
//! | [`Forward`] | y = h W + b, and ReLU if that is the activation |
//! | [`InputGradient`] | dL/dh = G Bᵀ, masked |
//! | [`WeightGradient`] | dL/dW = hᵀ G, straight into the optimizer |
//! | [`BiasGradient`] | dL/db = Σ G, straight into the optimizer |

use super::geometry::Geometry;
use crate::network::Activation;

/// y = h W + b, followed by ReLU if that is the activation. Other activations run over the result afterwards.
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a> {
    /// Geometry of the layer.
    pub geometry: Geometry,
    /// Samples of the batch.
    pub samples: usize,
    /// h: pixel, input channel × samples.
    pub input: &'a [f32],
    /// W, in the layout of [`Geometry`].
    pub weight: &'a [f32],
    /// b: one for each output channel, or for each position and output channel if untied.
    pub bias: &'a [f32],
    /// The activation that follows; `None` for the last layer.
    pub activation: Option<Activation>,
}

/// dL/dh = G Bᵀ, set to 0 where the ReLU before the layer was off.
#[derive(Clone, Copy, Debug)]
pub struct InputGradient<'a> {
    /// Geometry of the layer.
    pub geometry: Geometry,
    /// Samples of the batch.
    pub samples: usize,
    /// G = dL/dy: position, output channel × samples.
    pub grad_output: &'a [f32],
    /// B, in the layout of the weights.
    pub weight: &'a [f32],
    /// x, the output of the ReLU before the layer; `None` if no ReLU stands before.
    pub mask: Option<&'a [f32]>,
}

/// dL/dW = hᵀ G.
#[derive(Clone, Copy, Debug)]
pub struct WeightGradient<'a> {
    /// Geometry of the layer.
    pub geometry: Geometry,
    /// Samples of the batch.
    pub samples: usize,
    /// h: position, input channel × samples.
    pub input: &'a [f32],
    /// G = dL/dy: position, output channel × samples.
    pub grad_output: &'a [f32],
}

/// dL/db: G summed over the batch and, unless untied, over the positions.
#[derive(Clone, Copy, Debug)]
pub struct BiasGradient<'a> {
    /// Geometry of the layer.
    pub geometry: Geometry,
    /// Samples of the batch.
    pub samples: usize,
    /// G = dL/dy: position, output channel × samples.
    pub grad_output: &'a [f32],
}

impl BiasGradient<'_> {
    /// Number of biases of the layer.
    pub fn biases(&self) -> usize {
        self.geometry.out_channels * if self.geometry.untied { self.geometry.positions() } else { 1 }
    }
}
