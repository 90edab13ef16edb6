//! What both programs share: the networks, and the time of a step.

use std::time::Instant;

use serde_json::json;

/// Widths of the dense networks, from the input to the output.
pub const DENSE: [(&str, &[usize]); 2] = [("DS", &[3072, 512, 256, 10]), ("DD", &[3072, 512, 512, 256, 256, 10])];
pub const BATCHES: [usize; 3] = [128, 16, 1];

/// Blocks whose median counts.
const BLOCKS: usize = 7;

/// Prints the milliseconds of a step as a line of JSON: the median of seven blocks of `count` steps, after one block that is not timed.
pub fn measure(library: &str, network: &str, batch: usize, count: usize, mut step: impl FnMut()) {
    let mut block = || {
        let start = Instant::now();
        (0..count).for_each(|_| step());
        start.elapsed().as_secs_f64() * 1e3 / count as f64
    };
    block();
    let mut times: Vec<f64> = (0..BLOCKS).map(|_| block()).collect();
    times.sort_by(f64::total_cmp);
    let threads: u64 = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    println!("{}", json!({"net": network, "threads": threads, "batch": batch, "ms": times[BLOCKS / 2], "by": library}));
}
