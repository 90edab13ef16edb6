//! The notation of networks: printing and parsing are inverse, no text panics, and errors name the token and its position.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use asymgrad_core::{
    Activation, Architecture, ArchitectureError, Feedback, Kernel, Layer, Loss, Optimizer, Padding, ParseError,
    Problem, Shape, Training,
};
use proptest::prelude::*;

/// Any layer; with `dense_only`, one that takes a vector.
fn layer(dense_only: bool) -> impl Strategy<Value = Layer> {
    let suffixes = || (prop::sample::select(Activation::ALL.to_vec()), prop::sample::select(Feedback::ALL.to_vec()));
    let with = |layer: Layer, (activation, rule)| layer.activation(activation).feedback(rule);
    let dense = (1..2000_usize, suffixes()).prop_map(move |(outputs, suffixes)| with(Layer::dense(outputs), suffixes));
    let filters = || (1..100_usize, 1..8_usize, 1..8_usize, 1..4_usize, suffixes());
    let window = || (1..6_usize).prop_flat_map(|size| (Just(size), 1..=size));
    if dense_only {
        return dense.boxed();
    }
    prop_oneof![
        filters().prop_map(move |(filters, rows, cols, stride, suffixes)| {
            with(Layer::conv_rect(filters, rows, cols).stride(stride), suffixes)
        }),
        filters().prop_map(move |(filters, rows, cols, stride, suffixes)| {
            with(Layer::untied_rect(filters, rows, cols).stride(stride), suffixes)
        }),
        // One tap fits every image.
        (1..100_usize, 1..4_usize, suffixes()).prop_map(move |(filters, stride, suffixes)| {
            with(Layer::conv(filters, 1).stride(stride).padding(Padding::Valid), suffixes)
        }),
        Just(Layer::global_avg_pool()),
        window().prop_map(|(size, stride)| Layer::max_pool(size, stride)),
        window().prop_map(|(size, stride)| Layer::avg_pool(size, stride)),
    ]
    .boxed()
}

/// A valid network: layers on images, then dense layers.
fn network() -> impl Strategy<Value = (Shape, Vec<Layer>)> {
    let dense = || {
        prop::collection::vec(layer(true), 1..4).prop_map(|mut layers| {
            layers.iter_mut().last().into_iter().for_each(|last| *last = last.activation(Activation::Relu));
            layers
        })
    };
    let on_vector = (1..5000_usize, dense()).prop_map(|(features, dense)| (Shape::vector(features), dense));
    let size = 1..40_usize;
    let on_image = (1..5_usize, size.clone(), size, prop::collection::vec(layer(false), 0..5), dense());
    let on_image = on_image.prop_map(|(channels, rows, cols, layers, dense)| {
        (Shape::image(channels, rows, cols), [layers, dense].concat())
    });
    prop_oneof![on_vector, on_image]
}

proptest! {
    #[test]
    fn a_printed_network_parses_to_itself((input, layers) in network()) {
        let network = Architecture::try_new(input, &layers).unwrap();
        let text = network.to_string();
        let mut buffer = vec![Layer::dense(1); layers.len()];
        let parsed = Architecture::parse(&text, &mut buffer).unwrap();
        prop_assert_eq!(parsed, network);
        prop_assert_eq!(parsed.to_string(), text);
    }

    #[test]
    fn spaces_and_a_stride_of_one_may_vary((input, layers) in network()) {
        let network = Architecture::try_new(input, &layers).unwrap();
        let text = network.to_string();
        let mut buffer = vec![Layer::dense(1); layers.len()];
        let tight = text.replace(" - ", "-");
        prop_assert_eq!(Architecture::parse(&tight, &mut buffer).unwrap(), network);
        let mut buffer = vec![Layer::dense(1); layers.len()];
        let wide = format!("  {} ", text.replace(" - ", "   -  "));
        prop_assert_eq!(Architecture::parse(&wide, &mut buffer).unwrap(), network);
    }

    #[test]
    fn one_layer_too_many_for_the_buffer_is_an_error((input, layers) in network()) {
        let network = Architecture::try_new(input, &layers).unwrap();
        let mut buffer = vec![Layer::dense(1); layers.len() - 1];
        let (capacity, text) = (buffer.len(), network.to_string());
        let error = Architecture::parse(&text, &mut buffer).unwrap_err();
        prop_assert_eq!(error, ParseError::TooManyLayers { capacity });
    }

    #[test]
    fn no_text_panics(text in ".*") {
        parse_and_print(&text);
    }

    #[test]
    fn no_text_of_tokens_panics(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "input ", "dense", "conv", "untied", "maxpool", "avgpool", "x", "/", "-", " - ", "(R)", "(R*)", "(", ")", ".", ".sigmoid", ".valid", "globalavgpool",
                ".tanh", ".sigmoid(DFA)", "(KP)", "(uSF)", "(frSF)", "(brSF)", "(WM)", "(DRTP)", "SF",
                "0", "1", "3", "5", "03", "18446744073709551615", "18446744073709551616", "é", " ", "3x3x", "5x5", "2",
            ]),
            0..20,
        ),
    ) {
        parse_and_print(&format!("input {}", tokens.concat()));
        parse_and_print(&tokens.concat());
    }
}

/// Parses a text. A network has to print to a text that parses to itself, and its sizes must not overflow; an error has to
/// give the position of its token.
fn parse_and_print(text: &str) {
    let mut buffer = [Layer::dense(1); 6];
    match Architecture::parse(text, &mut buffer) {
        Ok(network) => {
            let printed = network.to_string();
            let mut again = [Layer::dense(1); 6];
            assert_eq!(Architecture::parse(&printed, &mut again).unwrap(), network);
            let training = asymgrad_core::Training::new(usize::MAX);
            assert!(network.memory(&training) >= network.parameters());
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            if let ParseError::Token { found, position, .. } | ParseError::Architecture { found, position, .. } = error
            {
                assert!(text[position..].starts_with(found), "{text:?}: {found:?} is not at {position}");
            }
        }
    }
}

#[test]
fn networks_print_as_they_were_written() {
    for text in [
        "input 3x32x32 - conv5x5x32 - maxpool3x3/2 - conv5x5x64 - avgpool3x3/2 - dense128(R) - dense10(R*)",
        "input 3x32x32 - untied5x5x32 - avgpool3x3/2 - untied5x5x64(R) - maxpool2x2 - dense10",
        "input 64 - dense32 - dense10(R)",
        "input 1x1x1 - conv1x1x1(R*) - dense1",
        "input 3x32x32 - dense1000.sigmoid - dense10(R)",
        "input 3x8x8 - conv3x3x2.tanh - untied3x3x2.sigmoid(KP) - maxpool3x3/2 - conv3x3x4(WM) - dense8.tanh(DRTP) - dense4(DFA)",
        "input 3x1x64 - conv1x5x16/2 - conv1x4x16.valid.tanh(R) - globalavgpool - dense10",
        "input 3x9x9 - conv5x5x32/2.valid(R*) - untied2x3x8 - untied3x3x8/2.sigmoid(DFA) - conv1x1x4/3 - dense10",
        "input 64 - dense9(uSF) - dense8.tanh(frSF) - dense7.sigmoid(brSF) - dense6(WM) - dense5(R*) - dense4(R)",
    ] {
        let mut layers = [Layer::dense(1); 8];
        assert_eq!(Architecture::parse(text, &mut layers).unwrap().to_string(), text);
    }
}

/// A side that is too long stays so when the network is printed and parsed again, and makes no other image or a vector.
#[test]
fn an_image_of_too_long_sides_stays_too_large() {
    for sides in ["65535x2", "2x65535", "65536x2", "2x65536", "65568x32", "32x273177317777", "65536x65536"] {
        let (mut layers, mut again) = ([Layer::dense(1); 2], [Layer::dense(1); 2]);
        let text = format!("input 3x{sides} - conv3x3x2 - dense2");
        let network = Architecture::parse(&text, &mut layers).unwrap();
        assert_eq!(network.memory(&Training::new(1)), usize::MAX, "{text}");
        let printed = network.to_string();
        assert_eq!(Architecture::parse(&printed, &mut again).unwrap(), network, "{text}: {printed}");
    }
    assert_eq!(Shape::image(1, 65_534, 1).features(), 65_534);
    assert!(!Shape::image(1, 65_536, 1).is_vector());
}

#[test]
fn stride_and_padding_are_those_of_the_text() {
    let valid = Padding::Valid;
    for (layer, text) in [
        (Layer::conv(8, 5), "conv5x5x8"),
        (Layer::conv(8, 5).stride(2), "conv5x5x8/2"),
        (Layer::conv_rect(8, 1, 5).stride(3).padding(valid), "conv1x5x8/3.valid"),
        (Layer::untied_rect(8, 4, 2).padding(valid).activation(Activation::Tanh), "untied4x2x8.valid.tanh"),
        (Layer::untied(8, 3).padding(valid).padding(Padding::Same), "untied3x3x8"),
        (Layer::max_pool(3, 1).stride(2), "maxpool3x3/2"),
        // Layers without a kernel have neither.
        (Layer::avg_pool(3, 1).padding(valid), "avgpool3x3"),
        (Layer::dense(8).stride(2).padding(valid), "dense8"),
        (Layer::global_avg_pool().stride(2).padding(valid), "globalavgpool"),
    ] {
        assert_eq!(layer.to_string(), text);
    }
}

#[test]
fn an_invalid_token_is_an_error_with_its_position() {
    for (text, token, at) in [
        ("", "", 0),
        ("dense10", "dense10", 0),
        ("input", "input", 0),
        ("input64 - dense10", "input64", 0),
        ("input 64x - dense10", "input 64x", 0),
        ("input 3x32 - dense10", "input 3x32", 0),
        ("input 3x32x32x1 - dense10", "input 3x32x32x1", 0),
        ("input 064 - dense10", "input 064", 0),
        ("input 99999999999999999999 - dense10", "input 99999999999999999999", 0),
        ("input 64 -", "", 10),
        ("input 64 - - dense10", "", 11),
        ("input 64 - dens32 - dense10", "dens32", 11),
        ("input 64 - dense - dense10", "dense", 11),
        ("input 64 -   dense10(r)", "(r)", 20),
        ("input 64 - dense10(R", "(R", 18),
        ("input 64 - dense10(R*) x", "(R*) x", 18),
        ("input 64 - dense10/2", "/2", 18),
        ("input 64 - Dense10", "Dense10", 11),
        ("input 64 - dense010", "dense010", 11),
        ("input 3x8x8 - conv5x3x - dense10", "conv5x3x", 14),
        ("input 3x8x8 - conv05x3x4 - dense10", "conv05x3x4", 14),
        ("input 3x8x8 - conv5x5 - dense10", "conv5x5", 14),
        ("input 3x8x8 - conv5x5x4/ - dense10", "conv5x5x4/", 14),
        ("input 3x8x8 - conv5x5x4/2/2 - dense10", "/2", 25),
        ("input 3x8x8 - untied5x5x4/12.Valid - dense10", ".Valid", 28),
        ("input 3x8x8 - conv5x5x4.valids - dense10", ".valids", 23),
        ("input 3x8x8 - conv5x5x4.tanh.valid - dense10", ".tanh.valid", 23),
        ("input 3x8x8 - conv5x5x4.same - dense10", ".same", 23),
        ("input 3x8x8 - maxpool2x2.valid - dense10", ".valid", 24),
        ("input 64 - dense9.valid - dense10", ".valid", 17),
        ("input 3x8x8 - globalavgpool8x8 - dense10", "8x8", 27),
        ("input 3x8x8 - conv5x5x4(R)(R) - dense10", "(R)(R)", 23),
        ("input 3x8x8 - maxpool3x3/ - dense10", "maxpool3x3/", 14),
        ("input 3x8x8 - maxpool3x2/2 - dense10", "maxpool3x2/2", 14),
        ("input 3x8x8 - maxpool3x3/2/2 - dense10", "/2", 26),
        ("input 64 - dense9.sigmod - dense10", ".sigmod", 17),
        ("input 64 - dense9.Tanh(R) - dense10", ".Tanh", 17),
        ("input 64 - dense9. - dense10", ".", 17),
        ("input 64 - dense9.tanh.tanh - dense10", ".tanh.tanh", 17),
        ("input 64 - dense9.tanh(DFT) - dense10", "(DFT)", 22),
        ("input 64 - dense9.tanh(kp) - dense10", "(kp)", 22),
        ("input 64 - dense9(KP).tanh - dense10", "(KP).tanh", 17),
        ("input 64 - dense9() - dense10", "()", 17),
        ("input 64 - dense9 .tanh - dense10", " .tanh", 17),
        ("input 3x8x8 - conv3x3x4/1.sigmoïd(R) - dense10", ".sigmoïd", 25),
        ("input 3x8x8 – dense10", "input 3x8x8 – dense10", 0),
        ("input 3x8x8 - ünder - dense10", "ünder", 14),
    ] {
        let mut layers = [Layer::dense(1); 8];
        let error = Architecture::parse(text, &mut layers).unwrap_err();
        match error {
            ParseError::Token { found, position, .. } => assert_eq!((found, position), (token, at), "{text}"),
            _ => panic!("{text}: {error:?}"),
        }
        let message = error.to_string();
        assert!(message.contains(&format!("position {at}")) && message.contains(token), "{text}: {message}");
    }
}

#[test]
fn an_invalid_layer_is_an_error_with_its_reason() {
    use Problem::{
        ActivationWithoutWeights, FeedbackWithoutWeights, KernelExceedsImage, LastActivated, LastNotDense, NoOutputs,
        NotAnImage, Window,
    };
    let kernel = |rows, cols, stride| Problem::Kernel { kernel: Kernel::new(rows, cols).with_stride(stride) };
    let valid = Kernel::new(3, 7).with_stride(2).with_padding(Padding::Valid);
    let exceeds = KernelExceedsImage { kernel: valid, rows: 8, cols: 6 };
    for (text, token, layer, problem, words) in [
        ("input 64 - dense0", "dense0", 1, NoOutputs, "at least 1 output"),
        ("input 3x8x8 - conv3x3x0 - dense2", "conv3x3x0", 1, NoOutputs, "at least 1 output"),
        ("input 3x8x8 - dense3 - untied3x3x2 - dense2", "untied3x3x2", 2, NotAnImage, "needs an image"),
        ("input 9 - maxpool3x3/2 - dense2", "maxpool3x3/2", 1, NotAnImage, "needs an image"),
        ("input 3x8x8 - untied0x3x2 - dense2", "untied0x3x2", 1, kernel(0, 3, 1), "sides have to be 1 to 65534"),
        ("input 3x8x8 - conv3x65535x2 - dense2", "conv3x65535x2", 1, kernel(3, 65_535, 1), "found 3x65535/1"),
        ("input 3x8x8 - conv3x3x2/0 - dense2", "conv3x3x2/0", 1, kernel(3, 3, 0), "its stride 1 to 254, found 3x3/0"),
        ("input 3x8x8 - conv3x3x2/1000 - dense2", "conv3x3x2/1000", 1, kernel(3, 3, 255), "stride 1 to 254"),
        (
            "input 3x8x6 - conv3x7x2/2.valid(R) - dense2",
            "conv3x7x2/2.valid(R)",
            1,
            exceeds,
            "a kernel of 3x7 without padding",
        ),
        ("input 9 - globalavgpool - dense2", "globalavgpool", 1, NotAnImage, "needs an image"),
        ("input 3x8x8 - globalavgpool(R) - dense2", "globalavgpool(R)", 1, FeedbackWithoutWeights, "no feedback rule"),
        (
            "input 3x8x8 - globalavgpool.tanh - dense2",
            "globalavgpool.tanh",
            1,
            ActivationWithoutWeights,
            "no activation",
        ),
        ("input 3x8x8 - conv3x3x2 - globalavgpool", "globalavgpool", 2, LastNotDense, "last layer has to be dense"),
        ("input 3x8x8 - avgpool3x3/4 - dense2", "avgpool3x3/4", 1, Window { size: 3, stride: 4 }, "1 to 3"),
        ("input 3x8x8 - maxpool3x3/0 - dense2", "maxpool3x3/0", 1, Window { size: 3, stride: 0 }, "found 0"),
        ("input 3x8x8 - maxpool3x3/2(R) - dense2", "maxpool3x3/2(R)", 1, FeedbackWithoutWeights, "no feedback rule"),
        ("input 3x8x8 - avgpool3x3.tanh - dense2", "avgpool3x3.tanh", 1, ActivationWithoutWeights, "no activation"),
        ("input 3x8x8 - dense3 - dense2.sigmoid", "dense2.sigmoid", 2, LastActivated, "takes no activation"),
        ("input 3x8x8 - dense2.tanh(DFA)", "dense2.tanh(DFA)", 1, LastActivated, "takes no activation"),
        ("input 3x8x8 - dense2 - dense3 - conv3x3x2", "conv3x3x2", 3, NotAnImage, "needs an image"),
        ("input 3x8x8 - conv3x3x2 - conv5x5x3", "conv5x5x3", 2, LastNotDense, "last layer has to be dense"),
    ] {
        let mut layers = [Layer::dense(1); 8];
        let error = Architecture::parse(text, &mut layers).unwrap_err();
        let position = text.rfind(token).unwrap();
        let expected = ArchitectureError::Layer { layer, problem };
        assert_eq!(error, ParseError::Architecture { error: expected, found: token, position }, "{text}");
        let message = error.to_string();
        assert!(message.contains(token) && message.contains(words), "{text}: {message}");
        assert!(message.contains(&format!("position {position}: layer {layer}")), "{text}: {message}");
    }
}

#[test]
fn an_empty_network_is_an_error_of_the_whole_text() {
    for (text, error) in [
        ("input 0 - dense2", ArchitectureError::EmptyInput),
        ("input 3x0x8 - dense2", ArchitectureError::EmptyInput),
        ("input 64", ArchitectureError::NoLayers),
    ] {
        let mut layers = [Layer::dense(1); 8];
        match Architecture::parse(text, &mut layers).unwrap_err() {
            ParseError::Architecture { error: problem, found, position } => {
                assert_eq!((problem, position), (error, 0), "{text}");
                assert_eq!(found, text);
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

/// The names that the guide's table of options lists.
#[test]
fn names_are_those_of_the_command_line() {
    let losses = ["ce", "bce", "mse", "huber", "hinge", "crammer-singer", "softmax-hinge", "softmax-crammer-singer"];
    assert_eq!(Loss::ALL.map(Loss::name), losses);
    assert_eq!(
        Optimizer::DEFAULTS.map(|optimizer| optimizer.name()),
        ["sgd", "momentum", "nesterov", "adam", "rmsprop"]
    );
    assert_eq!(Activation::ALL.map(|activation| activation.name()), ["relu", "sigmoid", "tanh"]);
}
