//! The table of values that a training reads and never changes, such as one in flash: frozen layers, then fixed feedback.

use super::cursor::LayerCursor;
use crate::capabilities::ALL;
use crate::network::{Architecture, Storage, Training};
use crate::random::{FeedbackSource, saturating_u32};

impl Architecture<'_> {
    /// Length of the table of [`Trainer::set_table`](crate::Trainer::set_table): the weights and biases of layers that
    /// [`Training::freeze_in_table`] freezes, in the order of [`Trainer::parameters`](crate::Trainer::parameters), then the fixed feedback
    /// if its storage is [`Storage::Table`].
    pub const fn table(&self, training: &Training) -> usize {
        let feedback = if matches!(training.storage(), Storage::Table) { self.fixed_feedback(training) } else { 0 };
        self.frozen_in_table(training).saturating_add(feedback)
    }

    /// Number of weights and biases in the table.
    const fn frozen_in_table(&self, training: &Training) -> usize {
        let (mut cursor, mut len) = (LayerCursor::<ALL>::new(self, training), 0_usize);
        while cursor.advance() {
            if cursor.plan.is_in_table() {
                len = len.saturating_add(cursor.plan.weights).saturating_add(cursor.plan.biases);
            }
        }
        len
    }

    /// Number of feedback weights that never change.
    pub const fn fixed_feedback(&self, training: &Training) -> usize {
        let (mut cursor, mut len) = (LayerCursor::<ALL>::new(self, training), 0_usize);
        while cursor.advance() {
            len = len.saturating_add(cursor.plan.fixed_feedback_len());
        }
        len
    }

    /// Offset of a layer's feedback in the table.
    pub(crate) fn table_offset<const CAPS: u32>(&self, training: &Training, layer: usize) -> usize {
        let before = LayerCursor::<CAPS>::new(self, training).take(layer).map(|plan| plan.fixed_feedback_len());
        before.fold(self.frozen_in_table(training), usize::saturating_add)
    }

    /// The fixed feedback that [`Trainer::initialize`](crate::Trainer::initialize) would draw from `seed`, layer by layer, as a
    /// constant. `None` if `N` is not [`Architecture::fixed_feedback`], or the distribution is normal, which constants cannot
    /// compute: draw such a table on the host.
    ///
    /// ```
    /// use asymgrad_core::feedback::Storage;
    /// use asymgrad_core::{Architecture, Feedback, Layer, Shape, Trainer, Training};
    /// # use asymgrad_core::random::SplitMix;
    /// const NET: Architecture = Architecture::new(
    ///     Shape::vector(64),
    ///     &[Layer::dense(32), Layer::dense(10).feedback(Feedback::Fixed)],
    /// );
    /// const TRAINING: Training = Training::new(1).fixed_feedback(Storage::Table);
    /// static TABLE: [f32; NET.fixed_feedback(&TRAINING)] = NET.feedback_table(&TRAINING, 2).unwrap();
    ///
    /// assert_eq!(NET.memory(&TRAINING), NET.memory(&Training::new(1)) - 320);
    /// let mut memory = [0.0; NET.memory(&TRAINING)];
    /// let mut trainer = Trainer::<{ NET.capabilities(&TRAINING) }>::new(NET, TRAINING, &mut memory)?;
    /// trainer.set_table(&TABLE)?;
    /// trainer.initialize(&mut SplitMix::new(1), 2);
    /// # Ok::<(), asymgrad_core::TrainerError>(())
    /// ```
    pub const fn feedback_table<const N: usize>(&self, training: &Training, seed: u64) -> Option<[f32; N]> {
        let mut table = [0.0; N];
        let (mut cursor, mut rest) = (LayerCursor::<ALL>::new(self, training), table.as_mut_slice());
        while cursor.advance() {
            let plan = &cursor.plan;
            let (fan_in, fan_out) = plan.feedback_fans();
            let Some(a) = training.initial_feedback().uniform_bound(fan_in, fan_out) else { return None };
            let source = FeedbackSource::new(seed, saturating_u32(plan.index), a);
            let Some((feedback, after)) = rest.split_at_mut_checked(plan.fixed_feedback_len()) else { return None };
            let mut index = 0;
            while index < feedback.len() {
                feedback[index] = source.at(saturating_u32(index));
                index += 1;
            }
            rest = after;
        }
        if rest.is_empty() { Some(table) } else { None }
    }
}
