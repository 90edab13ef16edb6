//! Commands of several runs through the real binary: seeds, grids of learning rates, and parallel jobs. Each run has the bytes of
//! the same run alone.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;

use program::{Ended, Sandbox};
use serde_json::{Value, json};

const SMALL: &str = "input 3x32x32 - dense16 - dense10(R)";

fn run(sandbox: &Sandbox, rest: &str) -> Ended {
    sandbox.run_with(&format!("run --net {{}} --data digits --epochs 2 {rest}"), SMALL)
}

#[test]
fn each_seed_is_a_run_with_the_bytes_of_the_run_alone() {
    let sandbox = Sandbox::new();
    run(&sandbox, "--seeds 2..4 --out many").assert(0, &["[3/3]"]);
    for seed in 2..=4 {
        run(&sandbox, &format!("--seed {seed} --out alone/{seed}")).assert(0, &[]);
        sandbox.results(&format!("many/seed-{seed}")).assert_equal(&sandbox.results(&format!("alone/{seed}")));
    }
    assert!(
        sandbox.results("many/seed-2").losses() != sandbox.results("many/seed-3").losses(),
        "the seed does nothing"
    );
    for wrong in ["4..2", "1..", "x..2", "0..5000", "3"] {
        run(&sandbox, &format!("--seeds {wrong}")).assert(2, &["two whole numbers, such as 1..5"]);
    }
    run(&sandbox, "--seeds 1..2 --seed 1").assert(2, &["cannot be used with"]);
}

#[test]
fn a_grid_runs_every_rate_with_every_seed() {
    let sandbox = Sandbox::new();
    run(&sandbox, "--lr 1e-2,3e-4 --seeds 1..2 --out grid").assert(0, &["[4/4]"]);
    for (rate, seed) in [("0.01", 1), ("0.01", 2), ("0.0003", 1), ("0.0003", 2)] {
        run(&sandbox, &format!("--lr {rate} --seed {seed} --out alone/{rate}-{seed}")).assert(0, &[]);
        let cell = sandbox.results(&format!("grid/lr-{rate}/seed-{seed}"));
        cell.assert_equal(&sandbox.results(&format!("alone/{rate}-{seed}")));
    }
    // Without --out each run has a folder of its own, too.
    run(&sandbox, "--lr 1e-2,3e-4 --seeds 1..2").assert(0, &[]);
    let report = sandbox.run("report runs --format json").json();
    let groups = report["groups"].as_array().unwrap();
    assert_eq!(groups.iter().map(|group| group["runs"].as_array().unwrap().len()).collect::<Vec<_>>(), [2, 2]);
    run(&sandbox, "--lr 1e-2,0").assert(2, &["it has to be a number above 0"]);
}

#[test]
fn jobs_change_no_byte_and_no_order() {
    let sandbox = Sandbox::new();
    let one = run(&sandbox, "--seeds 1..4 --out one --json --threads 1").json();
    let many = run(&sandbox, "--seeds 1..4 --out many --json --jobs 3").json();
    for (seed, (one, many)) in (1..).zip(one.as_array().unwrap().iter().zip(many.as_array().unwrap())) {
        assert_eq!(one["last"], many["last"]);
        assert!(many["folder"].as_str().unwrap().ends_with(&format!("seed-{seed}")), "{many}");
        sandbox.results(&format!("one/seed-{seed}")).assert_equal(&sandbox.results(&format!("many/seed-{seed}")));
    }
}

#[test]
fn a_failure_among_jobs_is_reported_twice_and_stops_the_others_only_with_fail_fast() {
    let sandbox = Sandbox::new();
    // The folder of seed 2 holds another run.
    run(&sandbox, "--seed 9 --out all/seed-2").assert(0, &[]);
    let ended = run(&sandbox, "--seeds 1..4 --out all --jobs 2 --keep-going");
    ended.assert(1, &["1 of 4 runs failed:"]);
    assert_eq!(ended.err.matches("all/seed-2: this folder holds another run").count(), 2, "{}", ended.err);
    assert!(sandbox.path("all/seed-4/result.json").exists());
    run(&sandbox, "--seeds 1..4 --out fast --jobs 2 --max-steps 1 --fail-fast").assert(0, &[]);
    run(&sandbox, "--seed 9 --out quick/seed-2").assert(0, &[]);
    // Seed 1 is trained until the failure of seed 2 stops it.
    let endless = "run --net {} --data digits --epochs 4000000 --seeds 1..3 --out quick --jobs 2 --fail-fast";
    sandbox.run_with(endless, SMALL).assert(1, &["seed-1: the same command continues", "1 of 3 runs failed:"]);
    assert!(!sandbox.path("quick/seed-3").exists(), "a run started after the failure");
}

/// This sbatch exits without reading the script, which is longer than the buffer of a pipe.
#[cfg(unix)]
#[test]
fn the_message_of_an_sbatch_that_refuses_is_reported() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("bin")).unwrap();
    let sbatch = sandbox.path("bin/sbatch");
    fs::write(&sbatch, "#!/bin/sh\nexec <&-\necho 'fatal: no controller' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&sbatch, fs::Permissions::from_mode(0o755)).unwrap();
    let long = format!("--sbatch=--comment={}", "x".repeat(100_000));
    let mut command = sandbox.command("run DS0 --data digits --slurm {}", &long);
    let path = format!("{}:{}", sandbox.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let ended = Ended::of(command.env("PATH", path).output().unwrap());
    ended.assert(1, &["sbatch refused: fatal: no controller"]);
}

#[test]
fn more_jobs_than_fit_into_memory_are_refused_with_the_number_that_fits() {
    let sandbox = Sandbox::new();
    // 3072 · 2048 weights with Adam, and feedback: some 76 MB for each run, besides what every run takes.
    let net = "input 3x32x32 - dense2048 - dense10(R)";
    let run =
        |rest: &str| sandbox.run_with(&format!("run --net {{}} --data digits --max-steps 1 --out all {rest}"), net);
    run("--seeds 1..3 --jobs 3 --memory 280")
        .assert(1, &["3 trainings at once need up to", "280 MB are to be had; --jobs 2 fits"]);
    assert!(!sandbox.path("all").exists(), "a run started");
    run("--jobs 1 --memory 20")
        .assert(1, &["the largest training needs", "not even one fits: choose a smaller --batch"]);
    run("--seeds 1..2 --jobs 2 --memory 280").assert(0, &[]);
    run("--jobs 0").assert(2, &["a whole number above 0"]);
}

const TWO_NETS: &str =
    "net.BP = \"input 3x32x32 - dense6 - dense10\"\nnet.FA = \"input 3x32x32 - dense6 - dense10(R)\"\n";

#[test]
fn several_networks_are_trained_under_their_names() {
    let sandbox = Sandbox::new();
    let nets = ["input 3x32x32 - dense4 - dense10", "input 3x32x32 - dense4 - dense10(R)"];
    let run = |rest: &[&str]| {
        let mut command = sandbox.command("run --data digits --max-steps 1", "");
        Ended::of(command.args(["--net", nets[0], "--net", nets[1]]).args(rest).output().unwrap())
    };
    run(&["--name", "BP,FA", "--out", "all"]).assert(0, &[]);
    for (name, net) in ["BP", "FA"].into_iter().zip(nets) {
        let config = fs::read_to_string(sandbox.path("all").join(name).join("config.json")).unwrap();
        let config: Value = serde_json::from_str(&config).unwrap();
        assert_eq!((&config["name"], &config["network"]), (&name.into(), &net.into()));
    }
    // The results page names the command that trains the run again, under the same name.
    let report = sandbox.run("report all --format json").json().to_string();
    assert!(report.contains("--name FA"), "{report}");
    // Without names each has one of its own.
    run(&["--out", "unnamed"]).assert(0, &[]);
    assert_eq!(fs::read_dir(sandbox.path("unnamed")).unwrap().count(), 2);
    run(&["--name", "BP"]).assert(1, &["--name has 1 names for 2 networks", "--name A,B"]);
    run(&["--name", "BP,BP"]).assert(1, &["two networks are called `BP`"]);
    run(&["--name", "BP,DS0"]).assert(1, &["there is an experiment called `DS0`"]);
    run(&["--name", "BP,../FA"]).assert(2, &["--name", "letters, digits and -_+."]);
    sandbox.run("run DS0 --name BP --data digits").assert(2, &["--name", "cannot be used with"]);
}

#[test]
fn a_grid_trains_every_combination_and_resumes() {
    let sandbox = Sandbox::new();
    let grid = format!(
        "{TWO_NETS}data = \"digits\"\nseeds = [\"1..2\", 7]\nbatch = 300\nlr = [1e-3, 0.002]\nschedule = [\"constant\", \"cosine:2\"]\nepochs = 1\n"
    );
    fs::write(sandbox.path("grid.toml"), grid).unwrap();
    let run = |rest: &str| sandbox.run(&format!("run --grid grid.toml --out all {rest}"));
    let plans = run("--dry-run --json").json();
    let plans = plans.as_array().unwrap();
    assert_eq!(plans.len(), 2 * 3 * 2 * 2);
    let last = &plans[23];
    assert_eq!(last["folder"], "all/FA/lr-0.002_schedule-cosine-2/seed-7");
    let config = &last["config"];
    assert_eq!(
        [&config["name"], &config["seed"], &config["batch"], &config["epochs"], &config["optimizer"]["adam"]["rate"]],
        [&json!("FA"), &json!(7), &json!(300), &json!(1), &json!(0.002)]
    );
    assert_eq!(config["schedule"], json!({"cosine": {"epochs": 2}}));
    assert!(!sandbox.path("all").exists());
    // The command line wins over the file.
    let two = run("--lr 0.5 --seed 3 --max-steps 1 --dry-run --json").json();
    assert_eq!(two.as_array().unwrap().len(), 2 * 2);
    assert_eq!((&two[0]["config"]["seed"], &two[0]["folder"]), (&json!(3), &json!("all/BP/schedule-constant/seed-3")));

    let one = run("--seed 1 --jobs 2");
    one.assert(0, &[]);
    assert!(one.err.contains("FA lr-0.002_schedule-cosine-2 seed 1: finished"), "{}", one.err);
    let status = sandbox.run("status all --grid grid.toml --json").json();
    assert_eq!(status["runs"].as_array().unwrap().len(), 8);
    let missing = status["missing"].as_array().unwrap();
    assert_eq!((missing.len(), &missing[0]), (16, &json!("BP/lr-0.001_schedule-constant/seed-2")));
    let script = run("--print-script").out;
    assert!(
        script.contains("#SBATCH --array=1-24")
            && script.contains("run --grid grid.toml --out all --data digits --task"),
        "{script}"
    );
    // The second run is seed 2 of the first combination.
    run("--task 2").assert(0, &[]);
    assert!(sandbox.path("all/BP/lr-0.001_schedule-constant/seed-2/result.json").exists());
    let all = run("--jobs 2");
    all.assert(0, &[]);
    assert_eq!(all.err.matches("finished before").count(), 9, "{}", all.err);
    let status = sandbox.run("status all --grid grid.toml --json").json();
    assert_eq!((status["runs"].as_array().unwrap().len(), &status["missing"]), (24, &json!([])));
    let report = sandbox.run("report all --format csv").out;
    for settings in ["--lr 0.002", "--schedule cosine:2"] {
        assert!(report.contains(settings), "no {settings} in {report}");
    }
}

#[test]
fn a_run_of_other_data_or_settings_is_none_of_the_grids() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("noise")).unwrap();
    let layout =
        "channels = 3\nheight = 32\nwidth = 32\nclasses = 10\ntrain = [\"images.bin\"]\ntest = [\"images.bin\"]\n";
    fs::write(sandbox.path("noise/layout.toml"), layout).unwrap();
    fs::write(sandbox.path("noise/images.bin"), (0..10).flat_map(|label| [label; 3073]).collect::<Vec<u8>>()).unwrap();
    fs::write(sandbox.path("grid.toml"), format!("{TWO_NETS}data = \"digits\"\nseeds = \"1..2\"\nmax_steps = 1\n"))
        .unwrap();
    let run = |rest: &str| sandbox.run(&format!("run --grid grid.toml --out all {rest}")).assert(0, &[]);
    let missing =
        |rest: &str| sandbox.run(&format!("status all --grid grid.toml --json {rest}")).json()["missing"].clone();
    run("--seed 1 --data noise");
    run("--seed 2 --batch 64");
    let all = json!(["BP/seed-1", "BP/seed-2", "FA/seed-1", "FA/seed-2"]);
    assert_eq!(missing(""), all);
    assert_eq!(missing("--data noise"), json!(["BP/seed-2", "FA/seed-2"]));
    run("--seed 2 --fresh");
    assert_eq!(missing(""), json!(["BP/seed-1", "FA/seed-1"]));
    // More steps are the same run, as for `run`.
    run("--seed 2 --max-steps 2");
    assert_eq!(missing(""), json!(["BP/seed-1", "FA/seed-1"]));
    sandbox.run("status all --data noise").assert(2, &["--grid"]);
}

/// Experiments are trained as well as networks, and the command line gives what the file leaves out.
#[test]
fn a_grid_of_experiments_has_the_folders_of_their_names() {
    let sandbox = Sandbox::new();
    fs::write(
        sandbox.path("grid.toml"),
        "experiment = [\"DS0\", \"DSR2\"]\nstandardize = [true, false]\nseeds = \"1..2\"\n",
    )
    .unwrap();
    let plans = sandbox.run("run --grid grid.toml --data digits --dry-run --json").json();
    let folders: Vec<&str> = plans.as_array().unwrap().iter().map(|plan| plan["folder"].as_str().unwrap()).collect();
    assert_eq!(folders.len(), 8);
    assert_eq!(folders[3], "runs/digits/DS0/standardize-false/seed-2");
    assert!(plans[0]["config"]["standard"].is_object() && plans[3]["config"]["standard"].is_null());
    let named = sandbox.run("run DDR1 --grid grid.toml --data digits --dry-run --json").json();
    assert_eq!((named.as_array().unwrap().len(), &named[0]["config"]["name"]), (4, &json!("DDR1")));
}

#[test]
fn a_mistake_in_a_grid_is_told_with_file_line_field_and_value() {
    let sandbox = Sandbox::new();
    for (rest, said) in [
        ("learning_rate = 1", "grid.toml: line 3: unknown field `learning_rate`; the fields are experiment, "),
        ("weight_deca = 1", "line 3: unknown field `weight_deca`; the nearest is `weight_decay`"),
        ("jobs = 2", "line 3: `jobs` is no field: give --jobs on the command line"),
        ("lr = [\n  1e-3,\n  \"fast\"]", "line 5: lr = fast: it has to be a number above 0"),
        ("lr = \"1e-3,1e-2\"", "line 3: lr = 1e-3,1e-2: several values are a list"),
        ("optimizer = \"adagrad\"", "line 3: optimizer = adagrad: the optimizers are sgd"),
        ("kernels = \"slow\"", "line 3: kernels = slow: the values are auto, portable, fast"),
        ("batch = 2.5", "line 3: batch = 2.5: "),
        ("standardize = \"yes\"", "line 3: standardize = yes: it has to be true or false"),
        ("batch = { a = 1 }", "line 3: batch = table: it has to be a single value"),
        ("lr = []", "line 3: `lr` is empty"),
        ("net = []", "line 3: "),
        ("lr = [1e-3, 0.001]", "line 3: `lr` has one value twice: 1e-3 and 0.001; leave one of them out"),
        ("seeds = [1, \"1..2\"]", "line 3: `seeds` has one value twice: 1 and \"1..2\""),
        ("lr = [\n  1e-1,\n  \"0.10\"]", "line 5: `lr` has one value twice: 1e-1 and \"0.10\"; leave one of them out"),
        ("lr = [0.1, 0.3, 0.100000001]", "line 3: `lr` has one value twice: 0.1 and 0.100000001"),
        ("schedule = [\"step:2:0.5\", \"step:02:.50\"]", "line 3: `schedule` has one value twice: \"step:2:0.5\" and "),
        ("weights_init = [\"normal:0.1\", \"normal:1e-1\"]\nlr = [1, 2]", "line 3: `weights_init` has one value twice"),
        (
            "batch = [8, 9]\nepochs = [1, 2]\nmax_steps = [7, \"07\"]",
            "line 5: `max_steps` has one value twice: 7 and \"07\"",
        ),
        ("seeds = \"5..2\"", "line 3: seeds = 5..2: it has to be two whole numbers"),
        ("seed = 1\nseeds = 2", "line 4: `seeds` cannot stand beside `seed`"),
        ("experiment = \"DS0\"", "line 3: `experiment` cannot stand beside `net`"),
        ("out = [\"a\", \"b\"]", "line 3: `out` takes one folder"),
        (
            "seeds = [\"1..1000\", \"1001..2000\"]\nlr = [1, 2, 3]",
            "2 net × 3 lr × 2000 seed are 12000 runs, and 10000 are the most",
        ),
        ("lr = ", "line 3: "),
    ] {
        fs::write(sandbox.path("grid.toml"), format!("{TWO_NETS}{rest}\n")).unwrap();
        sandbox.run("run --grid grid.toml --data digits --dry-run").assert(1, &["grid.toml: ", said]);
    }
    for (text, said) in [
        ("lr = 1", "grid.toml: it names nothing to train: give `net` or `experiment`"),
        ("net = [\"input 64 - dens10\"]", "line 1: net = input 64 - dens10: "),
        ("net.'a/b' = \"input 64 - dense10\"", "line 1: `a/b` cannot be a run's folder"),
        (
            "# one\nexperiment = \"DSS0\"",
            "grid.toml: line 2: no experiment is called `DSS0`; the nearest name is `DS0`",
        ),
        ("experiment = \"--fresh\"", "grid.toml: line 1: experiment = --fresh: it has to be a name"),
        (
            "net = [\"input 3x32x32 - dense10\",\n\"input  3x32x32  -  dense10\"]",
            "grid.toml: line 2: `net` has one value twice: ",
        ),
        ("net.DS0 = \"input 3x32x32 - dense10\"", "grid.toml: there is an experiment called `DS0`"),
        ("net = \"input 3x32x32 - dense10\"\nkp_decay = 0.1", "grid.toml: line 2: kp_decay = 0.1 has no effect"),
    ] {
        fs::write(sandbox.path("grid.toml"), text).unwrap();
        sandbox.run("run --grid grid.toml --data digits --dry-run").assert(1, &[said]);
    }
    sandbox.run("run --grid none.toml").assert(1, &["none.toml: cannot read the grid"]);
    assert!(!sandbox.path("runs").exists());
}

/// The names of the first column of the tables that `experiments --schema` prints, table by table.
fn schema(sandbox: &Sandbox) -> Vec<Vec<String>> {
    let text = sandbox.run("experiments --schema").out;
    let name = |line: &str| line.strip_prefix("| `").map(|rest| rest.split('`').next().unwrap().to_owned());
    text.split("Fields of ").skip(1).map(|table| table.lines().filter_map(name).collect()).collect()
}

/// An option that is added to `run` is a field of experiments and grids, unless it says how the runs are carried out.
#[test]
fn several_rates_of_the_command_line_have_folders_of_their_own_in_a_grid() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("grid.toml"), TWO_NETS).unwrap();
    sandbox.run("run --grid grid.toml --data digits --max-steps 1 --lr 0.001,0.003 --out all").assert(0, &[]);
    for folder in ["BP/lr-0.001/seed-1", "BP/lr-0.003/seed-1", "FA/lr-0.001/seed-1", "FA/lr-0.003/seed-1"] {
        assert!(sandbox.path("all").join(folder).join("result.json").exists(), "{folder}");
    }
}

#[test]
fn every_option_of_a_training_is_a_field_of_experiments_and_of_grids() {
    let sandbox = Sandbox::new();
    let [experiment, grid, both] = schema(&sandbox).try_into().unwrap();
    let carried_out = [
        "jobs",
        "memory",
        "threads",
        "dry_run",
        "fresh",
        "json",
        "keep_going",
        "fail_fast",
        "slurm",
        "print_script",
        "sbatch",
        "tensorboard",
        "save_best",
        "experiments",
        "grid",
        "name",
        "help",
    ];
    // Fields of an experiment by another name, and what every experiment is trained with.
    let of_grid_alone = ["net", "out", "seed", "seeds", "kernels"];
    let help = sandbox.run("run --help").out;
    let options = help.lines().filter_map(|line| line.strip_prefix("      --"));
    let options: Vec<String> = options.map(|option| option.split(' ').next().unwrap().replace('-', "_")).collect();
    assert!(options.len() > 30, "{options:?}");
    for option in options.iter().filter(|option| !carried_out.contains(&option.as_str())) {
        assert!(grid.contains(option) || both.contains(option), "{option} is no field of a grid");
        let is_alone = of_grid_alone.contains(&option.as_str());
        assert!(
            is_alone || experiment.contains(option) || both.contains(option),
            "{option} is no field of an experiment"
        );
    }
    for option in carried_out {
        assert!(!grid.contains(&option.to_owned()) && !both.contains(&option.to_owned()), "{option}");
    }
}

#[test]
fn an_experiment_states_any_option_of_a_training_and_the_command_line_wins() {
    let sandbox = Sandbox::new();
    let row = "[[experiment]]\nname = \"ONE\"\nnetwork = \"input 3x32x32 - dense6 - dense10(R)\"\nloss = \"ce\"\ndata = \"digits\"\n";
    let options = "optimizer = \"sgd\"\nweight_decay = 0.25\nschedule = \"cosine:4\"\nfeedback_init = \"normal:0.5\"\n\
                   standardize = true\nmeasure_every = 2\nno_shuffle = true\nmax_steps = 3\n";
    fs::write(sandbox.path("own.toml"), format!("{row}{options}")).unwrap();
    let run = "run ONE --experiments own.toml --out one";
    let config = sandbox.run(&format!("{run} --dry-run --json")).json()["config"].clone();
    assert_eq!(
        [
            &config["decay"],
            &config["schedule"],
            &config["feedback_init"],
            &config["measure_every"],
            &config["shuffle"],
            &config["max_steps"]
        ],
        [&json!(0.25), &json!({"cosine": {"epochs": 4}}), &json!({"normal": 0.5}), &json!(2), &json!(false), &json!(3)]
    );
    assert!(config["optimizer"]["sgd"].is_object() && config["standard"].is_object(), "{config}");
    let other = sandbox.run(&format!("{run} --weight-decay 0.5 --dry-run --json")).json();
    assert_eq!((&other["config"]["decay"], &other["config"]["measure_every"]), (&json!(0.5), &json!(2)));
    let listed = sandbox.run("list --experiments own.toml --json").json();
    assert_eq!([&listed[0]["schedule"], &listed[0]["clip"]], [&json!("cosine:4"), &Value::Null]);
    // The results page takes the run for the experiment's, and names no setting as its own.
    sandbox.run(run).assert(0, &[]);
    let report = sandbox.run("report one --experiments own.toml --format json").json();
    let mut tables = report["tables"].as_array().unwrap().iter();
    let own = tables.find(|table| table["title"] == "Experiments of own.toml").unwrap();
    let command = own["rows"][0]["cells"][0]["command"].as_str().unwrap();
    assert!(
        command
            .starts_with("asymgrad run ONE --experiments own.toml --data digits --epochs 100 --seed 1 --max-steps 3"),
        "{command}"
    );
}
