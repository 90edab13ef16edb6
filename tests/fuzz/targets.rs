//! The inputs that the test damages: one for each reader, and the files of a run.

use std::fs;
use std::path::Path;

use asymgrad::experiment::Catalogue;
use asymgrad::report::{self, Report};
use asymgrad::run::{self, CheckpointReader};
use asymgrad::status;

use crate::Target;
use crate::program::Sandbox;
use crate::readers;

/// All targets; they write to `folder`.
pub(crate) fn all(folder: &Path) -> Vec<Target> {
    let run = trained();
    let read = |name: &str| fs::read(run.path("a").join(name)).unwrap();
    let mut targets: Vec<Target> = readers::all()
        .into_iter()
        .map(|(name, reader, good)| {
            let folder = folder.to_owned();
            target(name, good, move |bytes| reader(&folder, bytes))
        })
        .collect();
    // The header and the first tensors of a real file, so that damage hits the parsed part.
    let weights = read(run::WEIGHTS);
    for target in targets.iter_mut().filter(|target| target.name == "safetensors") {
        target.seeds.extend([weights[..2000].to_vec(), weights.clone()]);
    }
    for target in targets.iter_mut().filter(|target| target.name == "notation") {
        target.seeds.push(b"input 64 - dense32(uSF) - dense10(DFA)".into());
    }
    targets.push(any_damaged_checkpoint(folder));
    let folder = folder.to_owned();
    targets.push(target("config.json", read("config.json"), move |bytes| configuration(&folder, bytes)));
    targets.extend(
        ["config.json", "epochs.jsonl", "metrics.jsonl", "result.json", "owner.json", "processes.jsonl"].map(page),
    );
    targets
}

fn target(name: &'static str, good: Vec<u8>, read: impl Fn(&[u8]) + 'static) -> Target {
    Target { name, seeds: vec![good], read: Box::new(read) }
}

/// `config.json` of a run.
fn configuration(folder: &Path, bytes: &[u8]) {
    fs::write(folder.join("config.json"), bytes).unwrap();
    let _ = run::read_config(folder);
}

/// A run of two epochs in the folder `a`.
fn trained() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run_with("run --net {} --data digits --batch 500 --epochs 2 --out a", readers::NET).assert(0, &[]);
    fs::write(sandbox.path("a/owner.json"), r#"{"host":"b","pid":1,"job":null,"began":1,"beat":2}"#).unwrap();
    sandbox
}

/// A damaged checkpoint is an error.
fn any_damaged_checkpoint(folder: &Path) -> Target {
    let good = readers::all().into_iter().find(|(name, ..)| *name == "checkpoint").unwrap().2;
    let (file, whole) = (folder.join("whole"), good.clone());
    target("a whole checkpoint", good, move |bytes| {
        fs::write(&file, bytes).unwrap();
        let mut state = vec![0.0; 20];
        let read = CheckpointReader::open(&file).and_then(|saved| saved.unwrap().read("me", &mut state));
        assert_eq!(read.is_ok(), bytes == whole);
    })
}

/// A damaged file in the folder of a run prevents neither the results page nor the status.
fn page(name: &'static str) -> Target {
    let sandbox = trained();
    let (folder, good) = (sandbox.path(""), fs::read(sandbox.path("a").join(name)).unwrap());
    target(name, good, move |bytes| {
        fs::write(sandbox.path("a").join(name), bytes).unwrap();
        let report = Report::read(&folder, &Catalogue::of_report()).unwrap();
        assert!(report::page(&report).unwrap().ends_with("</html>\n"));
        assert!(report::csv(&report).lines().count() > 39);
        assert!(report::markdown(&report, None).unwrap().text.contains("DSR1"));
        status::survey(&folder).unwrap();
    })
}
