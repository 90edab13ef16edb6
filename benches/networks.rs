//! The four networks of the benches, their arithmetic, and numbers to fill them with.

use asymgrad::Network;
use asymgrad::kernels::{Aligned, HostKernels, InstructionSet, NumericMode};
use asymgrad_core::kernels::Geometry;
use asymgrad_core::random::{SplitMix, symmetric};
use rand_core::Rng;

pub mod rivals;

/// A shallow and a deep dense network, Poggio's net and its untied twin, with fixed feedback in the last layer as the
/// peers' scripts have it.
pub fn networks() -> [(&'static str, Network); 4] {
    [
        ("DS", network("input 3x32x32 - dense512 - dense256 - dense10(R)")),
        ("DD", network("input 3x32x32 - dense512 - dense512 - dense256 - dense256 - dense10(R)")),
        (
            "PG",
            network(
                "input 3x32x32 - conv5x5x32 - maxpool3x3/2 - conv5x5x64 - avgpool3x3/2 - conv5x5x64 - avgpool3x3/2 - dense128 - dense10(R)",
            ),
        ),
        ("PGU", untied(32)),
    ]
}

/// Filters of the untied net's first layer, and samples of a batch, whose step is timed to see how it grows.
pub const GROWTH: [(usize, usize); 10] =
    [(32, 1), (32, 4), (32, 16), (32, 64), (32, 128), (32, 256), (32, 512), (16, 16), (64, 16), (128, 16)];

/// The untied net with so many filters in its first layer, twice as many in the others; Poggio's has 32.
pub fn untied(filters: usize) -> Network {
    let twice = 2 * filters;
    network(&format!(
        "input 3x32x32 - untied5x5x{filters} - maxpool3x3/2 - untied5x5x{twice} - avgpool3x3/2 - untied5x5x{twice} - avgpool3x3/2 - dense128 - dense10(R)"
    ))
}

/// A network from its text.
fn network(text: &str) -> Network {
    text.parse().expect("the benches' networks are well formed")
}

/// Names the instructions that are timed in place of the fastest ones, `avx2` on a CPU with AVX-512 for example.
const INSTRUCTIONS: &str = "ASYMGRAD_INSTRUCTIONS";

/// The kernels of this machine, the fastest first, or those of the instructions that `ASYMGRAD_INSTRUCTIONS` names.
fn sets() -> impl Iterator<Item = InstructionSet> {
    let wanted = std::env::var(INSTRUCTIONS).unwrap_or_default();
    InstructionSet::available().into_iter().filter(move |set| set.to_string().starts_with(&wanted))
}

/// The fastest kernels of this machine.
///
/// # Panics
/// If the threads cannot be started, or this machine lacks the instructions that `ASYMGRAD_INSTRUCTIONS` names.
pub fn kernels(threads: usize) -> HostKernels {
    kernels_of(sets().next().expect("ASYMGRAD_INSTRUCTIONS names instructions of this machine"), threads)
}

/// What the name of a bench ends with whose kernels have fast convolutions.
pub const FAST_KERNELS: &str = "fast";

/// The same with fast convolutions, if this machine has them.
///
/// # Panics
/// If the threads cannot be started.
pub fn fast_kernels(threads: usize) -> Option<HostKernels> {
    sets().find(|set| set.mode() == NumericMode::Winograd).map(|set| kernels_of(set, threads))
}

fn kernels_of(set: InstructionSet, threads: usize) -> HostKernels {
    HostKernels::new(set, threads).expect("threads can be started")
}

/// `count` numbers from (−1, 1), always the same.
pub fn numbers(count: usize) -> Aligned {
    let (mut numbers, mut generator) = (Aligned::zeros(count), SplitMix::new(1));
    numbers.fill_with(|| symmetric(generator.next_u32()));
    numbers
}

/// Samples of a batch in the benches of single layers.
pub const SAMPLES: usize = 128;

/// A dense layer's geometry.
pub const fn dense(inputs: usize, outputs: usize) -> Geometry {
    Geometry { rows: 1, cols: 1, in_channels: inputs, out_channels: outputs, kernel: 1, untied: false }
}

/// A 5 × 5 convolution's geometry.
pub const fn convolution(side: usize, inputs: usize, outputs: usize, untied: bool) -> Geometry {
    Geometry { rows: side, cols: side, in_channels: inputs, out_channels: outputs, kernel: 5, untied }
}

/// Products of columns and weights for [`SAMPLES`] samples: taps that fall on the padding are left out.
pub fn multiplications(geometry: &Geometry) -> u64 {
    let taps = inside(geometry.rows, geometry.kernel) * inside(geometry.cols, geometry.kernel);
    (taps * geometry.in_channels * geometry.out_channels * SAMPLES) as u64
}

/// Pairs of a position and a tap along one axis that stay inside the image.
fn inside(size: usize, kernel: usize) -> usize {
    (0..size)
        .map(|at| {
            (0..kernel).filter(|tap| (at + tap).checked_sub(kernel / 2).is_some_and(|other| other < size)).count()
        })
        .sum()
}

/// Whether two results of the same operation differ by no more than the order of their sums allows.
pub fn close(a: &[f32], b: &[f32]) -> bool {
    let scale = a.iter().fold(0.0_f32, |largest, x| if x.abs() > largest { x.abs() } else { largest });
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * scale)
}
