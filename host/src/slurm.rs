//! Many trainings as Slurm arrays: batch scripts with a task for each run.
//!
//! A task checkpoints on the signal before its time limit and is requeued under the name of its own, `<array>_<task>`: the job's
//! plain number would take every other task with it. A task that was killed is requeued a few times, too.
//!
//! Paths and arguments are bytes and need not be UTF-8.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::shell::{is_plain, quoted};

/// Beside the numbers of a training: the program, the data set as bytes, and what the system wants.
const BESIDE: usize = 600 << 20;
/// Slurm's default of `MaxArraySize`; the numbers of tasks are below it.
const DEFAULT_ARRAY_SIZE: usize = 1001;

/// What the arrays run.
#[derive(Debug)]
pub struct Array<'a> {
    /// The program and its arguments; each task adds `--task` and its number, from 1.
    pub command: &'a [OsString],
    /// Tasks.
    pub tasks: usize,
    /// Cores of a task.
    pub threads: Option<usize>,
    /// Bytes of the largest training.
    pub memory: usize,
    /// The folder to run in.
    pub folder: &'a Path,
    /// The folder of imported data, whatever the environment of a task says.
    pub data: &'a Path,
    /// Further options for `sbatch`, such as `--time=8:00:00`.
    pub options: &'a [OsString],
}

impl Array<'_> {
    /// The batch script of all tasks, as one array.
    ///
    /// # Errors
    /// If the folder or an option holds a line break, which an `#SBATCH` line cannot hold.
    pub fn script(&self) -> io::Result<Vec<u8>> {
        self.script_of(0, self.tasks)
    }

    /// The script of `tasks` tasks, of which the first has number `before` + 1.
    fn script_of(&self, before: usize, tasks: usize) -> io::Result<Vec<u8>> {
        let mut script = b"#!/bin/bash\n".to_vec();
        let mut option = |text: &[u8]| script.extend([b"#SBATCH ", text, b"\n"].concat());
        option(b"--job-name=asymgrad");
        option(format!("--array=1-{tasks}").as_bytes());
        option(&[b"--chdir=", self.quoted_folder()?.as_slice()].concat());
        option(b"--output=slurm-%A_%a.log");
        option(b"--open-mode=append");
        option(b"--requeue");
        option(b"--signal=B:USR1@120");
        option(format!("--mem={}M", self.memory.saturating_add(BESIDE).div_ceil(1 << 20)).as_bytes());
        if let Some(threads) = self.threads {
            option(format!("--cpus-per-task={threads}").as_bytes());
        }
        for text in self.options {
            if has_line_break(text) {
                return Err(io::Error::other(
                    "a line break in --sbatch would end the option; give each option by itself",
                ));
            }
            option(text.as_encoded_bytes());
        }
        script.extend(format!("\nexport ASYMGRAD_DATA={}\n", quoted(self.data)).as_bytes());
        script.extend(b"task=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\n");
        script.extend(self.command_line(before).as_bytes());
        script.extend(TAIL.as_bytes());
        Ok(script)
    }

    /// The command with the option `--task`, which stands before a `--`: the words behind it are no options.
    fn command_line(&self, before: usize) -> String {
        let number = match before {
            0 => "$SLURM_ARRAY_TASK_ID".into(),
            before => format!("$(({before} + SLURM_ARRAY_TASK_ID))"),
        };
        let mut words: Vec<String> = self.command.iter().map(quoted).collect();
        let end = self.command.iter().position(|word| word == "--").unwrap_or(words.len());
        words.insert(end, format!("--task \"{number}\""));
        words.join(" ") + " &\n"
    }

    /// The folder as a word of an `#SBATCH` line. Slurm's parser reads a backslash as an escape inside of quotes, too.
    fn quoted_folder(&self) -> io::Result<Vec<u8>> {
        let folder = self.folder.as_os_str();
        if has_line_break(folder) {
            let folder = folder.display();
            return Err(io::Error::other(format!(
                "{folder:?}: an #SBATCH line cannot hold the line break in this folder; run in another folder"
            )));
        }
        let bytes = folder.as_encoded_bytes();
        if bytes.iter().all(|byte| is_plain(*byte)) {
            return Ok(bytes.into());
        }
        let mut word = vec![b'"'];
        for byte in bytes {
            if b"\"\\".contains(byte) {
                word.push(b'\\');
            }
            word.push(*byte);
        }
        word.push(b'"');
        Ok(word)
    }

    /// Submits the tasks with `sbatch`, as several arrays if the cluster's `MaxArraySize` asks for it, and returns its answers.
    ///
    /// # Errors
    /// If there is no `sbatch`, or it refuses; the error says why, and which arrays were submitted before.
    pub fn submit(&self) -> io::Result<String> {
        let most = most_tasks();
        let mut answers = vec![];
        for before in (0..self.tasks).step_by(most) {
            let script = self.script_of(before, most.min(self.tasks - before))?;
            match sbatch(&script) {
                Ok(answer) => answers.push(answer + "\n"),
                Err(error) if answers.is_empty() => return Err(error),
                Err(error) => {
                    return Err(io::Error::other(format!("{error}; before that: {}", answers.concat().trim())));
                }
            }
        }
        Ok(answers.concat())
    }
}

/// The most tasks that an array of this cluster has.
pub fn most_tasks() -> usize {
    let output = Command::new("scontrol").args(["show", "config"]).stdin(Stdio::null()).output();
    let text = output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    let size = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == "MaxArraySize").then(|| value.trim().parse::<usize>().ok())?
    });
    size.unwrap_or(DEFAULT_ARRAY_SIZE).saturating_sub(1).max(1)
}

fn sbatch(script: &[u8]) -> io::Result<String> {
    let missing = |error| io::Error::other(format!("cannot run sbatch: {error}; is this a host of the cluster?"));
    let mut sbatch = Command::new("sbatch")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    let given = sbatch.stdin.take().map_or(Ok(()), |mut input| input.write_all(script));
    let output = sbatch.wait_with_output()?;
    if !output.status.success() {
        let answer = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(io::Error::other(format!("sbatch refused: {answer}; --print-script shows what it was given")));
    }
    // In words, because a broken pipe by itself reads as a reader of ours that has gone.
    given.map_err(|error| io::Error::other(format!("sbatch did not read its script: {error}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn has_line_break(text: &OsStr) -> bool {
    text.as_encoded_bytes().iter().any(|byte| b"\n\r".contains(byte))
}

/// What the script does with its task. The program ends with 75 when a signal stopped it with a checkpoint.
const TAIL: &str = r#"child=$!
limit=
trap 'limit=1; kill -USR1 $child' USR1
trap 'kill -TERM $child' TERM
while :; do
    wait $child
    code=$?
    kill -0 $child 2>/dev/null || break
done
if [ "$code" = 75 ] && [ -n "$limit" ]; then
    scontrol requeue "$task"
elif [ "$code" = 137 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 5 ]; then
    echo "task $task was killed; it resumes from its checkpoint"
    scontrol requeue "$task"
fi
exit $code
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_quotes_what_a_shell_would_read() {
        let command = ["asymgrad", "run", "--net", "input 64 - dense10(R*)", "it's"].map(OsString::from);
        let (folder, data, options) = (Path::new("/a"), Path::new("/my data"), ["--time=1:00:00".into()]);
        let array =
            Array { command: &command, tasks: 3, threads: Some(2), memory: 1 << 30, folder, data, options: &options };
        let script = String::from_utf8(array.script().unwrap()).unwrap();
        let line = "asymgrad run --net 'input 64 - dense10(R*)' 'it'\\''s' --task \"$SLURM_ARRAY_TASK_ID\" &";
        for line in [
            line,
            "export ASYMGRAD_DATA='/my data'",
            "#SBATCH --array=1-3",
            "#SBATCH --mem=1624M",
            "#SBATCH --time=1:00:00",
            "#SBATCH --cpus-per-task=2",
        ] {
            assert!(script.lines().any(|found| found == line), "no {line} in {script}");
        }
    }
}
