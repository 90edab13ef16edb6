//! Every combination that the host trains too, on QEMU's RISC-V: the host's program `reference` has to print the same.
#![no_std]
#![no_main]

use asymgrad_core::arithmetic::Portable;
use semihosting::process;
use semihosting::sys::arm_compat::sys_writec;
use static_cell::ConstStaticCell;
use task::combinations;

static MEMORY: ConstStaticCell<[f32; combinations::MEMORY]> = ConstStaticCell::new([0.0; combinations::MEMORY]);

/// Trains and ends the emulator.
#[riscv_rt::entry]
fn main() -> ! {
    process::exit(i32::from(run().is_none()))
}

fn run() -> Option<()> {
    // Byte by byte: the crate's `Write` slices, and can panic.
    let mut tell = |text: &str| planted(text).bytes().for_each(sys_writec);
    // Without a floating-point unit all of it would take minutes.
    combinations::all(Portable, 160, 1, MEMORY.try_take()?, &mut tell)
}

/// The text, or with the feature `planted` a part of it that may not be there: the positive control of the panic check.
fn planted(text: &str) -> &str {
    if cfg!(feature = "planted") { &text[1..] } else { text }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    process::exit(101)
}
