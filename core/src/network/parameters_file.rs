//! Parameters in a file for `include_bytes!`: a header that names the network by its fingerprint, then the values.
//!
//! | bytes | content |
//! |---|---|
//! | 0–3 | `ASYP` |
//! | 4–7 | version of this format: 1 |
//! | 8–11 | [`Architecture::parameters_fingerprint`] |
//! | 12–15 | number of values |
//! | 16– | the values, layer by layer: weights, then biases |
//!
//! All numbers are little-endian. Weights lie as in a state: dense `[out, in]` with the inputs as row, column, channel; convolution
//! `[k, k, out, in]`; untied `[row, col, k, k, out, in]`, its biases `[row, col, out]`.

use super::Architecture;

const MAGIC: u32 = u32::from_le_bytes(*b"ASYP");
const VERSION: u32 = 1;
const HEADER: usize = 16;

impl Architecture<'_> {
    /// The header of a file of so many parameters of this network, as `asymgrad export --raw` writes it; the parameters follow as
    /// little-endian `f32`.
    #[expect(clippy::cast_possible_truncation, reason = "parameters that a device's memory holds")]
    pub const fn parameters_header(&self, len: usize) -> [u8; HEADER] {
        let words = [MAGIC, VERSION, self.parameters_fingerprint(), len as u32];
        let (mut bytes, mut index) = ([0; HEADER], 0);
        while index < HEADER {
            bytes[index] = words[index / 4].to_le_bytes()[index % 4];
            index += 1;
        }
        bytes
    }

    /// The parameters in a file that `asymgrad export --raw` wrote, for a constant.
    ///
    /// ```
    /// # use asymgrad_core::{Architecture, Layer, Shape};
    /// const NET: Architecture = Architecture::new(Shape::vector(2), &[Layer::dense(2)]);
    /// # const FILE: &[u8] = &{
    /// #     let (mut file, header) = ([0; 16 + 4 * NET.parameters()], NET.parameters_header(NET.parameters()));
    /// #     let mut index = 0;
    /// #     while index < 16 { file[index] = header[index]; index += 1; }
    /// #     file
    /// # };
    /// # macro_rules! include_bytes { ($file:literal) => { FILE } }
    /// static PARAMETERS: [f32; NET.parameters()] = NET.parameters_from(include_bytes!("parameters.bin"));
    /// # assert_eq!(PARAMETERS, [0.0; 6]);
    /// ```
    ///
    /// # Panics
    /// If the file is not of this format, belongs to another network, or has another length: in a constant a compile error.
    pub const fn parameters_from<const N: usize>(&self, file: &[u8]) -> [f32; N] {
        let Some((header, mut rest)) = file.split_first_chunk::<HEADER>() else {
            panic!("the file is shorter than a header: write it with asymgrad export --raw")
        };
        let expected = self.parameters_header(N);
        let mut index = 0;
        while index < HEADER {
            if header[index] != expected[index] {
                match index {
                    0..4 => panic!("this is no file of parameters: write it with asymgrad export --raw"),
                    4..8 => {
                        panic!("the file has another version of the format: write it with this version of asymgrad")
                    }
                    8..12 => panic!("the file holds the parameters of another network"),
                    _ => panic!("the file holds another number of parameters"),
                }
            }
            index += 1;
        }
        let (mut values, mut index) = ([0.0; N], 0);
        while let Some((value, tail)) = rest.split_first_chunk::<4>() {
            assert!(index < N, "the file is longer than its header says");
            values[index] = f32::from_le_bytes(*value);
            rest = tail;
            index += 1;
        }
        assert!(index == N && rest.is_empty(), "the file is not as long as its header says");
        values
    }
}
