//! Connections that only stay open, held by a process of their own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{ChildStdin, ChildStdout, Stdio};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::parse;
use crate::gateway::{BenchProcess, authority, on};
use crate::request::BenchRequest;
use crate::response::ServerResponse;

const HOLD: &str = "--hold";
/// Descriptors for whatever else a process has open.
const OTHERS: u64 = 1024;

/// Raises the limit of descriptors, which servers inherit, so that each can have these connections.
pub fn raise_limit(connections: usize) -> io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let needed = connections as u64 + OTHERS;
    if maximum.is_some_and(|maximum| maximum < needed) {
        return Err(io::Error::other(format!(
            "{connections} connections need {needed} descriptors, and the hard limit is {} (`ulimit -Hn`)",
            maximum.unwrap_or_default()
        )));
    }
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// Connections to a server that each have had a response.
pub struct OpenConnections {
    /// The process ends when this is closed.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    _process: BenchProcess,
}

impl OpenConnections {
    /// Opens connections to the server at `url`, from a process on these cores.
    pub fn open(url: &str, count: usize, cores: &str) -> io::Result<Self> {
        let mut command = on(cores, &std::env::current_exe()?);
        command.args([HOLD, url, &count.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = BenchProcess(command.spawn()?);
        let input = Some(process.0.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?);
        let output = BufReader::new(process.0.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        let mut connections = Self { input, output, _process: process };
        match connections.count()? {
            opened if opened == count => Ok(connections),
            _ => Err(io::Error::other(format!("could not open {count} connections"))),
        }
    }

    /// Closes them. It is an error if the server has closed one before.
    pub fn close(mut self) -> io::Result<()> {
        drop(self.input.take());
        match self.count()? {
            0 => Ok(()),
            count => Err(io::Error::other(format!("the server closed {count} of the open connections"))),
        }
    }

    /// Reads the next number that the process prints.
    fn count(&mut self) -> io::Result<usize> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        parse(line.trim_end())
    }
}

/// Holds connections if this process was started for that, and then returns true. It prints how many it has opened, and
/// when its input ends, how many the server has closed.
pub fn hold_if_told() -> io::Result<bool> {
    let arguments: Vec<_> = std::env::args().skip_while(|argument| argument != HOLD).skip(1).collect();
    let [url, count] = arguments.as_slice() else { return Ok(false) };
    let request = BenchRequest::GET.encode(authority(url));
    let connect = |_| {
        let mut stream = TcpStream::connect(authority(url))?;
        ServerResponse::exchange(&mut stream, &request)?;
        Ok(stream)
    };
    let streams = (0..parse(count)?).map(connect).collect::<io::Result<Vec<_>>>()?;
    println!("{}", streams.len());
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    let is_closed =
        |stream: &&TcpStream| recv(stream, &mut [0], RecvFlags::DONTWAIT).err() != Some(Errno::AGAIN);
    println!("{}", streams.iter().filter(is_closed).count());
    Ok(true)
}
