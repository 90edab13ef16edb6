//! The kernels of a network as a table: how each pass of each layer runs.

use super::geometry::Geometry;
use super::select::{Pass, Selection, TileSet, select};
use crate::capabilities::ALL;
use crate::network::{Architecture, Training};
use crate::plan::LayerCursor;

/// How one pass of one layer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelRow {
    /// Number of the layer, from 1.
    pub layer: usize,
    /// The pass.
    pub pass: Pass,
    /// Algorithm, tile, partition and scratch.
    pub selection: Selection,
}

impl Architecture<'_> {
    /// How each pass of each layer with weights runs for a full batch, in forward order.
    ///
    /// ```
    /// use asymgrad_core::kernels::{Algorithm, TileSet};
    /// use asymgrad_core::{Architecture, Layer, Shape, Training};
    /// const NET: Architecture = Architecture::new(Shape::vector(512), &[Layer::dense(256), Layer::dense(10)]);
    /// let rows: Vec<_> = NET.kernels(&Training::new(128), &TileSet::AVX512).collect();
    /// // The first layer has no input gradient.
    /// assert_eq!(rows.len(), 5);
    /// assert_eq!(rows[3].selection.algorithm, Algorithm::ConstOutputs);
    /// ```
    pub fn kernels(&self, training: &Training, tiles: &TileSet) -> impl Iterator<Item = KernelRow> {
        let (samples, tiles) = (training.batch, *tiles);
        LayerCursor::<ALL>::new(self, training).flat_map(move |plan| {
            let row = move |pass, geometry: Option<Geometry>| {
                let selection = select(pass, &geometry?, samples, &tiles);
                Some(KernelRow { layer: plan.index + 1, pass, selection })
            };
            let geometry = Geometry::of::<ALL>(&plan);
            let direct = plan.layer.feedback.is_direct();
            let back = geometry.map(|geometry| if direct { Geometry::direct(&plan) } else { geometry });
            let back = back.filter(|_| plan.needs_input_gradient);
            let update = if plan.is_trained() { geometry } else { None };
            [row(Pass::Forward, geometry), row(Pass::InputGradient, back), row(Pass::WeightGradient, update)]
                .into_iter()
                .flatten()
        })
    }
}
