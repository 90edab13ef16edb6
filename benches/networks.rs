//! The four networks of the benches, their arithmetic, and numbers to fill them with.

use asymgrad::Network;
use asymgrad::kernels::{HostKernels, InstructionSet};
use asymgrad_core::random::{SplitMix, symmetric};
use rand_core::Rng;

/// A shallow and a deep dense network, Poggio's net and its untied twin, with fixed feedback in the last layer as the
/// peers' scripts have it.
pub const NETWORKS: [(&str, &str); 4] = [
    ("DS", "input 3x32x32 - dense512 - dense256 - dense10(R)"),
    ("DD", "input 3x32x32 - dense512 - dense512 - dense256 - dense256 - dense10(R)"),
    (
        "PG",
        "input 3x32x32 - conv5x5x32 - maxpool3x3/2 - conv5x5x64 - avgpool3x3/2 - conv5x5x64 - avgpool3x3/2 - dense128 - dense10(R)",
    ),
    (
        "PGU",
        "input 3x32x32 - untied5x5x32 - maxpool3x3/2 - untied5x5x64 - avgpool3x3/2 - untied5x5x64 - avgpool3x3/2 - dense128 - dense10(R)",
    ),
];

/// A network from its text.
///
/// # Panics
/// If the text is none.
pub fn network(text: &str) -> Network {
    text.parse().expect("the benches' networks are well formed")
}

/// The fastest kernels of this machine.
///
/// # Panics
/// If the threads cannot be started.
pub fn kernels(threads: usize) -> HostKernels {
    HostKernels::new(InstructionSet::fastest(), threads).expect("threads can be started")
}

/// `count` numbers from (−1, 1), always the same.
pub fn numbers(count: usize) -> Vec<f32> {
    let mut generator = SplitMix::new(1);
    (0..count).map(|_| symmetric(generator.next_u32())).collect()
}
