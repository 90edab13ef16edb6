//! Trains every combination; the program `reference` on the host has to print the same text.
#![no_std]
#![no_main]

use firmware::board::{self, Device};
use static_cell::ConstStaticCell;
use task::combinations;

/// Training digits and epochs; without a floating-point unit they take thirty times the instructions.
const EXTENT: [usize; 2] = if cfg!(target_abi = "eabihf") { [1500, 10] } else { [160, 1] };
static MEMORY: ConstStaticCell<[f32; combinations::MEMORY]> = ConstStaticCell::new([0.0; combinations::MEMORY]);

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let [samples, epochs] = EXTENT;
    combinations::all(Device, samples, epochs, MEMORY.try_take()?, &mut board::print)
}
