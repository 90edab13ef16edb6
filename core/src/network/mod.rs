//! A network and its training settings, as values.
//!
//! | file | what it holds |
//! |---|---|
//! | `shape.rs` | the shape of one sample between two layers |
//! | `activation.rs` | activations and their derivatives |
//! | `feedback/` | the feedback rules, a file each |
//! | `kernel.rs` | the kernel of a convolution and its axes: sizes, taps, bounds |
//! | `layer.rs` | a layer: operation, activation, feedback |
//! | `architecture.rs` | a network: the shape of its input and its layers, checked |
//! | `fingerprint.rs` | hashes of what the order of a state depends on |
//! | `parameters_file.rs` | parameters from the bytes of a file, in a constant |
//! | `notation.rs` | a network as text: parser and `Display` |
//! | `expected.rs` | the texts of what the parser expects |
//! | `loss.rs` | losses, their gradients and the score of a batch |
//! | `targets.rs` | the targets of a batch: classes or values |
//! | `optimizer.rs` | optimizers and their coefficients |
//! | `training.rs` | the settings of a training: batch, optimizer, loss, clipping |

pub mod activation;
pub mod architecture;
mod expected;
pub mod feedback;
mod fingerprint;
pub mod kernel;
pub mod layer;
pub mod loss;
pub mod notation;
pub mod optimizer;
mod parameters_file;
pub mod shape;
pub mod targets;
pub mod training;

pub use self::activation::Activation;
pub use self::architecture::{Architecture, ArchitectureError};
pub use self::feedback::{Feedback, Storage};
pub use self::kernel::{Axis, Kernel, Padding};
pub use self::layer::{Layer, Operation, Problem};
pub use self::loss::{Loss, Score};
pub use self::notation::ParseError;
pub use self::optimizer::{Adam, Momentum, Optimizer, RmsProp, Sgd};
pub use self::shape::Shape;
pub use self::targets::Targets;
pub use self::training::Training;

/// The arrays that list the variants of an enum are complete.
#[cfg(test)]
mod tests {
    use super::{Activation, Feedback, Loss, Operation, Optimizer};

    /// Asserts that an array holds one value of each variant. The `match` does not compile if a variant is missing here, and
    /// the assertion fails if it is missing in the array.
    macro_rules! assert_complete {
        ($array:expr, $($variant:pat),+ $(,)?) => {
            for value in &$array {
                match value {
                    $($variant => (),)+
                }
            }
            $(assert_eq!($array.iter().filter(|value| matches!(value, $variant)).count(), 1, "{}", stringify!($variant));)+
        };
    }

    #[test]
    fn every_activation_is_listed() {
        assert_complete!(Activation::ALL, Activation::Relu, Activation::Sigmoid, Activation::Tanh);
    }

    #[test]
    fn every_feedback_rule_is_listed() {
        assert_complete!(
            Feedback::ALL,
            Feedback::Symmetric,
            Feedback::Fixed,
            Feedback::Updated,
            Feedback::KolenPollack,
            Feedback::UniformSign,
            Feedback::FixedSign,
            Feedback::BatchSign,
            Feedback::WeightMirror,
            Feedback::Direct,
            Feedback::Target,
        );
    }

    #[test]
    fn every_loss_is_listed() {
        assert_complete!(
            Loss::ALL,
            Loss::CrossEntropy,
            Loss::BinaryCrossEntropy,
            Loss::MeanSquared,
            Loss::Huber,
            Loss::Hinge,
            Loss::CrammerSinger,
            Loss::SoftmaxHinge,
            Loss::SoftmaxCrammerSinger,
        );
    }

    #[test]
    fn every_operation_is_listed() {
        assert_complete!(
            Operation::FORMS,
            Operation::Dense { .. },
            Operation::Convolution { .. },
            Operation::Untied { .. },
            Operation::MaxPool { .. },
            Operation::AveragePool { .. },
            Operation::GlobalAveragePool,
        );
    }

    #[test]
    fn every_optimizer_is_listed() {
        assert_complete!(
            Optimizer::DEFAULTS,
            Optimizer::Sgd(_),
            Optimizer::Momentum(_),
            Optimizer::Nesterov(_),
            Optimizer::Adam(_),
            Optimizer::RmsProp(_),
        );
    }
}
