//! Files that a user names as an output: a link, a device, a pipe or a mode is kept as it is.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};

use program::{Ended, Sandbox};

/// Every command with an output that a user names, on the run in `run`.
const OUTPUTS: [&str; 9] = [
    "export run -o",
    "export run --csr conv1.weight -o",
    "export run --rust",
    "export run --raw",
    "predict run -o",
    "report run --format html -o",
    "report run --format json -o",
    "report run --format csv -o",
    "report run --format runs -o",
];

fn trained() -> Sandbox {
    let sandbox = Sandbox::new();
    let run = "run --net {} --data digits --epochs 1 --max-steps 2 --out run";
    sandbox.run_with(run, "input 3x32x32 - conv1x1x2 - maxpool3x3/2 - dense10").assert(0, &[]);
    sandbox
}

#[test]
fn a_link_stays_a_link_and_its_target_gets_the_output() {
    let sandbox = trained();
    for command in OUTPUTS {
        fs::create_dir_all(sandbox.path("far/away")).unwrap();
        fs::write(sandbox.path("far/away/target"), "before").unwrap();
        symlink("target", sandbox.path("far/away/second")).unwrap();
        // Two links in a row, each relative to its own folder.
        symlink("far/away/second", sandbox.path("link")).unwrap();
        sandbox.run(&format!("{command} link")).assert(0, &[]);
        assert!(fs::symlink_metadata(sandbox.path("link")).unwrap().is_symlink(), "{command}");
        assert_ne!(fs::read(sandbox.path("far/away/target")).unwrap(), b"before", "{command}");
        assert_eq!(fs::read_dir(sandbox.path("far/away")).unwrap().count(), 2, "{command}");
        fs::remove_file(sandbox.path("link")).unwrap();
        // A link to what is not there yet.
        symlink("far/new", sandbox.path("link")).unwrap();
        sandbox.run(&format!("{command} link")).assert(0, &[]);
        assert!(fs::symlink_metadata(sandbox.path("far/new")).unwrap().is_file(), "{command}");
        fs::remove_file(sandbox.path("link")).unwrap();
        fs::remove_dir_all(sandbox.path("far")).unwrap();
    }
}

#[test]
fn links_in_a_circle_are_an_error() {
    let sandbox = trained();
    symlink("b", sandbox.path("a")).unwrap();
    symlink("a", sandbox.path("b")).unwrap();
    sandbox.run("report run -o a").assert(1, &["a: cannot write"]);
    assert!(fs::symlink_metadata(sandbox.path("a")).unwrap().is_symlink());
}

#[test]
fn a_mode_stays_as_it_is() {
    let sandbox = trained();
    for command in OUTPUTS {
        for mode in [0o640, 0o600, 0o444] {
            fs::write(sandbox.path("page"), "before").unwrap();
            fs::set_permissions(sandbox.path("page"), fs::Permissions::from_mode(mode)).unwrap();
            sandbox.run(&format!("{command} page")).assert(0, &[]);
            assert_ne!(fs::read(sandbox.path("page")).unwrap(), b"before", "{command}");
            assert_eq!(fs::metadata(sandbox.path("page")).unwrap().permissions().mode() & 0o7777, mode, "{command}");
            fs::remove_file(sandbox.path("page")).unwrap();
        }
    }
}

#[test]
fn a_pipe_is_written_into() {
    let sandbox = trained();
    for command in OUTPUTS {
        sandbox.run(&format!("{command} whole")).assert(0, &[]);
        let pipe = sandbox.path("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut reader = Command::new("timeout");
        reader.arg("60").arg("cat").arg(&pipe).stdout(Stdio::piped());
        let reader = reader.spawn().unwrap();
        sandbox.run(&format!("{command} pipe")).assert(0, &[]);
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "{command}");
        assert!(
            without_date(&reader.wait_with_output().unwrap().stdout)
                == without_date(&fs::read(sandbox.path("whole")).unwrap()),
            "{command}"
        );
        fs::remove_file(&pipe).unwrap();
    }
}

/// The program's own output by its name in /proc or /dev/fd: the output and nothing else.
#[test]
#[cfg(target_os = "linux")]
fn the_standard_output_by_its_name_gets_the_output_alone() {
    let sandbox = trained();
    for command in OUTPUTS {
        sandbox.run(&format!("{command} whole")).assert(0, &[]);
        let whole = without_date(&fs::read(sandbox.path("whole")).unwrap());
        let piped = sandbox.command(&format!("{command} /proc/self/fd/1"), "").output().unwrap();
        assert!(piped.status.success(), "{command}: {}", String::from_utf8_lossy(&piped.stderr));
        assert!(without_date(&piped.stdout) == whole, "{command}");
        // A file behind the descriptor continues where it ends, as `>>` asks for.
        let log = sandbox.path("log");
        fs::write(&log, "before\n").unwrap();
        let appended = fs::File::options().append(true).open(&log).unwrap();
        let ended = sandbox.command(&format!("{command} /dev/fd/1"), "").stdout(appended).output().unwrap();
        Ended::of(ended).assert(0, &[]);
        let found = fs::read(&log).unwrap();
        let (before, after) = found.split_at(7);
        assert!(before == b"before\n" && without_date(after) == whole, "{command}");
    }
}

#[test]
fn a_folder_is_no_output_and_nothing_is_left_beside_it() {
    let sandbox = trained();
    fs::create_dir(sandbox.path("folder")).unwrap();
    for command in OUTPUTS {
        sandbox.run(&format!("{command} folder")).assert(1, &["folder: cannot write"]);
        let names: Vec<_> = fs::read_dir(sandbox.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{command}: {names:?}");
    }
}

/// A page says when it was written.
fn without_date(bytes: &[u8]) -> Vec<u8> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let dated = |line: &&[u8]| {
        [b"\"written\"".as_slice(), b" UTC"].iter().any(|mark| line.windows(mark.len()).any(|part| part == *mark))
    };
    lines.filter(|line| !dated(line)).collect::<Vec<_>>().concat()
}

/// The rows that a terminal of some columns shows, after each redraw. It knows what the program's bars write: returns, line feeds,
/// moves up and down, and clearing a line.
struct Terminal {
    columns: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    shown: Vec<Vec<String>>,
}

impl Terminal {
    fn show(output: &str, columns: usize) -> Vec<Vec<String>> {
        let mut terminal = Self { columns, rows: vec![], row: 0, column: 0, shown: vec![] };
        let mut rest = output;
        while let Some(letter) = rest.chars().next() {
            rest = if let Some(sequence) = rest.strip_prefix("\x1b[") {
                let end = sequence.find(|letter: char| letter.is_ascii_alphabetic()).unwrap();
                terminal.control(&sequence[..end], &sequence[end..=end]);
                &sequence[end + 1..]
            } else {
                terminal.write(letter);
                &rest[letter.len_utf8()..]
            };
        }
        terminal.keep();
        terminal.shown
    }

    fn keep(&mut self) {
        self.shown.push(self.rows.iter().map(|row| row.iter().collect::<String>()).collect());
    }

    fn control(&mut self, count: &str, kind: &str) {
        let lines = count.parse().unwrap_or(1);
        match kind {
            "A" => {
                self.keep();
                self.row = self.row.saturating_sub(lines);
            }
            "B" => self.row += lines,
            "K" => self.rows.get_mut(self.row).into_iter().for_each(Vec::clear),
            _ => panic!("this terminal knows no {count}{kind}"),
        }
    }

    fn write(&mut self, letter: char) {
        match letter {
            '\r' => self.column = 0,
            '\n' => self.row += 1,
            _ => {
                if self.column == self.columns {
                    (self.row, self.column) = (self.row + 1, 0);
                }
                self.rows.resize(self.rows.len().max(self.row + 1), vec![]);
                let row = &mut self.rows[self.row];
                row.resize(row.len().max(self.column + 1), ' ');
                row[self.column] = letter;
                self.column += 1;
            }
        }
    }
}

/// Two bars at once and one for both, on terminals where the longest does not fit.
#[test]
#[cfg(target_os = "linux")]
fn bars_take_a_line_each_and_go_away() {
    let sandbox = Sandbox::new();
    let program = env!("CARGO_BIN_EXE_asymgrad");
    for columns in [80, 60, 30] {
        let nets = "--net 'input 3x32x32 - dense8 - dense10' --net 'input 3x32x32 - dense8 - dense10(R)'";
        let run =
            format!("run {nets} --name NETWORK-ONE,TWO --data digits --epochs 1 --batch 20 --lr 1e-3,3e-4 --jobs 2");
        let line = format!("stty cols {columns} rows 24; exec {program} {run} --out {columns}");
        let mut script = Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .current_dir(sandbox.path(""))
            .env("TERM", "xterm")
            .stdin(Stdio::null());
        let Ok(output) = script.output() else { return program::skip("there is no `script`, which gives a terminal") };
        let ended = Ended::of(output);
        assert_eq!(ended.code, Some(0), "{}", ended.out);
        let shown = Terminal::show(&ended.out, columns);
        // What only a bar says.
        let is_bar = |row: &&String| row.contains("images/s") || row.contains(" left");
        let mut named = 0;
        for row in shown.iter().flatten().filter(is_bar) {
            let (bar, text) = row.split_at(10);
            assert!(bar.chars().all(|letter| "=> ".contains(letter)), "{columns} columns: {row}");
            named += usize::from(text.starts_with(" NETWORK-ONE lr-0.001 seed 1"));
        }
        // On the narrowest the name alone fits beside the bar.
        let narrow =
            |row: &String| row.starts_with([' ', '=', '>']) && row.trim_end().ends_with(" NETWORK-ONE lr-0.00");
        assert!(named > 0 || columns == 30 && shown.iter().flatten().any(narrow), "{columns} columns: {:?}", ended.out);
        let last = shown.last().unwrap();
        assert!(!last.iter().any(|row| is_bar(&row)), "{last:?}");
    }
}
