//! The draws of published runs made again: initial weights, biases and feedback, the images of each step, and those of the test.

use std::path::{Path, PathBuf};
use std::{fs, io};

use asymgrad_core::{Architecture, Tensor, TensorRole, Training};
use serde::Deserialize;

use super::random::{Numpy, Torch};
use crate::tensors;

/// How a repository makes its draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// `fcnn/FCNN_BP.py` and `fcnn/FCNN_FA.py` of `makrout/Deep-Learning-without-Weight-Transport`.
    Akrout,
    /// `src/cmc/{run,models,rules,data}.py` of `KempnerInstitute/DFA-Stall`.
    DfaStall,
}

/// A training of which the draws are made.
#[derive(Clone, Copy, Debug)]
pub struct Drawn<'a> {
    /// Its network.
    pub network: Architecture<'a>,
    /// Its training.
    pub training: &'a Training,
    /// Its steps.
    pub steps: usize,
    /// Training images of its data set.
    pub images: usize,
}

/// What a run begins with, and which images it is trained and tested on.
#[derive(Debug)]
pub(super) struct Draws {
    /// A trainer's state: weights, biases and feedback.
    pub(super) state: Vec<f32>,
    /// The training images of all steps, by index; empty if they are taken in the order of the data set.
    pub(super) batches: Vec<u32>,
    /// The training images that are tested on, by index; empty if the data set's test images are.
    pub(super) test: Vec<u32>,
}

/// Files of draws, as `asymgrad run` takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawFiles {
    /// `--init`.
    pub init: PathBuf,
    /// `--batches`.
    pub batches: Option<PathBuf>,
    /// `--test-indices`.
    pub test_indices: Option<PathBuf>,
}

/// Why draws cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrawError {
    /// The data set is not the published one.
    #[error(
        "the published run tests on the last {VALIDATION} of its training images, but the data set has {images}; leave out --data"
    )]
    Images {
        /// Training images of the data set.
        images: usize,
    },
    /// The file has the draws of another run, which may have ended or not.
    #[error("{}: these are the draws of another run, on other data or with other steps; choose another folder with --out", file.display())]
    Other {
        /// The file.
        file: PathBuf,
    },
    /// The system refused.
    #[error("{}: cannot write the published draws: {cause}; choose another folder with --out", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
}

/// DFA-Stall tests on 2,048 draws of the last 10,000 training images, and trains on the others.
const VALIDATION: u32 = 10_000;
const TESTED: usize = 2048;

/// Writes a file unless it is there already, perhaps by another process at the same time; another one in its place is an error.
fn write_once(file: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), DrawError> {
    let write_once = || {
        let folder = tempfile::tempdir_in(file.parent().unwrap_or(Path::new(".")))?;
        let new = folder.path().join("new");
        write(&new)?;
        if file.exists() {
            return Ok(fs::read(&new)? == fs::read(file)?);
        }
        fs::rename(&new, file).map(|()| true)
    };
    match write_once() {
        Ok(true) => Ok(()),
        Ok(false) => Err(DrawError::Other { file: file.to_owned() }),
        Err(cause) => Err(DrawError::Io { file: file.to_owned(), cause }),
    }
}

impl Protocol {
    /// Whether the images of the steps and of the test are drawn as well.
    pub(super) const fn draws_images(self) -> bool {
        matches!(self, Self::DfaStall)
    }

    /// Writes the draws of the run with the seed `seed` into `folder`, where a run may have them already.
    ///
    /// # Errors
    /// [`DrawError`] if the data set has too few images, if the folder has other draws, or if the system refuses.
    pub fn write(self, seed: u32, of: Drawn<'_>, folder: &Path) -> Result<DrawFiles, DrawError> {
        let Draws { state, batches, test } = self.draw(seed, of)?;
        let failed = |file: &Path| {
            let file = file.to_owned();
            |cause| DrawError::Io { file, cause }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let init = folder.join("initial.safetensors");
        write_once(&init, |file| tensors::write(file, &of.network, of.training, &state, None))?;
        let write = |name: &str, shape: Vec<usize>, indices: &[u32]| -> Result<Option<PathBuf>, DrawError> {
            if indices.is_empty() {
                return Ok(None);
            }
            let file = folder.join(format!("{name}.safetensors"));
            write_once(&file, |file| tensors::write_indices(file, name, shape, indices))?;
            Ok(Some(file))
        };
        let batches = write("batches", vec![of.steps, of.training.batch()], &batches)?;
        let test_indices = write("test_indices", vec![test.len()], &test)?;
        Ok(DrawFiles { init, batches, test_indices })
    }

    /// The draws of the run with the seed `seed`.
    fn draw(self, seed: u32, of: Drawn<'_>) -> Result<Draws, DrawError> {
        let tensors: Vec<Tensor<'_>> = of.network.tensors(of.training).collect();
        let values = match self {
            Self::Akrout => akrout(seed, &tensors),
            Self::DfaStall => dfa_stall(seed, &tensors),
        };
        let mut state = vec![0.0; of.network.state(of.training)];
        for (tensor, values) in tensors.iter().zip(values) {
            for (exported, value) in values.into_iter().enumerate() {
                state[tensor.index_of(exported)] = value;
            }
        }
        let (batches, test) = match self {
            Self::Akrout => (vec![], vec![]),
            Self::DfaStall => {
                let images = u32::try_from(of.images).ok().and_then(|images| images.checked_sub(VALIDATION));
                let first = images.filter(|first| *first > 0).ok_or(DrawError::Images { images: of.images })?;
                let test = Torch::new(seed.wrapping_add(999)).below(TESTED, VALIDATION);
                let batches = Torch::new(seed).below(of.steps * of.training.batch(), first);
                (batches, test.into_iter().map(|index| first + index).collect())
            }
        };
        Ok(Draws { state, batches, test })
    }
}

/// Outputs and inputs of a dense layer, from the shape of its weight.
fn sides(weight: &Tensor<'_>) -> (usize, usize) {
    let ([outputs, inputs, ..], _) = weight.shape();
    (outputs, inputs)
}

/// The tensors of a role.
fn of_role<'a, 't>(tensors: &'a [Tensor<'t>], role: TensorRole) -> impl Iterator<Item = &'a Tensor<'t>> {
    tensors.iter().filter(move |tensor| tensor.role() == role)
}

/// \[in, out\] as \[out, in\].
fn transposed(values: &[f32], inputs: usize) -> Vec<f32> {
    let outputs = values.len() / inputs.max(1);
    (0..values.len()).map(|index| values[index % inputs * outputs + index / inputs]).collect()
}

/// The values of each tensor, all of them normal with the variance 1 / (in + out) of their layer: biases, weights, and feedback \[in, out\],
/// which the first layer has as well.
fn akrout(seed: u32, tensors: &[Tensor<'_>]) -> Vec<Vec<f32>> {
    let mut numpy = Numpy::new(seed);
    let layers: Vec<(usize, usize, usize)> = of_role(tensors, TensorRole::Weight)
        .map(|weight| {
            let (outputs, inputs) = sides(weight);
            (weight.layer(), outputs, inputs)
        })
        .collect();
    let mut draw = |count: usize, (_, outputs, inputs): (usize, usize, usize)| -> Vec<f32> {
        let deviation = (1.0 / (inputs + outputs) as f64).sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        (0..count).map(|_| (deviation * numpy.normal()) as f32).collect()
    };
    let biases: Vec<Vec<f32>> = layers.iter().map(|layer| draw(layer.1, *layer)).collect();
    let weights: Vec<Vec<f32>> = layers.iter().map(|layer| draw(layer.1 * layer.2, *layer)).collect();
    let feedback: Vec<Vec<f32>> = layers.iter().map(|layer| draw(layer.1 * layer.2, *layer)).collect();
    let of = |tensor: &Tensor<'_>| {
        let Some(at) = layers.iter().position(|(layer, ..)| *layer == tensor.layer()) else { return vec![] };
        match tensor.role() {
            TensorRole::Bias => biases[at].clone(),
            TensorRole::Weight => {
                // The first layer's inputs are rows, columns and channels, as Keras has images.
                let (inputs, weights) = (layers[at].2, &weights[at]);
                let index = |exported: usize| {
                    exported / inputs * inputs + tensor.input().channels_last_index(exported % inputs)
                };
                (0..weights.len()).map(|exported| weights[index(exported)]).collect()
            }
            TensorRole::Feedback => transposed(&feedback[at], layers[at].2),
        }
    };
    tensors.iter().map(of).collect()
}

/// The values of each tensor: weights by Glorot, biases 0, and direct feedback \[in, class\] with variance 1, drawn by a generator of its own.
fn dfa_stall(seed: u32, tensors: &[Tensor<'_>]) -> Vec<Vec<f32>> {
    let mut torch = Torch::new(seed);
    // `nn.Linear` draws weights and biases as it is made; these are never used.
    let unused = tensors.iter().filter(|tensor| tensor.role() != TensorRole::Feedback).map(Tensor::len).sum();
    torch.uniform(unused, 1.0);
    let mut feedback = Torch::new(seed.wrapping_add(10_000));
    let of = |tensor: &Tensor<'_>| {
        let (outputs, inputs) = sides(tensor);
        match tensor.role() {
            TensorRole::Weight => {
                #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
                let bound = (3_f64.sqrt() * (2.0 / (inputs + outputs) as f64).sqrt()) as f32;
                torch.uniform(tensor.len(), bound)
            }
            TensorRole::Bias => vec![0.0; tensor.len()],
            TensorRole::Feedback => transposed(&feedback.normal(tensor.len()), inputs),
        }
    };
    tensors.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use asymgrad_core::{Optimizer, Sgd};

    use super::*;
    use crate::Network;

    const IMAGES: usize = 10_500;

    fn draw(protocol: Protocol, seed: u32, network: &Network) -> Draws {
        let training = Training::new(4).optimizer(Optimizer::Sgd(Sgd::DEFAULT));
        let drawn = Drawn { network: network.architecture(), training: &training, steps: 2, images: IMAGES };
        protocol.draw(seed, drawn).unwrap()
    }

    /// The value at an index of a tensor in its exported order.
    #[track_caller]
    fn assert_value(draws: &Draws, network: &Network, name: &str, exported: usize, expected: f32) {
        let training = Training::new(4).optimizer(Optimizer::Sgd(Sgd::DEFAULT));
        let architecture = network.architecture();
        let tensor = architecture.tensors(&training).find(|tensor| tensor.to_string() == name).unwrap();
        let found = draws.state[tensor.index_of(exported)];
        assert!((found - expected).abs() < 1e-6, "{name}[{exported}] is {found}, not {expected}");
    }

    #[test]
    fn the_largest_seeds_have_draws() {
        let network: Network = "input 6 - dense20.tanh(DFA) - dense10(DFA)".parse().unwrap();
        assert_eq!(draw(Protocol::DfaStall, u32::MAX, &network).test.len(), TESTED);
        assert!(draw(Protocol::Akrout, u32::MAX, &network).test.is_empty());
    }

    /// Against PyTorch 2.15: `torch.manual_seed(3)`, three `nn.Linear`, `xavier_uniform_` of their weights; `randn(20, 10)` twice with
    /// seed 10003, `randint(0, 500, (4,))` twice with seed 3 and `randint(0, 10000, (2048,)) + 500` with seed 1002.
    #[test]
    fn dfa_stalls_draws_are_those_of_pytorch() {
        let network: Network = "input 6 - dense20.tanh - dense20.tanh(DFA) - dense10(DFA)".parse().unwrap();
        let draws = draw(Protocol::DfaStall, 3, &network);
        for (name, exported, expected) in [
            ("dense1.weight", 6 + 2, 0.067_244_08),
            ("dense2.weight", 19 * 20, -0.107_682_65),
            ("dense3.weight", 9 * 20 + 19, -0.018_336_933),
            ("dense1.bias", 5, 0.0),
            ("dense2.feedback", 3 * 20 + 7, -1.692_216_5),
            ("dense3.feedback", 9 * 20, 0.476_417),
        ] {
            assert_value(&draws, &network, name, exported, expected);
        }
        assert_eq!(draws.batches, [486, 48, 237, 167, 360, 280, 340, 25]);
        assert_eq!((draws.test.len(), draws.test[0], draws.test[1], draws.test[2047]), (2048, 987, 3765, 8860));
    }

    /// Against `NumPy` 2.4: `seed(5)`, then all biases, all weights and all feedback as `sqrt(1 / (x + y)) * randn(...)`. An image is rows,
    /// columns and channels there.
    #[test]
    fn akrouts_draws_are_those_of_numpy() {
        let network: Network = "input 2x1x2 - dense20.sigmoid - dense10(R)".parse().unwrap();
        let draws = draw(Protocol::Akrout, 5, &network);
        for (name, exported, expected) in [
            ("dense1.bias", 3, -0.051_458_09),
            ("dense2.bias", 9, -0.019_340_164),
            ("dense1.weight", 7 * 4 + 2, 0.025_476_087),
            ("dense1.weight", 7 * 4 + 1, -0.088_937_69),
            ("dense2.weight", 4 * 20 + 13, -0.311_085_5),
            ("dense2.feedback", 4 * 20 + 13, -0.087_940_6),
        ] {
            assert_value(&draws, &network, name, exported, expected);
        }
        assert!(draws.batches.is_empty() && draws.test.is_empty());
    }

    #[test]
    fn too_few_images_are_an_error() {
        let network: Network = "input 6 - dense20.tanh - dense10(DFA)".parse().unwrap();
        let training = Training::new(4);
        let drawn = Drawn { network: network.architecture(), training: &training, steps: 2, images: 1500 };
        let error = Protocol::DfaStall.draw(3, drawn).unwrap_err().to_string();
        assert!(error.contains("last 10000 of its training images, but the data set has 1500"), "{error}");
    }
}
