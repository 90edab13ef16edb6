//! The emulated board: text and exit by semihosting, a clock of instructions, a gauge of the stack.
//!
//! No `core::fmt` here: it brings panics of its own into the image.

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_semihosting::{debug, hio};

/// Instructions a tick of the 25 MHz counter, where QEMU (`-icount shift=0`) lets one pass each nanosecond.
const INSTRUCTIONS: u32 = 40;
/// What `cortex-m-rt` paints the stack with.
const PAINT: u32 = 0xCCCC_CCCC;

/// Writes text to the emulator's standard output.
pub fn print(text: &str) {
    if cfg!(feature = "quiet") {
        return;
    }
    if let Ok(mut output) = hio::hstdout() {
        // Nobody could be told that telling failed.
        let _ = output.write_all(text.as_bytes());
    }
}

/// Writes a whole number.
pub fn print_number(number: u32) {
    let mut digits = [b'0'; 10];
    let (mut rest, mut used) = (number, 0);
    for (index, digit) in digits.iter_mut().rev().enumerate() {
        *digit += (rest % 10) as u8;
        rest /= 10;
        if *digit != b'0' {
            used = index;
        }
    }
    let text = digits.get(9 - used..).and_then(|text| core::str::from_utf8(text).ok());
    print(text.unwrap_or("?"));
}

/// Writes a loss with six decimals.
pub fn print_loss(loss: f32) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a loss is positive and small; `as` saturates"
    )]
    let millionths = (f64::from(loss) * 1e6 + 0.5) as u32;
    print_number(millionths / 1_000_000);
    print(".");
    let mut decimals = 100_000;
    while decimals > 1 && millionths % 1_000_000 < decimals {
        print("0");
        decimals /= 10;
    }
    print_number(millionths % 1_000_000);
}

/// Ends the emulator.
pub fn exit(success: bool) -> ! {
    debug::exit(if success { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    // Without an emulator nobody stops the program.
    loop {
        cortex_m::asm::nop();
    }
}

/// Counts instructions between [`Clock::start`] and [`Clock::stop`].
pub struct Clock {
    total: u64,
    from: u32,
}

impl Clock {
    /// A clock that stands at 0; `None` if one exists already.
    pub fn new() -> Option<Self> {
        let mut counter = cortex_m::Peripherals::take()?.SYST;
        counter.set_clock_source(SystClkSource::Core);
        counter.set_reload(0x00FF_FFFF);
        counter.clear_current();
        counter.enable_counter();
        Some(Self { total: 0, from: 0 })
    }

    /// Begins to count.
    pub fn start(&mut self) {
        self.from = SYST::get_current();
    }

    /// Adds what passed since the start: at most 671 million instructions, ±40.
    pub fn stop(&mut self) {
        // The counter counts down and has 24 bits.
        let ticks = self.from.wrapping_sub(SYST::get_current()) & 0x00FF_FFFF;
        self.total += u64::from(ticks * INSTRUCTIONS);
    }

    /// Instructions counted.
    pub fn instructions(&self) -> u64 {
        self.total
    }
}

/// Most bytes of the stack used since start-up, `main` and the caller of this included.
#[expect(unsafe_code, reason = "the only look at raw memory")]
pub fn stack_peak() -> u32 {
    unsafe extern "C" {
        static _stack_start: u32;
    }
    let top = &raw const _stack_start;
    let mut lowest = cortex_m_rt::heap_start().cast_const();
    // SAFETY: from the end of the statics to the top of the stack lies RAM that start-up has painted; it is only read.
    while lowest < top && unsafe { lowest.read_volatile() } == PAINT {
        lowest = lowest.wrapping_add(1);
    }
    (top as u32).wrapping_sub(lowest as u32)
}
