//! A hash of the network and the training that a state belongs to: FNV-1a, 32 bits (Fowler, Noll and Vo).

use crate::network::{Architecture, Kernel, Operation, Storage, Training};

impl Architecture<'_> {
    /// A hash of everything that determines the order of a state: shapes, layers, rules, optimizer, frozen layers, and the
    /// storage of fixed feedback. It is the same for every version of this crate and on every target.
    ///
    /// Two states of the same order may differ in settings that are not part of it: batch, loss, rates and other
    /// coefficients, and the weights of a feedback table ([`Storage::Table`]).
    pub fn fingerprint(&self, training: &Training) -> u32 {
        let input = self.input();
        let mut hash = [input.channels(), input.rows(), input.cols()].into_iter().fold(HASH_START, hash_size);
        for layer in self.layers() {
            let sizes = match layer.operation {
                Operation::Dense { outputs } => [outputs, 1],
                Operation::Convolution { filters, kernel } | Operation::Untied { filters, kernel } => {
                    [filters, kernel.rows()]
                }
                Operation::MaxPool { size, stride } | Operation::AveragePool { size, stride } => [size, stride],
                Operation::GlobalAveragePool => [1, 1],
            };
            hash = sizes.into_iter().fold(hash_text(hash, layer.operation.name()), hash_size);
            if let Operation::Convolution { kernel, .. } | Operation::Untied { kernel, .. } = layer.operation {
                hash = hash_kernel(hash, kernel);
            }
            hash = hash_text(hash, layer.activation.notation());
            hash = hash_text(hash, layer.feedback.notation());
        }
        hash = hash_size(hash_text(hash, training.optimizer.name()), usize::from(training.frozen));
        let storage = match training.storage {
            Storage::Memory => "memory",
            Storage::Table => "table",
            Storage::Seed => "seed",
        };
        hash_text(hash, storage)
    }
}

const HASH_START: u32 = 0x811C_9DC5;

/// A square kernel of stride 1 with padding `Same` adds nothing: the first versions of this crate had no others.
fn hash_kernel(hash: u32, kernel: Kernel) -> u32 {
    if kernel == Kernel::square(kernel.rows()) {
        return hash;
    }
    [kernel.cols(), kernel.stride()].into_iter().fold(hash_text(hash, kernel.padding().notation()), hash_size)
}

fn hash_text(hash: u32, text: &str) -> u32 {
    // The length separates neighbouring texts.
    text.bytes().fold(hash_size(hash, text.len()), hash_byte)
}

#[expect(clippy::cast_possible_truncation, reason = "a size that a device's memory holds")]
fn hash_size(hash: u32, size: usize) -> u32 {
    (size as u32).to_le_bytes().into_iter().fold(hash, hash_byte)
}

fn hash_byte(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
}
