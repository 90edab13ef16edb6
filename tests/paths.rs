//! Paths and arguments that are no UTF-8: every command takes them; text shows U+FFFD for the bytes that are no UTF-8.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod program;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use program::{Ended, Sandbox};
use serde_json::Value;

const NET: &str = "input 3x32x32 - dense4 - dense10(R)";

/// `été` in Latin-1, which is no UTF-8.
fn latin() -> OsString {
    OsString::from_vec(b"\xe9t\xe9".to_vec())
}

/// [`latin`] in JSON.
const SHOWN: &str = "\u{fffd}t\u{fffd}";

/// The program in a folder of that name.
struct Latin(Sandbox);

impl Latin {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("").join(latin())).unwrap();
        Self(sandbox)
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path("").join(latin()).join(name)
    }

    /// Each word of `line` that is `{}` is the name.
    fn run(&self, line: &str) -> Ended {
        self.run_on(line, &latin())
    }

    fn run_on(&self, line: &str, name: &OsStr) -> Ended {
        let mut command = self.0.command("", "");
        let word = |word: &str| match word {
            "{}" => name.to_owned(),
            "{net}" => NET.into(),
            word => word.into(),
        };
        command.args(line.split(' ').map(word)).current_dir(self.path(""));
        Ended::of(command.output().unwrap())
    }
}

fn trained() -> Latin {
    let sandbox = Latin::new();
    sandbox.run("run --net {net} --data digits --epochs 1 --out {}").assert(0, &[]);
    sandbox
}

#[test]
fn a_run_is_trained_shown_and_read_by_a_name_that_is_no_text() {
    let sandbox = Latin::new();
    let run = "run --net {net} --data digits --epochs 1 --out {}";
    sandbox.run(&format!("{run} --dry-run")).assert(0, &[]);
    let plan = sandbox.run(&format!("{run} --dry-run --json")).json();
    assert_eq!((&plan["folder"], &plan["problem"]), (&SHOWN.into(), &Value::Null), "{plan}");
    assert_eq!(sandbox.run(&format!("{run} --json")).json()["folder"], SHOWN);
    assert_eq!(sandbox.run(&format!("{run} --json")).json()["status"], "finished");
    assert!(sandbox.path(latin()).join("result.json").is_file());
    let two = sandbox.run("run DS0 --data digits --epochs 1 --max-steps 1 --seeds 1..2 --json --out {}-").json();
    assert_eq!(two.as_array().unwrap().len(), 2);
}

#[test]
fn every_command_reads_a_folder_whose_name_is_no_text() {
    let sandbox = trained();
    for (line, shown) in [("status {} --json", ""), ("status --json .", SHOWN)] {
        let status = sandbox.run(line).json();
        assert_eq!(status["runs"].as_array().unwrap().len(), 1, "{status}");
        assert!(status["runs"][0]["folder"].as_str().unwrap().contains(shown), "{status}");
    }
    sandbox.run("status {}").assert(0, &[]);
    let report = sandbox.run("report {} --format json").json();
    assert_eq!(report["folder"], SHOWN);
    assert_eq!(report["groups"][0]["runs"][0]["folder"], SHOWN);
    for format in ["md", "csv"] {
        sandbox.run(&format!("report {{}} --format {format}")).assert(0, &[]);
    }
    sandbox.run("report {} -o page.html").assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["groups"][0]["runs"][0]["folder"], SHOWN);
    sandbox.run("export {} -o out").assert(0, &[]);
    sandbox.run("predict {} -o out").assert(0, &[]);
    fs::remove_file(sandbox.path("out")).unwrap();
    // As outputs, too.
    let output = OsString::from_vec(b"\xe9.out".to_vec());
    for command in ["export", "predict", "report"] {
        let mut line = sandbox.0.command("", "");
        line.arg(command).arg(latin()).arg("-o").arg(&output).current_dir(sandbox.path(""));
        Ended::of(line.output().unwrap()).assert(0, &[]);
        assert!(sandbox.path(&output).is_file(), "{command}");
        fs::remove_file(sandbox.path(&output)).unwrap();
    }
}

/// A data set whose path is no UTF-8: `predict` opens it by what the folder of the run holds.
#[test]
fn a_data_set_is_opened_by_a_path_that_is_no_text() {
    let sandbox = Latin::new();
    let layout = "channels = 3\nheight = 32\nwidth = 32\nclasses = 10\ntrain = [\"a.bin\"]\ntest = [\"a.bin\"]\n";
    fs::create_dir(sandbox.path(latin())).unwrap();
    fs::write(sandbox.path(latin()).join("layout.toml"), layout).unwrap();
    let image = |label: u8| std::iter::once(label).chain((0..3072).map(move |_| label * 20)).collect::<Vec<u8>>();
    fs::write(sandbox.path(latin()).join("a.bin"), (0..10).flat_map(image).collect::<Vec<u8>>()).unwrap();
    let info = sandbox.run("data info --data {} --json").json();
    assert_eq!(info["name"], SHOWN, "{info}");
    sandbox.run("run --net {net} --data {} --epochs 1 --out run").assert(0, &[]);
    sandbox.run("run --net {net} --data {} --epochs 2 --out run").assert(0, &[]);
    sandbox.run("predict run -o scores").assert(0, &[]);
    let report = sandbox.run("report run --format json").json();
    assert_eq!(report["groups"][0]["runs"].as_array().unwrap().len(), 1, "{report}");
    // Without --out its folder bears the name.
    sandbox.run("run --net {net} --data {} --epochs 1").assert(0, &[]);
    sandbox.run("suite --data {} --dry-run --json --table 1").assert(0, &[]);
}

#[test]
fn an_own_row_may_be_about_such_a_path_and_an_init_may_be_one() {
    let sandbox = trained();
    sandbox.run("export {} -o weights").assert(0, &[]);
    fs::rename(sandbox.path("weights"), sandbox.path(OsString::from_vec(b"w\xe9".to_vec()))).unwrap();
    let line = "run --net {net} --data digits --epochs 1 --out again --init {}";
    sandbox.run_on(line, &OsString::from_vec(b"w\xe9".to_vec())).assert(0, &[]);
    fs::write(
        sandbox.path(OsString::from_vec(b"o\xe9".to_vec())),
        "[[experiment]]\nname = \"ROW\"\nnetwork = \"input 3x32x32 - dense10\"\nloss = \"ce\"\n",
    )
    .unwrap();
    sandbox.run_on("list --experiments {} --json", &OsString::from_vec(b"o\xe9".to_vec())).assert(0, &[]);
}

/// A run that symbolic links lead to is one run, in `status` and in the report, and with a link to its own parent.
#[test]
fn a_run_to_which_links_lead_is_counted_once() {
    use std::os::unix::fs::symlink;
    let sandbox = Sandbox::new();
    for seed in 1..=3 {
        let run = format!("run --net {{}} --data digits --epochs 1 --max-steps 1 --seed {seed} --out all/b/{seed}");
        sandbox.run_with(&run, NET).assert(0, &[]);
    }
    symlink("..", sandbox.path("all/b/up")).unwrap();
    symlink("b/2", sandbox.path("all/a-latest")).unwrap();
    symlink("../b", sandbox.path("all/c")).unwrap();
    symlink("nowhere", sandbox.path("all/dangling")).unwrap();
    symlink("all", sandbox.path("link")).unwrap();
    for folder in ["all", "link"] {
        let status = sandbox.run(&format!("status {folder} --json")).json();
        let found: Vec<&str> =
            status["runs"].as_array().unwrap().iter().map(|run| run["folder"].as_str().unwrap()).collect();
        assert_eq!(found, [1, 2, 3].map(|seed| format!("{folder}/b/{seed}")));
        let report = sandbox.run(&format!("report {folder} --format json")).json();
        assert_eq!(report["groups"][0]["runs"].as_array().unwrap().len(), 3);
    }
    // A run outside of the folder is found through links, once.
    fs::create_dir(sandbox.path("other")).unwrap();
    symlink("../all/b/1", sandbox.path("other/x")).unwrap();
    symlink("../all/b/1", sandbox.path("other/y")).unwrap();
    let status = sandbox.run("status other --json").json();
    assert_eq!(status["runs"].as_array().unwrap().len(), 1, "{status}");
    assert_eq!(status["runs"][0]["folder"], "other/x");
}

/// An argument that is no UTF-8 is used, or refused as wrong usage.
#[test]
fn an_argument_that_is_no_text_never_panics() {
    let sandbox = Latin::new();
    for line in [
        "{}",
        "list {}",
        "run {}",
        "run --net {}",
        "run DS0 --lr {}",
        "run DS0 --seeds {}",
        "plan {}",
        "status {}",
        "report {}",
        "export {} -o x",
        "predict {} -o x",
        "data info --data {}",
        "data import {}",
        "completions {}",
        "data fetch --url {}",
    ] {
        let ended = sandbox.run(line);
        assert!(matches!(ended.code, Some(0..=2)), "{line}: {ended:?}");
        assert!(!ended.err.contains("panicked"), "{line}: {}", ended.err);
    }
    // The script is bytes, too.
    let mut command = sandbox.0.command("run DS0 --data digits --print-script --sbatch", "");
    let output = command.arg(latin()).current_dir(sandbox.path("")).output().unwrap();
    assert!(output.status.success());
    assert!(output.stdout.split(|byte| *byte == b'\n').any(|line| line == b"#SBATCH \xe9t\xe9"));
}
