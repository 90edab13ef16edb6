//! Runs the trainings of the device on the host, with the core's portable kernels. `tests/determinism.rs` shows that
//! `--kernels portable` has the same bits.
//!
//! `reference SAMPLES EPOCHS` prints the expected output of the firmware `same`. `reference snapshot FILE` trains, writes a flash for
//! the firmware `handover`, and trains on. `reference returned` reads the flash that the firmware prints from standard input.

use std::error::Error;

use asymgrad_core::Trainer;
use asymgrad_core::arithmetic::Portable;
use asymgrad_core::capabilities::ALL;
use asymgrad_core::random::SplitMix;
use asymgrad_core::snapshot::Snapshots;
use task::flash::Flash;
use task::handover::{BYTES, NET, RANGE, TRAINING, describe, train};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["snapshot", file] => snapshot(file),
        ["returned"] => returned(&std::io::read_to_string(std::io::stdin())?),
        [samples, epochs] => {
            let mut memory = vec![0.0; task::combinations::MEMORY];
            let (samples, epochs) = (samples.parse()?, epochs.parse()?);
            task::combinations::all(Portable, samples, epochs, &mut memory, &mut |text| print!("{text}"))
                .ok_or("a training failed")?;
            Ok(())
        }
        _ => Err("usage: reference SAMPLES EPOCHS | reference snapshot FILE | reference returned".into()),
    }
}

fn snapshot(file: &str) -> Result<(), Box<dyn Error>> {
    let (mut memory, mut flash) = (vec![0.0; NET.memory(&TRAINING)], vec![0xFF; BYTES]);
    let mut trainer = Trainer::<ALL>::new(NET, TRAINING, &mut memory)?;
    trainer.initialize(&mut SplitMix::new(1), 2);
    train(&mut trainer, 0).ok_or("a training failed")?;
    Snapshots::new(Flash(&mut flash), RANGE).and_then(|mut snapshots| snapshots.save(&trainer, &[7; 32]))?;
    std::fs::write(file, flash)?;
    describe("loaded", &trainer, &mut |text| print!("{text}"));
    train(&mut trainer, 160).ok_or("a training failed")?;
    describe("trained on", &trainer, &mut |text| print!("{text}"));
    Ok(())
}

fn returned(printed: &str) -> Result<(), Box<dyn Error>> {
    let words = printed.lines().filter_map(|line| line.strip_prefix("flash "));
    let words: Vec<u32> = words.map(|word| u32::from_str_radix(word, 16)).collect::<Result<_, _>>()?;
    let mut flash: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    let mut memory = vec![0.0; NET.memory(&TRAINING)];
    let mut trainer = Trainer::<ALL>::new(NET, TRAINING, &mut memory)?;
    let own = Snapshots::new(Flash(&mut flash), RANGE)?.load(&mut trainer)?;
    if own != [7; 32] {
        return Err("the caller's bytes differ".into());
    }
    describe("trained on", &trainer, &mut |text| print!("{text}"));
    Ok(())
}
