//! Runs one command: with a clean environment, in a process group of its own, for a limited time.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use std::{env, fmt};

use rustix::io::Errno;
use rustix::process::{Signal, kill_process_group};
use rustix::thread::clear_ambient_capability_set;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::child;
use crate::config::duration;
use crate::config::hooks::HookCommand;
use crate::escape::shorten;

/// How long a command may run.
pub(super) const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// How long a killed command may take to end.
const KILL_LIMIT: Duration = Duration::from_secs(1);
/// The environment variables that a command gets from the gateway. Others may be secrets, or lead to the gateway's sockets.
const INHERITED: [&str; 9] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/// The end of the output that is kept, in bytes.
const MAX_OUTPUT: usize = 2048;
/// The bytes that fit into a pipe (`pipe(7)`).
const PIPE_LENGTH: usize = 64 << 10;
/// The longest line of the output that is logged, in characters.
const MAX_LINE: usize = 200;

/// Why a command failed.
#[derive(Debug)]
pub(super) enum CommandError {
    /// This program could not be run.
    NotRun(PathBuf, io::Error),
    /// It ended with another exit code than 0, or by a signal; with the last line of its output.
    Failed(ExitStatus, String),
    /// It was killed because it ran for too long; with the last line of its output.
    TimedOut(Duration, String),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, line) = match self {
            Self::NotRun(program, error) => {
                return write!(f, "cannot be run: {}: {error}", program.display());
            }
            Self::Failed(status, line) => (describe(*status), line),
            Self::TimedOut(limit, line) => (format!("was killed after {}", duration::format(*limit)), line),
        };
        f.write_str(&what)?;
        if line.is_empty() { Ok(()) } else { write!(f, "; its last line: {line}") }
    }
}

impl std::error::Error for CommandError {}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with exit code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => format!("failed: {status}"),
    }
}

/// Runs a command with these environment variables until it ends. After `limit`, or if this future is dropped, its process group
/// is killed. The thread loses its ambient capabilities.
pub(super) async fn run(
    command: &HookCommand,
    environment: &[(&'static str, String)],
    limit: Duration,
) -> Result<(), CommandError> {
    let not_run = |error| CommandError::NotRun(command.program.clone(), error);
    let (mut group, mut output) = spawn(command, environment).map_err(not_run)?;
    match timeout(limit, group.wait(&mut output)).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(CommandError::Failed(status, output.last_line())),
        Ok(Err(error)) => Err(not_run(error)),
        Err(_) => {
            group.kill();
            // It ends at once, unless the system itself holds it up, as a network file system may: the next command does not wait for
            // that.
            group.has_ended = timeout(KILL_LIMIT, group.child.wait()).await.is_ok();
            output.read_rest();
            Err(CommandError::TimedOut(limit, output.last_line()))
        }
    }
}

/// Empties the ambient set of this thread, which a command would get: under the shipped unit, the capability to bind low ports. The
/// thread does not need them.
fn drop_capabilities() -> io::Result<()> {
    match clear_ambient_capability_set() {
        // A system without such sets.
        Err(Errno::INVAL) => Ok(()),
        other => Ok(other?),
    }
}

fn spawn(
    command: &HookCommand,
    environment: &[(&'static str, String)],
) -> io::Result<(ProcessGroup, Output)> {
    drop_capabilities()?;
    let (reader, writer) = io::pipe()?;
    let output = Output { pipe: Receiver::from_owned_fd(reader.into())?, is_open: true, end: Vec::new() };
    let inherited = INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?)));
    let child = child::spawn(
        Command::new(&command.program)
            .args(&command.arguments)
            .current_dir(&command.directory)
            .env_clear()
            .envs(inherited)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0),
    )?;
    Ok((ProcessGroup { child, has_ended: false }, output))
}

/// A child and the processes that it has started, unless they have left its group.
struct ProcessGroup {
    child: Child,
    has_ended: bool,
}

impl ProcessGroup {
    /// Waits until the child has ended, and reads the output meanwhile. Other processes of the group may go on.
    async fn wait(&mut self, output: &mut Output) -> io::Result<ExitStatus> {
        let status = loop {
            tokio::select! {
                status = self.child.wait() => break status?,
                () = output.read(), if output.is_open => {}
            }
        };
        self.has_ended = true;
        output.read_rest();
        Ok(status)
    }

    /// Kills all processes of the group.
    fn kill(&self) {
        if let Some(group) = self.child.id().and_then(child::pid) {
            // They may have ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if !self.has_ended {
            self.kill();
        }
    }
}

/// The output of a command, of which only the end is kept.
struct Output {
    pipe: Receiver,
    is_open: bool,
    end: Vec<u8>,
}

impl Output {
    async fn read(&mut self) {
        let mut buffer = [0; 4096];
        let read = self.pipe.read(&mut buffer).await;
        self.keep(buffer.get(..read.unwrap_or_default()).unwrap_or_default());
    }

    /// Reads what was written before the command ended, without waiting. Others may still write.
    fn read_rest(&mut self) {
        let mut buffer = [0; 4096];
        for _ in 0..PIPE_LENGTH / buffer.len() {
            let Ok(read @ 1..) = self.pipe.try_read(&mut buffer) else { return };
            self.keep(buffer.get(..read).unwrap_or_default());
        }
    }

    fn keep(&mut self, read: &[u8]) {
        self.is_open = !read.is_empty();
        self.end.extend(read);
        let excess = self.end.len().saturating_sub(MAX_OUTPUT);
        self.end.drain(..excess);
    }

    /// Returns the last line that is not blank, shortened.
    fn last_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.end);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        shorten(line, MAX_LINE)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::retry_on_intr;
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    use super::*;

    const DEADLINE: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

    fn shell(script: &str, directory: &Path) -> HookCommand {
        HookCommand {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            directory: directory.to_owned(),
        }
    }

    /// Runs a script and returns its error.
    async fn error(script: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let command = shell(script, directory.path());
        run(&command, &[], COMMAND_LIMIT).await.err().map_or(String::new(), |error| error.to_string())
    }

    #[tokio::test]
    async fn a_failure_has_the_reason_and_the_last_line_of_the_output() {
        for (script, expected) in [
            ("exit 0", ""),
            ("echo noise; exit 0", ""),
            ("exit 7", "failed with exit code 7"),
            ("echo first; echo >&2 second; exit 7", "failed with exit code 7; its last line: second"),
            ("printf 'a\\n  b  \\n\\n'; exit 1", "failed with exit code 1; its last line: b"),
            ("kill -TERM $$", "was killed by signal 15"),
            ("yes | head -c 1000000; echo end; exit 1", "failed with exit code 1; its last line: end"),
        ] {
            assert_eq!(error(script).await, expected, "{script}");
        }
        let long = error("printf '%01000d' 0; exit 1").await;
        assert_eq!(long, format!("failed with exit code 1; its last line: {}…", "0".repeat(MAX_LINE)));
        let absent = HookCommand { program: "/nonexistent".into(), ..shell("", Path::new("/")) };
        let absent = run(&absent, &[], COMMAND_LIMIT).await.unwrap_err().to_string();
        assert!(absent.starts_with("cannot be run: /nonexistent: No such file"), "{absent}");
    }

    #[tokio::test]
    async fn the_environment_has_the_facts_and_little_else() {
        let directory = tempfile::tempdir().unwrap();
        let command = shell("env >env; pwd >pwd; cat >stdin", directory.path());
        let facts = [("DOWNTIME_EVENT", "down".to_owned())];
        run(&command, &facts, COMMAND_LIMIT).await.unwrap();
        let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
        let environment = read("env");
        let names: Vec<_> =
            environment.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        // A shell sets some of its own.
        let of_the_shell = ["PWD", "OLDPWD", "SHLVL", "_"];
        let is_expected = |name: &&&str| {
            **name == "DOWNTIME_EVENT" || INHERITED.contains(*name) || of_the_shell.contains(*name)
        };
        assert_eq!(names.iter().filter(|name| !is_expected(name)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert!(environment.contains("DOWNTIME_EVENT=down\n") && names.contains(&"PATH"));
        let expected = directory.path().canonicalize().unwrap();
        assert_eq!((Path::new(read("pwd").trim_end()), read("stdin").as_str()), (&*expected, ""));
    }

    #[tokio::test]
    async fn a_command_that_ends_is_not_held_up_by_what_it_leaves_behind() {
        // The process in the background keeps the output open.
        assert_eq!(
            error("sleep 1000 & echo $!; exit 3").await.split(';').next(),
            Some("failed with exit code 3")
        );
    }

    #[tokio::test]
    async fn the_whole_process_group_is_killed_after_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        let command = shell("sh -c 'echo waiting; echo $$ >pipe; exec sleep 1000' & wait", directory.path());
        let running = tokio::spawn(async move { run(&command, &[], COMMAND_LIMIT).await });
        // The clock of the runtime is stopped once both processes run.
        let grandchild =
            tokio::task::spawn_blocking(move || std::fs::read_to_string(pipe)).await.unwrap().unwrap();
        let grandchild = Pid::from_raw(grandchild.trim().parse().unwrap()).unwrap();
        // It becomes readable when the process ends.
        let grandchild = pidfd_open(grandchild, PidfdFlags::empty()).unwrap();
        tokio::time::pause();
        tokio::time::advance(COMMAND_LIMIT).await;
        let error = running.await.unwrap().unwrap_err().to_string();
        assert_eq!(error, "was killed after 30s; its last line: waiting");
        // The end of the child interrupts it.
        let ended = retry_on_intr(|| poll(&mut [PollFd::new(&grandchild, PollFlags::IN)], Some(&DEADLINE)));
        assert_eq!(ended, Ok(1), "it still runs");
    }
}
