//! The network and the training of this library. Change them, and build it again.

use asymgrad_core::{Architecture, Feedback, Layer, Optimizer, Sgd, Shape, Training};

pub(crate) const NET: Architecture<'static> =
    Architecture::new(Shape::vector(64), &[Layer::dense(32), Layer::dense(10).feedback(Feedback::Fixed)]);
pub(crate) const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 }));

asymgrad_core::trainer!(pub(crate) mod network: NET, TRAINING);
