//! The serialized forms in run files and reports: a network is its notation, settings have their command-line names.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use asymgrad_core::{Adam, Architecture, Feedback, Layer, Loss, Momentum, Optimizer, RmsProp, Sgd, Shape};
use serde_json::{from_str, to_string};

#[test]
fn a_network_serializes_as_its_notation() {
    let layers = [Layer::conv(4, 3), Layer::max_pool(3, 2), Layer::dense(10).feedback(Feedback::Updated)];
    let network = Architecture::new(Shape::image(3, 8, 8), &layers);
    assert_eq!(to_string(&network).unwrap(), "\"input 3x8x8 - conv3x3x4 - maxpool3x3/2 - dense10(R*)\"");
}

#[test]
fn a_loss_serializes_as_its_name_and_deserializes() {
    for loss in Loss::ALL {
        let text = to_string(&loss).unwrap();
        assert_eq!(text, format!("\"{}\"", loss.name()));
        assert_eq!(from_str::<Loss>(&text).unwrap(), loss);
    }
    assert!(from_str::<Loss>("\"mean-square\"").is_err());
}

#[test]
fn an_optimizer_serializes_under_its_name_and_deserializes_bit_for_bit() {
    let rate = 0.1 + f32::EPSILON;
    for (optimizer, fields) in [
        (Optimizer::Sgd(Sgd { rate }), &["rate"][..]),
        (Optimizer::Momentum(Momentum { rate, momentum: 0.7 }), &["rate", "momentum"]),
        (Optimizer::Nesterov(Momentum { rate, momentum: 0.7 }), &["rate", "momentum"]),
        (Optimizer::Adam(Adam { rate, ..Adam::DEFAULT }), &["rate", "beta1", "beta2", "epsilon"]),
        (Optimizer::RmsProp(RmsProp { rate, ..RmsProp::DEFAULT }), &["rate", "alpha", "epsilon"]),
    ] {
        let text = to_string(&optimizer).unwrap();
        let value: serde_json::Value = from_str(&text).unwrap();
        let coefficients = value[optimizer.name()].as_object().unwrap_or_else(|| panic!("{text}"));
        assert_eq!(coefficients.len(), fields.len(), "{text}");
        assert!(fields.iter().all(|field| coefficients.contains_key(*field)), "{text}");
        assert_eq!(from_str::<Optimizer>(&text).unwrap(), optimizer);
    }
}
