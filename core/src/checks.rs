//! Range checks of coefficients, and their error.

use core::fmt;

/// A coefficient outside its range.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CoefficientError {
    /// The coefficient and its range, such as `the clip has to be above 0 and finite`.
    pub expected: &'static str,
    /// The value given.
    pub found: f32,
}

impl fmt::Display for CoefficientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, found {}", self.expected, self.found)
    }
}

impl core::error::Error for CoefficientError {}

/// Returns from a function if a check fails: the operator `?`, which constants do not have.
macro_rules! require {
    ($check:expr) => {
        if let Err(error) = $check {
            return Err(error);
        }
    };
}
pub(crate) use require;

/// Checks that a coefficient is finite and above 0, as `expected` says.
pub(crate) const fn positive(expected: &'static str, value: f32) -> Result<(), CoefficientError> {
    holds(value > 0.0 && value.is_finite(), expected, value)
}

/// Checks that a coefficient is finite and at least 0, as `expected` says.
pub(crate) const fn non_negative(expected: &'static str, value: f32) -> Result<(), CoefficientError> {
    holds(value >= 0.0 && value.is_finite(), expected, value)
}

/// Checks that a coefficient lies in [0, 1), as `expected` says.
pub(crate) const fn fraction(expected: &'static str, value: f32) -> Result<(), CoefficientError> {
    holds(value >= 0.0 && value < 1.0, expected, value)
}

const fn holds(holds: bool, expected: &'static str, found: f32) -> Result<(), CoefficientError> {
    if holds { Ok(()) } else { Err(CoefficientError { expected, found }) }
}
