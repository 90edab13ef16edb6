//! The sentences of the report that experiments test, each with its runs and their verdicts.

use serde::Serialize;

use crate::analysis::{self, Group, Judgement, Run, Verdict};
use crate::experiment::Catalogue;

/// A sentence of the report, and what the runs say about it.
#[derive(Debug, Serialize)]
pub struct ClaimSummary {
    /// The report's words.
    pub sentence: String,
    /// The experiments that test it.
    #[serde(rename = "rows")]
    pub experiments: Vec<ClaimExperiment>,
}

/// What the runs of an experiment say about a claim.
#[derive(Debug, Serialize)]
pub struct ClaimExperiment {
    /// The experiment's name.
    pub name: String,
    /// When it agrees and when it contradicts.
    pub measure: String,
    /// The least epochs for a verdict.
    pub epochs: u32,
    /// What the runs say together: one seed decides nothing.
    pub verdict: Verdict,
    /// Why they decide nothing.
    pub undecided: Option<String>,
    /// One for each run.
    pub runs: Vec<JudgedRun>,
    /// The command that trains the experiment.
    pub command: String,
}

/// What one run says about a claim.
#[derive(Debug, Serialize)]
pub struct JudgedRun {
    /// Its seed.
    pub seed: u64,
    /// The name of its data set.
    pub data: String,
    /// The verdict and what it rests on.
    #[serde(flatten)]
    pub judgement: Judgement,
}

/// All of them, in the order of the experiments.
pub(crate) fn claims(groups: &[Group], catalogue: &Catalogue) -> Vec<ClaimSummary> {
    let mut claims: Vec<ClaimSummary> = vec![];
    for experiment in catalogue.of_the_report().iter().chain(catalogue.own()) {
        let Some(claim) = &experiment.claim else { continue };
        let judged = |run: &Run| {
            let judgement = analysis::judge(experiment, &run.folder, &run.config.data, catalogue)?;
            Some(JudgedRun { seed: run.config.seed, data: run.config.data.label(), judgement })
        };
        let mine = groups.iter().filter(|group| group.name == experiment.name).flat_map(|group| &group.runs);
        let (name, epochs, measure) = (experiment.name.clone(), claim.epochs, claim.expectation.to_string());
        let runs: Vec<JudgedRun> = mine.filter_map(judged).collect();
        let (verdict, undecided) = analysis::together(runs.iter().map(|run| (run.seed, &run.judgement)));
        let command = format!("asymgrad run {name}{} --epochs {epochs}", catalogue.option(experiment));
        let experiment = ClaimExperiment { name, measure, epochs, verdict, undecided, runs, command };
        match claims.iter_mut().find(|known| known.sentence == claim.sentence) {
            Some(known) => known.experiments.push(experiment),
            None => claims.push(ClaimSummary { sentence: claim.sentence.clone(), experiments: vec![experiment] }),
        }
    }
    claims
}

impl ClaimSummary {
    /// Whether an experiment that tests it has a run.
    pub fn has_runs(&self) -> bool {
        self.experiments.iter().any(|experiment| !experiment.runs.is_empty())
    }

    /// What all experiments together say: a sentence agrees if each of them agrees, and contradicts if one does and none agrees.
    pub fn verdict(&self) -> Verdict {
        let count = |verdict| self.experiments.iter().filter(|experiment| experiment.verdict == verdict).count();
        match (count(Verdict::Agrees), count(Verdict::Contradicts)) {
            (agree, _) if agree == self.experiments.len() => Verdict::Agrees,
            (0, 1..) => Verdict::Contradicts,
            _ => Verdict::NotDecided,
        }
    }
}

impl ClaimExperiment {
    /// `agrees`, or `not decided (one seed)`.
    pub(crate) fn conclusion(&self) -> String {
        conclusion(self.verdict, self.undecided.as_deref())
    }
}

/// A verdict, and why it decides nothing.
pub(crate) fn conclusion(verdict: Verdict, undecided: Option<&str>) -> String {
    undecided.map_or_else(|| verdict.to_string(), |reason| format!("{verdict} ({reason})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Agrees, Contradicts, NotDecided};

    #[test]
    fn a_sentence_agrees_if_all_of_its_experiments_do() {
        let experiment = |verdict| ClaimExperiment {
            name: "A".into(),
            measure: String::new(),
            epochs: 1,
            verdict,
            undecided: None,
            runs: vec![],
            command: String::new(),
        };
        for (verdicts, expected) in [
            (vec![Agrees], Agrees),
            (vec![Agrees, Agrees], Agrees),
            (vec![Agrees, NotDecided], NotDecided),
            (vec![Agrees, Contradicts], NotDecided),
            (vec![NotDecided, Contradicts], Contradicts),
            (vec![NotDecided], NotDecided),
        ] {
            let experiments = verdicts.iter().copied().map(experiment).collect();
            let claim = ClaimSummary { sentence: String::new(), experiments };
            assert_eq!(claim.verdict(), expected, "{verdicts:?}");
        }
    }
}
