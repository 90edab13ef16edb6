//! The command line through the real binary: output, files and exit codes.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;

use program::{Ended, Sandbox, lines};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

const SMALL: &str = "input 3x32x32 - dense16 - dense10(R)";

/// `run` on the small network and the digits.
fn run_small(sandbox: &Sandbox, rest: &str) -> Ended {
    sandbox.run_with(&format!("run --net {{}} --data digits {rest}"), SMALL)
}

#[test]
fn a_rule_that_has_no_effect_is_noted() {
    let sandbox = Sandbox::new();
    let first = "input 3x32x32 - dense5(R) - dense10(R)";
    let note = "note: `dense5(R)` is the first layer with weights";
    sandbox.run_with("run --net {} --data digits --dry-run", first).assert(0, &[note]);
    assert!(sandbox.run_with("plan {}", first).out.contains(note));
    let ended = sandbox.run_with("run --net {} --data digits --dry-run", "input 3x32x32 - dense5 - dense10(R)");
    assert!(!ended.err.contains("note:"), "{}", ended.err);
}

#[test]
fn list_has_the_39_experiments_of_the_report_and_the_extras() {
    let sandbox = Sandbox::new();
    let rows = sandbox.run("list --json").json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["table"].is_u64()).count(), 39);
    assert!(rows.iter().any(|row| row["table"].is_null()));
    assert_eq!(rows[0]["name"], "DS0");
    assert_eq!(rows[0]["network"], "input 3x32x32 - dense512 - dense256 - dense10");
    assert_eq!(rows[0]["loss"], "ce");
    assert_eq!(rows[0]["published"], json!([{"epochs": 100, "accuracy": 50.06}]));
    let table = sandbox.run("list");
    for row in rows {
        let name = row["name"].as_str().unwrap();
        let line = table.out.lines().find(|line| line.split_whitespace().next() == Some(name));
        assert!(line.unwrap().contains(row["network"].as_str().unwrap()), "{name}");
    }
}

#[test]
fn list_has_the_experiments_of_other_groups() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run("list --published");
    ended.assert(0, &[]);
    let row = |name: &str| ended.out.lines().find(|line| line.trim_start().starts_with(name)).unwrap().to_owned();
    let fashion: Vec<_> = row("dfa-stall-fashion-DFA").split_whitespace().take(9).map(str::to_owned).collect();
    assert_eq!(fashion, ["dfa-stall-fashion-DFA", "dfa-stall", "bce", "sgd", "0.001", "0,", "1,", "2", "40"]);
    let named = |json: &Value| json.as_array().unwrap().iter().map(|row| row["name"].clone()).collect::<Vec<_>>();
    assert!(named(&sandbox.run("list --published --json").json()).contains(&"akrout-KP".into()));
    assert!(!named(&sandbox.run("list --json").json()).contains(&"akrout-KP".into()));
    sandbox.run("list").assert(0, &[]);
    assert!(sandbox.run("list").out.contains("list --published"));
}

#[test]
fn list_shows_how_an_experiment_is_trained_and_its_claim() {
    let sandbox = Sandbox::new();
    let table = sandbox.run("list").out;
    let row = |name: &str| {
        let line = table.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("name")[..9], ["name", "table", "loss", "optimizer", "rate", "clip", "batch", "published", "claim"]);
    assert_eq!(row("DS0")[..6], ["DS0", "1", "ce", "adam", "0.001", "128"]);
    assert_eq!(row("PGR1-SGD")[3..5], ["sgd", "0.01"]);
    let rows = sandbox.run("list --json").json();
    for experiment in rows.as_array().unwrap() {
        let shown = row(experiment["name"].as_str().unwrap());
        for field in ["optimizer", "lr", "clip"] {
            let value = experiment[field].as_str().map_or_else(|| experiment[field].to_string(), str::to_owned);
            assert!(experiment[field].is_null() || shown.contains(&value), "{field} {value} in {shown:?}");
        }
        if let Some(than) = experiment["claim"]["measure"]["than"].as_str() {
            assert!(shown.iter().any(|cell| cell.ends_with(&format!(" than {than}"))), "{shown:?}");
        }
    }
}

/// `-V` is a word for scripts; `--version` is what the runs keep as their provenance, which in a release has the commit.
#[test]
fn the_version_is_the_one_that_runs_keep() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run("-V").out, format!("asymgrad {}\n", env!("CARGO_PKG_VERSION")));
    run_small(&sandbox, "--max-steps 1 --out a").assert(0, &[]);
    let process = &lines(&fs::read_to_string(sandbox.path("a/processes.jsonl")).unwrap())[0];
    assert_eq!(sandbox.run("--version").out, format!("asymgrad {}\n", process["version"].as_str().unwrap()));
}

#[test]
fn completions_know_losses_optimizers_and_experiments() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let text = sandbox.run(&format!("completions {shell}")).out;
        for name in ["softmax-hinge", "nesterov"] {
            assert!(text.contains(name), "{shell}: no {name}");
        }
        // clap_complete gives fish no values of words that are no options.
        for name in ["DSR2-U-HL", "PG-Untie"] {
            assert!(text.contains(name) || shell == "fish", "{shell}: no {name}");
        }
    }
    // The help does not list every experiment.
    assert!(!sandbox.run("run --help").out.contains("DSR2-U-HL"));
}

#[test]
fn every_command_takes_experiments_from_a_file() {
    let sandbox = Sandbox::new();
    let row = |name: &str, rest: &str| {
        format!("[[experiment]]\nname = \"{name}\"\nnetwork = \"{SMALL}\"\nloss = \"ce\"\ndata = \"digits\"\n{rest}\n")
    };
    let claim =
        "claim = { sentence = \"As said.\", epochs = 2, measure = { expect = \"worse\", than = \"ONE\", by = 0.5 } }";
    let published = "published = [{ epochs = 2, accuracy = 70.0 }]";
    fs::write(sandbox.path("own.toml"), row("ONE", "") + &row("TWO", &format!("lr = 0.002\n{published}\n{claim}")))
        .unwrap();
    let listed = sandbox.run("list --experiments own.toml --json").json();
    assert_eq!(listed.as_array().unwrap().iter().map(|row| &row["name"]).collect::<Vec<_>>(), ["ONE", "TWO"]);
    let script = sandbox.run("suite --experiments own.toml --print-script").out;
    assert!(
        script.contains("--array=1-2") && script.contains("suite --experiments own.toml --data digits --task"),
        "{script}"
    );
    let plan = sandbox.run("run DS0 TWO --experiments own.toml --data digits --dry-run --json").json();
    assert_eq!((&plan[0]["config"]["name"], &plan[1]["config"]["name"]), (&"DS0".into(), &"TWO".into()));
    let rows = sandbox.run("suite --experiments own.toml --epochs 2 --out all --json").json();
    assert_eq!(rows[1]["status"], "finished", "{rows}");
    assert_eq!(rows[1]["claim"]["verdict"], "agrees", "{rows}");
    let status = sandbox.run("status all --experiments own.toml --json").json();
    assert!(status["missing"].as_array().unwrap().is_empty(), "{status}");
    let report = sandbox.run("report all --experiments own.toml --format json").json();
    let mut tables = report["tables"].as_array().unwrap().iter();
    let own = tables.find(|table| table["title"] == "Experiments of own.toml").unwrap();
    let cell = &own["rows"][1]["cells"][0];
    assert_eq!((&cell["published"]["accuracy"], &cell["comparable"]), (&70.0.into(), &true.into()), "{cell}");
    let difference = cell["ours"]["mean"].as_f64().unwrap() - 70.0;
    assert!((cell["difference"].as_f64().unwrap() - difference).abs() < 1e-9, "{cell}");
    let command = cell["command"].as_str().unwrap();
    assert!(command.starts_with("asymgrad run TWO --experiments own.toml --data digits --epochs 2"), "{command}");
    sandbox.run(command.strip_prefix("asymgrad ").unwrap()).assert(0, &[]);
    assert!(report["claims"].as_array().unwrap().iter().any(|claim| claim["sentence"] == "As said."));
    fs::write(sandbox.path("own.toml"), row("ONE", "clipp = 1.0")).unwrap();
    for command in ["list", "run ONE", "suite", "status all", "report all"] {
        let said = "own.toml: line 6: unknown field `clipp`; the nearest is `clip`";
        sandbox.run(&format!("{command} --experiments own.toml")).assert(1, &[said]);
    }
}

#[test]
fn plan_adds_up_and_names_layers_that_store_no_feedback() {
    let sandbox = Sandbox::new();
    let net = "input 64 - dense32(R) - dense10(R)";
    let plan = sandbox.run_with("plan {} --batch 16 --json", net).json();
    assert_eq!(plan["parameters"], 64 * 32 + 32 + 32 * 10 + 10);
    let regions = plan["regions"].as_array().unwrap();
    assert_eq!(plan["bytes"], regions.iter().map(|region| region["bytes"].as_u64().unwrap()).sum::<u64>());
    let feedback = |layer: u64| -> u64 {
        let of_layer = |region: &&Value| region["layer"] == layer && region["region"] == "feedback";
        regions.iter().filter(of_layer).map(|region| region["numbers"].as_u64().unwrap()).sum()
    };
    assert_eq!((feedback(1), feedback(2)), (0, 320));
    let table = sandbox.run_with("plan {} --batch 16", net);
    let total = table.out.lines().find(|line| line.contains("total")).unwrap();
    assert_eq!(total.split_whitespace().last(), Some(plan["bytes"].to_string().as_str()));
    assert!(table.out.contains("note: `dense32(R)` is the first layer with weights"), "{}", table.out);
    let sgd = sandbox.run_with("plan {} --batch 16 --optimizer sgd --json", net).json();
    assert_eq!(plan["bytes"].as_u64().unwrap() - sgd["bytes"].as_u64().unwrap(), 2 * 4 * 2410);
}

#[test]
fn a_run_prints_one_line_and_writes_its_files() {
    let sandbox = Sandbox::new();
    let ended =
        sandbox.run_with("run --net {} --data digits --epochs 2 --out here", "input 3x32x32 - dense16 - dense10");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out.lines().count(), 1);
    assert!(ended.out.contains("finished after step 24 (epoch 2), test accuracy"), "{}", ended.out);
    let results = sandbox.results("here");
    let steps = lines(&results.metrics);
    assert_eq!(steps.len(), 24);
    for (index, step) in steps.iter().enumerate() {
        assert_eq!(
            (step["step"].as_u64(), step["epoch"].as_u64()),
            (Some(index as u64 + 1), Some(index as u64 / 12 + 1))
        );
    }
    let epochs = lines(&results.epochs);
    assert_eq!(epochs.len(), 2);
    // The running means are weighted by samples: the last batch of an epoch has 92.
    let weights = |step: usize| if step == 11 { 92.0 } else { 128.0 };
    let sum: f64 = (0..12).map(|step| steps[step]["loss"].as_f64().unwrap() * weights(step)).sum();
    assert!((epochs[0]["train_loss"].as_f64().unwrap() - sum / 1500.0).abs() < 1e-6);
    for key in ["train_accuracy", "test_accuracy"] {
        let accuracy = epochs[1][key].as_f64().unwrap();
        assert!((30.0..=100.0).contains(&accuracy), "{key} {accuracy}");
    }
    assert!(epochs[1]["train_loss"].as_f64() < epochs[0]["train_loss"].as_f64());
}

#[test]
fn a_command_that_names_no_data_set_stops_without_cifar10() {
    let sandbox = Sandbox::new();
    let ways_out = ["CIFAR-10 has not been imported", "asymgrad data fetch", "--data digits"];
    for command in ["run DS0", "run DS0 --dry-run", "run --net {}", "suite", "data info"] {
        sandbox.run_with(command, SMALL).assert(1, &ways_out);
    }
    assert!(!sandbox.path("runs").exists());
}

#[test]
fn the_default_folder_is_named_after_data_set_experiment_and_seed() {
    let sandbox = Sandbox::new();
    sandbox.run("run DS0 --data digits --max-steps 1").assert(0, &[]);
    assert!(sandbox.path("runs/digits/DS0/seed-1/result.json").exists());
}

#[test]
fn wrong_usage_is_exit_2_with_a_hint() {
    let sandbox = Sandbox::new();
    sandbox.run("").assert(2, &["Usage"]);
    sandbox.run("run").assert(2, &["NAME"]);
    sandbox.run("run DS0 --epochs few").assert(2, &["--epochs"]);
    sandbox.run("run DS0 --lr -1").assert(2, &["--lr"]);
    sandbox.run("run DS0 --optimizer adagrad").assert(2, &["the optimizers are", "rmsprop"]);
    sandbox.run("run DS0 --loss mae").assert(2, &["the losses are", "hinge"]);
    sandbox.run("suite --table 5").assert(2, &["1..=4"]);
    sandbox.run("suite --quick --data cifar10").assert(2, &["--quick"]);
    sandbox.run("run dsr2u").assert(2, &["no experiment is called `dsr2u`; the nearest name is `DSR2-U`"]);
    run_small(&sandbox, "DS0").assert(2, &["cannot be used with"]);
    let bad = "input 3x32x32 - conv5x5x32 - dense10(Q)";
    sandbox.run_with("run --net {}", bad).assert(2, &["at position 36, found `(Q)`; the nearest is `(R)`"]);
}

#[test]
fn a_run_that_cannot_be_trained_is_exit_1_with_a_hint() {
    let sandbox = Sandbox::new();
    sandbox.run("run DS0 --data nowhere").assert(1, &["nowhere"]);
    sandbox.run("run DS0 --data cifar10").assert(1, &["asymgrad data"]);
    let net = |text: &str| sandbox.run_with("run --net {} --data digits", text);
    net("input 1x8x8 - dense10").assert(1, &["1x8x8", "digits", "3x32x32"]);
    net("input 3x32x32 - dense9").assert(1, &["9 outputs", "10 classes", "end with dense10"]);
    fs::write(sandbox.path("file"), "").unwrap();
    run_small(&sandbox, "--out file/run").assert(1, &["file/run: cannot create"]);
    run_small(&sandbox, "--init nothing.safetensors").assert(1, &["nothing.safetensors", "check the path"]);
    run_small(&sandbox, "--init file --max-steps 1").assert(1, &["file: no safetensors file"]);
    run_small(&sandbox, "--out file").assert(1, &["file: cannot create", "a file is in the way"]);
    run_small(&sandbox, "--kp-decay 0.1").assert(1, &["--kp-decay has no effect: no layer is (KP)"]);
    run_small(&sandbox, "--mirror-rate 0.1").assert(1, &["--mirror-rate has no effect: no layer is (WM)"]);
    sandbox.run("run DS0 --data digits --feedback-init normal:1").assert(1, &["--feedback-init has no effect"]);
    sandbox.run("run DS0 DS0 --data digits").assert(1, &["run 2 (DS0) is a second one in runs/digits/DS0/seed-1"]);
    run_small(&sandbox, "--lr 0.1,0.1").assert(1, &["run 2", "each rate once"]);
    fs::create_dir(sandbox.path("thesis")).unwrap();
    fs::write(sandbox.path("thesis/thesis.tex"), "").unwrap();
    run_small(&sandbox, "--out thesis --fresh").assert(1, &["thesis.tex", "--out"]);
}

#[test]
fn a_folder_refuses_another_run_without_fresh() {
    let sandbox = Sandbox::new();
    run_small(&sandbox, "--out a --max-steps 2").assert(0, &[]);
    let before = sandbox.results("a");
    run_small(&sandbox, "--out a --max-steps 2 --batch 64 --seed 3").assert(
        1,
        &[
            "a: this folder holds another run",
            "batch: 128 there, 64 asked for",
            "seed: 1 there, 3 asked for",
            "--fresh",
        ],
    );
    sandbox.results("a").assert_equal(&before);
    run_small(&sandbox, "--out a --max-steps 2 --batch 64 --fresh").assert(0, &[]);
    assert_ne!(sandbox.results("a").metrics, before.metrics);
    run_small(&sandbox, "--out a --max-steps 2 --fresh").assert(0, &[]);
    sandbox.results("a").assert_equal(&before);
}

#[test]
fn coefficients_of_the_optimizer_are_options_and_part_of_what_a_run_is() {
    let sandbox = Sandbox::new();
    run_small(&sandbox, "--out a --max-steps 3").assert(0, &[]);
    // The defaults are the same run.
    run_small(&sandbox, "--out a --max-steps 3 --beta1 0.9 --beta2 0.999 --epsilon 1e-8").assert(0, &[]);
    let ended = run_small(&sandbox, "--out a --max-steps 3 --beta2 0.99");
    ended.assert(1, &["another run (optimizer adam beta2: 0.999 there, 0.99 asked for)"]);
    run_small(&sandbox, "--out a --max-steps 3 --lr 0.01")
        .assert(1, &["another run (optimizer adam rate: 0.001 there, 0.01 asked for)"]);
    run_small(&sandbox, "--out a --max-steps 3 --optimizer sgd")
        .assert(1, &["(optimizer: adam: ", "sgd: rate: 0.01 asked for)"]);
    for option in ["--beta1 0.5", "--beta2 0.5", "--epsilon 0.1"] {
        run_small(&sandbox, &format!("--out b --max-steps 3 --fresh {option}")).assert(0, &[]);
        assert_ne!(sandbox.results("a").metrics, sandbox.results("b").metrics, "{option}");
        let command = sandbox.run("report b --format csv").out;
        assert!(command.contains(option), "{option}: {command}");
    }
    // Without a velocity that stays, momentum is gradient descent.
    run_small(&sandbox, "--out sgd --max-steps 3 --optimizer sgd").assert(0, &[]);
    run_small(&sandbox, "--out none --max-steps 3 --optimizer momentum --momentum 0").assert(0, &[]);
    run_small(&sandbox, "--out some --max-steps 3 --optimizer momentum").assert(0, &[]);
    assert_eq!(sandbox.results("sgd").metrics, sandbox.results("none").metrics);
    assert_ne!(sandbox.results("sgd").metrics, sandbox.results("some").metrics);
    // The same as RMSprop: the mean of the squared gradients is the last one.
    run_small(&sandbox, "--out alpha --max-steps 1 --optimizer rmsprop --alpha 0 --epsilon 0.5").assert(0, &[]);
    run_small(&sandbox, "--out beta --max-steps 1 --optimizer adam --lr 0.01 --beta1 0 --beta2 0 --epsilon 0.5")
        .assert(0, &[]);
    run_small(&sandbox, "--out rmsprop --max-steps 1 --optimizer rmsprop --epsilon 0.5").assert(0, &[]);
    assert_eq!(sandbox.results("alpha").epochs, sandbox.results("beta").epochs);
    assert_ne!(sandbox.results("alpha").epochs, sandbox.results("rmsprop").epochs);
    for (options, said) in [
        (
            "--momentum 0.5",
            "--momentum has no effect: the optimizer is adam; leave it out, or choose --optimizer momentum or nesterov",
        ),
        (
            "--optimizer sgd --beta1 0.5",
            "--beta1 has no effect: the optimizer is sgd; leave it out, or choose --optimizer adam",
        ),
        (
            "--optimizer nesterov --epsilon 0.5",
            "--epsilon has no effect: the optimizer is nesterov; leave it out, or choose --optimizer adam or rmsprop",
        ),
        ("--alpha 0.5", "--alpha has no effect: the optimizer is adam; leave it out, or choose --optimizer rmsprop"),
    ] {
        run_small(&sandbox, options).assert(1, &[said]);
    }
    for option in ["--beta1 1", "--momentum -0.1", "--beta2 nan", "--epsilon 0"] {
        run_small(&sandbox, option).assert(2, &["it has to be a number"]);
    }
}

#[test]
fn an_experiment_states_its_batch_and_the_option_wins() {
    let sandbox = Sandbox::new();
    let write = |batch: &str| {
        let row = format!(
            "[[experiment]]\nname = \"ONE\"\nnetwork = \"{SMALL}\"\nloss = \"ce\"\ndata = \"digits\"\n{batch}\n"
        );
        fs::write(sandbox.path("own.toml"), row).unwrap();
    };
    let batch_of = |options: &str| {
        let plan = sandbox.run(&format!("run ONE --experiments own.toml --dry-run --json {options}")).json();
        (plan["config"]["batch"].as_u64().unwrap(), plan["steps"].as_u64().unwrap())
    };
    write("batch = 300");
    // 1,500 images and 100 epochs.
    assert_eq!(batch_of(""), (300, 500));
    assert_eq!(batch_of("--batch 150"), (150, 1000));
    let listed = sandbox.run("list --experiments own.toml");
    assert!(
        listed.out.lines().any(|line| line.trim_start().starts_with("ONE ") && line.contains(" 300 ")),
        "{}",
        listed.out
    );
    assert_eq!(sandbox.run("list --experiments own.toml --json").json()[0]["batch"], 300);
    let suite = "suite --experiments own.toml --epochs 1 --out all";
    sandbox.run(suite).assert(0, &[]);
    let before = sandbox.results("all/ONE");
    assert_eq!(before.losses().len(), 5);
    // Another batch is another run: neither the suite nor `run` resumes the folder.
    write("batch = 500");
    sandbox.run(suite).assert(1, &["all/ONE: this folder holds another run", "batch: 300 there, 500 asked for"]);
    let plan = sandbox.run(&format!("{suite} --dry-run --json")).json_with(1);
    assert!(plan["problem"].as_str().unwrap().contains("batch: 300 there, 500 asked for"), "{plan}");
    sandbox.run("run ONE --experiments own.toml --epochs 1 --out all/ONE --batch 300").assert(0, &[]);
    sandbox.results("all/ONE").assert_equal(&before);
    write("batch = 0");
    sandbox.run(suite).assert(1, &["own.toml: line 6: batch = 0: it has to be a whole number above 0"]);
}

/// `status` and `report` do not search the folder of a run for other runs.
#[test]
fn a_run_does_not_start_in_the_folder_of_another() {
    let sandbox = Sandbox::new();
    run_small(&sandbox, "--out a --max-steps 2").assert(0, &[]);
    let said = ["a/DS0: this lies in the folder of another run, a", "--out"];
    sandbox.run("run DS0 DSR1 --data digits --epochs 1 --out a").assert(1, &said);
    let plan = sandbox.run("run DS0 DSR1 --data digits --epochs 1 --out a --dry-run --json").json_with(1);
    assert!(plan[0]["problem"].as_str().unwrap().contains(said[0]), "{plan}");
    assert!(!sandbox.path("a/DS0").exists());
    // A file called config.json alone does not make a run.
    fs::create_dir(sandbox.path("other")).unwrap();
    fs::write(sandbox.path("other/config.json"), "{}").unwrap();
    run_small(&sandbox, "--out other/run --max-steps 2").assert(0, &[]);
}

/// Folders of published runs have no checkpoint: extending such a run would start over and overwrite it.
#[test]
fn a_finished_run_without_a_checkpoint_is_not_extended() {
    let sandbox = Sandbox::new();
    run_small(&sandbox, "--out a --epochs 1").assert(0, &[]);
    fs::remove_file(sandbox.path("a/checkpoint")).unwrap();
    let before = sandbox.results("a");
    let said = "a: there is no checkpoint: the run has ended";
    run_small(&sandbox, "--out a --epochs 2").assert(1, &[said, "--fresh"]);
    sandbox.results("a").assert_equal(&before);
    assert!(sandbox.path("a/result.json").exists() && !sandbox.path("a/failure.txt").exists());
    let plan = run_small(&sandbox, "--out a --epochs 2 --dry-run --json").json_with(1);
    assert!(plan["problem"].as_str().unwrap().contains(said), "{plan}");
    run_small(&sandbox, "--out a --epochs 2 --fresh").assert(0, &[]);
}

#[test]
fn a_finished_run_is_not_changed_by_its_command() {
    let sandbox = Sandbox::new();
    run_small(&sandbox, "--out a --epochs 1").assert(0, &[]);
    let files = ["metrics.jsonl", "epochs.jsonl", "weights.safetensors", "checkpoint", "result.json", "config.json"];
    let times = || files.map(|name| fs::metadata(sandbox.path("a").join(name)).unwrap().modified().unwrap());
    let before = times();
    let ended = run_small(&sandbox, "--out a --epochs 1");
    assert!(ended.out.contains("finished before, after step 12"), "{}", ended.out);
    assert_eq!(times(), before);
}

#[test]
fn more_epochs_extend_a_run_and_fewer_are_refused() {
    let sandbox = Sandbox::new();
    run_small(&sandbox, "--out a --epochs 1").assert(0, &[]);
    run_small(&sandbox, "--out a --epochs 3 --threads 1").assert(0, &["continues after step 12 of 36"]);
    run_small(&sandbox, "--out b --epochs 3").assert(0, &[]);
    sandbox.results("a").assert_equal(&sandbox.results("b"));
    run_small(&sandbox, "--out a --epochs 2").assert(1, &["36 steps, 24 are asked for", "--fresh"]);
    sandbox.results("a").assert_equal(&sandbox.results("b"));
}

#[test]
fn a_suite_counts_a_longer_run_as_finished() {
    let sandbox = Sandbox::new();
    sandbox.run("run DS0 --data digits --epochs 2 --out all/DS0").assert(0, &[]);
    let before = sandbox.results("all/DS0");
    let rows = sandbox.run("suite --quick --table 1 --epochs 1 --out all --json").json();
    assert!(rows.as_array().unwrap().iter().all(|row| row["status"] == "finished"), "{rows}");
    assert_eq!(rows[0]["step"], 24);
    sandbox.results("all/DS0").assert_equal(&before);
}

#[test]
fn the_table_of_rules_has_three_seeds_of_every_rule() {
    let sandbox = Sandbox::new();
    let plans = sandbox.run("suite --rules --data digits --dry-run --json").json();
    let plans = plans.as_array().unwrap();
    for rule in ["", "(R)", "(R*)", "(KP)", "(uSF)", "(frSF)", "(brSF)", "(WM)", "(DFA)", "(DRTP)"] {
        let network = format!("input 3x32x32 - dense512 - dense256{rule} - dense10{rule}");
        let of_rule = plans.iter().filter(|plan| plan["config"]["network"] == network.as_str());
        let seeds: Vec<_> = of_rule.map(|plan| [&plan["config"]["seed"], &plan["config"]["epochs"]]).collect();
        assert_eq!(seeds, [[&json!(1), &json!(25)], [&json!(2), &json!(25)], [&json!(3), &json!(25)]], "{rule}");
    }
    let one = sandbox.run("suite --rules --seed 7 --epochs 2 --data digits --dry-run --json").json();
    assert_eq!(one.as_array().unwrap().len() * 3, plans.len());
    assert!(one.as_array().unwrap().iter().all(|plan| plan["config"]["seed"] == 7 && plan["steps"] == 2 * 12));
}

#[test]
fn max_steps_counts_all_steps_of_a_run() {
    let sandbox = Sandbox::new();
    run_small(&sandbox, "--out a --max-steps 5").assert(0, &[]);
    let first = sandbox.results("a");
    assert_eq!((first.losses().len(), lines(&first.epochs).len()), (5, 1));
    run_small(&sandbox, "--out a --max-steps 17").assert(0, &[]);
    run_small(&sandbox, "--out b --max-steps 17").assert(0, &[]);
    let whole = sandbox.results("b");
    assert_eq!((whole.losses().len(), lines(&whole.epochs).len()), (17, 2));
    sandbox.results("a").assert_equal(&whole);
    assert_eq!(whole.losses()[..5], first.losses());
}

#[test]
fn a_dry_run_prints_the_plan_and_writes_nothing() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run("run DSR2 --data digits --epochs 3 --dry-run --out a");
    ended.assert(0, &[]);
    let (names, row) = (ended.out.lines().next().unwrap(), ended.out.lines().nth(1).unwrap());
    for name in
        ["run", "data", "settings", "epochs", "steps", "images", "parameters", "memory", "time", "state", "folder"]
    {
        assert!(names.split_whitespace().any(|found| found == name), "no {name} in {names}");
    }
    for value in
        ["DSR2 seed 1", "ce, adam 0.001, batch 128", " 36 ", "1500/0/297", "1707274", " MB ", " min ", "missing"]
    {
        assert!(row.contains(value), "no {value} in {row}");
    }
    assert_eq!(ended.out.lines().count(), 3, "{}", ended.out);
    let tuned = run_small(&sandbox, "--weight-decay 0.5 --seeds 1..3 --dry-run");
    assert!(tuned.out.contains("batch 128 --weight-decay 0.5") && tuned.out.contains("\n3 runs: "), "{}", tuned.out);
    assert_eq!(tuned.out.lines().count(), 6, "{}", tuned.out);
    assert!(!sandbox.path("a").exists());
    run_small(&sandbox, "--out small --max-steps 1").assert(0, &[]);
    let plan = run_small(&sandbox, "--out small --max-steps 1 --dry-run --json").json();
    assert_eq!((&plan["state"], &plan["problem"]), (&"finished".into(), &serde_json::Value::Null));
    let plan = run_small(&sandbox, "--out small --batch 7 --dry-run --json").json_with(1);
    assert!(plan["problem"].as_str().unwrap().contains("batch: 128 there, 7 asked for"), "{plan}");
    let plans = sandbox.run("suite --quick --dry-run --json").json();
    let rows = sandbox.run("list --json").json();
    assert_eq!(plans.as_array().unwrap().len(), rows.as_array().unwrap().len());
    for plan in plans.as_array().unwrap() {
        let network = plan["config"]["network"].as_str().unwrap();
        let least = if network.contains("untied") {
            1
        } else if network.contains("conv") {
            2
        } else {
            10
        };
        assert!(plan["config"]["epochs"].as_u64().unwrap() >= least, "{plan}");
        assert_eq!(plan["config"]["data"]["name"], "digits");
    }
    assert!(!sandbox.path("runs").exists());
}

#[test]
fn a_run_initialized_with_exported_weights_continues_where_they_were_exported() {
    let sandbox = Sandbox::new();
    run_small(&sandbox, "--out a --epochs 1 --no-shuffle --optimizer sgd").assert(0, &[]);
    let ended = sandbox.run("export a -o w.safetensors");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "w.safetensors\n"));
    run_small(&sandbox, "--out a --epochs 2 --no-shuffle --optimizer sgd").assert(0, &[]);
    run_small(&sandbox, "--out b --epochs 1 --no-shuffle --optimizer sgd --init w.safetensors --seed 9").assert(0, &[]);
    // The export contains the feedback, so epoch 2 is the same.
    assert_eq!(sandbox.results("a").losses()[12..], sandbox.results("b").losses());
    sandbox
        .run_with("run --net {} --data digits --init w.safetensors", "input 3x32x32 - dense17 - dense10(R)")
        .assert(1, &["w.safetensors: `dense1.bias` has shape [16], the network's has [17]"]);
    sandbox
        .run_with("run --net {} --data digits --init w.safetensors", "input 3x32x32 - dense16 - dense10")
        .assert(1, &["w.safetensors: the network has no tensor `dense2.feedback`"]);
    sandbox.run("export nowhere -o x").assert(1, &["nowhere", "config.json"]);
}

/// Compares with logits in f64, from the exported weights and the standardised bytes of the images.
#[test]
fn images_are_standardised_in_training_prediction_and_export() {
    let sandbox = Sandbox::new();
    let net = "input 3x32x32 - dense10";
    let run = |rest: &str| {
        sandbox.run_with(&format!("run --net {{}} --data digits --max-steps 3 --optimizer sgd {rest}"), net)
    };
    run("--standardize --out a").assert(0, &[]);
    sandbox.run("predict a -o logits.safetensors").assert(0, &[]);
    sandbox.run("export a -o weights.safetensors").assert(0, &[]);
    assert_eq!(fs::read(sandbox.path("weights.safetensors")).unwrap(), sandbox.results("a").weights);
    let digits = asymgrad::dataset::open("digits").unwrap();
    let numbers = |bytes: &[u8]| bytes.iter().map(|byte| f64::from(*byte) / 255.0).collect::<Vec<_>>();
    // The three channels of the digits are equal.
    let mut bytes = vec![];
    digits.train.read(&(0..1500).collect::<Vec<_>>(), &mut bytes).unwrap();
    let train = numbers(&bytes);
    let mean = train.iter().sum::<f64>() / train.len() as f64;
    let deviation = (train.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / train.len() as f64).sqrt();
    let read = |name: &str, tensor: &str| -> Vec<f64> {
        let bytes = fs::read(sandbox.path(name)).unwrap();
        let data = SafeTensors::deserialize(&bytes).unwrap().tensor(tensor).unwrap().data().to_vec();
        data.chunks_exact(4).map(|x| f64::from(f32::from_le_bytes(x.try_into().unwrap()))).collect()
    };
    let (weight, bias) = (read("weights.safetensors", "dense1.weight"), read("weights.safetensors", "dense1.bias"));
    for (image, logits) in read("logits.safetensors", "logits").chunks(10).enumerate() {
        let x: Vec<f64> = numbers(&digits.test.image(image).unwrap()).iter().map(|x| (x - mean) / deviation).collect();
        for (class, logit) in logits.iter().enumerate() {
            let wanted = bias[class] + weight[3072 * class..][..3072].iter().zip(&x).map(|(w, x)| w * x).sum::<f64>();
            assert!((logit - wanted).abs() < 1e-3 * wanted.abs().max(1.0), "image {image}: {logit} and not {wanted}");
        }
    }
    // The file contains the mean for other programs.
    let bytes = fs::read(sandbox.path("weights.safetensors")).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let means: Vec<f64> = serde_json::from_str(&header.metadata().as_ref().unwrap()["input_mean"]).unwrap();
    assert!(means.len() == 3 && means.iter().all(|found| (found - mean).abs() < 1e-9), "{means:?}");
    // It is part of the configuration, and it changes the training.
    run("--out a").assert(1, &["a: this folder holds another run", "standard"]);
    run("--out plain").assert(0, &[]);
    assert!(sandbox.results("plain").losses() != sandbox.results("a").losses());
    run("--init a/weights.safetensors --standardize --out again").assert(0, &[]);
}

#[test]
fn a_convolution_is_exported_as_a_sparse_matrix() {
    let sandbox = Sandbox::new();
    let net = "input 3x32x32 - conv3x3x2 - dense10";
    sandbox.run_with("run --net {} --data digits --max-steps 1 --out a", net).assert(0, &[]);
    sandbox.run("export a -o m.safetensors --csr conv1.weight").assert(0, &[]);
    let (matrix, weights) = (fs::read(sandbox.path("m.safetensors")).unwrap(), sandbox.results("a").weights);
    let (matrix, weights) = (SafeTensors::deserialize(&matrix).unwrap(), SafeTensors::deserialize(&weights).unwrap());
    let indices = |name: &str| -> Vec<usize> {
        let numbers = matrix.tensor(name).unwrap();
        assert_eq!(numbers.dtype(), Dtype::I64);
        numbers.data().as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes).try_into().unwrap()).collect()
    };
    assert_eq!(indices("size"), [3 * 1024, 2 * 1024]);
    let (rows, columns, values) = (indices("crow_indices"), indices("col_indices"), matrix.tensor("values").unwrap());
    assert_eq!(
        (rows[0], rows.len(), rows[3 * 1024], values.shape()),
        (0, 3 * 1024 + 1, columns.len(), &[columns.len()][..])
    );
    // Input channel 2, row 7, column 9 and filter 1 at row 8, column 8: one tap above the middle and one to the right.
    let (input, output) = ((2 * 32 + 7) * 32 + 9, (32 + 8) * 32 + 8);
    let at = (rows[input]..rows[input + 1]).find(|at| columns[*at] == output).unwrap();
    let weight = ((3 + 2) * 3) * 3 + 2;
    let filters = weights.tensor("conv1.weight").unwrap();
    assert_eq!(values.data()[4 * at..][..4], filters.data()[4 * weight..][..4]);
    sandbox
        .run("export a -o m --csr conv1.bias")
        .assert(1, &["no convolution has a tensor `conv1.bias`; choose conv1.weight"]);
    run_small(&sandbox, "--max-steps 1 --out b").assert(0, &[]);
    sandbox.run("export b -o m --csr dense1.weight").assert(1, &["`dense1.weight`; the network has no convolution"]);
}

#[test]
fn a_diverged_run_is_a_result() {
    let sandbox = Sandbox::new();
    let command = "run DS0 PGR1 --data digits --optimizer sgd --lr 1e30 --epochs 1 --out all --json";
    let rows = sandbox.run(command).json();
    for row in rows.as_array().unwrap() {
        assert_eq!(row["status"], "diverged");
        let results = sandbox.results(&format!("all/{}", row["name"].as_str().unwrap()));
        let losses = results.losses();
        assert_eq!(losses.len() as u64, row["step"].as_u64().unwrap());
        let (last, others) = losses.split_last().unwrap();
        assert!([json!("NaN"), json!("inf")].contains(last), "{last}");
        assert!(others.iter().all(Value::is_number));
        assert_eq!(lines(&results.epochs).len(), 1);
    }
    assert_eq!(sandbox.run(command).json(), rows);
    let table = sandbox.run(command.trim_end_matches(" --json"));
    assert!(table.out.contains("diverged at step"), "{}", table.out);
}

/// The same network under three claims: its accuracy is above the first one's bounds, below the second one's, and between the third
/// one's.
#[test]
fn a_complete_run_decides_its_claim_and_a_short_one_does_not() {
    let sandbox = Sandbox::new();
    let experiment = |name: &str, from: f64, below: f64| {
        format!(
            "[[experiment]]\nname = \"{name}\"\nnetwork = \"input 3x32x32 - dense16 - dense10\"\nloss = \"ce\"\ndata = \"digits\"\n\
             claim = {{ sentence = \"It works.\", epochs = 6, \
             measure = {{ expect = \"works\", from = {from:?}, below = {below:?} }} }}\n"
        )
    };
    let experiments = [experiment("LOW", 20.0, 15.0), experiment("HIGH", 99.9, 99.8), experiment("WIDE", 99.9, 15.0)];
    fs::write(sandbox.path("own.toml"), experiments.concat()).unwrap();
    let claims = |epochs: u32| {
        let command = format!("suite --experiments own.toml --epochs {epochs} --out all --json");
        let rows = sandbox.run(&command).json();
        rows.as_array().unwrap().iter().map(|row| row["claim"].clone()).collect::<Vec<_>>()
    };
    for (claim, name) in claims(2).iter().zip(["LOW", "HIGH", "WIDE"]) {
        assert_eq!(claim["verdict"], "not-decided");
        assert_eq!(claim["found"], format!("{name} has 2 of 6 epochs").as_str());
    }
    let whole = claims(6);
    let lines = lines(&sandbox.results("all/LOW").epochs);
    // The last eighth of the epochs, as in the tables of the results page.
    let mean = lines[5]["test_accuracy"].as_f64().unwrap();
    assert!((30.0..99.0).contains(&mean), "{mean}");
    for (claim, verdict) in whole.iter().zip(["agrees", "contradicts", "not-decided"]) {
        assert_eq!(claim["verdict"], verdict, "{claim}");
        assert!(claim["found"].as_str().unwrap().starts_with(&format!("{mean:.2} % in epoch 6, ")), "{claim}");
    }
}

#[test]
fn several_runs_end_in_a_table_and_a_failure_does_not_stop_the_next() {
    let sandbox = Sandbox::new();
    let command = "run DSR1 DS0 DIGITS-DSR2 --data digits --max-steps 2 --out all";
    sandbox.run("run DSR1 --data digits --max-steps 2 --out all/DSR1 --seed 2").assert(0, &[]);
    let ended = sandbox.run(command);
    ended.assert(1, &["1 of 3 runs failed"]);
    // Reported when it happens and at the end.
    let reported = ended.err.matches("error: DSR1 seed 1: all/DSR1: this folder holds another run").count();
    assert_eq!(reported, 2, "{}", ended.err);
    let rows: Vec<Vec<&str>> = ended.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1], ["Table", "1"]);
    assert_eq!(rows[2], ["DSR1", "ce", "50.08", "%", "100", "failed"]);
    assert_eq!((rows[3][0], &rows[3][3..]), ("DS0", &["%", "1", "50.06", "%", "100"][..]));
    assert_eq!((rows[4][0], rows[5][0]), ("Extras", "DIGITS-DSR2"));
    let claim = "Claim: But MNIST is so simple that everythings works.\n  DIGITS-DSR2: not decided (no run decides)\n    seed 1: ";
    assert!(ended.out.contains(claim), "{}", ended.out);
    let rows: Value = serde_json::from_str(&sandbox.run(&format!("{command} --json")).out).unwrap();
    let statuses: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["failed", "finished", "finished"]);
    assert!(rows[0]["error"].as_str().unwrap().contains("seed: 2 there, 1 asked for"));
    assert_eq!((&rows[1]["claim"], &rows[2]["claim"]["verdict"]), (&Value::Null, &json!("not-decided")));
    assert_eq!(rows[2]["claim"]["measure"], json!({"expect": "works", "from": 85.0, "below": 70.0}));
    assert_eq!(rows[1]["published"], json!([{"epochs": 100, "accuracy": 50.06}]));
    assert_eq!(rows[1]["reached"][0]["accuracy"], rows[1]["last"]["test_accuracy"]);
}

/// Runs the program with a standard output that nobody reads.
fn run_unread(sandbox: &Sandbox, line: &str) -> Ended {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    Ended::of(sandbox.command(line, "").stdout(writer).output().unwrap())
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let ended = run_unread(&Sandbox::new(), "list");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn a_closed_pipe_changes_no_exit_code() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run("run DS0 --data digits --max-steps 1 --out here/DS0").code, Some(0));
    // The folder of DS0 holds another run now: DS0 fails, DSR1 is trained.
    let ended = run_unread(&sandbox, "run DS0 DSR1 --data digits --max-steps 1 --seed 2 --out here");
    ended.assert(1, &["1 of 2 runs failed"]);
    assert!(sandbox.path("here/DSR1/result.json").exists());
}

/// A line for each seed, and a column for each setting in which the runs differ.
#[test]
fn runs_are_a_table_of_the_settings_in_which_they_differ() {
    let sandbox = Sandbox::new();
    let run = "--max-steps 2 --lr 0.01,0.02 --seeds 1..2 --out all";
    let rows = run_small(&sandbox, &format!("{run}/adam --json")).json();
    let found: Vec<_> = rows.as_array().unwrap().iter().map(|row| (&row["seed"], &row["settings"])).collect();
    let expected = |seed: u32, rate: f64| (json!(seed), json!({"optimizer.rate": rate}));
    let all = [expected(1, 0.01), expected(2, 0.01), expected(1, 0.02), expected(2, 0.02)];
    assert_eq!(found, all.iter().map(|(seed, settings)| (seed, settings)).collect::<Vec<_>>());
    run_small(&sandbox, "--max-steps 2 --optimizer sgd --batch 7 --clip 0.5 --out all/sgd").assert(0, &[]);
    let csv = sandbox.run("report all --format runs").out;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(Into::into).collect();
    let settings =
        ["batch", "clip", "optimizer", "optimizer.beta1", "optimizer.beta2", "optimizer.epsilon", "optimizer.rate"];
    let first = ["folder", "status", "name", "network", "loss", "data", "data_checksum", "program", "seed"];
    assert_eq!(header[..16], [&first[..], &settings].concat());
    let rows: Vec<Vec<String>> = reader.records().map(|row| row.unwrap().iter().map(Into::into).collect()).collect();
    let row = |folder: &str| rows.iter().find(|row| row[0] == folder).unwrap_or_else(|| panic!("no {folder} in {csv}"));
    assert_eq!(rows.len(), 5);
    assert_eq!(row("all/sgd")[8..16], ["1", "7", "0.5", "sgd", "", "", "", "0.01"]);
    assert_eq!(row("all/adam/lr-0.02/seed-2")[8..16], ["2", "128", "", "adam", "0.9", "0.999", "1e-8", "0.02"]);
    for (folder, row) in rows.iter().map(|row| (&row[0], row)) {
        let last = lines(&sandbox.results(folder).epochs).pop().unwrap();
        let of = |column: &str| row[header.iter().position(|name| name == column).unwrap()].parse::<f64>().unwrap();
        assert_eq!(json!(of("test_accuracy")), last["test_accuracy"], "{folder}");
        assert_eq!(json!(of("angles.dense2")), last["angles"]["dense2"], "{folder}");
    }
}
