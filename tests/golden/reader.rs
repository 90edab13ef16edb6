//! Reads the golden files that `make_golden.py` wrote with PyTorch, and checks float32 results against them.

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

/// The folder of the golden files.
pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden");

/// One golden file.
#[derive(Debug)]
pub(crate) struct Golden {
    pub(crate) name: String,
    bytes: Vec<u8>,
}

impl Golden {
    pub(crate) fn read(name: &str) -> Self {
        let path = format!("{FOLDER}/{name}.safetensors");
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { name: name.to_owned(), bytes }
    }

    fn view<R>(&self, tensor: &str, read: impl FnOnce(&TensorView<'_>) -> R) -> R {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        read(&file.tensor(tensor).unwrap_or_else(|error| panic!("{}: {tensor}: {error}", self.name)))
    }

    pub(crate) fn shape(&self, tensor: &str) -> Vec<usize> {
        self.view(tensor, |view| view.shape().to_vec())
    }

    pub(crate) fn floats(&self, tensor: &str) -> Vec<f32> {
        self.view(tensor, |view| {
            assert_eq!(view.dtype(), Dtype::F32, "{}: {tensor}", self.name);
            view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        })
    }

    /// The label of each sample.
    pub(crate) fn targets(&self) -> Vec<usize> {
        self.view("target", |view| {
            assert_eq!(view.dtype(), Dtype::I64, "{}: target", self.name);
            view.data().as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes).try_into().unwrap()).collect()
        })
    }

    /// Asserts that `got` is close to the tensor `tensor`: |got − want| <= 1e-5 |want| + 1e-6 max|want|.
    pub(crate) fn check(&self, by: &str, tensor: &str, got: &[f32]) {
        let want = self.floats(tensor);
        let name = &self.name;
        assert_eq!(got.len(), want.len(), "{name}: {tensor} by {by}: length");
        let largest = want.iter().fold(0.0, |largest: f64, x| largest.max(f64::from(x.abs())));
        let mut worst = 0.0;
        for (index, (&got, &want)) in got.iter().zip(&want).enumerate() {
            let (error, want) = (f64::from(got) - f64::from(want), f64::from(want));
            let allowed = 1e-5 * want.abs() + 1e-6 * largest;
            // Negated, so that a NaN fails.
            let passes = error.abs() <= allowed;
            assert!(passes, "{name}: {tensor}[{index}] by {by}: found {got}, expected {want}, allowed {allowed:e}");
            if allowed > 0.0 {
                worst = f64::max(worst, error.abs() / allowed);
            }
        }
        println!("{name}: {tensor} by {by}: worst error {worst:.3} of the tolerance");
    }
}
