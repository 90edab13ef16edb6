//! Many trainings as one Slurm array: a batch script, a task for each row.
//!
//! A task checkpoints on the signal before its time limit and is requeued under the name of its own, `<array>_<task>`: the job's
//! plain number would take every other task with it. A task that was killed is requeued a few times, too.

use std::fmt::Write;
use std::io;
use std::process::{Command, Stdio};

/// Beside the numbers of a training: the program, the data set as bytes, and what the system wants.
const BESIDE: usize = 600 << 20;

/// What the array runs.
#[derive(Debug)]
pub struct Array<'a> {
    /// The program and its arguments; each task adds `--task` and its number, from 1.
    pub command: &'a [String],
    /// Tasks.
    pub tasks: usize,
    /// Cores of a task.
    pub threads: Option<usize>,
    /// Bytes of the largest training.
    pub memory: usize,
    /// The folder to run in.
    pub folder: &'a str,
    /// Further options for `sbatch`, such as `--time=8:00:00`.
    pub options: &'a [String],
}

impl Array<'_> {
    /// The batch script.
    pub fn script(&self) -> String {
        let mut script = String::from("#!/bin/bash\n");
        let mut option = |text: &str| {
            let _ = writeln!(script, "#SBATCH {text}");
        };
        option("--job-name=asymgrad");
        option(&format!("--array=1-{}", self.tasks));
        option(&format!("--chdir={}", self.folder));
        option("--output=slurm-%A_%a.log");
        option("--open-mode=append");
        option("--requeue");
        option("--signal=B:USR1@120");
        option(&format!("--mem={}M", self.memory.saturating_add(BESIDE).div_ceil(1 << 20)));
        if let Some(threads) = self.threads {
            option(&format!("--cpus-per-task={threads}"));
        }
        self.options.iter().for_each(|text| option(text));
        let command: Vec<String> = self.command.iter().map(|word| quoted(word)).collect();
        let _ = write!(
            script,
            "\ntask=${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID\n{} --task \"$SLURM_ARRAY_TASK_ID\" &\n",
            command.join(" ")
        );
        script + TAIL
    }

    /// Hands the script to `sbatch` and says what it answered.
    ///
    /// # Errors
    /// If there is no `sbatch`, or it refuses; the error says why.
    pub fn submit(&self) -> io::Result<String> {
        let missing = |error| io::Error::other(format!("cannot run sbatch: {error}; is this a host of the cluster?"));
        let mut sbatch = Command::new("sbatch")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(missing)?;
        let script = self.script();
        let given = sbatch.stdin.take().map_or(Ok(()), |mut input| io::Write::write_all(&mut input, script.as_bytes()));
        let output = sbatch.wait_with_output()?;
        if !output.status.success() {
            let answer = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(io::Error::other(format!("sbatch refused: {answer}; --print-script shows what it was given")));
        }
        // In words, because a broken pipe by itself reads as a reader of ours that has gone.
        given.map_err(|error| io::Error::other(format!("sbatch did not read its script: {error}")))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
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
    echo "task $task was killed; it goes on from its checkpoint"
    scontrol requeue "$task"
fi
exit $code
"#;

/// One word for the shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,+@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_quotes_what_a_shell_would_read() {
        let command = ["asymgrad", "run", "--net", "input 64 - dense10(R*)", "it's"].map(String::from);
        let options = ["--time=1:00:00".to_owned()];
        let array =
            Array { command: &command, tasks: 3, threads: Some(2), memory: 1 << 30, folder: "/a", options: &options };
        let script = array.script();
        let line = "asymgrad run --net 'input 64 - dense10(R*)' 'it'\\''s' --task \"$SLURM_ARRAY_TASK_ID\" &";
        for line in
            [line, "#SBATCH --array=1-3", "#SBATCH --mem=1624M", "#SBATCH --time=1:00:00", "#SBATCH --cpus-per-task=2"]
        {
            assert!(script.lines().any(|found| found == line), "no {line} in {script}");
        }
    }
}
