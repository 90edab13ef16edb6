//! Whole trainings have the same bits for any thread count and, within a numeric mode, for any kernel set.
//!
//! The networks are wide enough that the kernels distribute their rows over threads, at batch 1 too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kernel_sets;

use asymgrad::kernels::NumericMode;
use asymgrad_core::capabilities::ALL;
use asymgrad_core::feedback::Storage;
use asymgrad_core::kernels::{Geometry, InputGradient, Kernels, WeightGradient};
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{
    Adam, Architecture, Layer, Momentum, Optimizer, RmsProp, StepCoefficients, Trainer, Training, Update,
};
use kernel_sets::KernelSet;
use rand_core::Rng;

/// The bits of the losses and logits of a few steps, and of the state after them.
fn train(text: &str, optimizer: Optimizer, (batch, storage): (usize, Storage), set: &KernelSet) -> Vec<u32> {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse(text, &mut layers).unwrap();
    let training = Training::new(batch).optimizer(optimizer).fixed_feedback(storage);
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL, _>::with_kernels(network, training, &mut memory, set).unwrap();
    trainer.initialize(&mut SplitMix::new(5), 6);
    let mut generator = SplitMix::new(7);
    let mut bits = vec![];
    let before = trainer.state().to_vec();
    // The last batch is incomplete.
    for samples in [batch, batch, batch.div_ceil(2)] {
        let x: Vec<f32> = (0..samples * network.input().features()).map(|_| symmetric(generator.next_u32())).collect();
        let labels: Vec<usize> = (0..samples).map(|sample| sample % network.classes()).collect();
        bits.push(trainer.step(&x, labels.as_slice()).unwrap().loss.to_bits());
        bits.extend(trainer.predict(&x).unwrap().iter().map(|logit| logit.to_bits()));
    }
    assert_ne!(trainer.state(), before);
    bits.extend(trainer.state().iter().map(|x| x.to_bits()));
    bits
}

fn mode_of(set: &KernelSet) -> NumericMode {
    match set {
        KernelSet::Core => NumericMode::Portable,
        KernelSet::Host(kernels) => kernels.set().mode(),
    }
}

fn same_bits_for(text: &str) {
    same_bits_with(Optimizer::Adam(Adam { rate: 1e-3, ..Adam::DEFAULT }), text);
}

fn same_bits_with(optimizer: Optimizer, text: &str) {
    let sets = KernelSet::all();
    let batches = [1, 3, 16, 100, 128].map(|batch| (batch, Storage::Memory));
    for (batch, storage) in batches.into_iter().chain([1, 3].map(|batch| (batch, Storage::Seed))) {
        let all: Vec<Vec<u32>> = sets.iter().map(|set| train(text, optimizer, (batch, storage), set)).collect();
        for (set, bits) in sets.iter().zip(&all) {
            let first = sets.iter().position(|first| mode_of(first) == mode_of(set)).unwrap();
            let different = bits.iter().zip(&all[first]).position(|(a, b)| a != b);
            assert_eq!(
                different, None,
                "{text}, batch {batch}, {storage:?}: {set} differs from {} at this value",
                sets[first]
            );
            assert_eq!(bits.len(), all[first].len());
        }
    }
}

#[test]
fn dense_networks_have_the_same_bits() {
    same_bits_for("input 1111 - dense413 - dense130(R) - dense10(R*)");
}

#[test]
fn convolutions_have_the_same_bits() {
    same_bits_for(
        "input 3x13x11 - conv5x5x19 - maxpool3x3/2 - conv3x3x21(R) - conv3x3x9(R*) - avgpool3x3/2 - dense10(R*)",
    );
    // For the Winograd mode: the three passes with fewer products.
    same_bits_for("input 3x10x7 - conv5x5x19 - conv5x5x37(R) - maxpool3x3/2 - conv5x5x21(R*) - dense10(R*)");
    // Sides, strides and paddings of every kind; pixels that no position reads; one position that reads many pixels.
    same_bits_for("input 3x13x12 - conv4x3x19/2 - conv2x5x21(R) - conv1x1x18/3(R*) - conv3x2x9.valid(R) - dense10(R*)");
    same_bits_for("input 20x1x70 - conv1x5x19/2(R) - conv1x8x24/3.valid(R*) - globalavgpool - dense10(R*)");
    same_bits_for("input 3x8x7 - conv3x3x17(R) - conv8x7x40.valid(R*) - conv1x1x9 - dense10(R*)");
    // One position: all taps but one lie on padding.
    same_bits_for("input 30x1x1 - conv3x3x40 - conv3x3x40(R) - untied3x3x40(R) - dense10(R*)");
}

#[test]
fn untied_convolutions_have_the_same_bits() {
    same_bits_for(
        "input 3x9x11 - untied5x5x10 - avgpool3x3/2 - untied3x3x19(R) - untied3x3x8(R*) - maxpool3x3/2 - dense10(R)",
    );
    same_bits_for(
        "input 3x11x12 - untied4x3x10/2 - untied3x2x19(R) - untied1x1x17/2(R*) - untied2x3x9.valid(R) - dense10(R)",
    );
}

#[test]
fn every_optimizer_has_the_same_bits() {
    for optimizer in Optimizer::DEFAULTS {
        same_bits_with(optimizer, "input 3x7x6 - conv3x3x9 - untied3x3x5(R*) - dense43(R*) - dense10(R)");
    }
}

/// The smallest error signal and moment that all but the portable mode do not flush.
fn smallest() -> f32 {
    2.0_f32.powi(-100)
}

/// Asserts that all numeric modes but the portable one flush `exact` to 0 where it is too small.
fn assert_flushed(set: &KernelSet, found: f32, exact: f32) {
    let flushes = mode_of(set) != NumericMode::Portable && exact.abs() < smallest();
    let expected = if flushes { 0.0 } else { exact };
    let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
    assert!(same, "{set}: found {found:e}, expected {expected:e}");
}

/// While gradients stay 0, moments decay until they are subnormal: the fused mode flushes them before.
#[test]
fn small_moments_are_flushed_in_the_fused_mode() {
    let (inputs, outputs) = (37, 5);
    let geometry = Geometry::dense(inputs, outputs);
    let before = [1.1 * smallest(), -1.1 * smallest(), 1.2 * smallest(), 1e-40, 0.25, f32::NAN];
    for set in &KernelSet::all() {
        for optimizer in [Optimizer::Adam(Adam::DEFAULT), Optimizer::Momentum(Momentum::DEFAULT)] {
            for samples in [1, 3, 20] {
                let (input, gradient) = (vec![1.0; inputs * samples], vec![0.0; outputs * samples]);
                let mut weight = vec![1.0; inputs * outputs];
                let mut first: Vec<f32> = before.into_iter().cycle().take(weight.len()).collect();
                let mut second = vec![0.0; weight.len()];
                let second = if optimizer.states() > 1 { &mut second[..] } else { &mut [] };
                let update =
                    Update::new(StepCoefficients::at(optimizer, None, 1), &mut weight, &mut first, second, &mut []);
                let job = WeightGradient { geometry, samples, input: &input, grad_output: &gradient };
                set.weight_gradient::<ALL>(&job, update, &mut []);
                for (m, before) in first.iter().zip(before.into_iter().cycle()) {
                    assert_flushed(set, *m, 0.9 * before);
                }
            }
        }
    }
}

/// RMSprop's mean of the squared gradients decays as fast; it is flushed when a step reads it.
#[test]
fn a_small_mean_of_squares_is_flushed_in_the_fused_mode() {
    let rmsprop = Optimizer::RmsProp(RmsProp { alpha: 0.5, ..RmsProp::DEFAULT });
    let before = [1.1 * smallest(), 0.9 * smallest(), 1e-40, 0.25, f32::NAN];
    for set in &KernelSet::all() {
        let (mut weight, mut first) = ([1.0; 5], before);
        let step = StepCoefficients::at(rmsprop, None, 1);
        let job = WeightGradient { geometry: Geometry::dense(5, 1), samples: 1, input: &[1.0; 5], grad_output: &[0.0] };
        set.weight_gradient::<ALL>(&job, Update::new(step, &mut weight, &mut first, &mut [], &mut []), &mut []);
        for (mean, before) in first.into_iter().zip(before) {
            let read = if mode_of(set) != NumericMode::Portable && before < smallest() { 0.0 } else { before };
            assert!(mean.to_bits() == (0.5 * read).to_bits() || mean.is_nan() && before.is_nan(), "{set}: {mean:e}");
        }
    }
}

/// The error signals of samples that the network classifies with certainty are as small.
#[test]
fn small_error_signals_are_flushed_in_the_fused_mode() {
    let inputs = 37;
    let signals = [0.9 * smallest(), -0.9 * smallest(), 1.1 * smallest(), -1e-40, 0.25, f32::NAN];
    for set in &KernelSet::all() {
        // Ten outputs have a kernel of their own.
        for (outputs, samples) in
            [5, 10].into_iter().flat_map(|outputs| [1, 3, 20, 70].map(|samples| (outputs, samples)))
        {
            let geometry = Geometry::dense(inputs, outputs);
            let (mut gradient, weight) = (vec![0.0; outputs * samples], vec![1.0; inputs * outputs]);
            let signal = |sample: usize| signals[sample % signals.len()];
            gradient[..samples].iter_mut().enumerate().for_each(|(sample, g)| *g = signal(sample));
            let job = InputGradient { geometry, samples, grad_output: &gradient, weight: &weight, mask: None };
            let mut output = vec![1.0; inputs * samples];
            set.input_gradient::<ALL>(&job, &mut output);
            for column in output.chunks(samples) {
                column.iter().enumerate().for_each(|(sample, d)| assert_flushed(set, *d, signal(sample)));
            }
        }
    }
}
