//! Runs commands of `downtime` in a directory that only one test uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a command may run before it is killed.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A temporary directory for a `downtime.toml`, in which commands are run.
pub struct WorkingDirectory(TempDir);

/// The exit code and the output of a command.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl WorkingDirectory {
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn with(text: &str) -> Self {
        let directory = Self::empty();
        directory.write(text);
        directory
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self) -> PathBuf {
        self.path().join("downtime.toml")
    }

    pub fn write(&self, text: &str) {
        fs::write(self.file(), text).unwrap();
    }

    pub fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    /// Returns the table of a period in the file, counted from 0.
    pub fn period(&self, index: usize) -> toml::Table {
        let file: toml::Table = self.text().parse().unwrap();
        file["period"][index].as_table().unwrap().clone()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_downtime"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        command.env_remove("DOWNTIME_CONFIG").env_remove("NO_COLOR");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        output(&mut self.command(arguments)).into()
    }
}

/// Runs a command and returns its output. Kills it after a minute, so that a command that hangs fails the test.
pub fn output(command: &mut Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let (ended, deadline) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        if deadline.recv_timeout(TIME_LIMIT) == Err(RecvTimeoutError::Timeout) {
            kill_process(pid, Signal::KILL).unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    watchdog.join().unwrap();
    output
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by a signal"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl CommandOutput {
    /// Asserts that it succeeded with this exit code: these texts on stdout, and nothing on stderr.
    #[track_caller]
    pub fn prints(&self, code: i32, texts: &[&str]) {
        assert_eq!((self.code, self.stderr.as_str()), (code, ""), "{self:?}");
        for text in texts {
            assert!(self.stdout.contains(text), "no {text:?} in {self:?}");
        }
    }

    /// As [`CommandOutput::prints`], but allows warnings: periods in tests are unusually long, so that none ends during a test.
    #[track_caller]
    pub fn prints_with_warnings(&self, code: i32, texts: &[&str]) {
        assert!(!self.stderr.contains("error: "), "{self:?}");
        Self { code: self.code, stdout: self.stdout.clone(), stderr: String::new() }.prints(code, texts);
    }

    /// Asserts that it failed with this exit code: these texts on stderr, and nothing on stdout.
    #[track_caller]
    pub fn refuses(&self, code: i32, texts: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{self:?}");
        for text in texts {
            assert!(self.stderr.contains(text), "no {text:?} in {self:?}");
        }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
