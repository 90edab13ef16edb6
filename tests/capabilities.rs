//! The capabilities of a network and its training: those that the documentation of each constant names, and no others.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use asymgrad_core::capabilities::{
    ADAM, AVERAGE_POOL, BATCH, BIAS_RATE, BINARY_CROSS_ENTROPY, CLIP, CONVOLUTION, CROSS_ENTROPY, DECAY, DENSE, DIRECT,
    FROZEN, HINGE, HUBER, INITIAL, KP_DECAY, MAX_POOL, MEAN_SQUARED, MIRROR, MIRROR_OPTIONS, MOMENTUM, RMSPROP, SEEDED,
    SGD, SIGMOID, SIGN, SLICES, STRIDE, TABLE, TANH, UNTIED, UPDATED,
};
use asymgrad_core::feedback::Storage;
use asymgrad_core::{Activation, Architecture, Initial, Layer, Loss, Optimizer, Sgd, Training};

/// Plain gradient descent on single samples.
const PLAIN: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd::DEFAULT));

#[track_caller]
fn assert_capabilities(text: &str, training: Training, expected: u32) {
    let mut layers = [Layer::dense(1); 8];
    let found = Architecture::parse(text, &mut layers).unwrap().capabilities(&training);
    assert_eq!(format!("{found:032b}"), format!("{expected:032b}"), "{text}, {training:?}");
}

#[test]
fn layers_activations_and_rules_need_their_own() {
    let plain = DENSE | CROSS_ENTROPY | SGD;
    for (text, more) in [
        ("input 8 - dense6 - dense4", 0),
        ("input 8 - dense6.sigmoid - dense4", SIGMOID),
        ("input 8 - dense6.tanh - dense4", TANH),
        ("input 2x6x6 - conv3x3x2 - dense4", CONVOLUTION),
        ("input 2x6x6 - conv3x3x2/2 - dense4", CONVOLUTION | STRIDE),
        ("input 2x6x6 - untied3x3x2 - dense4", UNTIED),
        ("input 2x6x6 - untied3x3x2/2 - dense4", UNTIED | STRIDE),
        ("input 2x6x6 - maxpool3x3/2 - dense4", MAX_POOL),
        ("input 2x6x6 - avgpool3x3/2 - dense4", AVERAGE_POOL),
        ("input 2x6x6 - globalavgpool - dense4", AVERAGE_POOL),
        ("input 8 - dense6 - dense4(R)", 0),
        ("input 8 - dense6 - dense4(R*)", UPDATED),
        ("input 8 - dense6 - dense4(KP)", UPDATED | KP_DECAY),
        ("input 8 - dense6 - dense4(uSF)", SIGN),
        ("input 8 - dense6 - dense4(frSF)", SIGN),
        ("input 8 - dense6 - dense4(brSF)", SIGN),
        ("input 8 - dense6 - dense4(WM)", MIRROR | KP_DECAY),
        ("input 8 - dense6 - dense4(DFA)", DIRECT),
        ("input 8 - dense6 - dense4(DRTP)", DIRECT),
        // Without weights below, no layer takes an input gradient.
        ("input 8 - dense6(KP) - dense4", 0),
        ("input 2x6x6 - maxpool3x3/2 - dense4(uSF)", MAX_POOL),
    ] {
        assert_capabilities(text, PLAIN, plain | more);
    }
}

#[test]
fn losses_and_optimizers_need_their_own() {
    let text = "input 8 - dense6 - dense4";
    for (loss, needed) in Loss::ALL.into_iter().zip([
        CROSS_ENTROPY,
        BINARY_CROSS_ENTROPY,
        MEAN_SQUARED,
        HUBER,
        HINGE,
        HINGE,
        HINGE,
        HINGE,
    ]) {
        assert_capabilities(text, PLAIN.loss(loss), DENSE | SGD | needed);
    }
    for (optimizer, needed) in Optimizer::DEFAULTS.into_iter().zip([SGD, MOMENTUM, MOMENTUM, ADAM, RMSPROP]) {
        let training = PLAIN.optimizer(optimizer);
        assert_capabilities(text, training, DENSE | CROSS_ENTROPY | needed);
        // A mirror learns by plain gradient descent.
        let with_mirror = DENSE | CROSS_ENTROPY | needed | MIRROR | KP_DECAY | SGD;
        assert_capabilities("input 8 - dense6 - dense4(WM)", training, with_mirror);
    }
}

#[test]
fn settings_of_a_training_need_their_own() {
    let text = "input 8 - dense6 - dense5 - dense4(R)";
    let plain = DENSE | CROSS_ENTROPY | SGD;
    for (training, more) in [
        (Training::new(2).optimizer(Optimizer::Sgd(Sgd::DEFAULT)), BATCH),
        (PLAIN.clip(0.1), CLIP),
        (PLAIN.decay(0.1), DECAY),
        (PLAIN.initial(Initial::Normal(0.1), Initial::Glorot), INITIAL),
        (PLAIN.initial(Initial::Glorot, Initial::Zero), INITIAL),
        (PLAIN.bias_rate(0.5), BIAS_RATE),
        (PLAIN.freeze(1), FROZEN),
        (PLAIN.freeze_in_table(1), FROZEN | TABLE),
        (PLAIN.fixed_feedback(Storage::Table), TABLE),
        (PLAIN.fixed_feedback(Storage::Seed), SEEDED),
        (PLAIN.slice(1000), SLICES),
        // For mirrors alone.
        (PLAIN.no_mirror_leak(), 0),
    ] {
        assert_capabilities(text, training, plain | more);
    }
    let mirrors = plain | MIRROR | KP_DECAY | MIRROR_OPTIONS;
    for (training, more) in [
        (PLAIN.no_mirror_leak(), 0),
        (PLAIN.mirror_noise(0.5), 0),
        (PLAIN.mirror_response(Activation::Relu), 0),
        (PLAIN.mirror_response(Activation::Tanh), TANH),
    ] {
        assert_capabilities("input 8 - dense6 - dense4(WM)", training, mirrors | more);
    }
    // Below frozen layers nothing is trained: the feedback of the first trained layer is never used.
    assert_capabilities("input 8 - dense6 - dense5(KP) - dense4", PLAIN.freeze(1), plain | FROZEN);
    assert_capabilities("input 8 - dense6 - dense5 - dense4(KP)", PLAIN.freeze(1), plain | FROZEN | UPDATED | KP_DECAY);
}
