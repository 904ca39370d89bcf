//! A server that reads what comes and writes the same bytes each time, and does nothing else: no server that makes a
//! system call for each read and each write can take less of a core.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};

use crate::loopback::{Answer, Process, on};

const SERVE: &str = "--bare-server";

/// A bare server that runs, as a process of its own.
pub struct Bare {
    pub url: String,
    pub process: Process,
}

impl Bare {
    /// Gives `answer` to whatever it reads, on these cores.
    pub fn start(folder: &Path, answer: &Answer, cores: &str) -> io::Result<Self> {
        let file = folder.join("answer");
        fs::write(&file, answer.to_bytes())?;
        let mut command = on(cores, &std::env::current_exe()?);
        let mut child = command.arg(SERVE).arg(file).stdout(Stdio::piped()).spawn()?;
        let said = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let process = Process(child);
        let mut url = String::new();
        BufReader::new(said).read_line(&mut url)?;
        Ok(Self { url: url.trim_end().to_owned(), process })
    }
}

/// Serves, where this process was started to; then never returns but with an error.
pub fn serve_if_told() -> io::Result<()> {
    let mut arguments = std::env::args().skip_while(|argument| argument != SERVE).skip(1);
    let Some(file) = arguments.next() else { return Ok(()) };
    let answer: &'static [u8] = fs::read(file)?.leak();
    let runtime = Builder::new_current_thread().enable_io().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}/", listener.local_addr()?);
        io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(answer_all(stream, answer));
        }
    })
}

/// One answer for each read: the load waits for it before it sends more.
async fn answer_all(mut stream: TcpStream, answer: &[u8]) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = stream.read(&mut buffer).await {
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}
