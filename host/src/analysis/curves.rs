//! The runs of a group that are averaged in one learning curve: those that have all of its epochs.

use std::collections::BTreeSet;

use serde::Serialize;

use super::runs::Run;

/// A learning curve of a group: the same runs in each of its epochs.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Curve {
    /// Its last epoch.
    pub epochs: u32,
    /// Its runs: numbers of the group's runs, from 0.
    pub runs: Vec<usize>,
    /// Whether it is that of a run that diverged, which is averaged with no other.
    pub diverged: bool,
}

/// A curve for each length of the runs, the longest first, then one for each run that diverged. A curve has all runs that are as long;
/// runs under way are as long as the longest ended run that they have passed, or as the shortest of them.
pub(super) fn curves(runs: &[Run]) -> Vec<Curve> {
    let length = |run: &Run| (run.epoch(), run.status.has_ended());
    let is_part = |run: &Run| !run.has_diverged() && !run.epochs.is_empty();
    let whole: Vec<Option<(u32, bool)>> = runs.iter().map(|run| is_part(run).then(|| length(run))).collect();
    let diverged = runs.iter().enumerate().filter(|(_, run)| run.has_diverged());
    let diverged = diverged.map(|(number, run)| Curve { epochs: run.epoch(), runs: vec![number], diverged: true });
    by_length(&whole).into_iter().chain(diverged).collect()
}

/// Curves of runs with these epochs that have ended or not; `None` is no part of any.
fn by_length(runs: &[Option<(u32, bool)>]) -> Vec<Curve> {
    let mut lengths: BTreeSet<u32> =
        runs.iter().flatten().filter(|(_, has_ended)| *has_ended).map(|(epochs, _)| *epochs).collect();
    let shortest = lengths.first().copied().unwrap_or(u32::MAX);
    let shorter = runs.iter().flatten().map(|(epochs, _)| *epochs).filter(|epochs| *epochs < shortest);
    lengths.extend(shorter.min());
    let curve = |epochs: u32| {
        // A run that was extended has no epoch 0 any more.
        let has_epochs = |of: u32| of == epochs || of > epochs && epochs > 0;
        let as_long =
            |(number, run): (usize, &Option<(u32, bool)>)| run.filter(|(of, _)| has_epochs(*of)).map(|_| number);
        Curve { epochs, runs: runs.iter().enumerate().filter_map(as_long).collect(), diverged: false }
    };
    lengths.into_iter().rev().map(curve).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_the_same_runs_in_each_epoch() {
        let of = |runs: &[(u32, bool)]| -> Vec<(u32, Vec<usize>)> {
            let runs: Vec<_> = runs.iter().copied().map(Some).collect();
            by_length(&runs).into_iter().map(|curve| (curve.epochs, curve.runs)).collect()
        };
        assert_eq!(of(&[(100, true), (25, true), (25, true)]), [(100, vec![0]), (25, vec![0, 1, 2])]);
        // Under way: beyond an ended run, and shorter than all of them.
        assert_eq!(of(&[(60, true), (80, false), (10, false), (7, false)]), [(60, vec![0, 1]), (7, vec![0, 1, 2, 3])]);
        assert_eq!(of(&[(40, false), (10, false)]), [(10, vec![0, 1])]);
        assert_eq!(of(&[(0, true), (10, true), (0, true)]), [(10, vec![1]), (0, vec![0, 2])]);
        assert_eq!(by_length(&[None]), []);
    }
}
