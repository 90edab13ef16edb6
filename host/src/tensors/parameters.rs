//! The parameters of a network for a firmware: an array in Rust for `include!`, and bytes for `include_bytes!`.

use std::io;
use std::path::Path;

use asymgrad_core::{Architecture, TensorRole, Training};

use crate::atomic;

/// Values of a line of Rust.
const LINE: usize = 8;

/// Writes the parameters as an array expression of Rust, tensor by tensor, in the order of
/// [`Trainer::parameters`](asymgrad_core::Trainer::parameters): `include!` makes it a static.
///
/// # Errors
/// If the system refuses; an earlier file of this name is then as it was.
pub fn write_rust(file: &Path, network: &Architecture<'_>, parameters: &[f32]) -> io::Result<()> {
    atomic::write(file, |out| {
        writeln!(out, "// The {} parameters of `{network}`,", parameters.len())?;
        writeln!(out, "// in the order of asymgrad_core::Trainer::parameters, written by `asymgrad export --rust`:")?;
        writeln!(out, "//     static PARAMETERS: [f32; NET.parameters()] = include!(\"FILE\");")?;
        writeln!(out, "[")?;
        let tensors = network.tensors(&Training::new(1)).filter(|tensor| tensor.role() != TensorRole::Feedback);
        for tensor in tensors {
            writeln!(out, "    // {tensor}")?;
            for line in parameters.get(tensor.range()).unwrap_or_default().chunks(LINE) {
                let values: Vec<String> = line.iter().map(|value| format!("{value:?}")).collect();
                writeln!(out, "    {},", values.join(", "))?;
            }
        }
        writeln!(out, "]")
    })
}

/// Writes the parameters as [`Architecture::parameters_from`] reads them: a header that names the network, then little-endian `f32`.
///
/// # Errors
/// If the system refuses; an earlier file of this name is then as it was.
pub fn write_raw(file: &Path, network: &Architecture<'_>, parameters: &[f32]) -> io::Result<()> {
    atomic::write(file, |out| {
        out.write_all(&network.parameters_header(parameters.len()))?;
        parameters.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
    })
}
