//! Runs the binary under strace, which records its system calls and can inject signals and errors at one of them.

use std::fmt;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::awaited::until_file;
use crate::support::log::Log;
use crate::support::process::{ConfigDirectory, downtime};

/// A system call in a trace.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// The number of this call among the calls of the same name in its process, counted from 1.
    pub(crate) nth: usize,
    /// The line of the trace: the arguments, with the paths of descriptors, and the result.
    pub(crate) text: String,
}

impl Call {
    /// Returns the option of strace that injects this at this call only: `signal=KILL` takes effect before the call,
    /// `signal=STOP` after it, and `error=EIO` and `retval=1` in place of it.
    pub(crate) fn inject(&self, what: &str) -> String {
        format!("inject={}:{what}:when={}", self.name, self.nth)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.name, self.nth, self.text)
    }
}

/// The system calls of a process in order.
#[derive(Clone, Debug)]
pub(crate) struct Calls(Vec<Call>);

impl Calls {
    fn parse(trace: &str) -> Self {
        let mut calls = Vec::<Call>::new();
        for line in trace.lines().filter(|line| !line.starts_with(['-', '+'])) {
            let Some((name, _)) = line.split_once('(') else { continue };
            let nth = 1 + calls.iter().filter(|call| call.name == name).count();
            calls.push(Call { name: name.to_owned(), nth, text: line.to_owned() });
        }
        Self(calls)
    }

    pub(crate) fn all(&self) -> &[Call] {
        &self.0
    }

    /// Returns the calls of this name whose line contains the text.
    pub(crate) fn of<'c>(&'c self, name: &'c str, text: &'c str) -> impl Iterator<Item = &'c Call> {
        self.0.iter().filter(move |call| call.name == name && call.text.contains(text))
    }

    /// Returns the index of the first call of this name whose line contains the text.
    #[track_caller]
    pub(crate) fn position(&self, name: &str, text: &str) -> usize {
        let position = self.0.iter().position(|call| call.name == name && call.text.contains(text));
        position.unwrap_or_else(|| panic!("no {name} with {text:?}:\n{self}"))
    }

    /// Returns the first call of this name whose line contains the text.
    #[track_caller]
    pub(crate) fn first(&self, name: &str, text: &str) -> &Call {
        &self.0[self.position(name, text)]
    }

    /// Returns the last call of this name before the first call that `before` describes by its name and text.
    #[track_caller]
    pub(crate) fn last_before(&self, name: &str, before: (&str, &str)) -> &Call {
        let earlier = &self.0[..self.position(before.0, before.1)];
        let last = earlier.iter().rfind(|call| call.name == name);
        last.unwrap_or_else(|| panic!("no {name} before {before:?}:\n{self}"))
    }
}

impl fmt::Display for Calls {
    /// Writes the calls from the first that names the file, without those of the loader.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.0.iter().position(|call| call.text.contains("downtime.toml"));
        self.0.iter().skip(file.unwrap_or(0)).try_for_each(|call| writeln!(f, "{}", call.text))
    }
}

/// A process of the binary that strace traces. It is killed on drop.
///
/// strace is its grandchild, so the test waits for the process itself and sends signals to it.
pub(crate) struct TracedProcess {
    child: Child,
    stderr: Log,
    output: TempDir,
}

/// The result of a traced process that has ended.
#[derive(Debug)]
pub(crate) struct TraceResult {
    /// The exit code, or `None` if a signal ended the process.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) calls: Calls,
}

/// Runs the binary in the directory with these injections until it ends.
pub(crate) fn run(directory: &ConfigDirectory, injections: &[String], arguments: &[&str]) -> TraceResult {
    spawn(directory, injections, arguments).end()
}

/// Starts the binary in the directory with these injections.
pub(crate) fn spawn(directory: &ConfigDirectory, injections: &[String], arguments: &[&str]) -> TracedProcess {
    spawn_through(&[], directory, injections, arguments)
}

/// Like [`spawn`], but through a wrapper that ends with an exec of its arguments.
pub(crate) fn spawn_through(
    wrapper: &[&str],
    directory: &ConfigDirectory,
    injections: &[String],
    arguments: &[&str],
) -> TracedProcess {
    let output = tempfile::tempdir().expect("a directory");
    let program = downtime(directory);
    let mut strace = Command::new("strace");
    strace.args(["-D", "-y", "-a", "1", "-o"]).arg(output.path().join("trace"));
    strace.args(injections.iter().flat_map(|what| ["-e", what]));
    strace.args(wrapper).arg(program.get_program()).args(arguments);
    strace.current_dir(directory.path()).env_remove("DOWNTIME_CONFIG");
    strace.stdin(Stdio::null()).stderr(Stdio::piped());
    strace.stdout(File::create(output.path().join("stdout")).expect("made"));
    let mut child = strace.spawn().expect("strace");
    let stderr = Log::new(child.stderr.take().expect("piped"));
    TracedProcess { child, stderr, output }
}

impl TracedProcess {
    pub(crate) fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until SIGSTOP has stopped the process this number of times.
    pub(crate) fn wait_for_stop(&self, times: usize) {
        const STOPPED: &str = "--- stopped by SIGSTOP ---\n";
        until_file(&self.output.path().join("trace"), |trace| trace.matches(STOPPED).count() == times);
    }

    /// Continues the stopped process.
    pub(crate) fn resume(&self) {
        kill_process(self.id(), Signal::CONT).expect("a process");
    }

    /// Waits until the process and strace, which shares its stderr, have ended.
    pub(crate) fn end(mut self) -> TraceResult {
        let stderr = self.stderr.wait_for_end();
        let code = self.child.wait().expect("an end").code();
        TraceResult { code, stdout: self.read("stdout"), stderr, calls: Calls::parse(&self.read("trace")) }
    }

    /// Reads a file of the output; it is empty if it does not exist yet.
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.output.path().join(name)).unwrap_or_default()
    }
}

impl Drop for TracedProcess {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
