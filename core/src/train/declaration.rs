//! [`trainer!`](crate::trainer): a trainer in a static, declared once and checked at compile time.

use super::error::TrainerError;
use super::trainer::{Trainer, check};
use crate::capabilities::ALL;
use crate::kernels::Kernels;
use crate::network::{Architecture, Training};
use crate::plan::Layout;

/// A network and a training that are checked while the image is compiled, and their memory plan: an image holds the code of neither.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Declaration<'m> {
    network: Architecture<'m>,
    training: Training,
    layout: Layout,
}

impl<'m> Declaration<'m> {
    /// For a constant: a compile error if [`Trainer::new`] would refuse the network or the training.
    ///
    /// # Panics
    /// If [`Trainer::new`] would refuse the network or the training.
    pub const fn new(network: Architecture<'m>, training: Training) -> Self {
        match check::<ALL>(&network, &training) {
            Err(TrainerError::EmptyBatch) => panic!("a batch needs at least 1 sample"),
            Err(TrainerError::Frozen { .. }) => panic!("the training freezes more layers than the network has"),
            Err(TrainerError::OneOutput { .. }) => panic!("the loss needs a network of at least 2 outputs"),
            Err(TrainerError::Coefficient(error)) => panic!("{}", error.expected),
            // The other errors depend on memory, tables and capabilities, which are not known here.
            Err(
                TrainerError::Memory { .. }
                | TrainerError::Parameters { .. }
                | TrainerError::Split { .. }
                | TrainerError::Capabilities { .. }
                | TrainerError::Table { .. }
                | TrainerError::OtherNetwork
                | TrainerError::State { .. },
            )
            | Ok(()) => Self { network, training, layout: Layout::new::<ALL>(&network, &training) },
        }
    }

    /// The trainer; `None` if the memory has another length than [`Architecture::memory`].
    #[inline(always)]
    pub fn trainer<const CAPS: u32, K: Kernels>(
        self,
        memory: &'m mut [f32],
        kernels: K,
    ) -> Option<Trainer<'m, CAPS, K>> {
        let is_whole = memory.len() == self.layout.total();
        is_whole.then(|| Trainer::on_layout(self.network, self.training, &self.layout, memory, kernels))
    }
}

/// Declares the trainer of a network and a training, and its memory: a module with the type `Trainer` and the function `take`.
///
/// `take` returns the trainer, which lies in a static, and `None` from the second call on. A network or a training that does not work
/// does not compile. An optional third argument is the kernel set, a unit struct, see
/// [`Trainer::with_kernels`](crate::Trainer::with_kernels). The network and the training are constants in the module that contains the
/// declaration.
///
/// ```
/// use asymgrad_core::random::SplitMix;
/// use asymgrad_core::{Architecture, Layer, Shape, Training};
///
/// const NET: Architecture = Architecture::new(Shape::vector(2), &[Layer::dense(8), Layer::dense(2)]);
/// const TRAINING: Training = Training::new(1);
/// asymgrad_core::trainer!(mod gestures: NET, TRAINING);
///
/// fn train(trainer: &mut gestures::Trainer) -> Result<(), asymgrad_core::StepError> {
///     trainer.step(&[0.5, 1.0], &[1])?;
///     Ok(())
/// }
///
/// fn main() {
///     let trainer = gestures::take().unwrap();
///     trainer.initialize(&mut SplitMix::new(1), 2); // seeds of the weights and of the feedback
///     train(trainer).unwrap();
///     assert!(gestures::take().is_none());
/// }
/// ```
///
/// A learning rate below 0 is a compile error, as is one output that is compared with no other:
///
/// ```compile_fail,E0080
/// # use asymgrad_core::{Architecture, Layer, Optimizer, Sgd, Shape, Training};
/// const NET: Architecture = Architecture::new(Shape::vector(2), &[Layer::dense(2)]);
/// const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: -1.0 }));
/// asymgrad_core::trainer!(mod gestures: NET, TRAINING);
/// # fn main() {}
/// ```
///
/// ```compile_fail,E0080
/// # use asymgrad_core::{Architecture, Layer, Shape, Training};
/// const NET: Architecture = Architecture::new(Shape::vector(2), &[Layer::dense(1)]);
/// const TRAINING: Training = Training::new(1);
/// asymgrad_core::trainer!(mod gestures: NET, TRAINING);
/// # fn main() {}
/// ```
#[cfg(feature = "static-cell")]
#[macro_export]
macro_rules! trainer {
    ($(#[$attribute:meta])* $visibility:vis mod $name:ident: $network:expr, $training:expr $(,)?) => {
        $crate::trainer!($(#[$attribute])* $visibility mod $name: $network, $training, $crate::arithmetic::Portable);
    };
    ($(#[$attribute:meta])* $visibility:vis mod $name:ident: $network:expr, $training:expr, $kernels:path $(,)?) => {
        $(#[$attribute])*
        $visibility mod $name {
            #[allow(unused_imports, reason = "the network and the training may be expressions without a name")]
            use super::*;

            /// The trainer.
            pub type Trainer = $crate::Trainer<'static, { ($network).capabilities(&($training)) }, $kernels>;

            /// The trainer in its static; `None` from the second call on.
            #[inline(never)]
            pub fn take() -> Option<&'static mut Trainer> {
                // These names must not be those of the network or the training.
                static TRAINER_VALUES: $crate::static_cell::ConstStaticCell<
                    [f32; { ($network).memory(&($training)) }],
                > = $crate::static_cell::ConstStaticCell::new([0.0; { ($network).memory(&($training)) }]);
                static TRAINER_CELL: $crate::static_cell::StaticCell<Trainer> = $crate::static_cell::StaticCell::new();
                const TRAINER_DECLARATION: $crate::Declaration<'static> = $crate::Declaration::new($network, $training);
                TRAINER_CELL.try_init(TRAINER_DECLARATION.trainer(TRAINER_VALUES.try_take()?, $kernels)?)
            }
        }
    };
}
