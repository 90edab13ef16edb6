//! What the runs of several seeds say about a claim together: one seed decides nothing.

use std::collections::BTreeMap;

use super::verdict::{Evidence, Judgement, Verdict};
use crate::statistics::Estimate;

/// The verdict of an experiment's runs, each with its seed, and why they decide nothing.
///
/// It takes two seeds that say the same. Where all of them have a number, the interval of its mean has to be on the same side as well.
pub(crate) fn together<'a>(runs: impl IntoIterator<Item = (u64, &'a Judgement)>) -> (Verdict, Option<String>) {
    let undecided = |reason: String| (Verdict::NotDecided, Some(reason));
    let mut by_seed: BTreeMap<u64, (Verdict, Evidence)> = BTreeMap::new();
    for (seed, judgement) in runs {
        if let Some(evidence) = judgement.evidence {
            by_seed.entry(seed).or_insert((judgement.verdict, evidence));
        }
    }
    let verdict = match by_seed.values().next() {
        None => return undecided("no run decides".into()),
        Some(_) if by_seed.len() == 1 => return undecided("one seed".into()),
        Some((verdict, _)) => *verdict,
    };
    if by_seed.values().any(|(other, _)| *other != verdict) {
        return undecided("the seeds differ".into());
    }
    if verdict == Verdict::NotDecided {
        return undecided("the runs lie between the two".into());
    }
    let numbers: Option<Vec<(f64, f64, f64)>> = by_seed.values().map(|(_, evidence)| number_of(*evidence)).collect();
    let Some(numbers) = numbers else { return (verdict, None) };
    let estimate = Estimate::of(&numbers.iter().map(|(number, ..)| *number).collect::<Vec<_>>());
    let interval = estimate.and_then(|estimate| estimate.interval);
    match (interval, numbers.first()) {
        (Some([low, _]), Some((_, agrees_from, _))) if verdict == Verdict::Agrees && low >= *agrees_from => {
            (verdict, None)
        }
        (Some([_, high]), Some((.., below))) if verdict == Verdict::Contradicts && high <= *below => (verdict, None),
        _ => undecided(format!("the interval of {} seeds is too wide", numbers.len())),
    }
}

fn number_of(evidence: Evidence) -> Option<(f64, f64, f64)> {
    match evidence {
        Evidence::Number { number, agrees_from, contradicts_below } => Some((number, agrees_from, contradicts_below)),
        Evidence::Verdict => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Agrees, Contradicts, NotDecided};

    /// A difference that agrees from 10 on and contradicts below 0.
    fn of(number: f64) -> Judgement {
        let verdict = if number >= 10.0 {
            Agrees
        } else if number < 0.0 {
            Contradicts
        } else {
            NotDecided
        };
        let evidence = Some(Evidence::Number { number, agrees_from: 10.0, contradicts_below: 0.0 });
        Judgement { verdict, found: String::new(), evidence }
    }

    fn diverged(verdict: Verdict) -> Judgement {
        Judgement { verdict, found: String::new(), evidence: Some(Evidence::Verdict) }
    }

    #[track_caller]
    fn assert(judgements: &[Judgement], expected: Verdict, reason: &str) {
        let (verdict, why) = together(judgements.iter().enumerate().map(|(seed, of)| (seed as u64, of)));
        assert_eq!((verdict, why.as_deref().unwrap_or("")), (expected, reason));
    }

    #[test]
    fn one_seed_decides_nothing_and_several_need_an_interval() {
        assert(&[], NotDecided, "no run decides");
        assert(&[of(50.0)], NotDecided, "one seed");
        assert(&[diverged(Agrees)], NotDecided, "one seed");
        assert(&[of(50.0), of(51.0)], Agrees, "");
        // Student's interval of two: 31 ± 12.7 · 20 / 2.
        assert(&[of(21.0), of(41.0)], NotDecided, "the interval of 2 seeds is too wide");
        assert(&[of(-21.0), of(-21.5), of(-22.0)], Contradicts, "");
        assert(&[of(-1.0), of(-30.0)], NotDecided, "the interval of 2 seeds is too wide");
        assert(&[of(50.0), of(-1.0)], NotDecided, "the seeds differ");
        assert(&[of(5.0), of(6.0)], NotDecided, "the runs lie between the two");
        assert(&[of(50.0), diverged(Agrees)], Agrees, "");
        assert(&[of(50.0), diverged(Contradicts)], NotDecided, "the seeds differ");
        let missing = Judgement { verdict: NotDecided, found: String::new(), evidence: None };
        assert(&[of(50.0), missing], NotDecided, "one seed");
    }

    #[test]
    fn a_seed_counts_once() {
        let judgement = of(50.0);
        assert_eq!(together([(1, &judgement), (1, &judgement)]), (NotDecided, Some("one seed".into())));
    }
}
