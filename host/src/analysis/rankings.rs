//! Pairs of experiments that the report ranks, and which of these rankings hold here.

use asymgrad_core::Feedback;
use serde::Serialize;

use super::groups::{Group, SAME};
use super::paired::Paired;
use crate::Network;
use crate::experiment::Experiment;
use crate::statistics::{self, Estimate};

/// An order of two experiments that the report publishes, and whether ours have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranking {
    /// The report's table.
    pub table: u8,
    /// The experiment that is worse in the report.
    pub lower: String,
    /// The experiment that is better there.
    pub higher: String,
    /// The epochs of both figures.
    pub epochs: u32,
    /// The report's distance in points, above 0.
    pub published: f64,
    /// Ours, `higher` less `lower`. `None` without runs of one seed.
    pub ours: Option<Paired>,
    /// p of a two-sided t test of no difference, from two seeds on; only of runs on CIFAR-10 that are as long as the report's.
    pub p: Option<f64>,
    /// The same, corrected for all rankings that are tested (Holm).
    pub corrected: Option<f64>,
    /// How many these are.
    pub tested: usize,
    /// Whether the corrected p is below 1 less the level of the intervals.
    pub decided: bool,
    /// Why it is not decided.
    pub undecided: Option<String>,
}

/// All rankings of two experiments that differ in one thing (the true gradient or not, the rule, or how many layers have it) by so many points
/// that it is no accident of an epoch.
pub(crate) fn rankings(experiments: &[Experiment], groups: &[Group]) -> Vec<Ranking> {
    let experiments: Vec<&Experiment> = experiments.iter().filter(|experiment| experiment.table.is_some()).collect();
    let mut rankings = vec![];
    for (index, a) in experiments.iter().enumerate() {
        for b in
            experiments.iter().skip(index + 1).filter(|b| b.table == a.table && b.loss == a.loss && is_one_step(a, b))
        {
            for figure in &a.published {
                let Some(other) = b.published.iter().find(|other| other.epochs == figure.epochs) else { continue };
                let distance = other.accuracy - figure.accuracy;
                let (lower, higher) = if distance > 0.0 { (a, b) } else { (b, a) };
                if distance.abs() >= SAME {
                    rankings.push(Ranking::of(lower, higher, figure.epochs, distance.abs(), groups));
                }
            }
        }
    }
    correct(&mut rankings);
    rankings
}

/// Corrects the p values for their number, and decides.
fn correct(rankings: &mut [Ranking]) {
    let tested: Vec<f64> = rankings.iter().filter_map(|ranking| ranking.p).collect();
    let mut corrected = statistics::holm(&tested).into_iter();
    for ranking in rankings {
        ranking.tested = tested.len();
        if ranking.p.is_none() {
            continue;
        }
        ranking.corrected = corrected.next();
        ranking.decided = ranking.corrected.is_some_and(|p| p < 1.0 - statistics::LEVEL);
        ranking.undecided = (!ranking.decided).then(|| "the corrected p is too large".to_owned());
    }
}

impl Ranking {
    fn of(lower: &Experiment, higher: &Experiment, epochs: u32, published: f64, groups: &[Group]) -> Self {
        let of = |experiment: &Experiment| groups.iter().filter(|group| group.is_of(experiment)).collect::<Vec<_>>();
        let (low, high) = (of(lower), of(higher));
        let pairs = high.iter().flat_map(|high| low.iter().map(move |low| (high, low)));
        let alike = pairs.filter(|(high, low)| match (high.config(), low.config()) {
            (Some(a), Some(b)) => a.data == b.data && a.class == b.class,
            _ => false,
        });
        let ours = alike.filter_map(|(high, low)| {
            let data = &high.config()?.data;
            let paired = Paired::of(high, low, epochs)?;
            let other_data = (!data.contents().is_cifar10()).then(|| format!("on {}", data.label()));
            let undecided = other_data.or_else(|| paired.undecided([high, low], [epochs; 2]));
            Some((data.contents().is_cifar10(), paired, undecided))
        });
        let best = ours.max_by_key(|(on_cifar, paired, _)| (*on_cifar, paired.epochs[1], paired.seeds.len()));
        let (ours, undecided) = best.map_or((None, None), |(_, paired, undecided)| (Some(paired), undecided));
        let evidence = ours.as_ref().filter(|_| undecided.is_none());
        Self {
            table: lower.table.unwrap_or(0),
            lower: lower.name.clone(),
            higher: higher.name.clone(),
            epochs,
            published,
            p: evidence.and_then(|paired| paired.difference?.p()),
            corrected: None,
            tested: 0,
            decided: false,
            undecided,
            ours,
        }
    }

    /// `DSR2 < DSR1 after 100 epochs`.
    pub(crate) fn sentence(&self) -> String {
        format!("{} < {} after {} epochs", self.lower, self.higher, self.epochs)
    }

    /// `holds`, `reversed` or `not decided`.
    pub(crate) fn verdict(&self) -> &'static str {
        let difference = self.ours.as_ref().and_then(|ours| ours.difference);
        match difference.filter(|_| self.decided) {
            Some(Estimate { mean, .. }) if mean > 0.0 => "holds",
            Some(_) => "reversed",
            None => "not decided",
        }
    }

    /// `report +5.87, ours +8.80 [+7.1, +10.5], 3 seeds, epochs 98–100: holds (p = 0.001, corrected for 12 rankings 0.012)`.
    pub(crate) fn found(&self) -> Option<String> {
        let paired = self.ours.as_ref()?;
        let because = match (self.p, self.corrected, &self.undecided) {
            (Some(p), Some(corrected), _) => {
                let [p, corrected] = [p, corrected].map(statistics::p_text);
                format!(" (p {p}, corrected for {} rankings {corrected})", self.tested)
            }
            (_, _, Some(reason)) => format!(" ({reason})"),
            _ => String::new(),
        };
        Some(format!("report {:+.2}, ours {}: {}{because}", self.published, paired.text(), self.verdict()))
    }
}

/// Whether two experiments of one network differ in one thing.
fn is_one_step(a: &Experiment, b: &Experiment) -> bool {
    let (Ok(a), Ok(b)) = (a.network.parse::<Network>(), b.network.parse::<Network>()) else { return false };
    let rules = |network: &Network| -> Vec<Feedback> {
        network.architecture().layers().iter().map(|layer| layer.feedback).collect()
    };
    let (first, second) = (rules(&a), rules(&b));
    let symmetric = |rules: &[Feedback]| rules.iter().all(|rule| *rule == Feedback::Symmetric);
    let same_layers =
        || first.iter().zip(&second).all(|(a, b)| (*a == Feedback::Symmetric) == (*b == Feedback::Symmetric));
    let within = |a: &[Feedback], b: &[Feedback]| a.iter().zip(b).all(|(a, b)| *a == Feedback::Symmetric || a == b);
    a.without_feedback() == b.without_feedback()
        && (symmetric(&first)
            || symmetric(&second)
            || same_layers()
            || within(&first, &second)
            || within(&second, &first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Catalogue;

    #[test]
    fn the_reports_orders_are_those_of_rows_one_step_apart() {
        let rankings = rankings(Catalogue::of_report().of_the_report(), &[]);
        let has = |lower: &str, higher: &str, epochs| {
            rankings.iter().any(|o| (o.lower.as_str(), o.higher.as_str(), o.epochs) == (lower, higher, epochs))
        };
        assert!(has("DSR2", "DSR1", 100) && has("DSR2", "DSR2-U", 100) && has("DSR2", "DS0", 100));
        assert!(
            has("DDR1", "DDR1-U", 200)
                && has("PGR1", "PGR1-U", 300)
                && has("PGR1-U", "PGR1", 100) == (29.27 - 28.32 >= SAME)
        );
        // Nothing published sets these apart, they differ in two things, or in the loss.
        assert!(!has("DSR1", "DS0", 100) && !has("DS0", "DSR1", 100));
        assert!(!has("DSR2", "DSR1-U", 100) && !has("DSR2-HL", "DSR2", 100));
        assert!(rankings.iter().all(|o| o.published >= SAME && o.ours.is_none() && !o.decided));
    }
}
