//! Hashes of what the order of a state or of parameters depends on: FNV-1a, 32 bits (Fowler, Noll and Vo).

use super::feedback::Storage;
use super::kernel::{Kernel, Padding};
use super::layer::Operation;
use super::{Architecture, Training};

impl Architecture<'_> {
    /// A hash of everything that determines the order of a state: shapes, layers, rules, optimizer, frozen layers, and the
    /// storage of fixed feedback. It is the same for every version of this crate and on every target.
    ///
    /// Two states of the same order may differ in settings that are not part of it: batch, loss, rates and other
    /// coefficients, and the values of a table.
    pub const fn fingerprint(&self, training: &Training) -> u32 {
        let mut hash = self.layers_hash(true);
        hash = hash_size(hash_text(hash, training.optimizer.name()), training.frozen as usize);
        let storage = match training.storage() {
            Storage::Memory => "memory",
            Storage::Table => "table",
            Storage::Seed => "seed",
        };
        hash = hash_text(hash, storage);
        if training.is_frozen_in_table() { hash_text(hash, "frozen in table") } else { hash }
    }

    /// A hash of everything that determines the order of the parameters: shapes and layers.
    pub const fn parameters_fingerprint(&self) -> u32 {
        self.layers_hash(false)
    }

    const fn layers_hash(&self, with_rules: bool) -> u32 {
        let input = self.input();
        let mut hash = hash_size(hash_size(hash_size(HASH_START, input.channels()), input.rows()), input.cols());
        let mut rest = self.layers();
        while let [layer, tail @ ..] = rest {
            let sizes = match layer.operation {
                Operation::Dense { outputs } => [outputs, 1],
                Operation::Convolution { filters, kernel } | Operation::Untied { filters, kernel } => {
                    [filters, kernel.rows()]
                }
                Operation::MaxPool { size, stride } | Operation::AveragePool { size, stride } => [size, stride],
                Operation::GlobalAveragePool => [1, 1],
            };
            hash = hash_size(hash_size(hash_text(hash, layer.operation.name()), sizes[0]), sizes[1]);
            if let Operation::Convolution { kernel, .. } | Operation::Untied { kernel, .. } = layer.operation {
                hash = hash_kernel(hash, kernel);
            }
            hash = hash_text(hash, layer.activation.notation());
            if with_rules {
                hash = hash_text(hash, layer.feedback.notation());
            }
            rest = tail;
        }
        hash
    }
}

const HASH_START: u32 = 0x811C_9DC5;

/// A square kernel of stride 1 with padding `Same` adds nothing: the first versions of this crate had no others.
const fn hash_kernel(hash: u32, kernel: Kernel) -> u32 {
    let plain = kernel.rows() == kernel.cols() && kernel.stride() == 1 && matches!(kernel.padding(), Padding::Same);
    if plain {
        return hash;
    }
    hash_size(hash_size(hash_text(hash, kernel.padding().notation()), kernel.cols()), kernel.stride())
}

const fn hash_text(hash: u32, text: &str) -> u32 {
    // The length separates neighbouring texts.
    hash_bytes(hash_size(hash, text.len()), text.as_bytes())
}

#[expect(clippy::cast_possible_truncation, reason = "a size that a device's memory holds")]
const fn hash_size(hash: u32, size: usize) -> u32 {
    hash_bytes(hash, &(size as u32).to_le_bytes())
}

const fn hash_bytes(mut hash: u32, mut bytes: &[u8]) -> u32 {
    while let [byte, rest @ ..] = bytes {
        hash = (hash ^ *byte as u32).wrapping_mul(0x0100_0193);
        bytes = rest;
    }
    hash
}
