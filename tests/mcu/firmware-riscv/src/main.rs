//! Trains every combination on QEMU's RISC-V; the program `reference` on the host has to print the same text.
#![no_std]
#![no_main]

use asymgrad_core::arithmetic::Portable;
use semihosting::process;
use semihosting::sys::arm_compat::sys_writec;
use static_cell::ConstStaticCell;
use task::combinations;

static MEMORY: ConstStaticCell<[f32; combinations::MEMORY]> = ConstStaticCell::new([0.0; combinations::MEMORY]);

/// Trains and exits the emulator.
#[riscv_rt::entry]
fn main() -> ! {
    process::exit(i32::from(run().is_none()))
}

fn run() -> Option<()> {
    // Byte by byte, because the crate's `Write` slices and can panic.
    let mut print = |text: &str| planted(text).bytes().for_each(sys_writec);
    // Without a floating-point unit more would take minutes.
    combinations::all(Portable, 160, 1, MEMORY.try_take()?, &mut print)
}

/// The text, or with the feature `planted` a slice of it that can panic: the positive control of the panic check.
fn planted(text: &str) -> &str {
    if cfg!(feature = "planted") { &text[1..] } else { text }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    process::exit(101)
}
