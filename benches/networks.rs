//! The four networks of the benches, kernels to run them, the geometries of single layers, and values to fill them with.

use asymgrad::Network;
use asymgrad::kernels::{Aligned, HostKernels, InstructionSet, NumericMode};
use asymgrad_core::kernels::Geometry;
use asymgrad_core::network::Axis;
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Kernel, Shape};
use rand_core::Rng;

pub mod baselines;

/// A shallow and a deep dense network, Poggio's net, and the same with untied convolutions. The last layer has fixed feedback, as
/// in the scripts of `baselines/`.
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

/// Filters of the untied net's first layer, and the batch, for the bench of how a step's time grows.
pub const GROWTH: [(usize, usize); 10] =
    [(32, 1), (32, 4), (32, 16), (32, 64), (32, 128), (32, 256), (32, 512), (16, 16), (64, 16), (128, 16)];

/// The untied net with `filters` filters in its first layer and twice as many in the others; Poggio's net has 32.
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

/// The environment variable that selects the instruction set in place of the fastest one: `avx2` on a CPU with AVX-512, say.
const INSTRUCTIONS: &str = "ASYMGRAD_INSTRUCTIONS";

/// The instruction sets of this machine, the fastest first; only those that `ASYMGRAD_INSTRUCTIONS` names, if it is set.
fn sets() -> impl Iterator<Item = InstructionSet> {
    let selected = std::env::var(INSTRUCTIONS).unwrap_or_default();
    InstructionSet::available().into_iter().filter(move |set| set.to_string().starts_with(&selected))
}

/// The fastest instruction set of this machine.
///
/// # Panics
/// If this machine lacks the instructions that `ASYMGRAD_INSTRUCTIONS` names.
pub fn fastest_set() -> InstructionSet {
    sets().next().expect("ASYMGRAD_INSTRUCTIONS names instructions of this machine")
}

/// The fastest kernels of this machine.
///
/// # Panics
/// If the threads cannot be started, or this machine lacks the instructions that `ASYMGRAD_INSTRUCTIONS` names.
pub fn kernels(threads: usize) -> HostKernels {
    kernels_of(fastest_set(), threads)
}

/// The network that is timed with Winograd kernels too.
pub const WINOGRAD_NETWORK: &str = "PG";
/// The suffix of the name of a bench with Winograd kernels, as `--kernels fast` selects them.
pub const WINOGRAD_SUFFIX: &str = "fast";

/// The fastest instruction set with Winograd kernels, if this machine has any.
pub fn winograd_set() -> Option<InstructionSet> {
    sets().find(|set| set.mode() == NumericMode::Winograd)
}

/// The fastest Winograd kernels of this machine, if it has any.
///
/// # Panics
/// If the threads cannot be started.
pub fn winograd_kernels(threads: usize) -> Option<HostKernels> {
    winograd_set().map(|set| kernels_of(set, threads))
}

fn kernels_of(set: InstructionSet, threads: usize) -> HostKernels {
    HostKernels::new(set, threads).expect("threads can be started")
}

/// `len` values, uniform in (−1, 1), the same in every call.
pub fn uniform(len: usize) -> Aligned {
    let (mut values, mut generator) = (Aligned::zeros(len), SplitMix::new(1));
    values.fill_with(|| symmetric(generator.next_u32()));
    values
}

/// Samples of a batch in the benches of single layers.
pub const SAMPLES: usize = 128;

/// The convolutions of Poggio's net: side of the image, channels in and out.
pub const CONVOLUTIONS: [(usize, usize, usize); 3] = [(32, 3, 32), (16, 32, 64), (8, 64, 64)];

/// A dense layer's geometry.
pub const fn dense(inputs: usize, outputs: usize) -> Geometry {
    Geometry::dense(inputs, outputs)
}

/// A 5 × 5 convolution's geometry.
pub const fn convolution(side: usize, inputs: usize, outputs: usize, untied: bool) -> Geometry {
    Geometry { untied, ..Geometry::convolution(Shape::image(inputs, side, side), outputs, Kernel::square(5)) }
}

/// Multiply-adds for [`SAMPLES`] samples, without those of taps on the padding.
pub fn multiply_adds(geometry: &Geometry) -> u64 {
    let taps = valid_taps(geometry.rows) * valid_taps(geometry.cols);
    (taps * geometry.in_channels * geometry.out_channels * SAMPLES) as u64
}

/// Floating-point operations of the products in a training step of one of the [`networks`], by its name: the forward pass, the weight
/// gradient, and the input gradient of all layers but the first. Those of taps on the padding are left out.
pub fn step_operations(name: &str, batch: usize) -> u64 {
    let dense = |widths: &[usize]| widths.windows(2).map(|pair| dense(pair[0], pair[1])).collect::<Vec<_>>();
    let layers = match name {
        "DS" => dense(&[3072, 512, 256, 10]),
        "DD" => dense(&[3072, 512, 512, 256, 256, 10]),
        _ => {
            let untied = name == "PGU";
            let convolutions = CONVOLUTIONS.map(|(side, inputs, outputs)| convolution(side, inputs, outputs, untied));
            [convolutions.to_vec(), dense(&[1024, 128, 10])].concat()
        }
    };
    let all: u64 = layers.iter().map(multiply_adds).sum();
    let first = layers.first().map_or(0, multiply_adds);
    2 * (3 * all - first) * batch as u64 / SAMPLES as u64
}

/// The number of pairs of a position and a tap along one axis that lie inside the image.
fn valid_taps(axis: Axis) -> usize {
    let reads = |at: usize, tap: usize| (at * axis.stride + tap).checked_sub(axis.padding);
    let valid = |at| (0..axis.taps).filter(|tap| reads(at, *tap).is_some_and(|pixel| pixel < axis.input)).count();
    (0..axis.output).map(valid).sum()
}

/// Whether two results differ by no more than a different order of summation explains.
pub fn close(a: &[f32], b: &[f32]) -> bool {
    let scale = a.iter().fold(0.0_f32, |largest, x| if x.abs() > largest { x.abs() } else { largest });
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-4 * scale)
}
