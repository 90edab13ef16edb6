//! Loads the snapshot of the host from the flash, trains on, saves a snapshot, and prints the flash, word by word, for the host.
#![no_std]
#![no_main]

use asymgrad_core::snapshot::Snapshots;
use firmware::board::{self, Device};
use task::flash::Flash;
use task::handover::{BYTES, NET, RANGE, TRAINING, describe, train};

asymgrad_core::trainer!(mod digits: NET, TRAINING, Device);

/// The address at which `run` makes the emulator load the flash of the host, after the program and the task.
const FLASH: usize = 0x0030_0000;

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    #[expect(unsafe_code, reason = "the emulator's code memory, which nothing else uses from this address on")]
    // SAFETY: the board has 4 MiB at 0, the linker places nothing above 3 MiB, and this is the only reference to it.
    let flash = unsafe { core::slice::from_raw_parts_mut(FLASH as *mut u8, BYTES) };
    let trainer = digits::take()?;
    let mut snapshots = Snapshots::new(Flash(flash), RANGE).ok()?;
    let own = snapshots.load(trainer).ok()?;
    describe("loaded", trainer, &mut board::print);
    train(trainer, 160)?;
    snapshots.save(trainer, &own).ok()?;
    describe("trained on", trainer, &mut board::print);
    let Flash(flash) = snapshots.release();
    for word in flash.as_chunks().0 {
        board::print("flash ");
        task::text::bits(u32::from_le_bytes(*word), &mut board::print);
        board::print("\n");
    }
    Some(())
}
