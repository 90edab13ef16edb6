//! The results page in each format: its figures are those of the files of the runs, and nothing is left out.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::path::Path;

use program::{Sandbox, lines};
use serde_json::Value;

/// Two seeds of an experiment, its true-gradient counterpart, and a network of the user's own.
fn trained() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, seed) in [("DS0", 1), ("DSR2", 1), ("DSR2", 2)] {
        let run = format!("run {name} --data digits --epochs 2 --seed {seed} --out all/{name}/{seed}");
        sandbox.run(&run).assert(0, &[]);
    }
    let own = "run --net {} --data digits --epochs 1 --lr 0.02 --optimizer sgd --out all/<own>&";
    sandbox.run_with(own, "input 3x32x32 - dense5 - dense10(R)").assert(0, &[]);
    sandbox
}

/// The test accuracy after the last epoch, from the file of the run.
fn accuracy(sandbox: &Sandbox, run: &str) -> f64 {
    let epochs = fs::read_to_string(sandbox.path(run).join("epochs.jsonl")).unwrap();
    lines(&epochs).last().unwrap()["test_accuracy"].as_f64().unwrap()
}

fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
    let rows = report["tables"].as_array().unwrap().iter().flat_map(|table| table["rows"].as_array().unwrap());
    rows.into_iter().find(|row| row["name"] == name).unwrap()
}

#[test]
fn every_format_contains_the_figures_of_the_runs() {
    let sandbox = trained();
    let report = sandbox.run("report all --format json").json();
    let seeds = [accuracy(&sandbox, "all/DSR2/1"), accuracy(&sandbox, "all/DSR2/2")];
    let mean = f64::midpoint(seeds[0], seeds[1]);
    let cell = &row(&report, "DSR2")["cells"][0];
    assert!((cell["ours"]["mean"].as_f64().unwrap() - mean).abs() < 1e-9, "{cell}");
    assert_eq!(cell["ours"]["epochs"], serde_json::json!([2, 2]));
    // The published figure is for CIFAR-10.
    assert!(cell["difference"].is_null(), "{cell}");
    // Student's t with one degree of freedom is 12.706 at 97.5 %; the standard error of a mean of two is half their distance.
    let half = 12.706 * (seeds[0] - seeds[1]).abs() / 2.0;
    // No accuracy lies outside 0 to 100 %.
    for (side, end) in [(0, (mean - half).max(0.0)), (1, (mean + half).min(100.0))] {
        let found = cell["ours"]["interval"][side].as_f64().unwrap();
        assert!((found - end).abs() < 1e-2 * half.max(1.0), "{end} in {cell}");
    }
    // One run of DS0 has no interval; the trend is the distance to it, with the same seed.
    assert!(row(&report, "DS0")["cells"][0]["ours"]["interval"].is_null());
    let trend = &cell["trend"];
    let difference = seeds[0] - accuracy(&sandbox, "all/DS0/1");
    assert!((trend["ours"].as_f64().unwrap() - difference).abs() < 1e-9, "{trend}");
    assert!((trend["report"].as_f64().unwrap() - (44.19 - 50.06)).abs() < 1e-9, "{trend}");
    assert_eq!((&trend["baseline"], &trend["decided"]), (&"DS0".into(), &false.into()));
    // Only seed 1 was trained with the true gradient.
    let paired = &cell["paired"];
    assert_eq!((&paired["to"], &paired["seeds"]), (&"DS0".into(), &serde_json::json!([1])));
    assert!((paired["difference"]["mean"].as_f64().unwrap() - difference).abs() < 1e-9, "{paired}");
    assert!(paired["difference"]["above"].is_null() && row(&report, "DS0")["cells"][0]["paired"].is_null());
    let orderings = report["orderings"].as_array().unwrap();
    let order = orderings.iter().find(|o| o["lower"] == "DSR2" && o["higher"] == "DS0").unwrap();
    assert!((order["ours"]["difference"]["mean"].as_f64().unwrap() + difference).abs() < 1e-9, "{order}");
    assert!((order["published"].as_f64().unwrap() - 5.87).abs() < 1e-9 && order["decided"] == false, "{order}");
    // All 39 experiments are listed, trained or not.
    let of_tables = report["tables"].as_array().unwrap().iter().filter(|table| !table["number"].is_null());
    assert_eq!(of_tables.map(|table| table["rows"].as_array().unwrap().len()).sum::<usize>(), 39);

    let csv = sandbox.run("report all --format csv").out;
    let line = csv.lines().find(|line| line.contains(",DSR2,")).unwrap();
    assert!(line.contains(&format!(",44.19,100,{}", cell["ours"]["mean"])), "{line}");
    let markdown = sandbox.run("report all --format md").out;
    assert!(
        markdown.lines().any(|line| line.starts_with(&format!("| DSR2 | ce | 44.19 | 100 | {mean:.2} |"))),
        "{markdown}"
    );
    // Beside it each seed's, and what was measured in the last epoch: mean and standard deviation over the seeds.
    let last = ["all/DSR2/1", "all/DSR2/2"].map(|run| {
        let epochs = fs::read_to_string(sandbox.path(run).join("epochs.jsonl")).unwrap();
        lines(&epochs).pop().unwrap()
    });
    let spread = |number: &dyn Fn(&Value) -> &Value| {
        let [a, b] = [&last[0], &last[1]].map(|line| number(line).as_f64().unwrap());
        (f64::midpoint(a, b), (a - b).abs() / 2f64.sqrt())
    };
    let angles = ["dense2", "dense3"].map(|layer| spread(&|line: &Value| &line["angles"][layer]));
    let angles = angles.map(|(mean, deviation)| format!("{mean:.0}° ± {deviation:.0}°"));
    let line = markdown.lines().find(|line| line.starts_with("| DSR2 |")).unwrap();
    for expected in [
        format!("| {:.2}, {:.2} |", seeds[0], seeds[1]),
        format!("| {:.2} |", spread(&|line| &line["train_loss"]).0),
        format!("| {:.2} |", spread(&|line| &line["train_accuracy"]).0),
        format!("| {} |", angles.join(", ")),
        "| 2 on digits |".into(),
    ] {
        assert!(line.contains(&expected), "no {expected} in {line}");
    }
    assert!(markdown.contains("| angles (dense2, dense3) |") && markdown.contains("Batches of 128."), "{markdown}");
}

/// Mean, standard deviation and Student's interval are computed here from the logs.
#[test]
fn a_line_of_the_csv_has_what_a_table_of_a_paper_needs() {
    let sandbox = Sandbox::new();
    let options = "--loss hinge --optimizer momentum --lr 0.02 --momentum 0.8 --clip 0.1 --batch 50 --validation 100";
    let run = format!("run --net {{}} --name MINE --data digits --epochs 2 --seeds 3..5 {options} --out all");
    sandbox.run_with(&run, "input 3x32x32 - dense8 - dense10(R)").assert(0, &[]);
    sandbox.run("run DS0 --data digits --epochs 1 --out all/DS0").assert(0, &[]);
    let seeds = [3, 4, 5].map(|seed| accuracy(&sandbox, &format!("all/seed-{seed}")));
    let mean = seeds.iter().sum::<f64>() / 3.0;
    let deviation = (seeds.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 2.0).sqrt();
    // Student's t with two degrees of freedom at 97.5 %, in closed form: p √(2 / (α (2 − α))) with p = 1 − α and α = 0.05.
    let t = 0.95 * (2.0 / (0.05 * 1.95_f64)).sqrt();
    let half = t * deviation / 3f64.sqrt();

    let text = sandbox.run("report all --format csv").out;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let heads = reader.headers().unwrap().clone();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let record = |name: &str| records.iter().find(|record| record[1].starts_with(name)).unwrap();
    let field = |name: &str| &record("MINE")[heads.iter().position(|head| head == name).unwrap()];
    let number = |name: &str| field(name).parse::<f64>().unwrap();
    for (name, expected) in [
        ("accuracy", mean),
        ("deviation", deviation),
        ("interval_low", (mean - half).max(0.0)),
        ("interval_high", (mean + half).min(100.0)),
        ("interval_level", 0.95),
        ("runs", 3.0),
        ("batch", 50.0),
        ("rate", 0.02),
        ("epochs", 2.0),
    ] {
        assert!((number(name) - expected).abs() < 1e-6, "{name}: {} instead of {expected}", field(name));
    }
    let settings = field("settings");
    let mut wanted: Vec<&str> = options.split(" --").map(|option| option.trim_start_matches('-')).collect();
    let mut found: Vec<&str> = settings.split(" --").map(|option| option.trim_start_matches('-')).collect();
    wanted.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, wanted);
    let config = fs::read_to_string(sandbox.path("all/seed-3/config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    let version = sandbox.run("--version").out;
    for (name, expected) in [
        ("seeds", "3 4 5"),
        ("optimizer", "momentum"),
        ("max_steps", ""),
        ("numeric_mode", config["class"].as_str().unwrap()),
        ("data_checksum", config["data"]["checksum"].as_str().unwrap()),
        ("programs", version.trim().strip_prefix("asymgrad ").unwrap()),
    ] {
        assert_eq!(field(name), expected, "{name}");
    }
    // An experiment's own settings are settings, too, and the JSON holds the same.
    let report = sandbox.run("report all --format json").json();
    let ours = |name: &str| row(&report, name)["cells"][0]["ours"].clone();
    let mine = &ours(&record("MINE")[1])["protocol"];
    assert_eq!((&mine["settings"], &mine["seeds"]), (&settings.into(), &serde_json::json!([3, 4, 5])));
    let plain = &ours("DS0")["protocol"];
    assert_eq!((&plain["settings"], &plain["batch"], &plain["optimizer"]), (&"".into(), &128.into(), &"adam".into()));
}

#[test]
fn every_column_of_the_csv_is_documented() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/results-page.md");
    let docs = fs::read_to_string(docs).unwrap();
    let section = docs.split("## The columns of the CSV").nth(1).unwrap().split("\n## ").next().unwrap();
    let text = Sandbox::new().run("report . --format csv").out;
    for head in text.lines().next().unwrap().split(',') {
        assert!(section.contains(&format!("`{head}`")), "{head}");
    }
}

#[test]
fn several_seeds_of_a_suite_are_compared_with_the_true_gradient_by_their_mean() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run("run DS0 DSR2-U --data digits --epochs 2 --seeds 1..2 --threads 1");
    ended.assert(0, &[]);
    let of = |name: &str| [1, 2].map(|seed| accuracy(&sandbox, &format!("runs/digits/{name}/seed-{seed}")));
    let (truth, ours) = (of("DS0"), of("DSR2-U"));
    let differences = [ours[0] - truth[0], ours[1] - truth[1]];
    let line = ended.out.lines().rfind(|line| line.trim_start().starts_with("DSR2-U")).unwrap();
    assert!(line.contains(&format!(" {:.2} ", f64::midpoint(ours[0], ours[1]))), "{line}");
    let mean = f64::midpoint(differences[0], differences[1]);
    assert!(line.contains(&format!(" {mean:+.2} [")) && line.ends_with("2 seeds, epoch 2 to DS0"), "{line}");
}

/// The page draws the curves of a table from the groups that the table names.
#[test]
fn runs_of_one_name_with_other_settings_are_in_the_table_of_other_settings() {
    let sandbox = Sandbox::new();
    for rest in ["--out all/1", "--lr 0.01 --out all/2"] {
        sandbox.run(&format!("run DS0 --data digits --epochs 1 {rest}")).assert(0, &[]);
    }
    let report = sandbox.run("report all --format json").json();
    let rates_of = |title: &str| -> Vec<f64> {
        let tables = report["tables"].as_array().unwrap();
        let table = tables.iter().find(|table| table["title"].as_str().unwrap().contains(title)).unwrap();
        let numbers = table["groups"].as_array().unwrap().iter().map(|number| number.as_u64().unwrap());
        let configs = numbers.map(|number| &report["groups"][usize::try_from(number).unwrap()]["runs"][0]["config"]);
        configs.map(|config| config["optimizer"]["adam"]["rate"].as_f64().unwrap()).collect()
    };
    let markdown = sandbox.run("report all --format md").out;
    assert!(markdown.contains("| DS0 --lr 0.01: input 3x32x32"), "{markdown}");
    assert!((rates_of("Shallow")[0] - 0.001).abs() < 1e-9 && rates_of("Shallow").len() == 1, "{report}");
    assert!((rates_of("Other")[0] - 0.01).abs() < 1e-9 && rates_of("Other").len() == 1, "{report}");
    assert!(rates_of("Deeper").is_empty());
}

#[test]
fn a_diverged_run_is_counted_and_not_averaged() {
    let sandbox = Sandbox::new();
    let net = "input 3x32x32 - dense16 - dense10";
    for (seed, rate) in [(1, "0.1"), (2, "0.1")] {
        let run = format!(
            "run --net {{}} --data digits --epochs 1 --optimizer sgd --lr {rate} --seed {seed} --out all/{seed}"
        );
        sandbox.run_with(&run, net).assert(0, &[]);
    }
    // The last loss of the second run is NaN.
    let epochs = sandbox.path("all/2/epochs.jsonl");
    let line = fs::read_to_string(&epochs).unwrap();
    let mut last = lines(&line).pop().unwrap();
    last["train_loss"] = "NaN".into();
    fs::write(&epochs, format!("{last}\n")).unwrap();
    let result = sandbox.path("all/2/result.json");
    fs::write(&result, fs::read_to_string(&result).unwrap().replace("finished", "diverged")).unwrap();
    let report = sandbox.run("report all --format json").json();
    let group = &report["groups"][0];
    assert_eq!(group["runs"].as_array().unwrap().len(), 2);
    let tables = report["tables"].as_array().unwrap();
    let ours = &tables.last().unwrap()["rows"][0]["cells"][0]["ours"];
    assert_eq!((&ours["runs"], &ours["diverged"]), (&2.into(), &1.into()));
    assert!((ours["mean"].as_f64().unwrap() - accuracy(&sandbox, "all/1")).abs() < 1e-9, "{ours}");
}

/// A run of `--epochs 0` has the accuracy of its line of epoch 0; beside a longer run there is no difference at common epochs.
#[test]
fn a_run_of_no_epoch_is_shown_as_the_weights_before_the_first_step() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run("run DS0 DSR2 --data digits --epochs 0 --out all");
    ended.assert(0, &[]);
    assert_eq!(ended.out.matches("the weights before the first step").count(), 2, "{}", ended.out);
    let report = sandbox.run("report all --format json").json();
    for name in ["DS0", "DSR2"] {
        let cells = row(&report, name)["cells"].as_array().unwrap();
        let ours = &cells[0]["ours"];
        assert_eq!((&ours["epochs"], &ours["runs"]), (&serde_json::json!([0, 0]), &1.into()), "{ours}");
        assert!((ours["mean"].as_f64().unwrap() - accuracy(&sandbox, &format!("all/{name}"))).abs() < 1e-9, "{ours}");
    }
    // Both begin with the same weights.
    let paired = &row(&report, "DSR2")["cells"][0]["paired"];
    assert_eq!((&paired["epochs"], &paired["difference"]["mean"]), (&serde_json::json!([0, 0]), &0.0.into()));
    assert_eq!(report["groups"][0]["curves"], serde_json::json!([{"epochs": 0, "runs": [0], "diverged": false}]));
    sandbox.run("report all -o page.html").assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert!(page.contains("0 epochs<span class=\"line\">the weights before the first step</span>"), "{page}");
    let table = &page[page.find("data-table=\"table-1\"").unwrap()..];
    let missing = &table[..table.find("</summary>").unwrap()];
    assert!(!missing.contains("DS0,") && !missing.contains("DSR2,"), "{missing}");
    let markdown = sandbox.run("report all --format md").out;
    assert!(markdown.contains("| 0 (the weights before the first step) |"), "{markdown}");
    sandbox.run("run DSR2 --data digits --epochs 1 --out all/DSR2").assert(0, &[]);
    let report = sandbox.run("report all --format json").json();
    assert!(row(&report, "DSR2")["cells"][0]["paired"].is_null(), "{report}");
}

#[test]
fn the_command_of_a_run_repeats_it() {
    let sandbox = trained();
    let report = sandbox.run("report all --format json").json();
    let runs: Vec<&Value> =
        report["groups"].as_array().unwrap().iter().flat_map(|group| group["runs"].as_array().unwrap()).collect();
    assert_eq!(runs.len(), 4);
    for (number, run) in runs.iter().enumerate() {
        let command = run["command"].as_str().unwrap().strip_prefix("asymgrad ").unwrap();
        let (command, net) = match command.split_once('"') {
            Some((before, rest)) => {
                (format!("{before}{{}}{}", rest.split_once('"').unwrap().1), rest.split('"').next().unwrap())
            }
            None => (command.to_owned(), ""),
        };
        sandbox.run_with(&format!("{command} --out again/{number}"), net).assert(0, &[]);
        sandbox.results(&format!("again/{number}")).assert_equal(&sandbox.results(run["folder"].as_str().unwrap()));
    }
}

#[test]
fn the_page_is_one_file_with_all_figures() {
    let sandbox = trained();
    // A damaged run is reported and hides no other.
    fs::create_dir(sandbox.path("all/broken")).unwrap();
    fs::write(sandbox.path("all/broken/config.json"), "{").unwrap();
    let ended = sandbox.run("report all -o page.html");
    ended.assert(0, &[]);
    assert_eq!(ended.out, "page.html\n");
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let mut data: Value = serde_json::from_str(data).unwrap();
    let mut report = sandbox.run("report all --format json").json();
    for report in [&mut data, &mut report] {
        report["written"].take();
    }
    assert_eq!(data, report);
    assert!(page.contains("all/broken/config.json: "), "the damaged run is not reported");
    assert!(page.contains("all/&lt;own&gt;&amp;") && !page.contains("<own>"), "a folder's name became markup");
    for elsewhere in ["http:", "https:", "src=", "@import", "url("] {
        let found = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(elsewhere), "the page asks for {elsewhere}");
    }
    for name in ["PG-Untie-R2-U", "asymgrad run DS0 --data digits --epochs 2 --seed 1"] {
        assert!(page.contains(name), "no {name}");
    }
}

/// The page shows names and sentences of the user as text, and they do not end the script with its numbers.
#[test]
fn text_of_a_user_is_no_markup() {
    let sandbox = Sandbox::new();
    let (folder, sentence) = ("<script>\"&'", "</script><script>alert(\"x\" & 'y')");
    fs::create_dir(sandbox.path(folder)).unwrap();
    let own = format!(
        "[[experiment]]\nname = \"OWN\"\nnetwork = \"input 3x32x32 - dense10\"\nloss = \"ce\"\nclaim = {{ sentence = \"\"\"{sentence}\"\"\", \
         epochs = 1, measure = {{ expect = \"better\", than = \"DS0\", by = 1 }} }}\n"
    );
    fs::write(sandbox.path("<b>&.toml"), own).unwrap();
    sandbox.run_with("report {} --experiments <b>&.toml -o page.html", folder).assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    for text in [
        "<code>&lt;script&gt;&quot;&amp;'</code>",
        "“&lt;/script&gt;&lt;script&gt;alert(&quot;x&quot; &amp; 'y')”",
        "<h3>Experiments of &lt;b&gt;&amp;.toml</h3>",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    // The numbers and the page's own script.
    assert_eq!((page.matches("<script").count(), page.matches("</script>").count()), (2, 2));
    let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["folder"], folder);
    assert!(data["claims"].as_array().unwrap().iter().any(|claim| claim["sentence"] == sentence), "{data}");
}

#[test]
fn a_confusion_matrix_counts_the_test_images_and_its_diagonal_is_the_accuracy() {
    let sandbox = trained();
    let report = sandbox.run("report all --format json").json();
    for run in report["groups"].as_array().unwrap().iter().flat_map(|group| group["runs"].as_array().unwrap()) {
        let rows: Vec<Vec<u64>> = serde_json::from_value(run["confusion"].clone()).unwrap();
        let (all, right) = (rows.iter().flatten().sum::<u64>(), (0..10).map(|class| rows[class][class]).sum::<u64>());
        assert_eq!(all, 297);
        let accuracy = run["epochs"].as_array().unwrap().last().unwrap()["test_accuracy"].as_f64().unwrap();
        assert!((100.0 * right as f64 / 297.0 - accuracy).abs() < 1e-9, "{right} {accuracy}");
    }
}

#[test]
fn a_folder_without_runs_gives_a_page_and_a_missing_folder_an_error() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("empty")).unwrap();
    sandbox.run("report empty").assert(0, &[]);
    assert!(fs::read_to_string(sandbox.path("report.html")).unwrap().contains("There are no runs yet"));
    sandbox.run("report nowhere").assert(1, &["nowhere: cannot read"]);
}

/// What a table says beside a mean: its deviation and the level of its interval, which no accuracy leaves.
#[test]
fn intervals_say_their_level_and_end_where_accuracies_do() {
    let sandbox = Sandbox::new();
    for (seed, accuracy) in [(1, "97.5"), (2, "99.5")] {
        sandbox.run(&format!("run DS0 --data digits --epochs 1 --seed {seed} --out all/{seed}")).assert(0, &[]);
        let epochs = sandbox.path(&format!("all/{seed}/epochs.jsonl"));
        let mut line = lines(&fs::read_to_string(&epochs).unwrap()).pop().unwrap();
        line["test_accuracy"] = serde_json::from_str(accuracy).unwrap();
        fs::write(&epochs, format!("{line}\n")).unwrap();
    }
    let report = sandbox.run("report all --format json").json();
    let ours = &row(&report, "DS0")["cells"][0]["ours"];
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(
        (number(&ours["mean"]) - 98.5).abs() < 1e-9 && (number(&ours["deviation"]) - 2f64.sqrt()).abs() < 1e-9,
        "{ours}"
    );
    assert!((number(&ours["level"]) - 0.95).abs() < 1e-9, "{ours}");
    // Student's interval of two: 98.5 ± 12.7.
    assert!((number(&ours["interval"][0]) - 85.793).abs() < 1e-2, "{ours}");
    assert!((number(&ours["interval"][1]) - 100.0).abs() < 1e-9, "{ours}");
    // Two runs lie apart as far as a bootstrap of them goes, which is no 95 %.
    assert!(ours["bootstrap"].is_null(), "{ours}");
    let csv = sandbox.run("report all --format csv").out;
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let of_spread = header.iter().position(|name| *name == "deviation").unwrap();
    let names = ["deviation", "interval_level", "paired_deviation", "trend_undecided"];
    assert_eq!(header[of_spread..of_spread + 4], names);
    // No cell behind the network's has a comma.
    let line = csv.lines().find(|line| line.contains(",DS0,")).unwrap();
    let cells: Vec<&str> = line.rsplitn(header.len() - of_spread + 1, ',').collect();
    let cells: Vec<&str> = cells.into_iter().rev().skip(1).take(4).collect();
    assert_eq!(cells, [ours["deviation"].to_string().as_str(), "0.95", "", ""], "{line}");
    let markdown = sandbox.run("report all --format md").out;
    assert!(markdown.contains("| 98.50 | 85.79–100.00 |"), "{markdown}");
    assert!(markdown.contains("behind the derivative of the receiving layer's activation"), "{markdown}");
}
