//! Runs every command of the guide, in its order, in one folder.
#![allow(clippy::unwrap_used)]

mod program;

use std::path::Path;

use program::{Sandbox, npy, npz};

const GUIDE: &str = include_str!("../docs/guide.md");

/// The files that the guide's `layout.toml` names: labels 0 to 3, and images whose brightness depends on the label.
fn images(folder: &Path, layout: &str) {
    std::fs::create_dir(folder).unwrap();
    std::fs::write(folder.join("layout.toml"), layout).unwrap();
    for name in ["first.bin", "second.bin", "test.bin"] {
        let records: Vec<u8> =
            (0..20_u8).flat_map(|index| [vec![index % 4], vec![60 * (index % 4); 3 * 9 * 8]].concat()).collect();
        std::fs::write(folder.join(name), records).unwrap();
    }
}

/// The file that the guide's lines of Python make, which `tests/interop/png_check.py` runs.
fn photos(file: &Path) {
    let images = |count: usize| npy("|u1", &[count, 32, 32, 3], &vec![90; count * 3072]);
    let arrays = [
        ("train_images", images(4)),
        ("train_labels", npy("|u1", &[4], &[0, 1, 0, 1])),
        ("test_images", images(2)),
        ("test_labels", npy("|u1", &[2], &[0, 1])),
    ];
    std::fs::write(file, npz(&arrays, zip::CompressionMethod::Deflated)).unwrap();
}

/// The same for images with two values.
fn values(folder: &Path, layout: &str) {
    std::fs::create_dir(folder).unwrap();
    std::fs::write(folder.join("layout.toml"), layout).unwrap();
    for name in ["train", "test"] {
        let images: Vec<u8> = (0..20_u8).flat_map(|index| [10 * index; 9 * 8]).collect();
        std::fs::write(folder.join(name).with_extension("bin"), images).unwrap();
        let values = (0..20_u8).flat_map(|index| [f32::from(index) / 20.0, -0.5]).flat_map(f32::to_le_bytes);
        std::fs::write(folder.join(name).with_extension("f32"), values.collect::<Vec<u8>>()).unwrap();
    }
}

#[test]
fn every_command_of_the_guide_works() {
    let sandbox = Sandbox::new();
    photos(&sandbox.path("photos.npz"));
    for (name, shape) in [("batches.npy", &[20, 16][..]), ("probe.npy", &[9])] {
        let count = shape.iter().product::<usize>();
        std::fs::write(sandbox.path(name), npy("|u1", shape, &vec![7; count])).unwrap();
    }
    let mut texts = GUIDE.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap());
    std::fs::write(sandbox.path("grid.toml"), texts.next().unwrap()).unwrap();
    std::fs::write(sandbox.path("mine.toml"), texts.next().unwrap()).unwrap();
    images(&sandbox.path("faces"), texts.next().unwrap());
    values(&sandbox.path("tilts"), texts.next().unwrap());
    let blocks = GUIDE.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let commands: Vec<&str> = blocks.flat_map(str::lines).collect();
    assert!(commands.len() > 20);
    for line in commands {
        let arguments = line.strip_prefix("asymgrad ").unwrap();
        // At most one quoted argument.
        let (plain, quoted) = match arguments.split('"').collect::<Vec<_>>()[..] {
            [before, quoted, after] => (format!("{before}{{}}{after}"), quoted),
            _ => (arguments.to_owned(), ""),
        };
        let ended = sandbox.run_with(&plain, quoted);
        assert_eq!(ended.code, Some(0), "{line}: {}", ended.err);
        assert!(!ended.out.is_empty(), "{line}");
    }
    for file in
        ["report.html", "mine.html", "figures.csv", "weights.safetensors", "logits.safetensors", "man/asymgrad-run.1"]
    {
        assert!(sandbox.path(file).exists(), "{file}");
    }
}

/// One table is the source of both.
#[test]
fn the_guide_has_the_fields_that_the_program_prints() {
    let schema = Sandbox::new().run("experiments --schema").out;
    for table in schema.split("\n\n").filter(|part| part.starts_with("| field")) {
        let table = table.trim_end();
        assert!(GUIDE.contains(table), "docs/guide.md lacks what `asymgrad experiments --schema` prints:\n{table}");
    }
}
