//! The epilogue of the data pass: how a sum begins and how it ends.
//!
//! Forward, a sum begins with the bias, and ReLU follows; other activations run over the whole layer afterwards. Backward,
//! a sum begins with 0; subnormal results are flushed to 0 if the arithmetic says so, and where the ReLU before the layer was off the
//! result is 0.

use super::microkernel::{first_vectors, first_vectors_mut};
use crate::arithmetic::Arithmetic;

/// How the values of a result column begin and end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epilogue<'a, const BACKWARD: bool> {
    /// The biases; empty backward.
    pub(super) bias: &'a [f32],
    /// Biases between one position and the next: 0 where positions share them.
    pub(super) bias_stride: usize,
    /// Whether ReLU follows.
    pub(super) relu: bool,
    /// The outputs of the ReLU before the layer; `None` forward, and where no ReLU stands before.
    pub(super) mask: Option<&'a [f32]>,
}

impl<const BACKWARD: bool> Epilogue<'_, BACKWARD> {
    /// The same epilogue for the columns from value `offset` of the result on.
    #[inline(always)]
    pub(super) fn skip(self, offset: usize) -> Self {
        Self { mask: self.mask.map(|mask| mask.get(offset..).unwrap_or(&[])), ..self }
    }

    /// The first value of a column's sum.
    #[inline(always)]
    pub(super) fn start(&self, position: usize, channel: usize) -> f32 {
        self.bias.get(position * self.bias_stride + channel).copied().unwrap_or(0.0)
    }

    /// The end of a sum whose mask value is `mask`.
    #[inline(always)]
    fn finish<A: Arithmetic>(&self, sum: f32, mask: f32) -> f32 {
        if BACKWARD {
            // Flushed before the mask is read, or the compiler may make a branch of it for each value.
            let signal = A::flush(sum);
            if mask <= 0.0 { 0.0 } else { signal }
        } else if self.relu && sum <= 0.0 {
            0.0
        } else {
            sum
        }
    }

    /// Writes the end of a tile's row into as many values as there is room for. `offset` is the row's index in the mask.
    #[inline(always)]
    pub(super) fn store<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        sums: &[[f32; LANES]; NR_VECTORS],
        offset: usize,
        values: &mut [f32],
    ) {
        if let Some(values) = first_vectors_mut(values) {
            self.store_whole::<A, LANES, NR_VECTORS>(sums, offset, values);
        } else {
            let mask = self.mask.map(|mask| mask.get(offset..).unwrap_or(&[]));
            self.store_partial::<A>({ *sums }.as_flattened(), mask, values);
        }
    }

    /// [`Epilogue::store`] of a whole row, from registers to memory at once: finished in place, the values would pass through
    /// the stack.
    #[inline(always)]
    pub(super) fn store_whole<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        sums: &[[f32; LANES]; NR_VECTORS],
        offset: usize,
        values: &mut [[f32; LANES]; NR_VECTORS],
    ) {
        let unmasked = const { &[[f32::INFINITY; LANES]; NR_VECTORS] };
        let masks = match self.mask {
            Some(mask) => mask.get(offset..).and_then(first_vectors).unwrap_or(unmasked),
            None => unmasked,
        };
        for ((values, sums), masks) in values.iter_mut().zip(sums).zip(masks) {
            let mut finished = [0.0; LANES];
            for ((value, sum), mask) in finished.iter_mut().zip(sums).zip(masks) {
                *value = self.finish::<A>(*sum, *mask);
            }
            *values = finished;
        }
    }

    /// [`Epilogue::store`] at the end of the values. A function of its own, because a loop over lanes would keep vectors in
    /// memory on the path of all others.
    #[cold]
    #[inline(never)]
    fn store_partial<A: Arithmetic>(self, sums: &[f32], mask: Option<&[f32]>, values: &mut [f32]) {
        for (lane, (value, sum)) in values.iter_mut().zip(sums).enumerate() {
            let mask = mask.and_then(|mask| mask.get(lane)).unwrap_or(&f32::INFINITY);
            *value = self.finish::<A>(*sum, *mask);
        }
    }
}
