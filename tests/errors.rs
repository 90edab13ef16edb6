//! Every error of trainer and predictor with its message, the memory plan, and sizes that would overflow.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::task::Poll;

use asymgrad_core::capabilities::{self, ALL};
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{
    Adam, Architecture, CoefficientError, Feedback, Initial, Kernel, Layer, Loss, Momentum, Optimizer, Predictor,
    RmsProp, Score, Shape, StepError, TensorRole, Trainer, TrainerError, Training,
};
use rand_core::Rng;

const POGGIO: &str = "input 2x9x7 - conv5x5x4 - maxpool3x3/2 - untied3x3x3(R) - avgpool3x3/2 - dense6(R*) - dense3(R)";

/// Input lengths that are not one or two samples of two values, with the error of a prediction.
const WRONG_SIZES: [(usize, StepError, &str); 5] = [
    (0, StepError::Samples { most: 2, found: 0 }, "1 to 2 samples are taken at a time, found 0"),
    (1, StepError::Inputs { expected: 2, found: 1 }, "the samples need 2 values, found 1"),
    (3, StepError::Inputs { expected: 2, found: 3 }, "the samples need 2 values, found 3"),
    (6, StepError::Samples { most: 2, found: 3 }, "1 to 2 samples are taken at a time, found 3"),
    (7, StepError::Inputs { expected: 6, found: 7 }, "the samples need 6 values, found 7"),
];

fn uniform(len: usize) -> Vec<f32> {
    let mut generator = SplitMix::new(3);
    (0..len).map(|_| symmetric(generator.next_u32())).collect()
}

/// The error of a trainer for `training` whose memory has `change` more values than the plan.
fn refusal<const CAPS: u32>(training: Training, change: isize) -> TrainerError {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse(POGGIO, &mut layers).unwrap();
    let mut memory = vec![0.0; network.memory(&training).checked_add_signed(change).unwrap()];
    Trainer::<CAPS>::new(network, training, &mut memory).unwrap_err()
}

#[test]
fn an_invalid_trainer_is_refused() {
    let error = refusal::<ALL>(Training::new(0), 0);
    assert_eq!(error, TrainerError::EmptyBatch);
    assert_eq!(error.to_string(), "a batch needs at least 1 sample, found 0");

    for change in [-1, 1] {
        let error = refusal::<ALL>(Training::new(4), change);
        let TrainerError::Memory { expected, found } = error else { panic!("{error:?}") };
        assert_eq!(found, expected.checked_add_signed(change).unwrap());
        assert_eq!(error.to_string(), format!("the memory has to hold {expected} values, found {found}"));
    }

    let error = refusal::<{ ALL & !capabilities::UNTIED }>(Training::new(4), 0);
    let TrainerError::Capabilities { expected, found } = error else { panic!("{error:?}") };
    assert_eq!((expected & capabilities::UNTIED, found & capabilities::UNTIED), (capabilities::UNTIED, 0));
    let message = format!("the capabilities {expected:#x} have to be compiled in, found {found:#x}");
    assert_eq!(error.to_string(), message);
}

#[test]
fn a_coefficient_outside_its_range_is_an_error_that_names_the_range() {
    let momentum = |momentum| Momentum { momentum, ..Momentum::DEFAULT };
    let mut cases = vec![];
    for value in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        cases.extend(
            Optimizer::DEFAULTS
                .map(|optimizer| (Training::new(2).optimizer(optimizer.with_rate(value)), "rate", value)),
        );
        cases.push((Training::new(2).clip(value), "clip", value));
    }
    for value in [-0.1, 1.0, f32::NAN] {
        cases.push((Training::new(2).optimizer(Optimizer::Momentum(momentum(value))), "momentum", value));
        cases.push((Training::new(2).optimizer(Optimizer::Nesterov(momentum(value))), "momentum", value));
        let adam = Adam { beta1: value, ..Adam::DEFAULT };
        cases.push((Training::new(2).optimizer(Optimizer::Adam(adam)), "beta1", value));
        let adam = Adam { beta2: value, ..Adam::DEFAULT };
        cases.push((Training::new(2).optimizer(Optimizer::Adam(adam)), "beta2", value));
        let rmsprop = RmsProp { alpha: value, ..RmsProp::DEFAULT };
        cases.push((Training::new(2).optimizer(Optimizer::RmsProp(rmsprop)), "alpha", value));
    }
    for value in [0.0, -1e-8, f32::NAN, f32::INFINITY] {
        let adam = Adam { epsilon: value, ..Adam::DEFAULT };
        cases.push((Training::new(2).optimizer(Optimizer::Adam(adam)), "epsilon", value));
        let rmsprop = RmsProp { epsilon: value, ..RmsProp::DEFAULT };
        cases.push((Training::new(2).optimizer(Optimizer::RmsProp(rmsprop)), "epsilon", value));
        cases.push((Training::new(2).mirror_noise(value), "noise of the weight mirrors", value));
        for initial in [Initial::Uniform(value), Initial::UniformFanIn(value), Initial::UniformFanOut(value)] {
            cases.push((Training::new(2).initial(initial, Initial::Zero), "bound of the initial values", value));
            cases.push((Training::new(2).initial(Initial::Zero, initial), "bound of the initial values", value));
        }
    }
    for value in [-0.1, f32::NAN, f32::INFINITY] {
        cases.push((Training::new(2).decay(value), "weight decay", value));
        cases.push((Training::new(2).bias_rate(value), "factor of the biases' rate", value));
    }
    for value in [-0.1, 1.0, f32::NAN] {
        cases.push((Training::new(2).kp_decay(value), "decay of (KP)", value));
        cases.push((Training::new(2).mirror_rate(value), "rate of the weight mirrors", value));
    }
    for initial in [Initial::Scaled(0.0), Initial::Normal(-1.0), Initial::Fan(f32::INFINITY)] {
        let (Initial::Scaled(value) | Initial::Normal(value) | Initial::Fan(value)) = initial else { continue };
        cases.push((Training::new(2).initial(initial, Initial::Glorot), "initial standard deviation", value));
        cases.push((Training::new(2).initial(Initial::Glorot, initial), "initial standard deviation", value));
    }
    for (training, name, value) in cases {
        let error = refusal::<ALL>(training, 0);
        assert!(
            matches!(error, TrainerError::Coefficient(CoefficientError { expected, .. }) if expected.contains(name)),
            "{name} {value}: {error:?}"
        );
        let range = match name {
            "momentum" | "beta1" | "beta2" | "alpha" | "decay of (KP)" | "rate of the weight mirrors" => {
                "at least 0 and below 1"
            }
            "weight decay" | "factor of the biases' rate" => "at least 0 and finite",
            _ => "above 0 and finite",
        };
        assert_eq!(error.to_string(), format!("the {name} has to be {range}, found {value}"));
    }
}

/// Without a leak, the rate of weight mirrors is a step size, which may be above 1.
#[test]
fn the_rate_of_mirrors_without_a_leak_is_at_least_0_and_finite() {
    const NET: Architecture =
        Architecture::new(Shape::vector(2), &[Layer::dense(2), Layer::dense(2).feedback(Feedback::WeightMirror)]);
    let training = |rate| Training::new(2).no_mirror_leak().mirror_rate(rate);
    let made = |rate| {
        let mut memory = vec![0.0; NET.memory(&training(rate))];
        Trainer::<ALL>::new(NET, training(rate), &mut memory).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(made(1.28), Ok(()));
    for rate in [-0.1, f32::NAN, f32::INFINITY] {
        let expected = format!("the rate of the weight mirrors has to be at least 0 and finite, found {rate}");
        assert_eq!(made(rate), Err(expected));
    }
}

#[test]
fn an_invalid_step_is_refused_and_changes_nothing() {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse("input 2 - dense3(R) - dense3(R*)", &mut layers).unwrap();
    let training = Training::new(2);
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(1), 2);
    let before = trainer.state().to_vec();
    let cases: [(&[f32], &[usize], StepError, &str); 6] = [
        (&[], &[], StepError::Samples { most: 2, found: 0 }, "1 to 2 samples are taken at a time, found 0"),
        (&[0.0; 6], &[0; 3], StepError::Samples { most: 2, found: 3 }, "1 to 2 samples are taken at a time, found 3"),
        (&[0.0; 3], &[0; 2], StepError::Inputs { expected: 4, found: 3 }, "the samples need 4 values, found 3"),
        (&[0.0; 5], &[0; 2], StepError::Inputs { expected: 4, found: 5 }, "the samples need 4 values, found 5"),
        (
            &[0.0; 4],
            &[0, 3],
            StepError::Label { sample: 1, classes: 3, found: 3 },
            "the label of sample 1 has to be below 3, found 3",
        ),
        (
            &[0.0; 2],
            &[usize::MAX],
            StepError::Label { sample: 0, classes: 3, found: usize::MAX },
            "the label of sample 0 has to be below 3, found 18446744073709551615",
        ),
    ];
    for (inputs, labels, expected, message) in cases {
        let error = trainer.step(inputs, labels).unwrap_err();
        assert_eq!(error, expected);
        assert_eq!(error.to_string(), message);
        assert_eq!(trainer.state(), before);
    }
    for (len, expected, _) in WRONG_SIZES {
        assert_eq!(trainer.predict(&vec![0.0; len]).unwrap_err(), expected);
    }

    let (last, weight) = (trainer.parameters().len() - 1, before[0]);
    trainer.state_mut()[last] = f32::NAN;
    let error = trainer.step(&[0.5, 1.0], &[1]).unwrap_err();
    assert!(matches!(error, StepError::NonFinite(Score { loss, .. }) if !loss.is_finite()), "{error:?}");
    assert_eq!(error.to_string(), "the loss is NaN: the training has diverged");
    assert_eq!((trainer.state()[0].to_bits(), trainer.steps()), (weight.to_bits(), 0));
    trainer.state_mut()[last] = 0.0;
    assert_eq!(trainer.state(), before);
    trainer.step(&[0.0, 0.5, 1.0, 0.2], &[0, 2]).unwrap();
    assert_eq!(trainer.steps(), 1);
}

/// Sigmoid and tanh give a finite loss for an infinite input, but the gradient is infinite.
#[test]
fn a_non_finite_input_is_refused_and_changes_nothing() {
    for text in
        ["input 2x3x2 - conv3x3x2.sigmoid - dense3", "input 2x3x2 - dense4.tanh(R) - dense3", "input 12 - dense3"]
    {
        let mut layers = [Layer::dense(1); 8];
        let network = Architecture::parse(text, &mut layers).unwrap();
        let training = Training::new(3);
        let mut memory = vec![0.0; network.memory(&training)];
        let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
        trainer.initialize(&mut SplitMix::new(1), 2);
        let before = trainer.state().to_vec();
        for (bad, word) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
            for index in 0..24 {
                let (mut x, what) = (uniform(24), format!("{text}, {word} at {index}"));
                x[index] = bad;
                let error = trainer.step(&x, &[1, 2]).unwrap_err();
                let StepError::NonFiniteInput { sample, feature, found } = error else { panic!("{what}: {error:?}") };
                assert_eq!((sample, feature, found.to_bits()), (index / 12, index % 12, bad.to_bits()), "{what}");
                let message = format!("feature {feature} of sample {sample} has to be finite, found {word}");
                assert_eq!(error.to_string(), message);
                assert_eq!((trainer.state(), trainer.steps()), (before.as_slice(), 0), "{what}");
                assert!(matches!(trainer.evaluate(&[1, 2]), Err(StepError::NonFiniteInput { .. })), "{what}");
            }
        }
        let mut x = uniform(24);
        (x[3], x[7], x[20]) = (f32::MAX, f32::MIN_POSITIVE / 2.0, -0.0);
        trainer.predict(&x).unwrap();
        assert!(trainer.evaluate(&[0, 1]).is_ok(), "{text}: finite values");
    }
}

#[test]
fn a_step_needs_samples_and_as_many_labels() {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse("input 2 - dense3", &mut layers).unwrap();
    let training = Training::new(4);
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
    assert!(trainer.running_step().is_none(), "no step was started");
    assert_eq!(trainer.start(&[0_usize; 0]).err(), Some(StepError::Samples { most: 4, found: 0 }));
    assert!(matches!(trainer.evaluate(&[0_usize; 0]), Err(StepError::Samples { most: 4, found: 0 })));
    trainer.input(2).unwrap().fill(0.5);
    let error = trainer.start(&[0, 1, 2]).unwrap_err();
    assert_eq!(error, StepError::Labels { expected: 2, found: 3 });
    assert_eq!(error.to_string(), "2 samples need as many labels, found 3");
    assert_eq!(trainer.steps(), 0);
    let mut step = trainer.start(&[0, 1]).unwrap();
    assert!(step.poll().unwrap().is_pending());
    let score = trainer.running_step().unwrap().finish().unwrap();
    assert!(trainer.running_step().is_none() && trainer.steps() == 1 && score.samples == 2);
}

#[test]
fn polling_computes_the_same_step() {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse(POGGIO, &mut layers).unwrap();
    let training = Training::new(3);
    let mut memories = [vec![0.0; network.memory(&training)], vec![0.0; network.memory(&training)]];
    let [whole, polled] = &mut memories;
    let mut whole = Trainer::<ALL>::new(network, training, whole).unwrap();
    let mut polled = Trainer::<ALL>::new(network, training, polled).unwrap();
    whole.initialize(&mut SplitMix::new(1), 2);
    polled.initialize(&mut SplitMix::new(1), 2);
    let (x, labels) = (uniform(3 * 2 * 9 * 7), [0, 2, 1]);
    let expected = whole.step(&x, &labels).unwrap();

    let input = polled.input(3).unwrap();
    for (index, x) in x.iter().enumerate() {
        let (sample, feature) = (index / 126, index % 126);
        input[network.input().channels_last_index(feature) * 3 + sample] = *x;
    }
    assert!(polled.start(&labels).unwrap().poll().unwrap().is_pending());
    for error in [polled.start(&labels).unwrap_err(), polled.predict(&x).unwrap_err()] {
        assert_eq!(error, StepError::StepRunning);
        assert_eq!(error.to_string(), "a step is running: poll until it is ready");
    }
    let mut slices = 2;
    let mut step = polled.running_step().unwrap();
    let score = loop {
        match step.poll().unwrap() {
            Poll::Ready(score) => break score,
            Poll::Pending => slices += 1,
        }
    };
    assert_eq!(step.poll().unwrap(), Poll::Ready(expected), "a complete step stays complete");
    assert_eq!(score, expected);
    assert_eq!(polled.state(), whole.state());
    assert!(slices >= 2 * network.layers().len(), "{slices} slices");
}

#[test]
fn random_feedback_on_the_first_layer_is_accepted_and_stores_nothing() {
    for rule in ["(R)", "(R*)"] {
        let bits = [rule, ""].map(|rule| {
            let text = format!("input 2x5x5 - maxpool3x3/2 - conv3x3x3{rule} - dense3");
            let mut layers = [Layer::dense(1); 8];
            let network = Architecture::parse(&text, &mut layers).unwrap();
            assert_eq!(network.to_string(), text);
            let training = Training::new(2);
            assert!(network.plan(&training).all(|region| region.content != "feedback"));
            assert!(network.tensors(&training).all(|tensor| tensor.role() != TensorRole::Feedback));
            let mut memory = vec![0.0; network.memory(&training)];
            let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
            trainer.initialize(&mut SplitMix::new(1), 2);
            trainer.step(&uniform(100), &[0, 2]).unwrap();
            trainer.state().iter().map(|x| x.to_bits()).collect::<Vec<_>>()
        });
        assert_eq!(bits[0], bits[1], "{rule}");
    }
}

/// B of `(DFA)` and `(DRTP)` is inputs × classes, for convolutions too.
#[test]
fn feedback_has_the_shape_of_its_rule() {
    let mut layers = [Layer::dense(1); 8];
    let text = "input 2x4x3 - conv3x3x3 - conv3x3x2(DFA) - dense9(DRTP) - dense5(DFA) - dense6(R*) - dense4(DFA)";
    let network = Architecture::parse(text, &mut layers).unwrap();
    let training = Training::new(2);
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(1), 2);
    let shapes: Vec<_> = (0..7).map(|layer| trainer.feedback(layer).map(|feedback| feedback.shape())).collect();
    assert_eq!(shapes, [None, Some((36, 4)), Some((24, 4)), Some((9, 4)), Some((5, 6)), Some((6, 4)), None]);
    for tensor in network.tensors(&training).filter(|tensor| tensor.role() == TensorRole::Feedback) {
        let feedback = trainer.feedback(tensor.layer()).unwrap();
        let values: Vec<f32> = feedback.iter().copied().collect();
        assert_eq!(values, trainer.state()[tensor.range()], "{tensor}");
    }
}

#[test]
fn the_plan_adds_up_to_the_memory() {
    for text in [
        POGGIO,
        "input 5 - dense2",
        "input 2x5x5 - maxpool3x3/2 - conv3x3x3(R) - dense3(R*)",
        "input 8x1x1 - conv3x3x4 - dense3",
    ] {
        for optimizer in Optimizer::DEFAULTS {
            let mut layers = [Layer::dense(1); 8];
            let network = Architecture::parse(text, &mut layers).unwrap();
            let training = Training::new(5).optimizer(optimizer);
            let planned: usize = network.plan(&training).map(|region| region.len).sum();
            assert_eq!(planned, network.memory(&training), "{text}");
            let of = |content| {
                network.plan(&training).filter(|region| region.content == content).map(|r| r.len).sum::<usize>()
            };
            assert_eq!(of("weights") + of("biases"), network.parameters(), "{text}");
            assert_eq!(of("optimizer state"), optimizer.states() * network.parameters(), "{text}");
            let mut indices: Vec<usize> = network
                .tensors(&training)
                .flat_map(|tensor| (0..tensor.len()).map(move |i| tensor.index_of(i)))
                .collect();
            indices.sort_unstable();
            let stored = network.parameters() + of("feedback");
            assert_eq!(indices, (0..stored).collect::<Vec<_>>(), "{text}: the tensors name every value once");
        }
    }
}

#[test]
fn a_memory_plan_that_overflows_saturates() {
    let mut layers = [Layer::dense(1); 8];
    let text = format!("input {0} - dense{0} - dense2", usize::MAX / 2);
    let network = Architecture::parse(&text, &mut layers).unwrap();
    assert_eq!(network.memory(&Training::new(128)), usize::MAX);
    let error = Trainer::<ALL>::new(network, Training::new(128), &mut [0.0; 8]).unwrap_err();
    assert_eq!(error, TrainerError::Memory { expected: usize::MAX, found: 8 });
}

/// Sizes and counts saturate, also in builds that check for overflow.
#[test]
fn no_size_or_count_overflows() {
    const MOST: usize = usize::MAX;
    const SIDE: usize = Kernel::LONGEST_SIDE;
    let layers = [Layer::conv(2, SIDE), Layer::untied(MOST, SIDE).feedback(Feedback::Direct), Layer::dense(MOST)];
    let network = Architecture::try_new(Shape::image(2, 4, 3), &layers).unwrap();
    let training = Training::new(MOST);
    assert_eq!((network.memory(&training), network.longest_slice(&training)), (MOST, MOST));
    let shapes: Vec<_> = network.tensors(&training).map(|tensor| tensor.shape()).collect();
    assert_eq!(shapes[0], ([2, 2, SIDE, SIDE, 0, 0], 4));
    for tensor in network.tensors(&training) {
        for outside in [0, 1, 23, MOST / 2, MOST] {
            assert!(tensor.index_of(outside) >= tensor.range().start, "{tensor}");
        }
    }
    for text in [POGGIO, "input 2x3x3 - conv3x3x2(DFA) - untied3x3x2 - dense3(DRTP)"] {
        let mut layers = [Layer::dense(1); 8];
        let network = Architecture::parse(text, &mut layers).unwrap();
        for tensor in network.tensors(&Training::new(1)) {
            assert!(tensor.index_of(MOST) > tensor.range().end, "{text}: {tensor}");
        }
    }
    for shape in [Shape::image(2, 2, 2), Shape::image(MOST, 2, 2), Shape::vector(8), Shape::vector(MOST)] {
        let mut columns = [0.5; 16];
        shape.load(&[1.0; 16], MOST, &mut columns);
        assert!(columns.iter().all(|value| value.to_bits() == 0.5_f32.to_bits()), "{shape:?}");
    }
    assert_eq!(Shape::image(MOST, 2, 2).channels_last_index(MOST), MOST);
    // The third sample does not fit a batch of two.
    let mut columns = [0.0; 6];
    Shape::vector(2).load(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 2, &mut columns);
    assert_eq!(columns.map(f32::to_bits), [1.0, 3.0, 2.0, 4.0, 0.0, 0.0_f32].map(f32::to_bits));

    // A window larger than the image is the window of the whole image.
    for pools in
        [[Layer::max_pool(MOST, MOST), Layer::max_pool(3, 3)], [Layer::avg_pool(MOST, MOST), Layer::avg_pool(3, 3)]]
    {
        let [largest, whole] = pools.map(|pool| {
            let layers = [Layer::conv(4, 3), pool, Layer::dense(2)];
            let network = Architecture::try_new(Shape::image(2, 3, 3), &layers).unwrap();
            let mut memory = vec![0.0; network.memory(&Training::new(1))];
            let mut trainer = Trainer::<ALL>::new(network, Training::new(1), &mut memory).unwrap();
            trainer.initialize(&mut SplitMix::new(1), 2);
            trainer.step(&uniform(18), &[1]).unwrap();
            trainer.state().to_vec()
        });
        assert_eq!(largest, whole);
    }

    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse("input 2 - dense3 - dense3(brSF) - dense2(WM)", &mut layers).unwrap();
    for optimizer in Optimizer::DEFAULTS {
        let training = Training::new(1).optimizer(optimizer);
        let mut memory = vec![0.0; network.memory(&training)];
        let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
        trainer.initialize(&mut SplitMix::new(1), 2);
        trainer.resume(u64::MAX);
        trainer.step(&[0.5, 0.2], &[1]).unwrap();
        assert_eq!(trainer.steps(), u64::MAX);
        assert!(trainer.state().iter().all(|value| value.is_finite()));
    }
}

#[test]
fn the_predictor_gives_the_trainer_s_logits() {
    for text in [POGGIO, "input 2x9x7 - dense3"] {
        let mut layers = [Layer::dense(1); 8];
        let network = Architecture::parse(text, &mut layers).unwrap();
        let training = Training::new(4).loss(Loss::Hinge);
        let mut memory = vec![0.0; network.memory(&training)];
        let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
        trainer.initialize(&mut SplitMix::new(1), 2);
        let x = uniform(4 * 2 * 9 * 7);
        trainer.step(&x, &[0, 2, 1, 1]).unwrap();
        let parameters = trainer.parameters().to_vec();
        let mut memory = vec![f32::NAN; network.prediction_memory(4)];
        for samples in [4, 1, 3] {
            let mut predictor = Predictor::<ALL>::new(network, 4, &parameters, &mut memory).unwrap();
            let x = &x[..samples * 2 * 9 * 7];
            let logits = trainer.predict(x).unwrap();
            assert_eq!(logits.len(), samples * 3);
            assert_eq!(predictor.predict(x).unwrap(), logits, "{text}, {samples} samples");
        }
    }
}

#[test]
fn an_invalid_predictor_is_refused() {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse("input 2 - dense3 - dense2", &mut layers).unwrap();
    let (parameters, mut memory) = (vec![0.5; network.parameters()], vec![0.0; network.prediction_memory(2)]);
    let (count, length) = (parameters.len(), memory.len());
    let refusal = |result: Result<Predictor<'_>, TrainerError>| result.err();
    assert_eq!(refusal(Predictor::new(network, 0, &parameters, &mut memory)), Some(TrainerError::EmptyBatch));
    for given in [&parameters[1..], &[0.5; 18]] {
        let error = refusal(Predictor::new(network, 2, given, &mut memory)).unwrap();
        assert_eq!(error, TrainerError::Parameters { expected: count, found: given.len() });
        let message = format!("the network has 17 parameters, weights and biases, found {}", given.len());
        assert_eq!(error.to_string(), message);
    }
    assert_eq!(
        refusal(Predictor::new(network, 2, &parameters, &mut memory[1..])),
        Some(TrainerError::Memory { expected: length, found: length - 1 })
    );
    assert_eq!(
        Predictor::<{ capabilities::CONVOLUTION }>::new(network, 2, &parameters, &mut memory).err(),
        Some(TrainerError::Capabilities {
            expected: capabilities::DENSE | capabilities::BATCH,
            found: capabilities::CONVOLUTION
        })
    );
    let mut predictor = Predictor::<ALL>::new(network, 2, &parameters, &mut memory).unwrap();
    for (len, expected, message) in WRONG_SIZES {
        let error = predictor.predict(&vec![0.0; len]).unwrap_err();
        assert_eq!((error, error.to_string().as_str()), (expected, message));
    }
}

/// Where a falling rate ends: a step with rate 0 computes its loss and leaves the weights as they are.
#[test]
fn a_rate_may_become_0_and_weights_then_stay() {
    for optimizer in Optimizer::DEFAULTS {
        let mut layers = [Layer::dense(1); 8];
        let network = Architecture::parse(POGGIO, &mut layers).unwrap();
        let training = Training::new(2).optimizer(optimizer);
        let mut memory = vec![0.0; network.memory(&training)];
        let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
        trainer.initialize(&mut SplitMix::new(1), 2);
        let bits = |numbers: &[f32]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        let (x, before) = (uniform(2 * 2 * 9 * 7), bits(trainer.parameters()));
        trainer.step(&x, &[0, 1]).unwrap();
        let after = bits(trainer.parameters());
        assert_ne!(before, after, "{}", optimizer.name());
        trainer.set_rate(0.0).unwrap();
        assert!(trainer.step(&x, &[0, 1]).unwrap().loss.is_finite());
        assert_eq!(bits(trainer.parameters()), after, "{}", optimizer.name());
        for rate in [-1e-9, f32::NAN, f32::INFINITY] {
            let error = trainer.set_rate(rate).unwrap_err();
            assert_eq!(error.to_string(), format!("the rate has to be at least 0 and finite, found {rate}"));
        }
    }
}
