//! The options of a training that `run` and `suite` share.

use asymgrad::kernels::{InstructionSet, NumericMode};
use asymgrad::settings::values::seed_range;
use clap::{Args, ValueEnum};

/// Which kernels compute.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum KernelChoice {
    /// The fastest that this CPU has
    Auto,
    /// The same bits on every CPU
    Portable,
    /// Convolutions 5x5 with fewer products, whose results are off by some 1e-5 of their size
    Fast,
}

impl KernelChoice {
    /// Its numeric mode on this CPU.
    pub(super) fn class(self) -> anyhow::Result<NumericMode> {
        let class = match self {
            Self::Auto => InstructionSet::fastest().mode(),
            Self::Portable => NumericMode::Portable,
            Self::Fast => NumericMode::Winograd,
        };
        if InstructionSet::of(class).mode() != class {
            anyhow::bail!("--kernels fast needs a CPU with AVX2 and FMA, or a 64-bit ARM; leave it out");
        }
        Ok(class)
    }
}

/// The options of a training that `run` and `suite` share.
#[derive(Args)]
pub(super) struct SharedOptions {
    /// Draws weights, feedback and the order of the samples [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Several seeds, both ends included: a run each
    #[arg(long, value_name = "FIRST..LAST", value_parser = seed_range, conflicts_with = "seed")]
    seeds: Option<(u64, u64)>,
    /// Holds the last N training images out of training and chooses the best epoch on them; without it there is no validation split,
    /// and the best epoch is chosen on the test set, which is optimistic [default: 0]
    #[arg(long, value_name = "N")]
    pub(super) validation: Option<usize>,
    /// Numeric mode of the kernels: auto, portable or fast
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) kernels: KernelChoice,
}

impl SharedOptions {
    /// The seeds to train with; one `None` where nothing is said.
    pub(super) fn seeds(&self) -> Vec<Option<u64>> {
        self.seeds.map_or_else(|| vec![self.seed], |(first, last)| (first..=last).map(Some).collect())
    }
}
