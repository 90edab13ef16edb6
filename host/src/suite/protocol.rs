//! The protocols: how long a suite trains each experiment, and where.

use std::path::PathBuf;

use asymgrad_core::Operation;

use crate::Network;
use crate::experiment::Experiment;

/// Epochs of a quick experiment on the embedded digits: enough for dense networks to tell most of them apart.
const QUICK_DENSE: u32 = 12;
/// A convolution costs some ten times as much, and an untied one has ten times the weights besides.
const QUICK_CONVOLUTION: u32 = 2;
const QUICK_UNTIED: u32 = 1;
/// The first and the last seed of that table.
pub const RULES_SEEDS: (u64, u64) = (1, 3);
/// A quick suite keeps the weights of networks with so few parameters: some megabytes each, and filters to look at.
const QUICK_KEEPS: usize = 500_000;

/// Epochs of an experiment in the quick suite.
pub fn quick_epochs(network: &Network) -> u32 {
    let has = |kind: fn(&Operation) -> bool| network.architecture().layers().iter().any(|layer| kind(&layer.operation));
    if has(|kind| matches!(kind, Operation::Untied { .. })) {
        QUICK_UNTIED
    } else if has(|kind| matches!(kind, Operation::Convolution { .. })) {
        QUICK_CONVOLUTION
    } else {
        QUICK_DENSE
    }
}

/// Whether a quick suite keeps the weights of this network.
pub fn is_small(network: &Network) -> bool {
    network.architecture().parameters() <= QUICK_KEEPS
}

/// Epochs of an experiment in the whole protocol: up to the report's last figure, as many as its claim takes for a verdict, or its own.
pub fn whole_epochs(experiment: &Experiment) -> Option<u32> {
    let last = experiment.published.last().map(|figure| figure.epochs);
    last.or(experiment.claim.as_ref().map(|claim| claim.epochs)).or(experiment.own_epochs())
}

/// The folder of a quick experiment: not that of a run on the digits, which may have been trained further.
pub fn quick_path(name: &str, seed: u64) -> PathBuf {
    ["runs", "quick", name, &format!("seed-{seed}")].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment;

    #[test]
    fn quick_and_whole_epochs_follow_the_experiment() {
        let epochs = |name: &str| {
            let experiment = experiment::find(name).unwrap();
            (quick_epochs(&experiment.network.parse().unwrap()), whole_epochs(&experiment))
        };
        assert_eq!(epochs("DS0"), (12, Some(100)));
        assert_eq!(epochs("PGR1"), (2, Some(300)));
        assert_eq!(epochs("PG-Untie"), (1, Some(200)));
        assert_eq!(epochs("PGR1-SGD"), (2, Some(50)));
        assert_eq!(epochs("DDR4-U-LITERAL"), (12, None));
    }
}
