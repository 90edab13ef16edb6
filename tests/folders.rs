//! A run's folder as it comes to lie among other files, and names that tables have to hold.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs::{self, File};

use program::{Ended, Sandbox};

const RUN: &str = "run --net {} --data digits --epochs 1 --max-steps 1 --out";
const NET: &str = "input 3x32x32 - dense4 - dense10";

#[test]
fn what_systems_leave_and_logs_of_the_run_make_no_folder_foreign() {
    for name in
        [".DS_Store", "Thumbs.db", ".nfs0000000012345678", "._config.json", "train.log", "nohup.out", "slurm-7.err"]
    {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("run")).unwrap();
        fs::write(sandbox.path("run").join(name), "as it was").unwrap();
        sandbox.run_with(&format!("{RUN} run"), NET).assert(0, &[]);
        sandbox.run_with(&format!("{RUN} run --fresh"), NET).assert(0, &[]);
        assert_eq!(fs::read_to_string(sandbox.path("run").join(name)).unwrap(), "as it was");
    }
    // Work of somebody's keeps a folder from being a run's, whatever lies beside it.
    for name in ["thesis.tex", ".nfs/thesis.tex", "logs.d/x", "weights.bin"] {
        let sandbox = Sandbox::new();
        fs::create_dir_all(sandbox.path("run").join(name).parent().unwrap()).unwrap();
        fs::write(sandbox.path("run").join(name), "").unwrap();
        fs::write(sandbox.path("run/.DS_Store"), "").unwrap();
        sandbox.run_with(&format!("{RUN} run"), NET).assert(1, &["but no config.json, so it is no run"]);
    }
}

/// `asymgrad run … --out run > run/said 2> run/errors`: the shell makes the files first.
#[test]
#[cfg(unix)]
fn the_outputs_of_the_command_may_lie_in_its_folder() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("run")).unwrap();
    let mut command = sandbox.command(&format!("{RUN} run"), NET);
    let (out, err) =
        (File::create(sandbox.path("run/said")).unwrap(), File::create(sandbox.path("run/errors")).unwrap());
    Ended::of(command.stdout(out).stderr(err).output().unwrap()).assert(0, &[]);
    assert!(fs::read_to_string(sandbox.path("run/said")).unwrap().contains("finished after step 1"));
    // Another file of that name is still somebody's.
    fs::create_dir(sandbox.path("other")).unwrap();
    fs::write(sandbox.path("other/said"), "").unwrap();
    sandbox.run_with(&format!("{RUN} other"), NET).assert(1, &["the folder holds said"]);
}

/// A line break in the name of a data set, of a folder, or in a claim ends no row of a table.
#[test]
#[cfg(unix)]
fn line_breaks_in_names_end_no_row() {
    let sandbox = Sandbox::new();
    let name = "two\nlines | and\rmore";
    let layout = "channels = 3\nheight = 32\nwidth = 32\nclasses = 10\ntrain = [\"a.bin\"]\ntest = [\"a.bin\"]\n";
    fs::create_dir(sandbox.path(name)).unwrap();
    fs::write(sandbox.path(name).join("layout.toml"), layout).unwrap();
    fs::write(sandbox.path(name).join("a.bin"), vec![1; 3073]).unwrap();
    let row = "[[experiment]]\nname = \"MINE\"\nnetwork = \"input 3x32x32 - dense4 - dense10(R)\"\nloss = \"ce\"\nclaim = { sentence = \
               \"Two\\nlines.\", epochs = 1, measure = { expect = \"fails\" } }\n";
    fs::write(sandbox.path("own.toml"), row).unwrap();
    let all = "all\nruns";
    sandbox.run_with("run MINE --experiments own.toml --epochs 2 --out all --data {}", name).assert(0, &[]);
    fs::create_dir(sandbox.path(all)).unwrap();
    fs::rename(sandbox.path("all"), sandbox.path(all).join("MINE")).unwrap();
    let text = sandbox.run_with("report {} --experiments own.toml --format md", all).out;
    assert!(text.starts_with("# Runs in all runs\n"), "{text}");
    assert!(text.contains("\n- Two lines.: **"), "{text}");
    let bars = |row: &str| row.replace("\\|", "").matches('|').count();
    let tables = text.split("\n\n").filter(|block| block.starts_with("| experiment"));
    for table in tables {
        assert!(table.lines().all(|row| bars(row) == bars(table.lines().next().unwrap())), "{table}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("| MINE")).count(), 1, "{text}");
    assert!(text.contains("1 on two lines \\| and more"), "{text}");
    let csv = sandbox.run_with("report {} --experiments own.toml --format csv", all).out;
    let rows = records(&csv);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{csv}");
    let (data, name_of) = (rows[0].iter().position(|field| field == "data").unwrap(), 1);
    let mine = rows.iter().find(|row| row[name_of] == "MINE").unwrap();
    assert_eq!(mine[data], name);
    assert!(csv.contains("\"two\nlines | and\rmore\""), "{csv}");
}

/// RFC 4180, where a line end is CRLF, LF or CR outside of quotes.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (vec![], vec![], String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => field.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' | '\r' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            letter => field.push(letter),
        }
    }
    rows
}
