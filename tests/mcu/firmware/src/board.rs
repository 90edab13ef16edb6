//! The emulated board: output and exit by semihosting, an instruction counter, and the stack's peak.
//!
//! Nothing here uses `core::fmt`, which would bring panics of its own into the image.

use asymgrad_core::arithmetic::{Arithmetic, Portable};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_semihosting::{debug, hio};

/// Instructions for each tick of the 25 MHz counter: QEMU runs one a nanosecond (`-icount shift=0`).
pub const INSTRUCTIONS: u32 = 40;
/// The word with which `cortex-m-rt` paints the stack.
const PAINT: u32 = 0xCCCC_CCCC;

/// Prints text to the standard output of the emulator.
pub fn print(text: &str) {
    if cfg!(feature = "quiet") {
        return;
    }
    if let Ok(mut output) = hio::hstdout() {
        // There is no way to report an error of printing.
        let _ = output.write_all(text.as_bytes());
    }
}

/// Prints an integer.
pub fn print_integer(value: u32) {
    let mut digits = [b'0'; 10];
    let (mut rest, mut used) = (value, 0);
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

/// Prints a loss with six decimals.
pub fn print_loss(loss: f32) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a loss is positive and small; `as` saturates"
    )]
    let millionths = (f64::from(loss) * 1e6 + 0.5) as u32;
    print_integer(millionths / 1_000_000);
    print(".");
    let mut decimals = 100_000;
    while decimals > 1 && millionths % 1_000_000 < decimals {
        print("0");
        decimals /= 10;
    }
    print_integer(millionths % 1_000_000);
}

/// Exits the emulator.
pub fn exit(success: bool) -> ! {
    debug::exit(if success { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    // Reached without an emulator only.
    loop {
        cortex_m::asm::nop();
    }
}

/// The portable arithmetic with the square root of the processor, where it has one.
#[derive(Clone, Copy, Debug)]
pub struct Device;

impl Arithmetic for Device {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        Portable::mul_add(a, b, c)
    }

    #[cfg(target_abi = "eabihf")]
    #[inline(always)]
    #[expect(unsafe_code, reason = "an instruction without an intrinsic in `core`")]
    fn sqrt(x: f32) -> f32 {
        let mut bits = x.to_bits();
        // SAFETY: the target has the floating-point unit, and every register but the result is restored. The compiler has no
        // single-precision register class here, so the value passes through a core register.
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
    /// A clock at 0; `None` if there is one already.
    pub fn new() -> Option<Self> {
        let mut counter = cortex_m::Peripherals::take()?.SYST;
        counter.set_clock_source(SystClkSource::Core);
        counter.set_reload(0x00FF_FFFF);
        counter.clear_current();
        counter.enable_counter();
        Some(Self { ticks: 0, from: 0 })
    }

    /// Starts counting.
    pub fn start(&mut self) {
        self.from = SYST::get_current();
    }

    /// Adds the instructions since [`Clock::start`]: at most 671 million, ±40.
    pub fn stop(&mut self) {
        // The counter counts down and has 24 bits.
        self.ticks = self.ticks.wrapping_add(self.from.wrapping_sub(SYST::get_current()) & 0x00FF_FFFF);
    }

    /// Instructions counted.
    pub fn instructions(&self) -> u64 {
        u64::from(self.ticks) * u64::from(INSTRUCTIONS)
    }
}

/// The bounds of the stack: the end of the statics and the top of the stack.
#[expect(unsafe_code, reason = "a symbol of the linker script")]
fn stack() -> (*mut u32, *mut u32) {
    unsafe extern "C" {
        static mut _stack_start: u32;
    }
    (cortex_m_rt::heap_start(), &raw mut _stack_start)
}

/// Paints the free part of the stack, so that [`stack_peak`] measures from now on.
#[inline(never)]
#[expect(unsafe_code, reason = "raw memory")]
pub fn paint_stack() {
    let (mut at, _) = stack();
    let here = cortex_m::register::msp::read() as *mut u32;
    while at < here.wrapping_sub(8) {
        // SAFETY: nothing reads below the stack pointer, minus what this function may push.
        unsafe { at.write_volatile(PAINT) };
        at = at.wrapping_add(1);
    }
}

/// The peak of the stack in bytes since it was painted, including `main` and the caller.
#[expect(unsafe_code, reason = "raw memory")]
pub fn stack_peak() -> u32 {
    let (mut lowest, top) = stack();
    // SAFETY: reads RAM below the top of the stack.
    while lowest < top && unsafe { lowest.read_volatile() } == PAINT {
        lowest = lowest.wrapping_add(1);
    }
    (top as u32).wrapping_sub(lowest as u32)
}
