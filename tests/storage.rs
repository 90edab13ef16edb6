//! Fixed feedback in memory, in a table and regenerated from its seed give the same training; frozen layers cost nothing and
//! do not change the training of the others.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::task::Poll;

use asymgrad_core::capabilities::{self, ALL};
use asymgrad_core::feedback::Storage;
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{
    Architecture, Feedback, Initial, Layer, Optimizer, Predictor, Score, Shape, StepError, TensorRole, Trainer,
    TrainerError, Training,
};
use rand_core::Rng;

/// Every rule with fixed feedback, in every kind of layer that may have it, and rules that change their feedback.
const MIXED: &str = "input 2x6x5 - conv3x3x4 - conv3x3x3(R) - untied3x3x2(R*) - untied3x3x3(R) - maxpool3x3/2 - \
                     dense7(R*) - dense6(DFA) - dense5(R) - dense4(DRTP) - dense4(frSF) - dense3(R)";
const SEED: u64 = 0x1234_5678_9ABC_DEF0;

fn uniform(len: usize) -> Vec<f32> {
    let mut generator = SplitMix::new(3);
    (0..len).map(|_| symmetric(generator.next_u32())).collect()
}

/// Calls `act` with an initialized trainer.
fn with_trainer<R>(text: &str, training: Training, act: impl FnOnce(&mut Trainer<'_, ALL>) -> R) -> R {
    let mut layers = [Layer::dense(1); 16];
    let network = Architecture::parse(text, &mut layers).unwrap();
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(1), SEED);
    act(&mut trainer)
}

/// The scores of some steps, the last of them on an incomplete batch.
fn steps(trainer: &mut Trainer<'_, ALL>, batch: usize) -> Vec<Score> {
    let (features, classes) = (trainer.network().input().features(), trainer.network().classes());
    [batch, batch, batch.div_ceil(2)]
        .map(|samples| {
            let labels: Vec<usize> = (0..samples).map(|sample| sample % classes).collect();
            trainer.step(&uniform(samples * features), labels.as_slice()).unwrap()
        })
        .to_vec()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The feedback in a training's memory, either that of the rules with fixed feedback or that of the others.
fn feedback(trainer: &Trainer<'_, ALL>, is_fixed: bool) -> Vec<f32> {
    let network = trainer.network();
    let tensors = network.tensors(trainer.training()).filter(|tensor| tensor.role() == TensorRole::Feedback);
    let tensors = tensors.filter(|tensor| network.layers()[tensor.layer()].feedback.is_fixed() == is_fixed);
    tensors.flat_map(|tensor| trainer.state()[tensor.range()].to_vec()).collect()
}

/// Everything that training changes: parameters, feedback that is not fixed, optimizer state.
fn changed(trainer: &Trainer<'_, ALL>, optimizer: Optimizer) -> Vec<u32> {
    let (parameters, state) = (trainer.parameters(), trainer.state());
    let moments = &state[state.len() - optimizer.states() * parameters.len()..];
    bits(&[parameters, &feedback(trainer, false), moments].concat())
}

#[test]
fn fixed_feedback_trains_the_same_from_memory_table_and_seed() {
    for optimizer in Optimizer::DEFAULTS {
        for initial in [
            Initial::Glorot,
            Initial::Scaled(0.7),
            Initial::Normal(0.2),
            Initial::Fan(1.5),
            Initial::Uniform(0.4),
            Initial::UniformFanIn(1.0),
            Initial::UniformFanOut(1.5),
            Initial::Zero,
        ] {
            for batch in [1, 3, 16] {
                let training = Training::new(batch).optimizer(optimizer).initial(Initial::Glorot, initial);
                let (table, scores, expected) = with_trainer(MIXED, training, |trainer| {
                    let table = feedback(trainer, true);
                    let scores = steps(trainer, batch);
                    (table, scores, changed(trainer, optimizer))
                });
                for storage in [Storage::Table, Storage::Seed] {
                    with_trainer(MIXED, training.fixed_feedback(storage), |trainer| {
                        if storage == Storage::Table {
                            trainer.set_table(table.clone().leak()).unwrap();
                        }
                        assert_eq!(steps(trainer, batch), scores, "{storage:?}");
                        assert_eq!(
                            changed(trainer, optimizer),
                            expected,
                            "{storage:?}, {optimizer:?}, {initial:?}, batch {batch}"
                        );
                    });
                }
            }
        }
    }
}

#[test]
fn fixed_feedback_in_a_table_or_from_a_seed_takes_no_memory() {
    let (fixed, changing) = with_trainer(MIXED, Training::new(4), |trainer| {
        (feedback(trainer, true).len(), feedback(trainer, false).len())
    });
    assert!(fixed > 0 && changing > 0);
    let mut layers = [Layer::dense(1); 16];
    let network = Architecture::parse(MIXED, &mut layers).unwrap();
    for (storage, fewer) in [(Storage::Table, fixed), (Storage::Seed, fixed - 2)] {
        let training = Training::new(4).fixed_feedback(storage);
        assert_eq!(network.memory(&training) + fewer, network.memory(&Training::new(4)));
        assert_eq!(network.fixed_feedback(&training), fixed);
        assert_eq!(network.plan(&training).map(|region| region.len).sum::<usize>(), network.memory(&training));
    }
}

#[test]
fn a_constant_table_holds_the_feedback_of_the_memory() {
    const NET: Architecture = Architecture::new(
        Shape::image(2, 4, 5),
        &[
            Layer::conv(3, 3),
            Layer::untied(2, 3).feedback(Feedback::Fixed),
            Layer::dense(6).feedback(Feedback::Updated),
            Layer::dense(5).feedback(Feedback::Direct),
            Layer::dense(3).feedback(Feedback::Fixed),
        ],
    );
    const TRAINING: Training = Training::new(2).initial(Initial::Glorot, Initial::Scaled(0.3));
    static TABLE: [f32; NET.fixed_feedback(&TRAINING)] = NET.feedback_table(&TRAINING, SEED).unwrap();
    let mut memory = vec![0.0; NET.memory(&TRAINING)];
    let mut trainer = Trainer::<ALL>::new(NET, TRAINING, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(1), SEED);
    assert_eq!(bits(&feedback(&trainer, true)), bits(&TABLE));
    assert_eq!(NET.feedback_table::<7>(&TRAINING, SEED), None, "a wrong length");
    let normal = TRAINING.initial(Initial::Glorot, Initial::Normal(1.0));
    assert_eq!(NET.feedback_table::<{ NET.fixed_feedback(&TRAINING) }>(&normal, SEED), None, "a normal distribution");

    let training = TRAINING.fixed_feedback(Storage::Table);
    let mut memory = vec![0.0; NET.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(NET, training, &mut memory).unwrap();
    let missing = trainer.step(&uniform(40), &[0]).unwrap_err();
    assert_eq!(missing, StepError::NoTable);
    assert_eq!(missing.to_string(), "the table is missing: pass it to set_table");
    let error = trainer.set_table(&TABLE[1..]).unwrap_err();
    assert_eq!(error, TrainerError::Table { expected: TABLE.len(), found: TABLE.len() - 1 });
    let message = format!("the training needs a table of {} values, found {}", TABLE.len(), TABLE.len() - 1);
    assert_eq!(error.to_string(), message);
}

const WHOLE: &str = "input 2x6x5 - conv3x3x4 - maxpool3x3/2 - dense8 - dense7(R) - dense6(R*) - dense3(R)";
/// The number of frozen layers of [`WHOLE`]; these layers and the others as networks of their own.
const FROZEN: u8 = 3;
const BODY: &str = "input 2x6x5 - conv3x3x4 - maxpool3x3/2 - dense8";
const HEAD: &str = "input 8 - dense7 - dense6(R*) - dense3(R)";

/// The outputs of the frozen layers: those of a predictor, then the ReLU, which a last layer does not have.
fn outputs(parameters: &[f32], x: &[f32], samples: usize) -> Vec<f32> {
    let mut layers = [Layer::dense(1); 4];
    let network = Architecture::parse(BODY, &mut layers).unwrap();
    let mut memory = vec![0.0; network.prediction_memory(samples)];
    let body = &parameters[..network.parameters()];
    let mut predictor = Predictor::<ALL>::new(network, samples, body, &mut memory).unwrap();
    let logits = predictor.predict(x).unwrap();
    let relu = |sample: usize, output: usize| logits[output * samples + sample].max(0.0);
    (0..samples).flat_map(|sample| (0..8).map(move |output| relu(sample, output))).collect()
}

#[test]
fn layers_that_are_not_frozen_train_as_a_network_of_their_own() {
    for optimizer in Optimizer::DEFAULTS {
        for batch in [1, 6] {
            let plain = Training::new(batch).optimizer(optimizer);
            with_trainer(WHOLE, plain.freeze(FROZEN), |trainer| {
                let before = trainer.state().to_vec();
                let last = trainer.parameters().len();
                with_trainer(HEAD, plain, |head| {
                    let first = last - head.parameters().len();
                    head.state_mut().copy_from_slice(&before[first..]);
                    for samples in [batch, batch, batch.div_ceil(2)] {
                        let (x, labels) = (uniform(samples * 60), vec![1; samples]);
                        let score = trainer.step(&x, labels.as_slice()).unwrap();
                        assert_eq!(
                            head.step(&outputs(&before[..first], &x, samples), labels.as_slice()).unwrap(),
                            score
                        );
                    }
                    let after = trainer.state();
                    assert_eq!(bits(&after[..first]), bits(&before[..first]), "frozen weights changed");
                    assert_eq!(bits(&after[first..]), bits(head.state()), "{optimizer:?}, batch {batch}");
                    assert_ne!(bits(head.state()), bits(&before[first..]), "nothing was trained");
                });
            });
        }
    }
}

/// With `freeze_in_table` the frozen layers take no memory, and everything else is as with `freeze`.
#[test]
fn frozen_layers_in_a_table_train_and_predict_as_in_memory() {
    for optimizer in Optimizer::DEFAULTS {
        for (frozen, storage) in [(1, Storage::Memory), (3, Storage::Table), (3, Storage::Seed), (6, Storage::Table)] {
            let training = Training::new(3).optimizer(optimizer).freeze(frozen);
            let in_table = training.freeze_in_table(frozen).fixed_feedback(storage);
            with_trainer(WHOLE, training, |trainer| {
                let network = trainer.network();
                let frozen_values = network.memory(&training) - network.memory(&training.freeze_in_table(frozen));
                assert!(frozen_values > 0);
                let mut table = trainer.parameters()[..frozen_values].to_vec();
                if storage == Storage::Table {
                    table.extend(feedback(trainer, true));
                }
                let mut memory = vec![0.0; network.memory(&in_table)];
                let mut device = Trainer::<ALL>::new(network, in_table, &mut memory).unwrap();
                device.initialize(&mut SplitMix::new(9), SEED);
                assert_eq!(device.predict(&uniform(60)), Err(StepError::NoTable));
                assert_eq!(network.table(&in_table), table.len());
                device.set_table(&table).unwrap();
                let rest = trainer.parameters().len() - frozen_values;
                assert_eq!(device.parameters().len(), rest);
                device.state_mut()[..rest].copy_from_slice(&trainer.parameters()[frozen_values..]);
                assert_eq!(steps(&mut device, 3), steps(trainer, 3));
                assert_eq!(bits(device.parameters()), bits(&trainer.parameters()[frozen_values..]));
                let expected = bits(trainer.predict(&uniform(120)).unwrap());
                assert_eq!(bits(device.predict(&uniform(120)).unwrap()), expected, "{optimizer:?}, {frozen}");
                let mut memory = vec![0.0; network.prediction_memory(2)];
                let parameters = [&table[..frozen_values], device.parameters()];
                let mut predictor = Predictor::<ALL>::split(network, 2, parameters, &mut memory).unwrap();
                assert_eq!(bits(predictor.predict(&uniform(120)).unwrap()), expected, "{optimizer:?}, {frozen}");
                assert_ne!(network.fingerprint(&in_table), network.fingerprint(&training.fixed_feedback(storage)));
                assert_eq!(network.tensors(&in_table).map(|tensor| tensor.range().end).max(), {
                    let feedback: usize = network.tensors(&in_table).map(|tensor| tensor.len()).sum();
                    (feedback > 0).then_some(feedback)
                });
            });
        }
    }
}

#[test]
fn a_predictor_refuses_parameters_that_are_split_within_a_layer() {
    let mut layers = [Layer::dense(1); 6];
    let network = Architecture::parse(WHOLE, &mut layers).unwrap();
    let parameters = uniform(network.parameters());
    let first = 2 * 9 * 4 + 4;
    for (at, is_whole) in
        [(0, true), (1, false), (first - 1, false), (first, true), (first + 1, false), (parameters.len(), true)]
    {
        let mut memory = vec![0.0; network.prediction_memory(1)];
        let (a, b) = parameters.split_at(at);
        let refusal = Predictor::<ALL>::split(network, 1, [a, b], &mut memory).err();
        assert_eq!(refusal, (!is_whole).then_some(TrainerError::Split { found: at }), "{at}");
    }
}

/// The number of slices of one step.
fn slices(training: Training) -> usize {
    with_trainer(WHOLE, training, |trainer| {
        trainer.input(1).unwrap().copy_from_slice(&uniform(60));
        let mut step = trainer.start(&[2]).unwrap();
        let mut slices = 1;
        while step.poll().unwrap() == Poll::Pending {
            slices += 1;
        }
        slices
    })
}

#[test]
fn frozen_layers_take_neither_time_nor_memory() {
    let training = Training::new(1);
    // Forward through six layers, the loss, and backward: an input gradient and an update for each trained layer.
    assert_eq!(slices(training), 6 + 1 + 2 * 6);
    assert_eq!(slices(training.freeze(3)), 6 + 1 + 2 * 3);
    assert_eq!(slices(training.freeze(5)), 6 + 1 + 2);

    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse(WHOLE, &mut layers).unwrap();
    let frozen = training.freeze(5);
    // One dense layer of 6 × 3 weights and 3 biases with two moments each; no feedback, and only the gradient of its output.
    let activations = 60 + 4 * 30 + 4 * 6 + 8 + 7 + 6 + 3;
    assert_eq!(network.memory(&frozen), network.parameters() + 2 * 21 + activations + 3 + 1);
    assert_eq!(network.plan(&frozen).map(|region| region.len).sum::<usize>(), network.memory(&frozen));
    let mut memory = vec![0.0; network.memory(&frozen)];
    let refusal = Trainer::<{ ALL & !capabilities::FROZEN }>::new(network, frozen, &mut memory).unwrap_err();
    assert!(matches!(refusal, TrainerError::Capabilities { .. }), "{refusal:?}");
}

#[test]
fn more_frozen_layers_than_the_network_has_are_refused() {
    let mut layers = [Layer::dense(1); 6];
    let network = Architecture::parse(WHOLE, &mut layers).unwrap();
    for training in [Training::new(2).freeze(7), Training::new(2).freeze_in_table(7)] {
        let mut memory = vec![0.0; network.memory(&training)];
        let refusal = Trainer::<ALL>::new(network, training, &mut memory).unwrap_err();
        assert_eq!(refusal, TrainerError::Frozen { most: 6, found: 7 });
        assert_eq!(refusal.to_string(), "the layers to freeze have to be at most the network's 6, found 7");
    }
}

#[test]
fn a_step_with_every_layer_frozen_is_an_evaluation() {
    with_trainer(WHOLE, Training::new(2).freeze(6), |trainer| {
        let before = trainer.state().to_vec();
        let score = trainer.step(&uniform(120), &[0, 1]).unwrap();
        assert_eq!(trainer.evaluate(&[0, 1]).unwrap(), score);
        assert_eq!(trainer.state(), before);
    });
}
