//! Prints the last results of Criterion, and the lines of the programs in `baselines/`, as Markdown tables.
//!
//!     python benches/baselines/torch_step.py --compiled | tee -a target/baselines.jsonl
//!     cargo run --release -p asymgrad-benches --bin table
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

use asymgrad_benches::{GROWTH, WINOGRAD_SUFFIX, step_operations, untied};
use asymgrad_core::Training;
use serde_json::Value;

/// The median of a bench in nanoseconds, and the operations or bytes of one iteration.
struct Measured {
    group: String,
    function: String,
    nanoseconds: f64,
    elements: Option<f64>,
    bytes: Option<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let target = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    let mut results = vec![];
    collect(&Path::new(&target).join("criterion"), &mut results)?;
    let baselines = fs::read_to_string(Path::new(&target).join("baselines.jsonl")).unwrap_or_default();
    let baselines = last(&baselines)?;
    steps(&results, &baselines);
    growth(&results);
    throughput(&results, &baselines);
    Ok(())
}

/// The last line of each library for each bench, or each network, batch and threads: the file grows with every measurement.
fn last(lines: &str) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut baselines = BTreeMap::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let baseline: Value = serde_json::from_str(line)?;
        let key = ["bench", "net", "batch", "threads", "by"].map(|field| baseline[field].to_string());
        baselines.insert(key, baseline);
    }
    Ok(baselines.into_values().collect())
}

/// Collects the `new` results of every bench below a folder of Criterion.
fn collect(folder: &Path, results: &mut Vec<Measured>) -> Result<(), Box<dyn Error>> {
    let entries = fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}; run `cargo bench -p asymgrad-benches` first", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.ends_with("new") {
            let read = |file: &str| -> Result<Value, Box<dyn Error>> {
                let file = path.join(file);
                let text = fs::read_to_string(&file).map_err(|error| {
                    format!("{}: {error}; a bench was stopped: run it again, or delete its folder", file.display())
                })?;
                Ok(serde_json::from_str(&text)?)
            };
            let (about, estimates) = (read("benchmark.json")?, read("estimates.json")?);
            let name = |key: &str| about[key].as_str().unwrap_or_default().to_owned();
            results.push(Measured {
                group: name("group_id"),
                function: format!("{} {}", name("function_id"), name("value_str")).trim().to_owned(),
                nanoseconds: estimates["median"]["point_estimate"].as_f64().ok_or("a result without a median")?,
                elements: about["throughput"]["Elements"].as_f64(),
                bytes: about["throughput"]["Bytes"].as_f64(),
            });
        } else if path.is_dir() {
            collect(&path, results)?;
        }
    }
    Ok(())
}

/// A training step in milliseconds.
#[derive(Default)]
struct Step {
    ours: Option<f64>,
    /// Within a run.
    run: Option<f64>,
    /// The fastest of the other libraries, and its name.
    best: Option<(f64, String)>,
}

/// Network, batch and threads.
type Row = (String, u64, u64);

/// Training steps of asymgrad, alone and within a run, and the fastest of those in `baselines.jsonl`.
fn steps(results: &[Measured], baselines: &[Value]) {
    let mut rows: BTreeMap<Row, Step> = BTreeMap::new();
    for result in results {
        let Some((kind, network)) = result.group.strip_prefix("training ").and_then(|group| group.split_once(' '))
        else {
            continue;
        };
        let numbers: Vec<u64> = result.function.split(' ').filter_map(|word| word.parse().ok()).collect();
        if let [batch, threads] = numbers[..] {
            let step = rows.entry((network.to_owned(), batch, threads)).or_default();
            let place = if kind == "run" { &mut step.run } else { &mut step.ours };
            *place = Some(result.nanoseconds / 1e6);
        }
    }
    for baseline in baselines {
        let (Some(network), Some(batch), Some(threads)) =
            (baseline["net"].as_str(), baseline["batch"].as_u64(), baseline["threads"].as_u64())
        else {
            continue;
        };
        let (Some(ms), Some(by)) = (baseline["ms"].as_f64(), baseline["by"].as_str()) else { continue };
        // Our Winograd kernels have the same baselines as the direct ones.
        for name in [network.to_owned(), format!("{network} {WINOGRAD_SUFFIX}")] {
            let Some(step) = rows.get_mut(&(name, batch, threads)) else { continue };
            if step.best.as_ref().is_none_or(|(best, _)| ms < *best) {
                step.best = Some((ms, by.to_owned()));
            }
        }
    }
    println!(
        "| network | batch | threads | asymgrad, ms | fastest other, ms | library | ratio | products, ms | memory, ms | of the limit, % | in a run, ms | to the step |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
    );
    for ((network, batch, threads), Step { ours, run, best }) in rows {
        let ms = |time: Option<f64>| time.map_or("–".to_owned(), |time| format!("{time:.2}"));
        let ratio = |time: Option<f64>, other: Option<f64>| {
            time.zip(other).map_or("–".to_owned(), |(time, other)| format!("{:.2}", time / other))
        };
        let trained = network.trim_end_matches(WINOGRAD_SUFFIX).trim_end();
        // Winograd's method makes fewer products.
        let products = products(results, trained, batch, threads).filter(|_| trained == network);
        let memory = memory(results, trained, threads);
        let limit = products.zip(memory).map(|(products, memory)| products.max(memory));
        let of_limit = limit.zip(ours).map_or("–".to_owned(), |(limit, ours)| format!("{:.0}", 100.0 * limit / ours));
        let (fastest, library) = best.map_or((None, "–".to_owned()), |(ms, by)| (Some(ms), by));
        println!(
            "| {network} | {batch} | {threads} | {} | {} | {library} | {} | {} | {} | {of_limit} | {} | {} |",
            ms(ours),
            ms(fastest),
            ratio(ours, fastest),
            ms(products),
            ms(memory),
            ms(run),
            ratio(run, ours)
        );
    }
}

/// Milliseconds of a step's products if all ran as multiply-adds in registers.
fn products(results: &[Measured], network: &str, batch: u64, threads: u64) -> Option<f64> {
    let peak = results.iter().find(|result| result.function == "multiply-add in registers").and_then(gigaflops)?;
    let operations = step_operations(network, usize::try_from(batch).ok()?) as f64;
    Some(operations / 1e6 / (peak * threads as f64))
}

/// Milliseconds of the memory traffic that no step of Adam can avoid.
fn memory(results: &[Measured], network: &str, threads: u64) -> Option<f64> {
    let function = format!("state of {network} {threads} threads");
    results.iter().find(|result| result.function == function).map(|result| result.nanoseconds / 1e6)
}

/// Step time and memory of the untied net. Where the last column does not grow, the time grows at most linearly.
fn growth(results: &[Measured]) {
    println!(
        "\n| filters | batch | weights | memory, MB | step, ms | picoseconds a weight and sample |\n|---|---|---|---|---|---|"
    );
    for (filters, batch) in GROWTH {
        let name = format!("filters {filters} batch {batch}");
        let Some(result) = results.iter().find(|result| result.group == "growth PGU" && result.function == name) else {
            continue;
        };
        let network = untied(filters);
        let (weights, memory) =
            (network.architecture().parameters(), network.architecture().memory(&Training::new(batch)));
        let each = result.nanoseconds * 1e3 / (weights * batch) as f64;
        println!(
            "| {filters} | {batch} | {weights} | {} | {:.1} | {each:.1} |",
            memory * size_of::<f32>() / 1_000_000,
            result.nanoseconds / 1e6
        );
    }
}

/// Operations a nanosecond.
fn gigaflops(result: &Measured) -> Option<f64> {
    result.elements.map(|operations| operations / result.nanoseconds)
}

/// The throughput of all other benches in GFLOP/s or GB/s, one row for each group, with that of the baselines.
fn throughput(results: &[Measured], baselines: &[Value]) {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for result in
        results.iter().filter(|result| !result.group.starts_with("training ") && !result.group.starts_with("growth"))
    {
        let (pace, unit) = match (gigaflops(result), result.bytes) {
            (Some(gigaflops), _) => (gigaflops, "GFLOP/s"),
            (None, Some(bytes)) => (bytes / result.nanoseconds, "GB/s"),
            (None, None) => continue,
        };
        groups.entry(&result.group).or_default().push(format!("{} {pace:.1} {unit}", result.function));
    }
    for baseline in baselines {
        let (Some(bench), Some(by), Some(pace)) =
            (baseline["bench"].as_str(), baseline["by"].as_str(), baseline["gflops"].as_f64())
        else {
            continue;
        };
        groups.entry(bench).or_default().push(format!("{by} {pace:.1} GFLOP/s"));
    }
    println!("\n| bench | throughput |\n|---|---|");
    for (group, mut cells) in groups {
        cells.sort();
        println!("| {group} | {} |", cells.join(", "));
    }
}
