//! The kept runs in `data/results`: how far they lie from the report's figures, and the pages that show them.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use program::{Sandbox, lines};
use serde_json::{Value, json};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The runs of Tables 1 and 2 with batches of 128 and seed 1.
fn first_runs() -> String {
    root().join("data/results/batch-128/seed-1").display().to_string()
}

fn report(sandbox: &Sandbox, folder: &str) -> Value {
    sandbox.run_with("report {} --format json", folder).json()
}

/// The distance of the only conditions to the figures of these tables.
fn distance<'a>(report: &'a Value, tables: &[u8]) -> &'a Value {
    let all = report["conditions"][0]["distances"].as_array().unwrap();
    all.iter().find(|of| of["tables"] == json!(tables)).unwrap()
}

/// Copies a kept run, with another configuration, and with other test accuracies.
fn copy_run(sandbox: &Sandbox, name: &str, to: &str, config: &[(&str, Value)], add: f64) {
    let (from, to) = (Path::new(&first_runs()).join(name), sandbox.path(to));
    fs::create_dir_all(&to).unwrap();
    for file in ["processes.jsonl", "result.json"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
    let mut fields: Value = serde_json::from_str(&fs::read_to_string(from.join("config.json")).unwrap()).unwrap();
    for (field, value) in config {
        fields[*field] = value.clone();
    }
    fs::write(to.join("config.json"), serde_json::to_string_pretty(&fields).unwrap() + "\n").unwrap();
    let mut epochs = lines(&fs::read_to_string(from.join("epochs.jsonl")).unwrap());
    for line in &mut epochs {
        line["test_accuracy"] = json!(line["test_accuracy"].as_f64().unwrap() + add);
    }
    let text: Vec<String> = epochs.iter().map(Value::to_string).collect();
    fs::write(to.join("epochs.jsonl"), text.join("\n") + "\n").unwrap();
}

/// The page for a browser says of the published runs what the JSON says.
#[test]
fn the_results_page_has_a_row_for_each_published_figure() {
    let sandbox = Sandbox::new();
    let folder = root().join("data/results/published").display().to_string();
    let sources = report(&sandbox, &folder)["published"].as_array().unwrap().clone();
    sandbox.run_with("report {} -o page.html", &folder).assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    let section = page.split_once("id=\"published\"").unwrap().1.split_once("</section>").unwrap().0;
    let comparisons = || sources.iter().flat_map(|source| source["comparisons"].as_array().unwrap());
    for (verdict, text) in [(true, ">agrees</span>"), (false, ">differs</span>")] {
        let expected = comparisons().filter(|comparison| comparison["agrees"] == json!(verdict)).count();
        assert_eq!(section.matches(text).count(), expected, "{verdict}");
    }
    assert!(comparisons().count() > 20);
    for source in &sources {
        assert!(section.contains(source["source"]["title"].as_str().unwrap().split('\'').next().unwrap()));
    }
    sandbox.run_with("report {} -o other.html", &first_runs()).assert(0, &[]);
    assert!(!fs::read_to_string(sandbox.path("other.html")).unwrap().contains("id=\"published\""));
}

/// A run on the official archive is the one to compare, whatever other runs there are; alone, each is compared by the distance for its data.
#[test]
fn published_runs_on_images_in_different_orders_are_not_mixed() {
    let sandbox = Sandbox::new();
    let kept = root().join("data/results/published/seed-1111/akrout-BP");
    let copy = |to: &str, official: bool| {
        fs::create_dir_all(sandbox.path(to)).unwrap();
        for file in ["processes.jsonl", "result.json", "epochs.jsonl", "config.json"] {
            fs::copy(kept.join(file), sandbox.path(to).join(file)).unwrap();
        }
        if official {
            let file = sandbox.path(to).join("config.json");
            let mut config: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            config["data"] = json!({"name": "cifar10", "checksum": "0".repeat(64), "contents": "cifar10-official"});
            fs::write(&file, serde_json::to_string_pretty(&config).unwrap() + "\n").unwrap();
        }
    };
    let first_accuracy = |folder: &str| {
        let report = report(&sandbox, folder);
        let comparisons = report["published"][0]["comparisons"].as_array().unwrap().clone();
        let found = comparisons.iter().find(|of| of["quantity"] == "test accuracy, %").unwrap();
        (found["within"].as_f64().unwrap(), found["runs"].as_u64().unwrap())
    };
    copy("reordered/a", false);
    copy("official/a", true);
    copy("both/a", false);
    copy("both/b", true);
    assert_eq!(first_accuracy("reordered"), (6.0, 1));
    assert_eq!(first_accuracy("official"), (1.5, 1));
    assert_eq!(first_accuracy("both"), (1.5, 1));
}

/// Computed before from the same logs by another program: root mean square over the 36 figures of Tables 1 and 2, by k.
#[test]
fn the_distance_by_k_is_the_one_that_was_found_before() {
    const FOUND: [(f64, f64); 9] = [
        (1.0, 6.38),
        (1.5, 5.80),
        (2.0, 5.11),
        (2.5, 4.68),
        (3.0, 3.83),
        (3.5, 3.41),
        (4.0, 4.08),
        (5.0, 5.45),
        (6.0, 6.63),
    ];
    let report = report(&Sandbox::new(), &first_runs());
    assert_eq!(report["conditions"].as_array().unwrap().len(), 1);
    let divided = distance(&report, &[1, 2])["divided"].as_array().unwrap();
    assert_eq!(divided.len(), FOUND.len());
    for (at, (k, root_mean_square)) in divided.iter().zip(FOUND) {
        assert_eq!((&at["k"], &at["distance"]["figures"]), (&json!(k), &json!(36)));
        let ours = at["distance"]["root_mean_square"].as_f64().unwrap();
        assert_eq!(format!("{ours:.2}"), format!("{root_mean_square:.2}"), "k = {k}");
    }
    assert_eq!(format!("{:+.2}", divided[5]["distance"]["mean"].as_f64().unwrap()), "+0.20");
}

#[test]
fn the_distance_is_that_of_the_differences_in_the_tables() {
    let report = report(&Sandbox::new(), &first_runs());
    for (number, figures) in [(1, 10), (2, 26)] {
        let rows = report["tables"][number - 1]["rows"].as_array().unwrap();
        let cells = rows.iter().flat_map(|row| row["cells"].as_array().unwrap());
        let differences: Vec<f64> = cells.map(|cell| cell["difference"].as_f64().unwrap()).collect();
        let squares = differences.iter().map(|difference| difference * difference).sum::<f64>();
        let found = &distance(&report, &[u8::try_from(number).unwrap()])["distance"];
        assert_eq!((differences.len(), &found["figures"]), (figures, &json!(figures)));
        for (name, expected) in [
            ("root_mean_square", (squares / differences.len() as f64).sqrt()),
            ("mean", differences.iter().sum::<f64>() / differences.len() as f64),
        ] {
            assert!((found[name].as_f64().unwrap() - expected).abs() < 1e-9, "{name} of table {number}: {found}");
        }
    }
}

#[test]
fn seeds_are_averaged_and_batches_are_not() {
    let sandbox = Sandbox::new();
    copy_run(&sandbox, "DSR2", "all/a/DSR2", &[], 0.0);
    // How often a run measures changes none of its results.
    copy_run(&sandbox, "DSR2", "all/b/DSR2", &[("seed", json!(2)), ("measure_every", json!(10))], 2.0);
    copy_run(&sandbox, "DSR2", "all/c/DSR2", &[("batch", json!(256))], -10.0);
    copy_run(&sandbox, "DDR1", "all/c/DDR1", &[("batch", json!(256))], 0.0);
    let report = report(&sandbox, "all");
    let sets = report["conditions"].as_array().unwrap();
    assert_eq!(sets.iter().map(|set| &set["name"]).collect::<Vec<_>>(), ["batch 128", "batch 256"]);
    let figure = |set: usize| &sets[set]["figures"][0];
    let seeds = figure(0)["seeds"].as_array().unwrap();
    let first = seeds[0]["accuracy"].as_f64().unwrap();
    let near = |found: &Value, expected: f64| assert!((found.as_f64().unwrap() - expected).abs() < 1e-9, "{found}");
    assert_eq!(seeds.iter().map(|seed| &seed["seed"]).collect::<Vec<_>>(), [1, 2]);
    near(&seeds[1]["accuracy"], first + 2.0);
    near(&figure(0)["accuracy"], first + 1.0);
    near(&figure(1)["accuracy"], first - 10.0);
    assert_eq!(figure(1)["seeds"].as_array().unwrap().len(), 1);
    // The experiment's own conditions alone fill its table.
    let rows = report["tables"][0]["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == "DSR2").unwrap();
    assert_eq!((row["cells"].as_array().unwrap().len(), &row["cells"][0]["ours"]["runs"]), (1, &json!(2)));
    let markdown = sandbox.run("report all --format md").out;
    // DDR1 has no run with the other batch, so the distances compare over DSR2 alone.
    let ddr1 = sets[1]["figures"][1]["accuracy"].as_f64().unwrap();
    let (near, far) = (first + 1.0 - 44.19, first - 10.0 - 44.19);
    for line in [
        format!("| DSR2 | 100 | 44.19 | {:.2} (2) | {:.2} |", first + 1.0, first - 10.0),
        format!("| DDR1 | 100 | 38.82 | – | {ddr1:.2} |"),
        format!(
            "- Over the 1 figure of both: {:.2} points with batch 128 (mean {near:+.2}), {:.2} points with batch 256 (mean {far:+.2}).",
            near.abs(),
            far.abs()
        ),
    ] {
        assert!(markdown.lines().any(|found| found == line), "no `{line}` in {markdown}");
    }
}

#[test]
fn a_page_has_its_plots_beside_it_and_keeps_the_text_around_its_blocks() {
    let sandbox = Sandbox::new();
    copy_run(&sandbox, "DSR2", "all/DSR2", &[], 0.0);
    let ended = sandbox.run("report all --format md -o page.md");
    ended.assert(0, &[]);
    assert_eq!(ended.out, "page-table-1.svg\npage-epochs.svg\npage.md\n");
    let page = fs::read_to_string(sandbox.path("page.md")).unwrap();
    for (plot, names) in
        [("page-table-1.svg", ["DSR2, 100 epochs", "batch 128"]), ("page-epochs.svg", ["batch 128, 1 figure", "k"])]
    {
        let svg = fs::read_to_string(sandbox.path(plot)).unwrap();
        assert!(svg.starts_with("<svg") && names.iter().all(|name| svg.contains(name)), "{svg}");
        assert_eq!(page.matches(&format!("]({plot})")).count(), 1, "{page}");
    }
    assert!(!sandbox.run("report all --format md").out.contains(".svg"));
    // One block, and a text around it.
    let own = "# Mine\n\n<!-- asymgrad report: epochs -->\nstale\n<!-- asymgrad report: end -->\nMy words.\n";
    fs::write(sandbox.path("own.md"), own).unwrap();
    assert_eq!(sandbox.run("report all --format md -o own.md").out, "own-epochs.svg\nown.md\n");
    let filled = fs::read_to_string(sandbox.path("own.md")).unwrap();
    assert!(
        filled.starts_with("# Mine\n\n<!-- asymgrad report: epochs -->\n\n![") && filled.ends_with("-->\nMy words.\n")
    );
    assert!(filled.contains("| batch 128 | Table 1 | 1 |") && !filled.contains("stale"), "{filled}");
    assert!(sandbox.path("own-epochs.svg").exists() && !sandbox.path("own-table-1.svg").exists());
    fs::write(sandbox.path("own.md"), own.replace(": epochs", ": epoch")).unwrap();
    let refused = sandbox.run("report all --format md -o own.md");
    refused.assert(1, &["own.md: line 3: no section is called `epoch`", "epochs"]);
}

/// If this fails, run `data/results/update`.
#[test]
fn the_pages_show_the_kept_runs() {
    let sandbox = Sandbox::new();
    let results = root().join("data/results").display().to_string();
    fs::create_dir(sandbox.path("docs")).unwrap();
    for (page, plots) in [("docs/results.md", 3), ("docs/published.md", 0), ("README.md", 0)] {
        fs::copy(root().join(page), sandbox.path(page)).unwrap();
        let ended = sandbox.run_with(&format!("report {{}} --format md -o {page}"), &results);
        ended.assert(0, &[]);
        let written: Vec<&str> = ended.out.lines().collect();
        assert_eq!(written.len(), plots + 1, "{written:?}");
        for name in written {
            let [drawn, kept] = [sandbox.path(name), root().join(name)].map(|file| fs::read_to_string(file).unwrap());
            assert!(drawn == kept, "{name} does not show the kept runs; run data/results/update");
        }
    }
    for file in fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()) {
        let is_plot = file.extension().is_some_and(|extension| extension == "svg");
        let is_shown = sandbox.path("docs").join(file.file_name().unwrap()).exists();
        assert!(!is_plot || is_shown, "{} is shown nowhere; delete it", file.display());
    }
}

#[cfg(unix)]
#[test]
fn the_update_keeps_finished_runs_and_draws_the_pages() {
    use std::process::Command;
    let sandbox = Sandbox::new();
    for folder in ["data/results", "docs"] {
        fs::create_dir_all(sandbox.path(folder)).unwrap();
    }
    fs::copy(root().join("data/results/update"), sandbox.path("data/results/update")).unwrap();
    let block = "Mine.\n<!-- asymgrad report: table-1 -->\n<!-- asymgrad report: end -->\n";
    for page in ["docs/results.md", "docs/published.md", "README.md"] {
        fs::write(sandbox.path(page), block).unwrap();
    }
    let update = |arguments: &[&str]| {
        let mut command = Command::new("bash");
        command.arg("data/results/update").args(arguments).current_dir(sandbox.path(""));
        program::Ended::of(command.env("ASYMGRAD", env!("CARGO_BIN_EXE_asymgrad")).output().unwrap())
    };
    copy_run(&sandbox, "DSR2", "runs/x/DSR2", &[("batch", json!(256)), ("seed", json!(3))], 0.0);
    fs::write(sandbox.path("runs/x/DSR2/checkpoint"), "large").unwrap();
    copy_run(&sandbox, "DS0", "runs/x/DS0", &[], 0.0);
    fs::remove_file(sandbox.path("runs/x/DS0/result.json")).unwrap();
    let processes = sandbox.path("runs/x/DSR2/processes.jsonl");
    let mut process: Value = serde_json::from_str(&fs::read_to_string(&processes).unwrap()).unwrap();
    (process["data"], process["data_bytes"]) = ("/home/me/\u{fffd}".into(), "2f686f6d65".into());
    process["test_indices"] = "/home/me/test.npy".into();
    fs::write(&processes, format!("{process}\n")).unwrap();
    let ended = update(&["runs"]);
    ended.assert(0, &["left out, not finished: runs/x/DS0"]);
    let kept = sandbox.path("data/results/batch-256/seed-3/DSR2");
    let mut files: Vec<_> = fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["config.json", "epochs.jsonl", "processes.jsonl", "result.json"]);
    let processes = fs::read_to_string(kept.join("processes.jsonl")).unwrap();
    let process: Value = serde_json::from_str(&processes).unwrap();
    assert!(process["data"].is_null() && !processes.contains("home") && !processes.contains("2f68"), "{processes}");
    assert!(!sandbox.path("data/results/batch-128").exists());
    let page = fs::read_to_string(sandbox.path("docs/results.md")).unwrap();
    assert!(page.starts_with("Mine.\n") && page.contains("results-table-1.svg"), "{page}");
    assert!(sandbox.path("docs/results-table-1.svg").exists() && sandbox.path("README-table-1.svg").exists());
    // The same runs once more change nothing; other runs of the same name are refused.
    let before = fs::read(kept.join("epochs.jsonl")).unwrap();
    update(&["runs"]).assert(0, &[]);
    copy_run(&sandbox, "DSR2", "runs/x/DSR2", &[("batch", json!(256)), ("seed", json!(3)), ("clip", json!(1.0))], 1.0);
    update(&["runs"]).assert(1, &["batch-256/seed-3/DSR2 contains a run with other settings", "name another SET"]);
    assert_eq!(fs::read(kept.join("epochs.jsonl")).unwrap(), before);
    update(&["runs", "clipped"]).assert(0, &[]);
    assert!(sandbox.path("data/results/clipped/seed-3/DSR2/config.json").exists());
}
