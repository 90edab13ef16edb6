//! The instruction sets that kernels are compiled for, and the choice among them at run time.

use std::fmt;

use asymgrad_core::kernels::TileSet;
use serde::{Deserialize, Serialize};

/// A numeric mode: results are equal bit for bit within a mode, on any machine and for any thread count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumericMode {
    /// a · b + c with two roundings: every CPU, and the firmware.
    Portable,
    /// Fused multiply-add: every x86-64 CPU with AVX2 and FMA, with or without AVX-512, and every 64-bit ARM. Error signals,
    /// velocities and first moments below 2⁻¹⁰⁰ are 0.
    Fused,
    /// As [`NumericMode::Fused`], but 5 × 5 convolutions by Winograd's algorithm, whose sums differ by about 10⁻⁵ of their size.
    #[serde(rename = "fast")]
    Winograd,
}

impl NumericMode {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Fused => "fused",
            Self::Winograd => "fast",
        }
    }
}

/// The instructions that a kernel set is compiled for, and whether it uses Winograd's algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstructionSet {
    pub(super) instructions: Instructions,
    winograd: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instructions {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl InstructionSet {
    /// What every CPU of this architecture has, in the portable numeric mode.
    pub const PORTABLE: Self = Self::direct(Instructions::Baseline);

    const fn direct(instructions: Instructions) -> Self {
        Self { instructions, winograd: false }
    }

    /// The sets that this CPU has: the fastest first, and those with Winograd's algorithm, which is opt-in, last.
    pub fn available() -> Vec<Self> {
        let mut sets = vec![];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            if avx2 && avx512 {
                sets.push(Self::direct(Instructions::Avx512));
            }
            if avx2 {
                sets.push(Self::direct(Instructions::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        sets.push(Self::direct(Instructions::Neon));
        let winograd: Vec<Self> = sets.iter().map(|set| Self { winograd: true, ..*set }).collect();
        sets.push(Self::PORTABLE);
        sets.extend(winograd);
        sets
    }

    /// The fastest set of this CPU.
    pub fn fastest() -> Self {
        Self::available()[0]
    }

    /// The fastest set of a numeric mode; where this CPU has none, the fastest of all.
    pub fn of(mode: NumericMode) -> Self {
        Self::available().into_iter().find(|set| set.mode() == mode).unwrap_or_else(Self::fastest)
    }

    /// The numeric mode.
    pub fn mode(self) -> NumericMode {
        match (self.instructions, self.winograd) {
            (Instructions::Baseline, _) => NumericMode::Portable,
            (_, false) => NumericMode::Fused,
            (_, true) => NumericMode::Winograd,
        }
    }

    /// The register tiles, by which [`select`](asymgrad_core::kernels::select()) chooses kernels.
    pub fn tiles(self) -> TileSet {
        let tiles = match self.instructions {
            Instructions::Baseline => TileSet::BASELINE,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => TileSet::AVX2,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => TileSet::AVX512,
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => TileSet::NEON,
        };
        TileSet { winograd: self.winograd, ..tiles }
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.instructions {
            Instructions::Baseline => "portable",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => "neon",
        })?;
        f.write_str(if self.winograd { ", fast convolutions" } else { "" })
    }
}
