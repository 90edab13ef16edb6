//! The readers: notation, experiments, configurations, checkpoints, weights, data sets, and the page of a whole run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use asymgrad::catalogue::{self, Catalogue};
use asymgrad::report::Report;
use asymgrad::run::{Checkpoint, Config, Saved};
use asymgrad::{Network, dataset, status, weights};
use asymgrad_core::Training;
use flate2::{Compression, write::GzEncoder};

use crate::Target;
use crate::program::Place;

const NET: &str = "input 3x32x32 - conv3x3x2 - maxpool3x3/2 - untied3x3x1(R*) - dense9.tanh(KP) - dense10(R)";

/// All of them; what they read lies below `folder`.
pub(crate) fn all(folder: &Path) -> Vec<Target> {
    let run = trained();
    let mut targets = vec![
        target("notation", vec![NET.into(), b"input 64 - dense32(uSF) - dense10(DFA)".into()], notation),
        target("experiments", vec![include_bytes!("../../data/experiments.toml")[2000..9000].into()], experiments),
        target("config.json", vec![fs::read(run.path("a/config.json")).unwrap()], {
            let file = folder.join("config.json");
            move |bytes| {
                fs::write(&file, bytes).unwrap();
                let _ = Config::read(&file);
            }
        }),
        checkpoint(folder.join("checkpoint")),
        safetensors(folder.join("weights.safetensors"), &run),
    ];
    targets.extend(data_sets(folder));
    targets.extend(
        ["config.json", "epochs.jsonl", "metrics.jsonl", "result.json", "owner.json", "processes.jsonl"].map(page),
    );
    targets
}

fn target(name: &'static str, seeds: Vec<Vec<u8>>, read: impl Fn(&[u8]) + 'static) -> Target {
    Target { name, seeds, read: Box::new(read) }
}

/// A run of two epochs in the folder `a`.
fn trained() -> Place {
    let place = Place::new();
    place.run_with("run --net {} --data digits --batch 500 --epochs 2 --out a", NET).assert(0, &[]);
    fs::write(place.path("a/owner.json"), r#"{"host":"b","pid":1,"job":null,"began":1,"beat":2}"#).unwrap();
    place
}

fn notation(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(network) = text.parse::<Network>() else { return };
    assert_eq!(network.to_string().parse::<Network>().unwrap(), network);
    let training = Training::new(128);
    let plan: usize = network.architecture().plan(&training).fold(0, |sum, region| sum.saturating_add(region.numbers));
    assert_eq!(plan, network.architecture().memory(&training));
}

fn experiments(bytes: &[u8]) {
    // The report's own names may not be used again.
    let text = String::from_utf8_lossy(bytes).replace("name = \"", "name = \"MY-");
    if let Err((line, problem)) = catalogue::parse(&text) {
        assert!(line > 0 && line <= text.lines().count() + 1 && !problem.is_empty());
    }
}

fn checkpoint(file: PathBuf) -> Target {
    Checkpoint::start("me".into(), 20).write(&file, &[0.5; 20]).unwrap();
    let good = fs::read(&file).unwrap();
    let whole = good.clone();
    target("checkpoint", vec![good], move |bytes| {
        fs::write(&file, bytes).unwrap();
        let mut state = vec![0.0; 20];
        let read = Saved::open(&file).and_then(|saved| saved.unwrap().read("me", &mut state));
        assert_eq!(read.is_ok(), bytes == whole);
    })
}

fn safetensors(file: PathBuf, run: &Place) -> Target {
    let (network, training) = (NET.parse::<Network>().unwrap(), Training::new(16));
    let state = vec![0.0; network.architecture().memory(&training)];
    // The header and the first tensors: damages are to meet what is parsed.
    let good = fs::read(run.path("a/weights.safetensors")).unwrap();
    target("safetensors", vec![good[..2000].into(), good], move |bytes| {
        fs::write(&file, bytes).unwrap();
        let _ = weights::read(&file, &network.architecture(), &training, &mut state.clone());
        let _ = weights::read_filters(&file, &network.architecture());
    })
}

fn idx(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
    let dimensions = u8::try_from(shape.len()).unwrap();
    [vec![0, 0, 8, dimensions], shape.iter().flat_map(|size| size.to_be_bytes()).collect(), bytes.to_vec()].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An archive whose one member is far too short.
fn archive() -> Vec<u8> {
    let mut archive = tar::Builder::new(vec![]);
    for name in ["cifar-10-batches-bin/readme.html", "cifar-10-batches-bin/data_batch_1.bin"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(700);
        header.set_cksum();
        archive.append_data(&mut header, name, [7; 700].as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn data_sets(folder: &Path) -> Vec<Target> {
    let mnist = folder.join("mnist");
    fs::create_dir(&mnist).unwrap();
    let files = [
        ("train-images-idx3-ubyte", idx(&[3, 2, 2], &[9; 12])),
        ("train-labels-idx1-ubyte", idx(&[3], &[0, 1, 2])),
        ("t10k-images-idx3-ubyte", idx(&[1, 2, 2], &[9; 4])),
        ("t10k-labels-idx1-ubyte", idx(&[1], &[1])),
    ];
    let write_all = {
        let (mnist, files) = (mnist.clone(), files.clone());
        move || files.iter().for_each(|(name, good)| fs::write(mnist.join(name), good).unwrap())
    };
    let open = |path: &Path| drop(dataset::open_in(path.to_str().unwrap(), Path::new("none")));
    let mut targets = vec![];
    for (name, good) in files {
        let (write_all, mnist) = (write_all.clone(), mnist.clone());
        targets.push(target(name, vec![good], move |bytes| {
            write_all();
            fs::write(mnist.join(name), bytes).unwrap();
            open(&mnist);
        }));
    }
    let cifar = folder.join("cifar");
    fs::create_dir(&cifar).unwrap();
    targets.push(target("CIFAR-10", vec![vec![3; 5000]], move |bytes| {
        fs::write(cifar.join("data_batch_1.bin"), bytes).unwrap();
        open(&cifar);
    }));
    let described = folder.join("described");
    fs::create_dir(&described).unwrap();
    fs::write(described.join("a.bin"), [3; 26]).unwrap();
    let layout = b"channels = 3\nheight = 2\nwidth = 2\nclasses = 4\nlabel_bytes = 1\nlabel = 0\ntrain = [\"a.bin\"]\ntest = [\"a.bin\"]\n";
    targets.push(target("layout.toml", vec![layout.into()], move |bytes| {
        fs::write(described.join("layout.toml"), bytes).unwrap();
        open(&described);
    }));
    let (packed, plain) = (folder.join("packed.tar.gz"), folder.join("plain.tar.gz"));
    targets.push(target("archive", vec![gzip(&archive())], move |bytes| {
        fs::write(&packed, bytes).unwrap();
        open(&packed);
    }));
    targets.push(target("members", vec![archive()], move |bytes| {
        fs::write(&plain, gzip(bytes)).unwrap();
        open(&plain);
    }));
    targets
}

/// One damaged file in a run's folder must not keep its page, nor the status, from being written.
fn page(name: &'static str) -> Target {
    let place = trained();
    let (folder, good) = (place.path(""), fs::read(place.path("a").join(name)).unwrap());
    target(name, vec![good], move |bytes| {
        fs::write(place.path("a").join(name), bytes).unwrap();
        let report = Report::read(&folder, &Catalogue::of_report()).unwrap();
        assert!(report.html().ends_with("</html>\n"));
        assert!(report.csv().lines().count() > 39 && report.markdown().contains("DSR1"));
        status::survey(&folder, &[]).unwrap();
    })
}
