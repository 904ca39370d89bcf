//! The binary under strace: the system calls that it makes, and what is done to it at one of them.

use std::fmt;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::log::Log;
use crate::support::process::{Folder, downtime};
use crate::support::until;

/// A system call, as strace writes it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// The how manieth of this name it is in its process, from 1.
    pub(crate) nth: usize,
    /// The whole of it: its arguments, with the paths of descriptors, and what came of it.
    pub(crate) text: String,
}

impl Call {
    /// What strace is told to do at this call and no other: `signal=KILL` before it, `signal=STOP` after it,
    /// `error=EIO` and `retval=1` in place of it.
    pub(crate) fn inject(&self, what: &str) -> String {
        format!("inject={}:{what}:when={}", self.name, self.nth)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.name, self.nth, self.text)
    }
}

/// All system calls of a process, in their order.
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

    /// The calls of this name whose text has this in it.
    pub(crate) fn of<'c>(&'c self, name: &'c str, text: &'c str) -> impl Iterator<Item = &'c Call> {
        self.0.iter().filter(move |call| call.name == name && call.text.contains(text))
    }

    /// Where the first such call stands.
    #[track_caller]
    pub(crate) fn position(&self, name: &str, text: &str) -> usize {
        let position = self.0.iter().position(|call| call.name == name && call.text.contains(text));
        position.unwrap_or_else(|| panic!("no {name} with {text:?}:\n{self}"))
    }

    /// The first such call.
    #[track_caller]
    pub(crate) fn first(&self, name: &str, text: &str) -> &Call {
        &self.0[self.position(name, text)]
    }

    /// The last call of this name before the first such one.
    #[track_caller]
    pub(crate) fn last_before(&self, name: &str, before: (&str, &str)) -> &Call {
        let earlier = &self.0[..self.position(before.0, before.1)];
        let last = earlier.iter().rfind(|call| call.name == name);
        last.unwrap_or_else(|| panic!("no {name} before {before:?}:\n{self}"))
    }
}

impl fmt::Display for Calls {
    /// From the file on: what the loader does before it is of no interest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.0.iter().position(|call| call.text.contains("downtime.toml"));
        self.0.iter().skip(file.unwrap_or(0)).try_for_each(|call| writeln!(f, "{}", call.text))
    }
}

/// A process of the binary that strace watches, killed when it is dropped.
///
/// strace is its grandchild: it is the process itself that the test waits for and sends signals to.
pub(crate) struct Traced {
    child: Child,
    stderr: Log,
    output: TempDir,
}

/// What a traced process left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) calls: Calls,
}

/// Runs the binary in the folder to its end, with all of these injected.
pub(crate) fn run(folder: &Folder, injected: &[String], arguments: &[&str]) -> Ended {
    spawn(folder, injected, arguments).end()
}

/// Starts the binary in the folder, with all of these injected.
pub(crate) fn spawn(folder: &Folder, injected: &[String], arguments: &[&str]) -> Traced {
    spawn_by(&[], folder, injected, arguments)
}

/// As [`spawn`], by a command that comes to the binary by an exec of what it is given.
pub(crate) fn spawn_by(wrapper: &[&str], folder: &Folder, injected: &[String], arguments: &[&str]) -> Traced {
    let output = tempfile::tempdir().expect("a folder");
    let program = downtime(folder);
    let mut strace = Command::new("strace");
    strace.args(["-D", "-y", "-a", "1", "-o"]).arg(output.path().join("trace"));
    strace.args(injected.iter().flat_map(|what| ["-e", what]));
    strace.args(wrapper).arg(program.get_program()).args(arguments);
    strace.current_dir(folder.path()).env_remove("DOWNTIME_CONFIG");
    strace.stdin(Stdio::null()).stderr(Stdio::piped());
    strace.stdout(File::create(output.path().join("stdout")).expect("made"));
    let mut child = strace.spawn().expect("strace");
    let stderr = Log::of(child.stderr.take().expect("piped"));
    Traced { child, stderr, output }
}

impl Traced {
    pub(crate) fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until SIGSTOP has stopped the process so many times.
    pub(crate) fn wait_for_stop(&self, times: usize) {
        const STOPPED: &str = "--- stopped by SIGSTOP ---\n";
        until("a stop", || (self.read("trace").matches(STOPPED).count() == times).then_some(()));
    }

    /// Lets a stopped process go on.
    pub(crate) fn go_on(&self) {
        kill_process(self.id(), Signal::CONT).expect("a process");
    }

    /// Waits for the end of the process, and of strace, which holds the same stderr.
    pub(crate) fn end(mut self) -> Ended {
        let stderr = self.stderr.wait_for_end();
        let code = self.child.wait().expect("an end").code();
        Ended { code, stdout: self.read("stdout"), stderr, calls: Calls::parse(&self.read("trace")) }
    }

    /// Nothing where the file is not there yet.
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.output.path().join(name)).unwrap_or_default()
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
