//! Prints the last results of Criterion, and of the peers' scripts, as markdown tables.
//!
//!     python benches/peers/torch_step.py | tee -a target/peers.jsonl
//!     cargo run --release -p asymgrad-benches --bin table
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

use asymgrad_benches::{FAST_KERNELS, GROWTH, untied};
use asymgrad_core::Training;
use serde_json::Value;

/// A bench's median in nanoseconds, and what one iteration computes or moves.
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
    let peers = fs::read_to_string(Path::new(&target).join("peers.jsonl")).unwrap_or_default();
    steps(&results, &peers)?;
    growth(&results);
    products(&results);
    Ok(())
}

/// Gathers the `new` results of every bench below a folder of Criterion's.
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

/// Milliseconds of a training step.
#[derive(Default)]
struct Step {
    ours: Option<f64>,
    peers: Option<f64>,
}

/// Training steps beside PyTorch's, in milliseconds: the last line that its script gave for each network, batch and threads.
fn steps(results: &[Measured], peers: &str) -> Result<(), Box<dyn Error>> {
    let mut rows: BTreeMap<(String, u64, u64), Step> = BTreeMap::new();
    for result in results {
        let Some(network) = result.group.strip_prefix("training step ") else { continue };
        let numbers: Vec<u64> = result.function.split(' ').filter_map(|word| word.parse().ok()).collect();
        if let [batch, threads] = numbers[..] {
            rows.entry((network.to_owned(), batch, threads)).or_default().ours = Some(result.nanoseconds / 1e6);
        }
    }
    for line in peers.lines().filter(|line| !line.trim().is_empty()) {
        let peer: Value = serde_json::from_str(line)?;
        let (Some(network), Some(batch), Some(threads)) =
            (peer["net"].as_str(), peer["batch"].as_u64(), peer["threads"].as_u64())
        else {
            continue;
        };
        rows.entry((network.to_owned(), batch, threads)).or_default().peers = peer["best_ms"].as_f64();
    }
    let of_peers: BTreeMap<_, _> = rows.iter().map(|(row, step)| (row.clone(), step.peers)).collect();
    println!("| network | batch | threads | asymgrad, ms | PyTorch, ms | ratio |\n|---|---|---|---|---|---|");
    for ((network, batch, threads), Step { ours, .. }) in rows {
        // The peers have one way to train a network.
        let trained = network.trim_end_matches(FAST_KERNELS).trim_end().to_owned();
        let peers = of_peers.get(&(trained, batch, threads)).copied().flatten();
        let ms = |time: Option<f64>| time.map_or("–".to_owned(), |time| format!("{time:.2}"));
        let ratio = ours.zip(peers).map_or("–".to_owned(), |(ours, peers)| format!("{:.2}", ours / peers));
        println!("| {network} | {batch} | {threads} | {} | {} | {ratio} |", ms(ours), ms(peers));
    }
    Ok(())
}

/// Step time and memory of the untied net: what the last column shows to fall or stand still grows no worse than linearly.
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

/// All else, as a row a group and GFLOP/s (or GB/s) a rival.
fn products(results: &[Measured]) {
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for result in results
        .iter()
        .filter(|result| !result.group.starts_with("training step") && !result.group.starts_with("growth"))
    {
        let (amount, unit) = match (result.elements, result.bytes) {
            (Some(operations), _) => (operations, "GFLOP/s"),
            (None, Some(bytes)) => (bytes, "GB/s"),
            (None, None) => continue,
        };
        let text = format!("{} {:.1} {unit}", result.function, amount / result.nanoseconds);
        groups.entry(&result.group).or_default().push(text);
    }
    println!("\n| matrix product or convolution | throughput |\n|---|---|");
    for (group, mut rivals) in groups {
        rivals.sort();
        println!("| {group} | {} |", rivals.join(", "));
    }
}
