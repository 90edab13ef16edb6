//! Every combination that the host trains too, told as the same text: the host's program `reference` has to print it.
#![no_std]
#![no_main]

use firmware::board::{self, Device};
use static_cell::ConstStaticCell;
use task::combinations;

/// Digits that train and epochs. Without a floating-point unit all of it takes thirty times the instructions.
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
