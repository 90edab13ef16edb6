//! `asymgrad suite --published`: the runs that other groups published, with their draws where these can be made again.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use asymgrad::config::Choices;
use asymgrad::experiment::Catalogue;
use asymgrad::published::{self, Drawn, Record};
use asymgrad::settings::MeasureSet;
use asymgrad::suite::Task;

use super::datasets::OpenDatasets;
use super::execution::Execution;

/// Stands for all sources.
pub(super) const ALL: &str = "all";

/// The name of a source or of an experiment, or [`ALL`]. The names are read only if one is given.
pub(super) fn source(text: &str) -> Result<String, String> {
    let records = published::all();
    let mut names = vec![ALL];
    names.extend(records.iter().map(|record| record.source.name.as_str()));
    names.dedup();
    if names.contains(&text) || records.iter().any(|record| record.experiment.name == text) {
        Ok(text.to_owned())
    } else {
        Err(format!("the sources are {}; `asymgrad list --published` shows the experiments of each", names.join(", ")))
    }
}

/// The runs of a source or of an experiment.
pub(super) struct PublishedRuns<'a> {
    /// The name of the source or the experiment, or [`ALL`].
    pub(super) source: &'a str,
    /// `--data`.
    pub(super) data: Option<&'a OsStr>,
    /// `--epochs`.
    pub(super) epochs: Option<u32>,
    /// `--out`.
    pub(super) out: Option<&'a Path>,
    /// `--measures`.
    pub(super) measures: Option<MeasureSet>,
    /// `--measure-every`.
    pub(super) measure_every: Option<u32>,
}

impl PublishedRuns<'_> {
    /// Each experiment, with the seeds of its record unless others are asked for.
    pub(super) fn tasks(&self, execution: &Execution) -> anyhow::Result<Vec<Task>> {
        let (catalogue, mut data) = (Arc::new(Catalogue::of_report()), OpenDatasets::default());
        let names = |record: &Record| [ALL, &record.source.name, &record.experiment.name].contains(&self.source);
        let (mut tasks, mut unpublished) = (vec![], BTreeMap::<String, (Vec<u32>, Vec<u32>)>::new());
        for record in published::all().iter().filter(|record| names(record)) {
            for seed in seeds(record, execution)? {
                if record.draws.is_some() && !record.seeds.contains(&seed) {
                    let name = record.experiment.name.clone();
                    unpublished.entry(name).or_insert_with(|| (vec![], record.seeds.clone())).0.push(seed);
                }
                tasks.push(self.task(record, seed, execution, &mut data, &catalogue)?);
            }
        }
        let is_published = |task: &Task| {
            let (config, experiment) = (&task.request.config, task.experiment.as_ref());
            let has_data = experiment.is_some_and(|experiment| config.data.is_of(experiment, &catalogue) == Ok(true));
            has_data && config.validation == 0
        };
        let mut others: Vec<&str> =
            tasks.iter().filter(|task| !is_published(task)).map(|task| &*task.request.config.name).collect();
        others.dedup();
        if !others.is_empty() {
            let names = others.join(", ");
            note(&format!(
                "not compared with published figures: {names}; --data or --validation makes other runs of them"
            ));
        }
        for (name, (seeds, published)) in unpublished.iter().filter(|(name, _)| !others.contains(&name.as_str())) {
            let list = |seeds: &[u32]| seeds.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            note(&format!(
                "not compared with published figures: {name} with seed {}; published: seed {}",
                list(seeds),
                list(published)
            ));
        }
        Ok(tasks)
    }

    fn task(
        &self,
        record: &Record,
        seed: u32,
        execution: &Execution,
        data: &mut OpenDatasets,
        catalogue: &Arc<Catalogue>,
    ) -> anyhow::Result<Task> {
        let parent = self.out.unwrap_or(Path::new("runs/published"));
        let place = |parent: &Path| parent.join(&record.experiment.name).join(format!("seed-{seed}"));
        let choices = Choices {
            seed: Some(seed.into()),
            epochs: self.epochs,
            validation: execution.shared.validation,
            measures: self.measures,
            measure_every: self.measure_every,
            ..Choices::default()
        };
        let of_experiment = record.experiment.data.as_deref();
        let mut experiment = record.experiment.clone();
        let mut dataset = data.get(self.data, of_experiment, &choices)?;
        if let Some(protocol) = record.draws {
            let config = execution.config(&experiment, &choices, &dataset, data)?;
            let (network, training) = (config.network.architecture(), config.training());
            let steps = record.epochs() as usize * config.steps_per_epoch(&dataset);
            let drawn = Drawn { network, training: &training, steps, images: dataset.train.len() };
            let files = protocol.write(seed, drawn, &place(&parent.join("draws")))?;
            experiment.init = Some(files.init.to_string_lossy().into_owned());
            let own = &mut experiment.options.choices;
            (own.batches, own.test_indices) = (files.batches, files.test_indices);
            dataset = data.get(self.data, of_experiment, &choices.or(&experiment.options.choices))?;
        }
        let config = execution.config(&experiment, &choices, &dataset, data)?;
        let mut task = execution.task(config, String::new(), place(parent), dataset, Some(&experiment), catalogue);
        task.request.longer_is_done = true;
        Ok(task)
    }
}

fn note(text: &str) {
    let _ = writeln!(io::stderr(), "note: {text}");
}

/// The seeds of a record, unless others are asked for.
fn seeds(record: &Record, execution: &Execution) -> anyhow::Result<Vec<u32>> {
    let seed = |seed: u64| {
        u32::try_from(seed).map_err(|_| {
            anyhow::anyhow!("seed {seed} is too large: the generators of published runs take seeds up to {}", u32::MAX)
        })
    };
    let asked = execution.shared.seeds().into_iter().flatten().map(seed).collect::<anyhow::Result<Vec<u32>>>()?;
    Ok(if asked.is_empty() { record.seeds.clone() } else { asked })
}
