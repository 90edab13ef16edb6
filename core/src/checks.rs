//! Floor 1. Range checks of coefficients, and their error.

use core::fmt;

/// A coefficient outside its range.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CoefficientError {
    /// Name of the coefficient.
    pub name: &'static str,
    /// The range, in words.
    pub expected: &'static str,
    /// The value given.
    pub found: f32,
}

impl fmt::Display for CoefficientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, expected, found } = self;
        write!(f, "the {name} has to be {expected}, found {found}")
    }
}

impl core::error::Error for CoefficientError {}

/// Checks that a coefficient is finite and above 0.
pub(crate) fn positive(name: &'static str, value: f32) -> Result<(), CoefficientError> {
    in_range(name, value, value > 0.0 && value.is_finite(), "above 0 and finite")
}

/// Checks that a coefficient is finite and at least 0.
pub(crate) fn non_negative(name: &'static str, value: f32) -> Result<(), CoefficientError> {
    in_range(name, value, value >= 0.0 && value.is_finite(), "at least 0 and finite")
}

/// Checks that a coefficient lies in [0, 1).
pub(crate) fn fraction(name: &'static str, value: f32) -> Result<(), CoefficientError> {
    in_range(name, value, (0.0..1.0).contains(&value), "at least 0 and below 1")
}

fn in_range(name: &'static str, found: f32, holds: bool, expected: &'static str) -> Result<(), CoefficientError> {
    if holds { Ok(()) } else { Err(CoefficientError { name, expected, found }) }
}
