//! The same bits for any thread count, and within a class of numbers for any kernel set: whole trainings compared.
//!
//! The networks are wide enough that the kernels share their rows among threads, at batch 1 too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kernel_sets;

use asymgrad::kernels::Class;
use asymgrad_core::feedback::Storage;
use asymgrad_core::kernels::{Kernels, Product, WeightGradient};
use asymgrad_core::kinds::ALL;
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Adam, Architecture, Layer, Momentum, Optimizer, Rule, Trainer, Training, Update};
use kernel_sets::KernelSet;
use rand_core::Rng;

/// All bits that a few steps leave behind, and the bits of the losses and of the next prediction.
fn train(text: &str, batch: usize, storage: Storage, set: &KernelSet) -> Vec<u32> {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse(text, &mut layers).unwrap();
    let adam = Optimizer::Adam(Adam { rate: 1e-3, ..Adam::DEFAULT });
    let training = Training::new(batch).optimizer(adam).fixed_feedback(storage);
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL, _>::with_kernels(network, training, &mut memory, set).unwrap();
    trainer.initialize(&mut SplitMix::new(5), 6);
    let mut generator = SplitMix::new(7);
    let mut bits = vec![];
    let before = trainer.state().to_vec();
    // The last batch is a partial one.
    for samples in [batch, batch, batch.div_ceil(2)] {
        let x: Vec<f32> = (0..samples * network.input().features()).map(|_| symmetric(generator.next_u32())).collect();
        let labels: Vec<usize> = (0..samples).map(|sample| sample % network.classes()).collect();
        bits.push(trainer.step(&x, &labels).unwrap().loss.to_bits());
        bits.extend(trainer.predict(&x).unwrap().iter().map(|score| score.to_bits()));
    }
    assert_ne!(trainer.state(), before);
    bits.extend(trainer.state().iter().map(|x| x.to_bits()));
    bits
}

fn class_of(set: &KernelSet) -> Class {
    match set {
        KernelSet::Core => Class::Portable,
        KernelSet::Host(kernels) => kernels.set().class(),
    }
}

fn same_bits_for(text: &str) {
    let sets = KernelSet::all();
    let batches = [1, 3, 16, 100, 128].map(|batch| (batch, Storage::Memory));
    for (batch, storage) in batches.into_iter().chain([1, 3].map(|batch| (batch, Storage::Seed))) {
        let all: Vec<Vec<u32>> = sets.iter().map(|set| train(text, batch, storage, set)).collect();
        for (set, bits) in sets.iter().zip(&all) {
            let first = sets.iter().position(|first| class_of(first) == class_of(set)).unwrap();
            let different = bits.iter().zip(&all[first]).position(|(a, b)| a != b);
            assert_eq!(
                different, None,
                "{text}, batch {batch}, {storage:?}: {set} differs from {} at this number",
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
    // One position, whose other taps lie on padding.
    same_bits_for("input 30x1x1 - conv3x3x40 - conv3x3x40(R) - untied3x3x40(R) - dense10(R*)");
}

#[test]
fn untied_convolutions_have_the_same_bits() {
    same_bits_for(
        "input 3x9x11 - untied5x5x10 - avgpool3x3/2 - untied3x3x19(R) - untied3x3x8(R*) - maxpool3x3/2 - dense10(R)",
    );
}

/// Under gradients that stay 0, moments decay until they are subnormal: the fused class ends them there, at 0.
#[test]
fn moments_below_the_smallest_normal_number_end_in_the_fused_class() {
    let (inputs, outputs) = (37, 5);
    let product = Product { rows: 1, cols: 1, inputs, outputs, kernel: 1, untied: false };
    let before = [1.1 * f32::MIN_POSITIVE, -1.1 * f32::MIN_POSITIVE, 0.25, f32::NAN];
    let decayed = before.map(|m| 0.9 * m);
    for set in &KernelSet::all() {
        for optimizer in [Optimizer::Adam(Adam::DEFAULT), Optimizer::Momentum(Momentum::DEFAULT)] {
            for samples in [1, 3, 20] {
                let (input, gradient) = (vec![1.0; inputs * samples], vec![0.0; outputs * samples]);
                let mut weight = vec![1.0; inputs * outputs];
                let mut first: Vec<f32> = before.into_iter().cycle().take(weight.len()).collect();
                let mut second = vec![0.0; weight.len()];
                let second = if optimizer.states() > 1 { &mut second[..] } else { &mut [] };
                let update = Update::new(Rule::at(optimizer, None, 1), &mut weight, &mut first, second, &mut []);
                let job = WeightGradient { product, samples, input: &input, gradient: &gradient };
                set.weight_gradient::<ALL>(&job, update, &mut []);
                for (m, decayed) in first.iter().zip(decayed.into_iter().cycle()) {
                    let ends = class_of(set) == Class::Fused && decayed.is_subnormal();
                    let expected = if ends { 0.0 } else { decayed };
                    let same = m.to_bits() == expected.to_bits() || m.is_nan() && expected.is_nan();
                    assert!(same, "{set}: {m:e} for {expected:e}");
                }
            }
        }
    }
}
