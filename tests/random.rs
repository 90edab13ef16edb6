//! Random numbers against published values, and against integers and float64 where none are published.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use asymgrad_core::random::{FeedbackSource, SplitMix, normal, symmetric};
use rand_core::Rng;

/// The values of the authors' `splitmix64.c` for two seeds.
#[test]
fn splitmix_gives_its_published_values() {
    let mut generator = SplitMix::new(1_234_567);
    for expected in [
        6_457_827_717_110_365_317_u64,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ] {
        assert_eq!(generator.next_u64(), expected);
    }
    let mut generator = SplitMix::new(0);
    for expected in [0xE220_A839_7B1D_CDAF_u64, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F] {
        assert_eq!(generator.next_u64(), expected);
    }
}

#[test]
fn smaller_values_are_parts_of_the_generators_values() {
    let mut generator = SplitMix::new(0);
    assert_eq!(generator.next_u32(), 0xE220_A839);
    let mut bytes = [0; 11];
    generator.fill_bytes(&mut bytes);
    assert_eq!(bytes, [0xF4, 0x65, 0xB9, 0xA1, 0x6A, 0x9E, 0x78, 0x6E, 0x4F, 0x45, 0x09]);
}

#[test]
fn a_stored_generator_continues() {
    let mut generator = SplitMix::new(1_234_567);
    generator.next_u64();
    let mut stored = SplitMix::from_bytes(generator.to_bytes());
    assert_eq!(stored.next_u64(), 3_203_168_211_198_807_973);
}

/// 2²³ values, the same on both sides of 0, which is none of them.
#[test]
fn uniform_values_are_symmetric_about_0() {
    const STEPS: f32 = 8_388_608.0;
    let values = [0, 1 << 9, (1 << 31) - 1, 1 << 31, u32::MAX - (1 << 9), u32::MAX];
    let expected = [1.0 - STEPS, 3.0 - STEPS, -1.0, 1.0, STEPS - 3.0, STEPS - 1.0];
    assert_eq!(values.map(|bits| (symmetric(bits) * STEPS).to_bits()), expected.map(f32::to_bits));
}

/// The transform of Box and Muller in float64.
#[test]
fn normal_values_agree_with_float64() {
    let mut generator = SplitMix::new(2);
    for _ in 0..1000 {
        let bits = [generator.next_u32(), generator.next_u32()];
        let [radius, angle] = bits.map(|bits| f64::from((bits >> 9) * 2 + 1) / f64::from(1 << 24));
        let expected = (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos();
        let found = f64::from(normal(bits));
        assert!((found - expected).abs() < 1e-5, "{bits:?}: {found}, expected {expected}");
    }
}

/// Computed with Python's integers: the keys are the two halves of output `layer` of SplitMix64 from the seed, the hash is that of
/// hash-prospector with the constants 21f0aaad and 735a2d97 and shifts by 16, 15 and 15.
#[test]
fn feedback_is_the_published_hash_of_seed_layer_and_index() {
    const STEPS: f32 = 8_388_608.0;
    for (seed, layer, index, steps, expected) in [
        (0, 0, 0, 6_250_391.0_f32, -0.466_359_504_423_152_6),
        (1, 2, 7, -1_553_717.0, 0.264_801_222_721_983),
        (u64::MAX, 31, u32::MAX, -5_891_823.0, -0.933_540_679_825_695_9),
        (20_261_123, 5, 65_536, 7_814_383.0, 0.260_395_167_426_618),
    ] {
        let source = FeedbackSource::new(seed, layer, 0.5);
        assert_eq!((source.at(index) * 2.0 * STEPS).to_bits(), steps.to_bits(), "{seed}, {layer}, {index}");
        let found = f64::from(source.normal_at(index)) * 2.0;
        assert!((found - expected).abs() < 1e-5, "{seed}, {layer}, {index}: {found}, expected {expected}");
    }
}
