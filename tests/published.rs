//! `suite --published`: the runs that other groups published. Whether the draws are those of PyTorch and NumPy is tested in
//! `host/src/published`.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::path::Path;

use asymgrad::published;
use program::Sandbox;
use serde_json::Value;
use sha2::{Digest, Sha256};

#[test]
fn runs_begin_with_the_draws_of_their_seed() {
    let sandbox = Sandbox::new();
    let command = "suite --published akrout --data digits --epochs 1 --seed 5 --out out --jobs 2";
    let ended = sandbox.run(command);
    ended.assert(0, &["not compared with published figures: akrout-BP, akrout-FA, akrout-KP, akrout-WM; --data"]);
    // The figures are about another data set.
    assert!(!ended.out.contains("agrees") && !ended.out.contains("differs"), "{}", ended.out);
    for (name, is_drawn) in [("akrout-BP", true), ("akrout-KP", true), ("akrout-FA", false), ("akrout-WM", false)] {
        let file = sandbox.path(&format!("out/draws/{name}/seed-5/initial.safetensors"));
        assert_eq!(file.exists(), is_drawn, "{name}");
        let config = fs::read_to_string(sandbox.path(&format!("out/{name}/seed-5/config.json"))).unwrap();
        let config: Value = serde_json::from_str(&config).unwrap();
        let expected = if is_drawn { hex::encode(Sha256::digest(fs::read(file).unwrap())).into() } else { Value::Null };
        assert_eq!(config["init"], expected, "{name}");
    }
    // The same draws are the same runs, which have ended.
    sandbox.run(command).assert(0, &[]);
    let processes = fs::read_to_string(sandbox.path("out/akrout-KP/seed-5/processes.jsonl")).unwrap();
    assert_eq!(processes.lines().count(), 1, "{processes}");
}

#[test]
fn a_source_or_a_data_set_that_does_not_fit_is_refused() {
    let sandbox = Sandbox::new();
    sandbox
        .run("suite --published dfa-stall --data digits")
        .assert(1, &["tests on the last 10000 of its training images, but the data set has 1500; leave out --data"]);
    sandbox
        .run("suite --published akrout --data digits --seed 5000000000")
        .assert(1, &["seed 5000000000 is too large", "up to 4294967295"]);
    sandbox
        .run("suite --published akrut")
        .assert(2, &["akrut", "akrout, dfa-stall, nokland, biotorch", "list --published"]);
    sandbox.run("suite --published akrout --table 1").assert(2, &["--published", "--table"]);
}

#[test]
fn one_experiment_is_trained_alone_and_what_is_not_compared_is_named() {
    let sandbox = Sandbox::new();
    let alone = sandbox.run("suite --published akrout-KP --data digits --epochs 1 --out out");
    alone.assert(0, &["akrout-KP"]);
    assert!(!sandbox.path("out/akrout-BP").exists() && sandbox.path("out/akrout-KP/seed-1111").exists());
    let untrained = sandbox.run("suite --published akrout-KP --data digits --epochs 0 --out untrained");
    untrained.assert(0, &[]);
    assert!(untrained.out.contains("finished after step 0 (epoch 0)"), "{}", untrained.out);
    let own = sandbox.run("run akrout-KP --data digits --epochs 0 --out own");
    own.assert(0, &["akrout-KP draws weights of its own here", "suite --published akrout-KP"]);
}

#[test]
fn a_published_run_takes_measures_and_its_draws_stay() {
    let sandbox = Sandbox::new();
    let command = "suite --published akrout-KP --data digits --epochs 1 --out out";
    sandbox.run(&format!("{command} --measures all")).assert(0, &[]);
    let epochs = fs::read_to_string(sandbox.path("out/akrout-KP/seed-1111/epochs.jsonl")).unwrap();
    assert!(epochs.contains("\"signal_ranks\""), "{epochs}");
    let draws = sandbox.path("out/draws/akrout-KP/seed-1111/initial.safetensors");
    let before = fs::read(&draws).unwrap();
    // As if another network or data set had been meant.
    fs::write(&draws, [&before[..], &[0]].concat()).unwrap();
    for command in [command.to_owned(), format!("{command} --dry-run")] {
        sandbox.run(&command).assert(1, &["initial.safetensors", "the draws of another run", "--out"]);
        assert_eq!(fs::read(&draws).unwrap().len(), before.len() + 1);
    }
}

/// 401 steps of 50 are eight epochs and one step.
#[test]
fn an_epoch_that_max_steps_cuts_is_not_compared() {
    let compared = |max_steps: &str| {
        let max_steps = format!("\"max_steps\": {max_steps}");
        let edits = [("\"epochs\": 40", "\"epochs\": 9"), ("\"max_steps\": null", &*max_steps)];
        compared("seed-0/dfa-stall-fashion-DFA", 9, &edits)
    };
    assert_eq!([compared("null"), compared("450"), compared("401")], [1, 1, 0]);
}

/// The seeds 0 to 2 are published; another run with files of weights, batches and test images has those of its user.
#[test]
fn a_run_from_files_of_ones_own_is_not_compared() {
    let compared = |edits: &[(&str, &str)]| compared("seed-0/dfa-stall-cifar-DFA", 80, edits);
    assert_eq!(compared(&[]), 6);
    assert_eq!(compared(&[("\"seed\": 0", "\"seed\": 7")]), 0);
}

/// How many figures a kept run of so many epochs is compared with after these edits of its configuration.
fn compared(run: &str, epochs: usize, edits: &[(&str, &str)]) -> usize {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/results/published").join(run);
    let sandbox = Sandbox::new();
    let folder = sandbox.path("runs/edited");
    fs::create_dir_all(&folder).unwrap();
    for file in ["config.json", "epochs.jsonl", "processes.jsonl", "result.json"] {
        let mut text = fs::read_to_string(kept.join(file)).unwrap();
        match file {
            "config.json" => {
                for (from, to) in edits {
                    assert!(text.contains(from), "{text}");
                    text = text.replace(from, to);
                }
            }
            "epochs.jsonl" => text = text.lines().take(epochs).collect::<Vec<_>>().join("\n") + "\n",
            _ => {}
        }
        fs::write(folder.join(file), text).unwrap();
    }
    let report: Value = serde_json::from_str(&sandbox.run("report runs --format json").out).unwrap();
    let sources = report["published"].as_array().unwrap();
    sources.iter().map(|source| source["comparisons"].as_array().unwrap().len()).sum()
}

/// The kept runs: each seed has weights, batches and test images of its own, and nothing else differs.
#[test]
fn the_seeds_of_published_draws_are_one_group_beside_its_true_gradient() {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/results/published");
    let report = Sandbox::new().run(&format!("report {kept} --format json"));
    let report: Value = serde_json::from_str(&report.out).unwrap();
    let groups = report["groups"].as_array().unwrap();
    let of_name = |name: &str| groups.iter().filter(|group| group["name"] == name).collect::<Vec<_>>();
    for name in ["dfa-stall-cifar-BP", "dfa-stall-cifar-DFA"] {
        let [group] = of_name(name)[..] else { panic!("{} groups of {name}", of_name(name).len()) };
        let seeds: Vec<_> = group["runs"].as_array().unwrap().iter().map(|run| run["config"]["seed"].clone()).collect();
        assert_eq!(seeds, [0, 1, 2], "{name}");
        for run in group["runs"].as_array().unwrap() {
            let command = run["command"].as_str().unwrap();
            assert!(command.starts_with(&format!("asymgrad suite --published {name} --seed ")), "{command}");
            assert_eq!(run["settings"], "", "{name}");
        }
    }
    let table = Sandbox::new().run(&format!("report {kept} --format csv"));
    let row = table.out.lines().find(|line| line.contains("dfa-stall-cifar-DFA")).unwrap();
    assert!(row.contains(",dfa-stall-cifar-BP,3,"), "{row}");
    assert!(row.contains("asymgrad suite --published dfa-stall-cifar-DFA --seeds 0..2 --epochs 80 "), "{row}");
}

#[test]
fn every_figure_can_be_reached_and_names_one_run_or_a_spread() {
    for record in published::all() {
        let name = &record.experiment.name;
        assert!(record.experiment.parsed_network().is_ok() && record.experiment.parsed_loss().is_ok(), "{name}");
        assert!(!record.seeds.is_empty() && !record.figures.is_empty(), "{name}");
        assert!(
            record.figures.is_sorted_by_key(|figure| (figure.seed, figure.spread.is_none(), figure.epoch)),
            "{name}"
        );
        for figure in &record.figures {
            assert!(figure.seed.is_none_or(|seed| record.seeds.contains(&seed)), "{name}");
            let is_exact = record.draws.is_some() && record.within.of(figure.quantity).is_some();
            // Without a distance or a spread two of our runs are needed.
            assert!(is_exact || figure.spread.is_some() || record.seeds.len() > 1, "{name}");
            assert!(record.experiment.own_epochs().is_some_and(|epochs| epochs >= figure.epoch), "{name}");
        }
    }
}
