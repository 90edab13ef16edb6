//! The targets of a batch, and whether network, loss and data set go together.

use asymgrad_core::{Loss, Targets};

use super::batches::Gather;
use crate::config::{Config, Target};
use crate::dataset::{Dataset, Images};
use crate::run::Error;

/// The losses that take values.
const LOSSES: &str = "--loss mse, huber or bce";

/// The targets of the batch that a trainer holds.
#[derive(Debug)]
pub(crate) struct BatchTargets {
    target: Target,
    labels: Vec<usize>,
    values: Vec<f32>,
}

impl BatchTargets {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, labels: vec![], values: vec![] }
    }

    /// Those of the images `chosen`, which `gather` wrote last.
    pub(crate) fn fill(&mut self, images: &Images, gather: &Gather, chosen: &[u32]) {
        self.labels.clear();
        self.values.clear();
        let chosen = chosen.iter().map(|index| *index as usize);
        match self.target {
            Target::Class => self.labels.extend(chosen.map(|index| usize::from(images.labels[index]))),
            Target::Values => {
                let count = images.values.len() / images.len().max(1);
                chosen.for_each(|index| self.values.extend(images.values_of(index, count)));
            }
            Target::Input => {
                let of_batch = gather.batch().chunks_exact(images.image_size().max(1));
                of_batch.for_each(|image| self.values.extend(gather.pixels.numbers(image)));
            }
        }
    }

    pub(crate) fn get(&self) -> Targets<'_> {
        match self.target {
            Target::Class => Targets::Classes(&self.labels),
            Target::Values | Target::Input => Targets::Values(&self.values),
        }
    }
}

/// The loss has to take the targets, the data set has to have them, and the network needs an output for each.
///
/// # Errors
/// [`Error`] that says what does not go together, and what would.
pub(super) fn check_targets(config: &Config, dataset: &Dataset) -> Result<(), Error> {
    let (network, loss, name) = (config.network.architecture(), config.loss, &dataset.name);
    let (outputs, option) = (network.classes(), config.target.name());
    if config.target != Target::Class && !loss.takes_values() {
        let problem =
            format!("--target {option} is values, and the loss {} takes classes; choose {LOSSES}", loss.name());
        return Err(Error::Targets { problem });
    }
    let problem = match config.target {
        Target::Class => return check_classes(config, dataset),
        Target::Values if dataset.values == 0 => Some(format!(
            "the data set {name} has labels and no values; leave out --target values, or give its images values in a layout.toml"
        )),
        Target::Values => (outputs != dataset.values).then(|| {
            let values = dataset.values;
            format!("the last layer has {outputs} outputs, the data set {name} has {values} values an image; end with dense{values}")
        }),
        Target::Input => {
            let inputs = network.input().features();
            (outputs != inputs).then(|| {
                format!("the last layer has {outputs} outputs, --target input has {inputs} values, the inputs; end with dense{inputs}")
            })
        }
    };
    let problem = problem.or_else(|| outside_of_bce(config, dataset)).or_else(|| wrong_anomaly_class(config, dataset));
    problem.map_or(Ok(()), |problem| Err(Error::Targets { problem }))
}

fn check_classes(config: &Config, dataset: &Dataset) -> Result<(), Error> {
    let (outputs, loss, name) = (config.network.architecture().classes(), config.loss, &dataset.name);
    let problem = if config.anomaly_class.is_some() {
        "--anomaly-class needs --target input: the reconstruction error tells anomalies from the other images"
            .to_owned()
    } else if dataset.values > 0 {
        format!("the data set {name} has values and no labels; train with --target values and {LOSSES}")
    } else if outputs == 1 && dataset.classes <= 2 && !loss.takes_values() {
        format!(
            "the loss {} compares outputs, and the last layer has one; end with dense2, or choose --loss bce",
            loss.name()
        )
    } else if config.training().classes(outputs) < dataset.classes {
        return Err(Error::Classes { outputs, name: name.clone(), classes: dataset.classes });
    } else if matches!(loss, Loss::MeanSquared | Loss::Huber) && outputs > dataset.classes {
        format!(
            "the loss {} needs a value for each output: the last layer has {outputs}, the labels of {name} give {}; end with dense{}, or \
             train towards other values with --target input, or with --target values and a data set that has them",
            loss.name(),
            dataset.classes,
            dataset.classes
        )
    } else {
        return Ok(());
    };
    Err(Error::Targets { problem })
}

/// Binary cross-entropy takes values from 0 to 1.
fn outside_of_bce(config: &Config, dataset: &Dataset) -> Option<String> {
    if config.loss != Loss::BinaryCrossEntropy {
        return None;
    }
    if config.target == Target::Input {
        let problem = "--standardize gives inputs below 0 and above 1, and the loss bce takes values from 0 to 1";
        return config
            .standard
            .is_some()
            .then(|| format!("{problem}; leave out --standardize, or choose --loss mse or huber"));
    }
    let parts = [("training", &dataset.train), ("test", &dataset.test)];
    parts.into_iter().find_map(|(part, images)| {
        let wrong = |value: &f32| !(0.0..=1.0).contains(value);
        let (index, value) = images.values.iter().enumerate().find(|(_, value)| wrong(value))?;
        let (image, place) = (index / dataset.values, index % dataset.values);
        Some(format!(
            "value {place} of {part} image {image} of {} is {value}, and the loss bce takes values from 0 to 1; choose --loss mse or huber",
            dataset.name
        ))
    })
}

/// An anomaly class needs test images of it and of others, and training images of others.
fn wrong_anomaly_class(config: &Config, dataset: &Dataset) -> Option<String> {
    let (class, name) = (config.anomaly_class?, &dataset.name);
    if config.target != Target::Input || dataset.values > 0 {
        return Some("--anomaly-class needs --target input and a data set with labels".into());
    }
    if usize::from(class) >= dataset.classes {
        let last = dataset.classes.saturating_sub(1);
        return Some(format!("--anomaly-class {class} is no class of {name}, which are 0 to {last}"));
    }
    let found = dataset.test.count_of(class);
    if found == 0 || found == dataset.test.len() {
        let images = dataset.test.len();
        return Some(format!(
            "{found} of the {images} test images of {name} are of class {class}, and ROC-AUC needs both anomalies and others; choose \
             another --anomaly-class"
        ));
    }
    (dataset.train.count_of(class) == dataset.train.len()).then(|| {
        format!("all training images of {name} are of class {class}, which leaves none to train on; choose another --anomaly-class")
    })
}
