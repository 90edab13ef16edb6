//! What the results page takes as evidence, shown with made-up runs of the report's experiments: equal epochs, distinct seeds, intervals.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::path::Path;

use program::{Sandbox, lines};
use serde_json::{Value, json};

/// A run of an experiment whose logs are kept, with these settings and test accuracies.
fn make(sandbox: &Sandbox, name: &str, to: &str, settings: &[(&str, Value)], accuracies: &[f64]) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/results/batch-128/seed-1").join(name);
    let folder = sandbox.path(to);
    fs::create_dir_all(&folder).unwrap();
    fs::copy(kept.join("result.json"), folder.join("result.json")).unwrap();
    let mut config: Value = serde_json::from_str(&fs::read_to_string(kept.join("config.json")).unwrap()).unwrap();
    config["epochs"] = json!(accuracies.len());
    for (setting, value) in settings {
        config[*setting] = value.clone();
    }
    fs::write(folder.join("config.json"), serde_json::to_string_pretty(&config).unwrap() + "\n").unwrap();
    let first = lines(&fs::read_to_string(kept.join("epochs.jsonl")).unwrap()).remove(0);
    let line = |(index, accuracy): (usize, &f64)| {
        let mut line = first.clone();
        (line["epoch"], line["test_accuracy"]) = (json!(index + 1), json!(accuracy));
        // Measured every fifth epoch with the second seed.
        if config["seed"] == 2 && (index + 1) % 5 != 0 {
            line.as_object_mut().unwrap().retain(|_, value| !value.is_object());
        } else if let Some(angle) = line.pointer_mut("/angles/dense2") {
            *angle = json!(index + 1);
        }
        line.to_string() + "\n"
    };
    fs::write(folder.join("epochs.jsonl"), accuracies.iter().enumerate().map(line).collect::<String>()).unwrap();
}

/// The same with a seed, in a folder of its own.
fn seed(sandbox: &Sandbox, name: &str, seed: u32, accuracies: &[f64]) {
    make(sandbox, name, &format!("all/{name}/{seed}"), &[("seed", json!(seed))], accuracies);
}

fn report(sandbox: &Sandbox) -> Value {
    sandbox.run("report all --format json").json()
}

fn cell<'a>(report: &'a Value, name: &str, index: usize) -> &'a Value {
    let rows = report["tables"].as_array().unwrap().iter().flat_map(|table| table["rows"].as_array().unwrap());
    &rows.into_iter().find(|row| row["name"] == name).unwrap()["cells"][index]
}

#[track_caller]
fn near(found: &Value, expected: f64) {
    assert!((found.as_f64().unwrap() - expected).abs() < 1e-6, "{found} instead of {expected}");
}

/// An accuracy up to epoch 100, and another one after it.
fn longer(first: f64, second: f64) -> Vec<f64> {
    [[first; 100], [second; 100]].concat()
}

/// Two data sets of one name, such as CIFAR-10 in two orders, and two files of batches.
#[test]
fn groups_of_one_name_are_told_apart_by_checksums() {
    let sandbox = Sandbox::new();
    let data = |checksum: &str| json!({"name": "toy", "checksum": checksum.repeat(8)});
    let settings = |checksum: &str| [("batch", json!(64)), ("data", data(checksum))];
    make(&sandbox, "DSR2", "all/a", &settings("aaaa1111"), &[40.0; 5]);
    make(&sandbox, "DSR2", "all/b", &settings("bbbb2222"), &[41.0; 5]);
    make(&sandbox, "DS0", "all/c", &settings("aaaa1111"), &[42.0; 5]);
    let rows = |sandbox: &Sandbox| {
        let table = sandbox.run("report all --format csv").out;
        let with_runs = |line: &&str| line.contains("asymgrad run") && line.contains(",toy,");
        let rows: Vec<String> =
            table.lines().filter(with_runs).filter_map(|line| Some(line.split(',').nth(1)?.into())).collect();
        rows
    };
    assert_eq!(
        rows(&sandbox),
        ["DS0 --batch 64", "DSR2 --batch 64 (data aaaa1111)", "DSR2 --batch 64 (data bbbb2222)"]
    );
    let runs = sandbox.run("report all --format runs").out;
    assert!(runs.lines().next().unwrap().contains(",data,data_checksum,program,seed"), "{runs}");
    let tex = sandbox.run("report all --format tex").out;
    assert!(tex.contains(&format!("% Data toy: SHA-256 {}", "bbbb2222".repeat(8))), "{tex}");
}

/// The report has the true gradient at 100 epochs alone, so its figure at 200 is compared with that, and so is ours.
#[test]
fn a_trend_compares_the_epochs_of_the_published_figures() {
    let sandbox = Sandbox::new();
    for number in 1..=3 {
        let more = f64::from(number) * 0.1;
        seed(&sandbox, "DDR2", number, &longer(39.16, 44.62 + more));
        seed(&sandbox, "DD0", number, &[48.20; 100]);
    }
    let report = report(&sandbox);
    let [at_100, at_200] = [0, 1].map(|index| &cell(&report, "DDR2", index)["trend"]);
    near(&at_100["ours"], 39.16 - 48.20);
    near(&at_200["ours"], 44.82 - 48.20);
    near(&at_200["report"], 31.60 - 49.06);
    assert_eq!((&at_100["report_epochs"], &at_200["report_epochs"]), (&json!([100, 100]), &json!([200, 100])));
    let difference = &at_200["difference"];
    assert_eq!((&difference["epochs"], &difference["to_epochs"]), (&json!([198, 200]), &json!([98, 100])));
    assert_eq!((&at_200["verdict"], &at_200["decided"]), (&json!("agrees"), &json!(true)));
    let markdown = sandbox.run("report all --format md").out;
    assert!(markdown.contains("agrees (-3.4, report -17.5, to DD0, epochs 198–200 and 98–100)"), "{markdown}");
    sandbox.run("report all -o page.html").assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert!(page.contains("epochs 198–200 and 98–100"));
}

#[test]
fn one_seed_decides_nothing_and_several_take_an_interval_of_one_kind() {
    let trend = |ours: &[f64], truth: f64| {
        let sandbox = Sandbox::new();
        for (number, accuracy) in (1..).zip(ours) {
            seed(&sandbox, "DSR2", number, &[*accuracy; 100]);
            seed(&sandbox, "DS0", number, &[truth; 100]);
        }
        let report = report(&sandbox);
        let trend = cell(&report, "DSR2", 0)["trend"].clone();
        // The ranking of the same two experiments has the same number.
        let rankings = report["orderings"].as_array().unwrap();
        let ranking = rankings.iter().find(|of| of["lower"] == "DSR2" && of["higher"] == "DS0").unwrap();
        near(&ranking["ours"]["difference"]["mean"], -trend["ours"].as_f64().unwrap());
        assert_eq!(trend["undecided"].is_null(), trend["decided"] == true, "{trend}");
        (trend["undecided"].as_str().unwrap_or("").to_owned(), ranking["undecided"].as_str().unwrap_or("").to_owned())
    };
    let pair = |trend: &str, ranking: &str| (trend.to_owned(), ranking.to_owned());
    assert_eq!(trend(&[44.0], 50.0), pair("one seed", "one seed"));
    assert_eq!(trend(&[44.0, 44.1], 50.0), pair("", ""));
    // Student's interval of two is 6.4 points on either side.
    let wide = pair("the interval is of more than one kind", "the corrected p is too large");
    assert_eq!(trend(&[44.0, 45.0], 50.0), wide);
    // Worse, but by less than two points in some part of the interval.
    assert_eq!(trend(&[47.6, 47.7, 47.9], 50.0), pair("the interval is of more than one kind", ""));
    assert_eq!(trend(&[11.0, 11.1], 50.0), pair("DSR2 is near chance", "DSR2 is near chance"));
    assert_eq!(trend(&[44.0, 44.1], 12.0), pair("DS0 is near chance", "DS0 is near chance"));
}

#[test]
fn a_shorter_run_or_other_data_decide_nothing() {
    let sandbox = Sandbox::new();
    for number in 1..=2 {
        seed(&sandbox, "DSR2", number, &[44.0; 60]);
        seed(&sandbox, "DS0", number, &[50.0; 100]);
        seed(&sandbox, "DSR2-HL", number, &[44.0; 100]);
        let data = json!({"name": "other", "checksum": "0".repeat(64)});
        let to = |name: &str| format!("all/other/{name}/{number}");
        for (name, accuracy) in [("DSR2-HL", 30.0), ("DS0-HL", 40.0)] {
            make(&sandbox, name, &to(name), &[("seed", json!(number)), ("data", data.clone())], &[accuracy; 100]);
        }
    }
    let report = report(&sandbox);
    let trend = &cell(&report, "DSR2", 0)["trend"];
    assert_eq!((&trend["undecided"], &trend["difference"]["epochs"]), (&json!("60 of 100 epochs"), &json!([58, 60])));
    // DS0-HL has no run on CIFAR-10.
    let cells = [0, 1].map(|index| cell(&report, "DSR2-HL", index));
    let other = cells.into_iter().find(|cell| cell["ours"]["data"] == "other").unwrap();
    assert_eq!(other["trend"]["undecided"], "on other");
    let cifar = cells.into_iter().find(|cell| cell["ours"]["data"] != "other").unwrap();
    assert!(cifar["trend"].is_null(), "{cifar}");
}

/// Seeds 2 and 3 are shorter than seed 1, of which a shorter copy lies there as well.
fn of_several_lengths() -> Sandbox {
    let sandbox = Sandbox::new();
    let momentum = json!({"momentum": {"rate": 0.01, "momentum": 0.9}});
    for (to, number, epochs) in [("long", 1, 100), ("copy", 1, 40), ("two", 2, 27), ("three", 3, 25)] {
        let settings = [("seed", json!(number)), ("optimizer", momentum.clone())];
        let accuracies: Vec<f64> = (1..=epochs).map(|epoch| f64::from(epoch) * 0.3 + f64::from(number)).collect();
        make(&sandbox, "DSR2", &format!("all/{to}"), &settings, &accuracies);
    }
    sandbox
}

#[test]
fn runs_of_several_lengths_are_averaged_only_where_all_have_an_epoch() {
    let sandbox = of_several_lengths();
    let report = report(&sandbox);
    let group = &report["groups"][0];
    let lengths: Vec<_> = group["curves"].as_array().unwrap().iter().map(|of| (&of["epochs"], &of["runs"])).collect();
    assert_eq!(lengths, [(&json!(100), &json!([0])), (&json!(27), &json!([0, 1])), (&json!(25), &json!([0, 1, 2]))]);
    let name = report["tables"].as_array().unwrap().last().unwrap()["rows"][0]["name"].as_str().unwrap();
    assert!(name.starts_with("DSR2 --optimizer momentum"), "{name}");
    let ours = [0, 1, 2].map(|index| &cell(&report, name, index)["ours"]);
    assert_eq!(
        ours.map(|ours| (&ours["epochs"][1], &ours["runs"])),
        [(&json!(100), &json!(1)), (&json!(27), &json!(2)), (&json!(25), &json!(3))]
    );
    // An angle is the mean in one epoch, in which all of the runs measured it.
    let angles = ours.map(|ours| ours["measures"]["angles"]["dense2"].clone());
    assert_eq!([&angles[0]["epoch"], &angles[0]["runs"], &angles[0]["mean"]], [&json!(100), &json!(1), &json!(100.0)]);
    assert_eq!([&angles[1]["epoch"], &angles[1]["runs"], &angles[1]["mean"]], [&json!(25), &json!(2), &json!(25.0)]);
    assert_eq!([&angles[2]["epoch"], &angles[2]["runs"], &angles[2]["mean"]], [&json!(25), &json!(3), &json!(25.0)]);
}

#[test]
fn a_copy_of_a_longer_run_is_left_out_and_named() {
    let sandbox = of_several_lengths();
    let of_group = report(&sandbox)["groups"][0].clone();
    assert_eq!(of_group["runs"].as_array().unwrap().len(), 3);
    assert_eq!(of_group["repeats"], json!([{"folder": "all/copy", "seed": 1, "epochs": 40, "is_equal": true}]));
    sandbox.run("report all -o page.html").assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert!(
        page.contains("<code>all/copy</code>")
            && page.contains("seed 1, 40 epochs, repeats another run, or a part of it")
    );
    // One that differs is no copy.
    let epochs = sandbox.path("all/copy/epochs.jsonl");
    fs::write(&epochs, fs::read_to_string(&epochs).unwrap().replacen(":1.3,", ":1.4,", 1)).unwrap();
    assert_eq!(report(&sandbox)["groups"][0]["repeats"][0]["is_equal"], json!(false));
    sandbox.run("report all -o page.html").assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert!(page.contains("seed 1, 40 epochs, has the settings of another run, but other figures"));
}

#[test]
fn a_difference_names_the_settings_of_its_partner_and_stays_between_accuracies() {
    let sandbox = Sandbox::new();
    let adam = json!({"adam": {"rate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}});
    for (number, worse) in [(1, 5.0), (2, 95.0)] {
        let settings = [("seed", json!(number)), ("optimizer", adam.clone())];
        make(&sandbox, "DS0", &format!("all/a/{number}"), &settings, &[97.0; 30]);
        make(&sandbox, "DSR2", &format!("all/b/{number}"), &settings, &[97.0 - worse; 30]);
    }
    let report = report(&sandbox);
    let paired = &cell(&report, "DSR2 --lr 0.01", 0)["paired"];
    assert_eq!(paired["to"], "DS0 --lr 0.01");
    assert_eq!(paired["difference"]["interval"], json!([-100.0, 100.0]));
}

/// Holm's correction: 0.05 over the number of rankings is the level of the least p.
#[test]
fn rankings_are_decided_at_a_level_for_all_of_them() {
    let sandbox = Sandbox::new();
    // Three seeds, each 6, 5.6 and 6.6 points worse: p is 0.002 for each ranking of DS0.
    for (name, points) in [("DS0", 0.0), ("DSR2", 6.0), ("DSR2-HL", 6.0), ("DS0-HL", 0.0), ("DSR1-HL", 6.0)] {
        for (number, more) in [(1, 0.0), (2, -0.4), (3, 0.6)] {
            let more = if points > 0.0 { more } else { 0.0 };
            seed(&sandbox, name, number, &[50.0 - points - more; 100]);
        }
    }
    let rankings = report(&sandbox)["orderings"].as_array().unwrap().clone();
    let tested: Vec<&Value> = rankings.iter().filter(|of| !of["p"].is_null()).collect();
    // DSR2 < DS0, DSR2-HL < DS0-HL, DSR1-HL < DS0-HL, DSR2-HL < DSR1-HL.
    assert_eq!(tested.len(), 4, "{tested:?}");
    for ranking in &tested {
        let equal = ranking["higher"] == "DSR1-HL";
        assert_eq!(ranking["tested"], 4);
        assert_eq!(ranking["decided"], json!(!equal), "{ranking}");
        if !equal {
            near(&ranking["corrected"], 4.0 * ranking["p"].as_f64().unwrap());
        }
    }
    let markdown = sandbox.run("report all --format md").out;
    assert!(markdown.contains("corrected for 4 rankings"), "{markdown}");
}

#[test]
fn a_claim_takes_two_seeds_and_names_them() {
    let sandbox = Sandbox::new();
    let own = "[[experiment]]\nname = \"OWN\"\nnetwork = \"input 3x32x32 - dense512 - dense256 - dense10\"\nloss = \"ce\"\n\
               claim = { sentence = \"It works.\", epochs = 5, measure = { expect = \"works\", from = 40, below = 20 } }\n";
    fs::write(sandbox.path("own.toml"), own).unwrap();
    let conclusion = |seeds: &[f64]| {
        for (number, accuracy) in (1..).zip(seeds) {
            let settings = [("name", json!("OWN")), ("seed", json!(number))];
            make(&sandbox, "DS0", &format!("all/OWN/{number}"), &settings, &[*accuracy; 5]);
        }
        let markdown = sandbox.run("report all --experiments own.toml --format md").out;
        let lines: Vec<&str> = markdown.lines().skip_while(|line| !line.contains("It works")).collect();
        (lines[0].to_owned(), lines[1].to_owned(), lines[1 + seeds.len()].to_owned())
    };
    let (claim, seed, experiment) = conclusion(&[50.0]);
    assert_eq!(
        (claim.as_str(), experiment.as_str()),
        ("- It works.: **not decided**", "  - OWN: not decided (one seed)")
    );
    assert!(seed.starts_with("  - OWN, seed 1: 50.00 % in epoch 5"), "{seed}");
    let (claim, _, experiment) = conclusion(&[50.0, 50.1]);
    assert_eq!((claim.as_str(), experiment.as_str()), ("- It works.: **agrees**", "  - OWN: agrees"));
    let (claim, _, experiment) = conclusion(&[50.0, 60.0]);
    assert_eq!(claim, "- It works.: **not decided**");
    assert_eq!(experiment, "  - OWN: not decided (the interval of 2 seeds is too wide)");
}

#[test]
fn a_missing_time_is_a_dash() {
    let sandbox = Sandbox::new();
    seed(&sandbox, "DS0", 1, &[50.0; 3]);
    sandbox.run("report all -o page.html").assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert!(page.contains("data-label=\"Time\">–<") && !page.contains("0.0 s"), "{page}");
    assert!(report(&sandbox)["groups"][0]["runs"][0]["seconds"].is_null());
}

#[test]
fn the_rules_of_a_network_stand_together_whatever_suite_they_are_from() {
    let sandbox = Sandbox::new();
    let rate = |rate: f64| json!({"adam": {"rate": rate, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}});
    for number in 1..=3 {
        for (name, own, accuracy, lr) in [
            ("DS0", "DS0", 50.0, 0.001),
            ("DSR2", "mine", 44.0, 0.001),
            ("DSR1", "DSR1", 47.0, 0.01),
            ("DS0", "DS0", 48.0, 0.01),
        ] {
            let settings = [("seed", json!(number)), ("name", json!(own)), ("optimizer", rate(lr))];
            let accuracy = accuracy + f64::from(number) * 0.1;
            make(&sandbox, name, &format!("all/{own}-{lr}/{number}"), &settings, &[accuracy; 40]);
        }
    }
    seed(&sandbox, "DD0", 1, &[50.0; 40]);
    let report = report(&sandbox);
    // DD0 has no other rule beside it.
    assert_eq!(report["families"].as_array().unwrap().len(), 1);
    let family = &report["families"][0];
    assert_eq!(
        (&family["network"], &family["epochs"]),
        (&json!("input 3x32x32 - dense512 - dense256 - dense10"), &json!(40))
    );
    let rows: Vec<[&str; 3]> = family["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ["rule", "settings", "name"].map(|field| row[field].as_str().unwrap()))
        .collect();
    assert_eq!(
        rows,
        [
            ["backprop", "--lr 0.001", "DS0"],
            ["backprop", "--lr 0.01", "DS0"],
            ["(R) dense3", "--lr 0.01", "DSR1"],
            ["(R) dense2, dense3", "--lr 0.001", "mine"]
        ]
    );
    let partner = |row: usize| family["rows"][row]["paired"].pointer("/to").and_then(Value::as_str);
    assert_eq!([0, 1, 2, 3].map(partner), [None, None, Some("DS0 --lr 0.01"), Some("DS0")]);
    near(&family["rows"][3]["paired"]["difference"]["mean"], -6.0);
    // Its angles and the command that trains all of its seeds again, beside the runs of other rates.
    near(&family["rows"][3]["ours"]["measures"]["angles"]["dense2"]["mean"], 40.0);
    let command = |row: usize| family["rows"][row]["command"].as_str().unwrap();
    assert!(command(3).starts_with("asymgrad run --net") && command(3).contains(" --seeds 1.."), "{}", command(3));
    assert!(
        command(0).ends_with(" --out rerun/DS0") && command(1).ends_with(" --out rerun/DS0_lr_0.01"),
        "{}",
        command(1)
    );
    // The page says it in a sentence.
    sandbox.run("report all -o page.html").assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert!(page.contains("Best of 4: backprop --lr 0.001</b>, test accuracy "), "no answer");
}

#[test]
fn the_users_own_table_comes_first_and_a_table_without_runs_is_closed() {
    let sandbox = Sandbox::new();
    let own =
        "[[experiment]]\nname = \"OWN\"\nnetwork = \"input 3x32x32 - dense512 - dense256 - dense10\"\nloss = \"ce\"\n";
    fs::write(sandbox.path("own.toml"), own).unwrap();
    make(&sandbox, "DS0", "all/OWN", &[("name", json!("OWN"))], &[50.0; 3]);
    seed(&sandbox, "DS0", 1, &[50.0; 3]);
    sandbox.run("report all --experiments own.toml -o page.html").assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    let page = page.split("<main>").nth(1).unwrap().split("<script").next().unwrap();
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(at("<h3>Experiments of own.toml</h3>") < at("<h3>Table 1: "));
    let closed = |table: u8| page.contains(&format!("<details class=\"missing\"><summary><h3>Table {table}: "));
    assert_eq!([1, 2, 3, 4].map(closed), [false, true, true, true]);
    let markdown = sandbox.run("report all --experiments own.toml --format md").out;
    assert!(markdown.find("## Experiments of own.toml").unwrap() < markdown.find("## Table 1").unwrap());
}

#[test]
fn latex_tables_have_the_figures_of_the_page() {
    let sandbox = Sandbox::new();
    for number in 1..=2 {
        seed(&sandbox, "DS0", number, &[50.0; 100]);
        seed(&sandbox, "DSR2", number, &[44.0 + f64::from(number) * 0.1; 100]);
    }
    let ended = sandbox.run("report all --format tex");
    ended.assert(0, &[]);
    // Student's interval of 44.1 and 44.2: 44.15 ± 12.706 · 0.05.
    let line = r"    DSR2 & ce & 44.19 & 44.15 & 43.51--44.79 & 2 & 98--100 & $-0.04$ & $-5.85$ [$-6.49$, $-5.21$] \\";
    assert!(ended.out.lines().any(|found| found == line), "{}", ended.out);
    let rule = r"    (R) dense2, dense3 &  & 44.15 & 43.51--44.79 & 2 & 98--100 & $-5.85$ [$-6.49$, $-5.21$] & 100$^\circ$, 85$^\circ$";
    assert!(ended.out.lines().any(|found| found.starts_with(&rule[..100])), "{}", ended.out);
    assert!(ended.out.contains(r"\caption{Table 1: Shallow dense networks, Adam, 100 epochs}"), "{}", ended.out);
    // As many columns in each line as in the head.
    for table in ended.out.split(r"\begin{tabular}{").skip(1) {
        let columns = table.find('}').unwrap();
        let rows = table.lines().filter(|line| line.ends_with(r"\\"));
        assert!(
            rows.clone().count() > 1 && rows.into_iter().all(|row| row.matches(" & ").count() + 1 == columns),
            "{table}"
        );
    }
}
