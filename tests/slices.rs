//! Slices of a chosen size: the same bits as whole layers for every size, every kind of layer, rule and optimizer.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use asymgrad_core::capabilities::ALL;
use asymgrad_core::feedback::Storage;
use asymgrad_core::random::{FeedbackSource, SplitMix, symmetric};
use asymgrad_core::{
    Activation, Adam, Architecture, Initial, Layer, Loss, Momentum, Optimizer, RmsProp, Sgd, Trainer, Training,
};
use rand_core::Rng;

/// Networks of every kind of layer and rule: one row, one column, odd sides, strides, kernels as large as the image, clipped and
/// overlapping windows.
const NETWORKS: &[&str] = &[
    "input 13 - dense7 - dense6(R) - dense5(R*) - dense3(KP)",
    "input 9 - dense11 - dense5(uSF) - dense6(frSF) - dense4(brSF)",
    "input 9 - dense5 - dense6(DFA) - dense4(DRTP) - dense3(WM)",
    "input 10 - dense7.tanh - dense6.sigmoid - dense3",
    "input 2x7x9 - conv3x3x5 - maxpool3x3/2 - conv3x3x6(R) - avgpool3x3/2 - dense4(R)",
    "input 1x6x8 - conv3x3x3.tanh - maxpool3x3/1 - conv2x4x4.sigmoid - avgpool2x2/1 - dense3",
    "input 3x8x7 - untied3x3x2 - maxpool2x2/2 - untied3x2x5/2(R) - dense3",
    "input 2x9x9 - conv5x3x4/2 - conv3x3x7/3.valid(R*) - dense3",
    "input 2x1x23 - conv1x5x5/2 - conv1x4x6/2.valid(R) - globalavgpool - dense3",
    "input 2x19x1 - conv5x1x4 - maxpool3x3/2 - untied3x1x3 - dense3",
    "input 2x1x12 - conv3x3x4 - avgpool3x3/2 - conv1x1x5/3(DFA) - dense3",
    "input 2x7x6 - conv3x3x3 - conv1x1x5/3 - untied2x1x4/3(R) - dense3",
    "input 3x4x4 - conv4x4x6.valid - conv1x1x5(R) - dense3",
    "input 2x5x5 - conv3x3x4 - untied3x3x3(WM) - conv3x3x5(KP) - dense3",
];

/// Slices of one row each, of a few rows, and of whole layers.
const SLICES: &[usize] = &[0, 1, 40, 100, 333, 1500, 10_000, usize::MAX - 1];

fn trainings(batch: usize) -> [Training; 5] {
    let training = Training::new(batch);
    [
        training.optimizer(Optimizer::Sgd(Sgd { rate: 0.1 })),
        training.optimizer(Optimizer::Sgd(Sgd { rate: 0.1 })).clip(0.02).decay(1e-3).fixed_feedback(Storage::Table),
        training
            .optimizer(Optimizer::Momentum(Momentum { rate: 0.05, momentum: 0.9 }))
            .fixed_feedback(Storage::Seed)
            .initial(Initial::Glorot, Initial::Normal(0.3)),
        training.optimizer(Optimizer::Adam(Adam { rate: 0.01, ..Adam::DEFAULT })).fixed_feedback(Storage::Seed),
        training
            .optimizer(Optimizer::RmsProp(RmsProp { rate: 0.01, ..RmsProp::DEFAULT }))
            .bias_rate(0.5)
            .mirror_response(Activation::Sigmoid)
            .no_mirror_leak(),
    ]
}

fn with_trainer<T>(text: &str, training: Training, then: impl FnOnce(&mut Trainer<'_, ALL>) -> T) -> T {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse(text, &mut layers).unwrap();
    let source = FeedbackSource::new(3, 4, 0.3);
    let table: Vec<f32> = (0..).map(|index| source.at(index)).take(network.table(&training)).collect();
    let mut memory = vec![f32::NAN; network.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
    trainer.set_table(&table).unwrap();
    trainer.initialize(&mut SplitMix::new(5), 6);
    then(&mut trainer)
}

/// Polls a step `most` times at most. The number of polls, and the loss if it is complete.
fn poll(trainer: &mut Trainer<'_, ALL>, samples: usize, seed: u64, most: usize) -> (usize, Option<f32>) {
    let mut generator = SplitMix::new(seed);
    trainer.input(samples).unwrap().iter_mut().for_each(|x| *x = symmetric(generator.next_u32()));
    let labels: Vec<usize> = (0..samples).map(|sample| sample % trainer.network().classes()).collect();
    let mut step = trainer.start(labels.as_slice()).unwrap();
    for polls in 1..=most {
        if let std::task::Poll::Ready(score) = step.poll().unwrap() {
            return (polls, Some(score.loss));
        }
    }
    (most, None)
}

/// The bits of the losses of some steps and of the state after them, and the number of slices of a step.
fn train(text: &str, training: Training) -> (Vec<u32>, usize) {
    with_trainer(text, training, |trainer| {
        let (batch, mut bits, mut slices) = (training.batch(), vec![], 0);
        for (seed, samples) in [(1, batch), (2, batch.div_ceil(2)), (3, batch)] {
            let (polls, loss) = poll(trainer, samples, seed, usize::MAX);
            bits.push(loss.unwrap().to_bits());
            slices = polls;
        }
        bits.extend(trainer.state().iter().map(|x| x.to_bits()));
        (bits, slices)
    })
}

#[test]
fn slices_of_every_size_have_the_bits_of_whole_layers() {
    for text in NETWORKS {
        for training in [1, 2, 9].into_iter().flat_map(trainings) {
            let (expected, layers) = train(text, training);
            let mut before = usize::MAX;
            for slice in SLICES {
                let (found, slices) = train(text, training.slice(*slice));
                let different = expected.iter().zip(&found).position(|(a, b)| a != b);
                assert_eq!(different, None, "{text}, {training:?} in slices of {slice}: another value at this index");
                assert!(slices >= layers && slices <= before, "{text}: {slices} slices of {slice}, {layers} layers");
                before = slices;
            }
            // At most one slice more for the biases of each layer.
            assert!(before <= layers + text.matches(" - ").count(), "{text}: {before} slices of {layers} layers");
        }
    }
}

#[test]
fn a_slice_of_a_dense_layer_has_as_many_rows_as_fit() {
    // Forward 7 rows of 12 operations and 4 of 7; the loss; back the input gradient of 7 rows of 4 operations, of the first layer none, 4 rows
    // of weights of 7 operations and 7 of 12, and the biases.
    let slices = |operations| train("input 12 - dense7 - dense4", Training::new(1).slice(operations)).1;
    assert_eq!(slices(1), (7 + 4) + 1 + (7 + 4 + 1) + (1 + 7 + 1));
    assert_eq!(slices(24), (4 + 2) + 1 + (2 + 2 + 1) + (1 + 4 + 1));
    assert_eq!(slices(84), (1 + 1) + 1 + (1 + 1 + 1) + (1 + 1 + 1));
}

#[test]
fn evaluations_and_probes_are_not_cut() {
    let text = NETWORKS[4];
    let results = [Training::new(2), Training::new(2).slice(1)].map(|training| {
        with_trainer(text, training.loss(Loss::Hinge), |trainer| {
            poll(trainer, 2, 1, usize::MAX);
            trainer.input(2).unwrap().fill(0.25);
            let mut bits = vec![trainer.evaluate(&[0, 1]).unwrap().loss.to_bits()];
            trainer
                .probe(&[0, 1], false, &mut |signal| {
                    bits.extend(signal.gradient.grad_output.iter().map(|g| g.to_bits()));
                })
                .unwrap();
            let sample = vec![0.5; trainer.network().input().features()];
            bits.extend(trainer.predict(&sample).unwrap().iter().map(|logit| logit.to_bits()));
            bits
        })
    });
    assert_eq!(results[0], results[1]);
}

/// A step that is abandoned within a layer leaves no position behind.
#[test]
fn a_restart_within_a_layer_begins_a_whole_step() {
    let (text, training) = (NETWORKS[0], Training::new(2).slice(20));
    let (slices, _) = with_trainer(text, training, |trainer| poll(trainer, 2, 1, usize::MAX));
    for polls in 1..slices {
        with_trainer(text, training, |trainer| {
            let state = trainer.state().to_vec();
            assert_eq!(poll(trainer, 2, 1, polls).1, None);
            if polls % 2 == 0 {
                trainer.restart();
            } else {
                trainer.resume(0);
            }
            trainer.state_mut().copy_from_slice(&state);
            let expected = with_trainer(text, training, |trainer| poll(trainer, 2, 2, usize::MAX));
            assert_eq!(poll(trainer, 2, 2, usize::MAX), expected);
        });
    }
}
