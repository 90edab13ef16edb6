//! The emulated board: text and exit by semihosting, a clock of instructions, a gauge of the stack.
//!
//! No `core::fmt` here: it brings panics of its own into the image.

use asymgrad_core::arithmetic::{Arithmetic, Portable};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_semihosting::{debug, hio};

/// Instructions a tick of the 25 MHz counter, where QEMU (`-icount shift=0`) lets one pass each nanosecond.
pub const INSTRUCTIONS: u32 = 40;
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

/// The portable class of numbers with the processor's square root, where it has one.
#[derive(Clone, Copy, Debug)]
pub struct Device;

impl Arithmetic for Device {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        Portable::mul_add(a, b, c)
    }

    #[cfg(target_abi = "eabihf")]
    #[inline(always)]
    #[expect(unsafe_code, reason = "an instruction that core has no name for")]
    fn sqrt(x: f32) -> f32 {
        let mut bits = x.to_bits();
        // SAFETY: the target has the floating-point unit, and every register but the result is as it was. The compiler
        // knows no single-precision register class here, hence the way through a core register.
        unsafe {
            core::arch::asm!(
                "vpush {{s0}}",
                "vmov s0, {bits}",
                "vsqrt.f32 s0, s0",
                "vmov {bits}, s0",
                "vpop {{s0}}",
                bits = inout(reg) bits,
                options(pure, nomem),
            );
        }
        f32::from_bits(bits)
    }

    #[cfg(not(target_abi = "eabihf"))]
    fn sqrt(x: f32) -> f32 {
        Portable::sqrt(x)
    }
}

/// Counts instructions between [`Clock::start`] and [`Clock::stop`].
pub struct Clock {
    ticks: u32,
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
        Some(Self { ticks: 0, from: 0 })
    }

    /// Begins to count.
    pub fn start(&mut self) {
        self.from = SYST::get_current();
    }

    /// Adds what passed since the start: at most 671 million instructions, ±40.
    pub fn stop(&mut self) {
        // The counter counts down and has 24 bits.
        self.ticks = self.ticks.wrapping_add(self.from.wrapping_sub(SYST::get_current()) & 0x00FF_FFFF);
    }

    /// Instructions counted.
    pub fn instructions(&self) -> u64 {
        u64::from(self.ticks) * u64::from(INSTRUCTIONS)
    }
}

/// The stack between the end of the statics and the stack's top.
#[expect(unsafe_code, reason = "a symbol of the linker script")]
fn stack() -> (*mut u32, *mut u32) {
    unsafe extern "C" {
        static mut _stack_start: u32;
    }
    (cortex_m_rt::heap_start(), &raw mut _stack_start)
}

/// Paints what is free of the stack, so that [`stack_peak`] knows only of what comes after.
#[inline(never)]
#[expect(unsafe_code, reason = "raw memory")]
pub fn paint_stack() {
    let (mut at, _) = stack();
    let here = cortex_m::register::msp::read() as *mut u32;
    while at < here.wrapping_sub(8) {
        // SAFETY: below the stack pointer, less what this function may push, lies nothing that anybody reads.
        unsafe { at.write_volatile(PAINT) };
        at = at.wrapping_add(1);
    }
}

/// Most bytes of the stack used since it was painted, `main` and the caller of this included.
#[expect(unsafe_code, reason = "raw memory")]
pub fn stack_peak() -> u32 {
    let (mut lowest, top) = stack();
    // SAFETY: RAM up to the top of the stack; it is only read.
    while lowest < top && unsafe { lowest.read_volatile() } == PAINT {
        lowest = lowest.wrapping_add(1);
    }
    (top as u32).wrapping_sub(lowest as u32)
}
