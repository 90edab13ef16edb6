//! A training that resumes after power-off: snapshots in flash contain the state of the training and of the generator.
//!
//! A vector simulates the flash; a device uses the flash driver of its `embassy` or vendor crate, which implements the
//! traits of `embedded-storage`.

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::snapshot::{SnapshotError, Snapshots};
use asymgrad_core::{Architecture, Feedback, Layer, Shape, Trainer, Training};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use rand_core::Rng;

const NET: Architecture =
    Architecture::new(Shape::vector(8), &[Layer::dense(16), Layer::dense(2).feedback(Feedback::Updated)]);
const TRAINING: Training = Training::new(1);
type Device = Trainer<'static, { NET.capabilities(&TRAINING) }>;

/// A flash of 16 pages.
struct Flash(Vec<u8>);

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(&self.0[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        self.0[from as usize..to as usize].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        self.0[offset as usize..].iter_mut().zip(bytes).for_each(|(byte, new)| *byte &= *new);
        Ok(())
    }
}

/// The bytes of the two slots in the flash, behind the program.
const SLOT: u32 = Snapshots::<Flash>::slot(NET.state(&TRAINING));
const RANGE: core::ops::Range<u32> = 4096..4096 + 2 * SLOT;

/// Runs a device from power-on to power-off: loads the last snapshot, trains, saves.
fn run(flash: Flash, steps: u32) -> Result<(Flash, Vec<f32>), Box<dyn std::error::Error>> {
    let memory: &'static mut [f32; NET.memory(&TRAINING)] = Box::leak(Box::new([0.0; NET.memory(&TRAINING)]));
    let mut trainer = Device::new(NET, TRAINING, memory)?;
    let mut snapshots = Snapshots::new(flash, RANGE)?;
    let mut generator = match snapshots.load(&mut trainer) {
        Ok(bytes) => SplitMix::from_bytes(*bytes.first_chunk().ok_or("a snapshot has 32 user bytes")?),
        Err(SnapshotError::Empty) => {
            let mut generator = SplitMix::new(1);
            trainer.initialize(&mut generator, 2);
            generator
        }
        // Do not silently start over if the snapshot is another network's or the flash fails.
        Err(error) => return Err(error.into()),
    };
    for _ in 0..steps {
        let x: [f32; 8] = core::array::from_fn(|_| symmetric(generator.next_u32()));
        trainer.step(&x, &[usize::from(x[0] > x[1])])?;
    }
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&generator.to_bytes());
    snapshots.save(&trainer, &bytes)?;
    println!("switched off after step {}", trainer.steps());
    Ok((snapshots.release(), trainer.state().to_vec()))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let erased = || Flash(vec![0xFF; 16 * 4096]);
    let (_, expected) = run(erased(), 300)?;
    let mut flash = erased();
    let mut found = vec![];
    for steps in [100, 150, 50] {
        (flash, found) = run(flash, steps)?;
    }
    assert_eq!(found, expected, "three runs of 300 steps together have to equal one run of 300 steps");
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
