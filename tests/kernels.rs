//! The choice of kernels, and the pool of threads that runs them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Barrier;

use asymgrad::kernels::{HostKernels, InstructionSet};
use asymgrad_core::capabilities::ALL;
use asymgrad_core::kernels::select::CONST_OUTPUTS;
use asymgrad_core::kernels::{Algorithm, Forward, Geometry, Kernels, Pass, TileSet, WeightGradient, select};
use asymgrad_core::{Kernel, Layer, Optimizer, Padding, Sgd, Shape, StepCoefficients, Update};

const IMAGE: Shape = Shape::image(32, 16, 16);

fn algorithm(pass: Pass, geometry: Geometry, samples: usize, tiles: TileSet) -> Algorithm {
    select(pass, &geometry, samples, &tiles).algorithm
}

/// The table at the head of `kernels/select.rs`, line by line, with the limits on both sides.
#[test]
fn the_table_of_kernels_says_what_runs() {
    use Algorithm::{
        BatchOne, BatchOneConvolution, ConstOutputs, Convolution, Dense, FewChannels, SmallBatch, Winograd,
    };
    use Pass::{Forward, InputGradient, WeightGradient};
    let dense = Geometry::dense(512, 256);
    let last = Geometry::dense(512, CONST_OUTPUTS);
    let tied = Geometry::convolution(IMAGE, 64, Kernel::square(5));
    let untied = Geometry::untied(IMAGE, 64, Kernel::square(5));
    let rgb = Geometry::convolution(Shape::image(3, 32, 32), 32, Kernel::square(5));
    let of = |kernel| Geometry::convolution(IMAGE, 64, kernel);
    let opted_in = TileSet { winograd: true, ..TileSet::AVX2 };
    let table = [
        (Forward, tied, 16, opted_in, Winograd),
        (Forward, tied, 15, opted_in, Convolution),
        (Forward, tied, 16, TileSet::AVX2, Convolution),
        (Forward, untied, 16, opted_in, Convolution),
        (Forward, of(Kernel::square(3)), 16, opted_in, Convolution),
        (Forward, of(Kernel::new(5, 3)), 16, opted_in, Convolution),
        (Forward, of(Kernel::square(5).with_stride(2)), 16, opted_in, Convolution),
        (Forward, of(Kernel::square(5).with_padding(Padding::Valid)), 16, opted_in, Convolution),
        (Forward, of(Kernel::square(5).with_stride(2)), 1, TileSet::AVX512, BatchOneConvolution),
        (InputGradient, of(Kernel::square(5).with_stride(2)), 1, TileSet::AVX512, BatchOneConvolution),
        (WeightGradient, of(Kernel::square(5).with_stride(2)), 1, TileSet::AVX512, BatchOneConvolution),
        (InputGradient, tied, 16, opted_in, Winograd),
        (WeightGradient, tied, 16, opted_in, Winograd),
        (WeightGradient, rgb, 128, opted_in, FewChannels),
        (Forward, dense, 1, TileSet::AVX512, BatchOne),
        (Forward, tied, 1, TileSet::AVX512, BatchOneConvolution),
        (Forward, untied, 1, TileSet::AVX512, SmallBatch),
        (Forward, dense, 4, TileSet::AVX512, SmallBatch),
        (Forward, dense, 5, TileSet::AVX512, Dense),
        (Forward, last, 128, TileSet::AVX512, Dense),
        (InputGradient, dense, 1, TileSet::AVX2, BatchOne),
        (InputGradient, last, 1, TileSet::AVX2, BatchOne),
        (InputGradient, untied, 1, TileSet::AVX2, BatchOne),
        (InputGradient, tied, 1, TileSet::AVX2, BatchOneConvolution),
        (InputGradient, last, 2, TileSet::AVX2, ConstOutputs),
        (InputGradient, dense, 2, TileSet::AVX2, Dense),
        (InputGradient, untied, 16, TileSet::AVX2, Convolution),
        (WeightGradient, rgb, 1, TileSet::AVX2, FewChannels),
        (WeightGradient, rgb, 128, TileSet::BASELINE, Convolution),
        (WeightGradient, tied, 1, TileSet::AVX2, BatchOneConvolution),
        (WeightGradient, tied, 2, TileSet::AVX2, Convolution),
        (WeightGradient, dense, 4, TileSet::AVX2, SmallBatch),
        (WeightGradient, dense, 5, TileSet::AVX2, Dense),
        (WeightGradient, untied, 16, TileSet::AVX2, SmallBatch),
        (WeightGradient, untied, 17, TileSet::AVX2, Convolution),
        (WeightGradient, last, 128, TileSet::AVX2, Dense),
        (WeightGradient, last, 128, TileSet::AVX512, ConstOutputs),
        (WeightGradient, last, 4, TileSet::AVX512, SmallBatch),
    ];
    for (pass, geometry, samples, tiles, expected) in table {
        assert_eq!(
            algorithm(pass, geometry, samples, tiles),
            expected,
            "{} of {geometry:?} for {samples} samples, {} lanes",
            pass.name(),
            tiles.lanes
        );
    }
}

/// Threads take whole units: the rows that an algorithm computes together are never split.
#[test]
fn a_unit_holds_what_is_computed_together() {
    let untied = Geometry::untied(IMAGE, 64, Kernel::square(5));
    let tied = Geometry::convolution(IMAGE, 64, Kernel::square(5));
    let last = Geometry::dense(512, CONST_OUTPUTS);
    let opted_in = TileSet { winograd: true, ..TileSet::AVX512 };
    let unit = |pass, geometry: Geometry, tiles: TileSet| select(pass, &geometry, 128, &tiles).unit;
    assert_eq!(unit(Pass::Forward, tied, TileSet::AVX512), 64, "the channels of a pixel share packed weights");
    assert_eq!(unit(Pass::Forward, tied, opted_in), 4 * 16 * 64, "a row of tiles of 4 x 4 outputs");
    assert_eq!(unit(Pass::WeightGradient, untied, TileSet::AVX512), 25 * 64, "the weights of a position");
    let fixed = select(Pass::WeightGradient, &last, 128, &TileSet::AVX512);
    assert_eq!(fixed.unit, fixed.rows, "one thread computes all rows");
}

/// Packing pays only for enough samples and rows; what is not packed is read where it lies.
#[test]
fn scratch_follows_from_the_choice() {
    let dense = Geometry::dense(3072, 512);
    let scratch = |samples| select(Pass::Forward, &dense, samples, &TileSet::AVX2).scratch;
    assert_eq!(scratch(63).total(), 0, "fewer than 4 tiles of 16 samples");
    assert_eq!(scratch(64).b_panel, 512 * 64, "512 columns of 64 samples");
    let untied = Geometry::untied(IMAGE, 64, Kernel::square(5));
    let packed = |samples| select(Pass::Forward, &untied, samples, &TileSet::AVX2).scratch.a_panel;
    assert_eq!(packed(31), 0, "each untied weight is used for too few samples");
    assert_eq!(packed(32), 25 * 32 * 66, "25 taps of 32 channels, 64 outputs in groups of 6");
}

#[test]
fn the_kernels_of_a_network_are_listed_by_layer_and_pass() {
    let layers = [Layer::conv(8, 3), Layer::max_pool(2, 2), Layer::dense(10)];
    let network = asymgrad_core::Architecture::try_new(Shape::image(3, 8, 8), &layers).unwrap();
    let rows: Vec<_> = network.kernels(&asymgrad_core::Training::new(16), &TileSet::AVX2).collect();
    let found: Vec<_> = rows.iter().map(|row| (row.layer, row.pass)).collect();
    let expected = [
        (1, Pass::Forward),
        (1, Pass::WeightGradient),
        (3, Pass::Forward),
        (3, Pass::InputGradient),
        (3, Pass::WeightGradient),
    ];
    assert_eq!(found, expected, "the first layer has no input gradient, pooling no kernels of this table");
}

/// Two threads use one pool at once, each in the middle of the other's work.
#[test]
fn two_installs_at_once_share_a_pool() {
    let kernels = &HostKernels::new(InstructionSet::fastest(), 2).unwrap();
    let (geometry, samples) = (Geometry::dense(256, 128), 32);
    let input: Vec<f32> = (0_u16..256 * 32).map(|i| f32::from(i % 17) - 8.0).collect();
    let weight: Vec<f32> = (0_u16..256 * 128).map(|i| f32::from(i % 13) - 6.0).collect();
    let bias = vec![1.0; 128];
    let job = &Forward { geometry, samples, input: &input, weight: &weight, bias: &bias, activation: None };
    let run = || {
        let mut output = vec![0.0; 128 * samples];
        kernels.forward::<ALL>(job, &mut output);
        output
    };
    let expected = run();
    let inside = &Barrier::new(2);
    let outputs: Vec<Vec<f32>> = std::thread::scope(|scope| {
        let threads = [0, 1].map(|_| {
            scope.spawn(|| {
                kernels.install(|| {
                    // Both are inside before either computes.
                    inside.wait();
                    (0..50).map(|_| run()).next_back().unwrap()
                })
            })
        });
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for output in outputs {
        assert_eq!(output, expected);
    }
    // A panic inside leaves the pool usable.
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| kernels.install(|| panic!("on purpose"))));
    assert!(panicked.is_err());
    assert_eq!(kernels.install(run), expected);
}

/// A batch of more samples than a B panel holds updates every weight, on every instruction set.
#[test]
fn a_batch_longer_than_a_panel_updates_every_weight() {
    let (inputs, outputs, samples) = (5, 3, 70_000);
    let geometry = Geometry::dense(inputs, outputs);
    let input: Vec<f32> = (0..inputs * samples).map(|i| if i % 3 == 0 { 1.0 } else { 0.25 }).collect();
    let grad_output: Vec<f32> = (0..outputs * samples).map(|i| if i % 2 == 0 { 1e-3 } else { 5e-4 }).collect();
    let job = WeightGradient { geometry, samples, input: &input, grad_output: &grad_output };
    for set in InstructionSet::available() {
        let kernels = &HostKernels::new(set, 2).unwrap();
        let mut weight = vec![0.0; inputs * outputs];
        let step = StepCoefficients::at(Optimizer::Sgd(Sgd { rate: 1.0 }), None, 1);
        let update = Update::new(step, &mut weight, &mut [], &mut [], &mut []);
        kernels.weight_gradient::<ALL>(&job, update, &mut []);
        for (output, weights) in weight.chunks(inputs).enumerate() {
            for (i, found) in weights.iter().enumerate() {
                let columns = input[i * samples..].iter().zip(&grad_output[output * samples..]).take(samples);
                let expected = -columns.map(|(h, g)| f64::from(*h) * f64::from(*g)).sum::<f64>();
                let error = (f64::from(*found) - expected).abs() / expected.abs();
                assert!(error < 1e-3, "{set}: {found} for {expected}");
            }
        }
    }
}
