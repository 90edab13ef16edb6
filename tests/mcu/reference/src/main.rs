//! The device's trainings on the host, with the core's portable kernels: `reference SAMPLES EPOCHS` prints what the
//! firmware `same` has to print. `tests/determinism.rs` shows that `--kernels portable` has the same bits.

use asymgrad_core::arithmetic::Portable;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|number| number.parse()).collect::<Result<_, _>>()?;
    let [samples, epochs] = numbers[..] else { return Err("usage: reference SAMPLES EPOCHS".into()) };
    let mut memory = vec![0.0; task::combinations::MEMORY];
    task::combinations::all(Portable, samples, epochs, &mut memory, &mut |text| print!("{text}"))
        .ok_or("a training was refused")?;
    Ok(())
}
