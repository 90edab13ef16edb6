//! `asymgrad run`: which experiments or network to train, and with what.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use asymgrad::config::{self, Choices, Config, MeasureSet, Schedule, Target};
use asymgrad::dataset::Dataset;
use asymgrad::experiment::{Catalogue, Experiment};
use asymgrad::suite::Task;
use asymgrad::{Network, run, tensors};
use asymgrad_core::{Feedback, Initial, Loss, Optimizer};
use clap::Args;

use super::datasets::OpenDatasets;
use super::execution::Execution;
use super::experiments::ExperimentsFile;
use super::values::{count, initial, loss, measures, optimizer, positive};

/// What is seldom changed.
#[derive(Args)]
struct Tuning {
    /// L2 weight decay: X times the weight is added to its clipped gradient
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    weight_decay: Option<f32>,
    /// How the learning rate falls: step:EPOCHS:FACTOR or cosine:EPOCHS [default: constant]
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<Schedule>,
    /// (KP): fraction by which weights and feedback shrink each step [default: 0.0001]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    kp_decay: Option<f32>,
    /// (WM): share of the way that a mirror goes each step [default: 0.01]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    mirror_rate: Option<f32>,
    /// (WM): rounds of noise that mirrors are shown before the first step [default: 4 / --mirror-rate]
    #[arg(long, value_name = "N")]
    mirror_first: Option<u32>,
    /// How weights are drawn: glorot, scaled:FACTOR, normal:DEVIATION or fan:GAIN, normal with GAIN/√(in + out)
    #[arg(long, value_name = "INITIAL", value_parser = initial)]
    weights_init: Option<Initial>,
    /// How feedback is drawn, likewise
    #[arg(long, value_name = "INITIAL", value_parser = initial)]
    feedback_init: Option<Initial>,
    /// Gives each channel of the training images mean 0 and variance 1, and the test images the same numbers
    #[arg(long)]
    standardize: bool,
    /// Epochs between two measurements of the feedback's angles; 0 is never [default: 1]
    #[arg(long, value_name = "EPOCHS")]
    measure_every: Option<u32>,
    /// What is measured: `angles`, or `all` at twice the cost [default: angles]
    #[arg(long, value_name = "SET", value_parser = measures)]
    measures: Option<MeasureSet>,
}

impl Tuning {
    /// Fails if an option is about feedback that none of the networks has.
    fn check(&self, tasks: &[Task]) -> anyhow::Result<()> {
        let has = |fits: fn(Feedback) -> bool| {
            let layers = |task: &Task| task.request.config.network.architecture().layers().to_vec();
            tasks.iter().flat_map(layers).any(|layer| fits(layer.feedback))
        };
        let is_mirror: fn(Feedback) -> bool = |feedback| feedback == Feedback::WeightMirror;
        for (option, given, what, fits) in [
            (
                "--kp-decay",
                self.kp_decay.is_some(),
                "is (KP)",
                (|f| f == Feedback::KolenPollack) as fn(Feedback) -> bool,
            ),
            ("--mirror-rate", self.mirror_rate.is_some(), "is (WM)", is_mirror),
            ("--mirror-first", self.mirror_first.is_some(), "is (WM)", is_mirror),
            ("--feedback-init", self.feedback_init.is_some(), "has feedback of its own", Feedback::is_stored),
        ] {
            if given && !has(fits) {
                anyhow::bail!("{option} has no effect: no layer {what}; leave it out, or name another network");
            }
        }
        Ok(())
    }
}

#[derive(Args)]
pub(super) struct RunArguments {
    /// Experiments, as `asymgrad list` names them
    #[arg(value_name = "NAME", required_unless_present = "net", conflicts_with = "net")]
    names: Vec<String>,
    #[command(flatten)]
    own: ExperimentsFile,
    /// A network, such as "input 3x32x32 - dense100 - dense10(R)"
    #[arg(long, value_name = "NETWORK")]
    net: Option<Network>,
    /// digits, cifar10, or the path of a data set [default: the experiment's, else cifar10]
    #[arg(long)]
    data: Option<OsString>,
    /// Epochs to train [default: the fewest that the report publishes, else 100]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// Samples of a step [default: the experiment's, else 128]
    #[arg(long, value_parser = count)]
    batch: Option<usize>,
    /// sgd, momentum, nesterov or adam [default: the experiment's, else adam]
    #[arg(long, value_parser = optimizer)]
    optimizer: Option<Optimizer>,
    /// Learning rate; several, as 1e-3,3e-4, are a run each [default: 0.001 for adam, else 0.01]
    #[arg(long, value_name = "X,…", value_delimiter = ',', value_parser = positive, allow_negative_numbers = true)]
    lr: Vec<f32>,
    /// ce, bce, mse, huber, hinge, crammer-singer, softmax-hinge or softmax-crammer-singer [default: the experiment's, else ce]
    #[arg(long, value_parser = loss)]
    loss: Option<Loss>,
    /// class, input (an autoencoder) or values (those of the data set) [default: values for data with values, else class]
    #[arg(long, value_name = "TARGET")]
    target: Option<Target>,
    /// Leaves the images of class N out of training, and reports ROC-AUC of the test images' reconstruction errors with this class as
    /// the anomalies
    #[arg(long, value_name = "N")]
    anomaly_class: Option<u8>,
    /// Clips each element of the weight gradients to [-X, X]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    clip: Option<f32>,
    #[command(flatten)]
    tuning: Tuning,
    /// The run's folder; of several runs, their parent [default: runs/DATA/NAME/seed-N]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Weights to begin with; those that the file lacks are drawn
    #[arg(long, value_name = "FILE.safetensors")]
    init: Option<PathBuf>,
    /// Keeps the samples in the order of the files
    #[arg(long)]
    no_shuffle: bool,
    /// Steps to train in all, if that is less than the epochs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_steps: Option<u64>,
    #[command(flatten)]
    execution: Execution,
}

impl RunArguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        self.execution.train(&self.tasks()?)
    }

    fn tasks(&self) -> anyhow::Result<Vec<Task>> {
        let mut data = OpenDatasets::new(self.data.as_deref());
        let catalogue = Arc::new(self.own.catalogue()?);
        let experiments = self.names.iter().map(|name| catalogue.find(name)).collect::<Result<Vec<_>, _>>()?;
        let mut tasks = vec![];
        for choices in self.cells()? {
            if let Some(net) = &self.net {
                let (dataset, class) = (data.of_experiment(None)?, self.execution.kernels.class()?);
                let choices = Choices { target: self.target_on(&dataset), ..choices.clone() };
                let config = Config::of_network(config::name_of(net), net.clone(), &choices, &*dataset, class);
                tasks.push(self.task(config, &mut data, dataset, None, &catalogue));
            }
            for experiment in &experiments {
                let dataset = data.of_experiment(experiment.data.as_deref())?;
                let choices = Choices { target: self.target_on(&dataset), ..choices.clone() };
                let config = self.execution.config(experiment, &choices, &dataset)?;
                tasks.push(self.task(config, &mut data, dataset, Some(experiment), &catalogue));
            }
        }
        self.tuning.check(&tasks)?;
        Ok(tasks)
    }

    /// The target that is asked for, else what the data set has.
    fn target_on(&self, dataset: &Dataset) -> Target {
        self.target.unwrap_or(if dataset.values > 0 { Target::Values } else { Target::Class })
    }

    /// Every learning rate with every seed.
    fn cells(&self) -> anyhow::Result<Vec<Choices>> {
        let (choices, seeds) = (self.choices()?, self.execution.seeds());
        let rates: Vec<Option<f32>> =
            if self.lr.is_empty() { vec![None] } else { self.lr.iter().copied().map(Some).collect() };
        let cell = |rate, seed| Choices { rate, seed, ..choices.clone() };
        Ok(rates
            .iter()
            .flat_map(|rate| seeds.iter().map(move |seed| (*rate, *seed)))
            .map(|(r, s)| cell(r, s))
            .collect())
    }

    fn task(
        &self,
        mut config: Config,
        data: &mut OpenDatasets<'_>,
        dataset: Arc<Dataset>,
        experiment: Option<&Experiment>,
        catalogue: &Arc<Catalogue>,
    ) -> Task {
        config.standard = self.tuning.standardize.then(|| data.standard(&dataset, config.split(&dataset).0));
        let (seed, rate) = (format!("seed-{}", config.seed), format!("lr-{}", config.optimizer.rate()));
        let (many_rates, many_seeds) = (self.lr.len() > 1, self.execution.seeds().len() > 1);
        let mut folder = match &self.out {
            None => run::default_path(&config.data.name, &config.name, config.seed),
            Some(out) if self.names.len() > 1 => out.join(&config.name),
            Some(out) => out.clone(),
        };
        if self.out.is_none() && many_rates {
            folder.pop();
        }
        if many_rates {
            folder.push(rate);
        }
        if (self.out.is_some() && many_seeds) || (self.out.is_none() && many_rates) {
            folder.push(seed);
        }
        let mut task = self.execution.task(config, folder, dataset, experiment, catalogue);
        task.request.init.clone_from(&self.init);
        task
    }

    fn choices(&self) -> anyhow::Result<Choices> {
        Ok(Choices {
            loss: self.loss,
            target: Target::default(),
            anomaly_class: self.anomaly_class,
            optimizer: self.optimizer,
            rate: None,
            clip: self.clip,
            decay: self.tuning.weight_decay,
            schedule: self.tuning.schedule.unwrap_or_default(),
            kp_decay: self.tuning.kp_decay,
            mirror_rate: self.tuning.mirror_rate,
            mirror_first: self.tuning.mirror_first,
            weights_init: self.tuning.weights_init.unwrap_or_default(),
            feedback_init: self.tuning.feedback_init.unwrap_or_default(),
            measure_every: self.tuning.measure_every,
            measures: self.tuning.measures.unwrap_or_default(),
            validation: self.execution.validation,
            seed: None,
            batch: self.batch,
            epochs: self.epochs,
            max_steps: self.max_steps,
            no_shuffle: self.no_shuffle,
            init: self.init.as_deref().map(tensors::checksum).transpose()?,
        })
    }
}
