//! Every combination that the host trains too, on QEMU's RISC-V: the host's program `reference` has to print the same.
#![no_std]
#![no_main]

use asymgrad_core::arithmetic::Portable;
use semihosting::io::{self, Write};
use semihosting::process;
use static_cell::ConstStaticCell;
use task::combinations;

static MEMORY: ConstStaticCell<[f32; combinations::MEMORY]> = ConstStaticCell::new([0.0; combinations::MEMORY]);

/// Trains and ends the emulator.
#[riscv_rt::entry]
fn main() -> ! {
    process::exit(i32::from(run().is_none()))
}

fn run() -> Option<()> {
    let mut output = io::stdout().ok()?;
    // Without a floating-point unit all of it would take minutes. Nobody could be told that telling failed.
    combinations::all(Portable, 160, 1, MEMORY.try_take()?, &mut |text| drop(output.write_all(text.as_bytes())))
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    process::exit(101)
}
