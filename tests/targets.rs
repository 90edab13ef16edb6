//! Targets that are classes or values: what a loss takes, what a score counts, and the errors.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{
    Architecture, Layer, Loss, Optimizer, Score, Sgd, Shape, StepError, Targets, Trainer, TrainerError, Training,
};
use rand_core::Rng;

/// The score of a network of one layer whose outputs are its inputs, before any training.
fn score(loss: Loss, outputs: &[f32], count: usize, targets: Targets<'_>) -> Result<Score, StepError> {
    let layers = [Layer::dense(count)];
    let network = Architecture::new(Shape::vector(count), &layers);
    let training = Training::new(outputs.len() / count).loss(loss);
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer: Trainer = Trainer::new(network, training, &mut memory).unwrap();
    for index in 0..count {
        trainer.state_mut()[index * count + index] = 1.0;
    }
    trainer.step(outputs, targets)
}

#[test]
fn classes_are_counted_by_the_largest_output_for_every_loss() {
    let outputs = [1.0, 3.0, 2.0, -1.0, -3.0, -2.0];
    for loss in Loss::ALL {
        for (classes, correct) in [([1, 0], 2), ([1, 1], 1), ([2, 2], 0)] {
            let score = score(loss, &outputs, 3, (&classes).into()).unwrap();
            assert_eq!((score.correct, score.samples), (Some(correct), 2), "{}, {classes:?}", loss.name());
        }
    }
}

#[test]
fn one_output_tells_two_classes_apart_by_its_sign() {
    let outputs = [2.0, -2.0, 0.5];
    let score = |targets| score(Loss::BinaryCrossEntropy, &outputs, 1, targets);
    assert_eq!(score((&[1, 0, 0]).into()).unwrap().correct, Some(2));
    assert_eq!(score((&[1, 0, 1]).into()).unwrap().correct, Some(3));
    assert_eq!(score((&[1.0, 0.0, 1.0]).into()).unwrap().correct, Some(3));
    // −ln p of the right class with p = sigmoid(z).
    let by_hand = [2.0_f64, 2.0, 0.5].map(|z| (1.0 + (-z).exp()).ln()).iter().sum::<f64>() / 3.0;
    assert!((f64::from(score((&[1, 0, 1]).into()).unwrap().loss) - by_hand).abs() < 1e-6);
    assert_eq!(score((&[1, 0, 2]).into()), Err(StepError::Label { sample: 2, classes: 2, found: 2 }));
}

#[test]
fn a_sample_of_several_labels_is_correct_if_every_output_is() {
    let outputs = [2.0, -1.0, 3.0, -2.0, 1.0, -3.0];
    let score = |values: &[f32; 6]| score(Loss::BinaryCrossEntropy, &outputs, 3, values.into()).unwrap().correct;
    assert_eq!(score(&[1.0, 0.0, 1.0, 0.0, 1.0, 0.0]), Some(2));
    assert_eq!(score(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), Some(1));
    assert_eq!(score(&[0.0, 0.0, 1.0, 0.0, 1.0, 1.0]), Some(0));
}

#[test]
fn a_regression_counts_nothing_as_correct() {
    for loss in [Loss::MeanSquared, Loss::Huber] {
        let score = score(loss, &[1.0, 2.0, 3.0, 4.0], 2, (&[1.0, 2.0, 3.5, 3.5]).into()).unwrap();
        let by_hand = if loss == Loss::Huber { 0.0625 } else { 0.125 };
        assert_eq!((score.loss, score.correct, score.samples), (by_hand, None, 2), "{}", loss.name());
    }
}

#[test]
fn targets_that_a_loss_does_not_take_are_errors() {
    let outputs = [1.0, 2.0, 3.0, 4.0];
    for loss in Loss::ALL {
        let result = score(loss, &outputs, 2, (&[0.5_f32; 4]).into());
        assert_eq!(result.is_ok(), loss.takes_values(), "{}", loss.name());
        if !loss.takes_values() {
            assert_eq!(result, Err(StepError::ValuesNotTaken { loss }));
        }
    }
    let mse = |values: &[f32]| score(Loss::MeanSquared, &outputs, 2, values.into());
    // The samples are those of the targets, so that the inputs are too many.
    assert_eq!(mse(&[0.0; 3]), Err(StepError::Inputs { expected: 2, found: 4 }));
    let infinite = StepError::Value { sample: 1, output: 0, found: f32::INFINITY };
    assert_eq!(mse(&[0.0, 1.0, f32::INFINITY, f32::NAN]), Err(infinite));
    assert!(infinite.to_string().starts_with("target 0 of sample 1 has to be finite"), "{infinite}");
    let bce = |values: &[f32]| score(Loss::BinaryCrossEntropy, &outputs, 2, values.into());
    assert_eq!(bce(&[0.0, 1.0, 0.5, 1.5]), Err(StepError::Value { sample: 1, output: 1, found: 1.5 }));
    assert!(mse(&[0.0, 1.0, 0.5, 1.5]).is_ok());
}

#[test]
fn as_many_values_as_the_loaded_samples_have_outputs_are_needed() {
    const NET: Architecture = Architecture::new(Shape::vector(1), &[Layer::dense(3)]);
    const TRAINING: Training = Training::new(4).loss(Loss::Huber);
    let mut memory = [0.0; NET.memory(&TRAINING)];
    let mut trainer = Trainer::<{ NET.capabilities(&TRAINING) }>::new(NET, TRAINING, &mut memory).unwrap();
    trainer.input(2).unwrap().fill(1.0);
    assert_eq!(trainer.start(&[0.0; 5]).err(), Some(StepError::Values { expected: 6, found: 5 }));
    assert_eq!(trainer.start(&[1, 1, 1]).err(), Some(StepError::Labels { expected: 2, found: 3 }));
    assert_eq!(trainer.start(&[1, 3]).err(), Some(StepError::Label { sample: 1, classes: 3, found: 3 }));
    trainer.start(&[0.0; 6]).unwrap().finish().unwrap();
}

#[test]
fn a_loss_that_compares_outputs_needs_two() {
    let layers = [Layer::dense(1)];
    let network = Architecture::new(Shape::vector(2), &layers);
    for loss in Loss::ALL {
        let training = Training::new(1).loss(loss);
        let mut memory = vec![0.0; network.memory(&training)];
        let trainer = Trainer::<{ asymgrad_core::capabilities::ALL }>::new(network, training, &mut memory);
        match trainer {
            Ok(_) => assert!(loss.takes_values(), "{}", loss.name()),
            Err(error) => assert_eq!((error, loss.takes_values()), (TrainerError::OneOutput { loss }, false)),
        }
    }
}

#[test]
fn targets_take_memory_only_where_the_loss_takes_values() {
    let layers = [Layer::dense(5), Layer::dense(3)];
    let network = Architecture::new(Shape::vector(4), &layers);
    let memory = |loss| network.memory(&Training::new(8).loss(loss));
    for loss in Loss::ALL {
        let more = if loss.takes_values() { 8 * (3 - 1) } else { 0 };
        assert_eq!(memory(loss), memory(Loss::CrossEntropy) + more, "{}", loss.name());
    }
}

/// A layer trained by mean squared error ends at the least squares solution, which the normal equations give.
#[test]
fn mean_squared_error_ends_at_least_squares() {
    const SAMPLES: usize = 12;
    const NET: Architecture = Architecture::new(Shape::vector(1), &[Layer::dense(2)]);
    const TRAINING: Training =
        Training::new(SAMPLES).loss(Loss::MeanSquared).optimizer(Optimizer::Sgd(Sgd { rate: 0.3 }));
    let mut generator = SplitMix::new(3);
    let mut uniform = || symmetric(generator.next_u32());
    let x: [f32; SAMPLES] = core::array::from_fn(|_| uniform());
    let targets: [f32; 2 * SAMPLES] = core::array::from_fn(|_| uniform());
    let mut memory = [0.0; NET.memory(&TRAINING)];
    let mut trainer = Trainer::<{ NET.capabilities(&TRAINING) }>::new(NET, TRAINING, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(1), 1);
    for _ in 0..2000 {
        trainer.step(&x, &targets).unwrap();
    }
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / SAMPLES as f64;
    let x = x.map(f64::from);
    let (mean_x, mean_xx) = (mean(&mut x.iter().copied()), mean(&mut x.iter().map(|x| x * x)));
    for output in 0..2 {
        let y = || targets.iter().skip(output).step_by(2).map(|y| f64::from(*y));
        let (mean_y, mean_xy) = (mean(&mut y()), mean(&mut x.iter().zip(y()).map(|(x, y)| x * y)));
        let slope = (mean_xy - mean_x * mean_y) / (mean_xx - mean_x * mean_x);
        let found = [trainer.parameters()[output], trainer.parameters()[2 + output]].map(f64::from);
        for (found, expected) in found.into_iter().zip([slope, mean_y - slope * mean_x]) {
            assert!((found - expected).abs() < 1e-5, "output {output}: {found}, expected {expected}");
        }
    }
}
