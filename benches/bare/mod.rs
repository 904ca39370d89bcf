//! A server that writes the same bytes after each read and does nothing else. No server with a system call for each read
//! and each write can use less CPU time.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};

use crate::gateway::{BenchProcess, ServerResponse, on};

const SERVE: &str = "--bare-server";

/// A running bare server, as a process of its own.
pub struct Bare {
    pub url: String,
    pub process: BenchProcess,
}

impl Bare {
    /// Starts a server on these cores that writes `response` after each read.
    pub fn start(directory: &Path, response: &ServerResponse, cores: &str) -> io::Result<Self> {
        let file = directory.join("response");
        fs::write(&file, encode(response))?;
        let mut command = on(cores, &std::env::current_exe()?);
        let mut child = command.arg(SERVE).arg(file).stdout(Stdio::piped()).spawn()?;
        let said = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let process = BenchProcess(child);
        let mut url = String::new();
        BufReader::new(said).read_line(&mut url)?;
        Ok(Self { url: url.trim_end().to_owned(), process })
    }
}

/// Serves if this process was started for that, and then returns only with an error.
pub fn serve_if_told() -> io::Result<()> {
    let mut arguments = std::env::args().skip_while(|argument| argument != SERVE).skip(1);
    let Some(file) = arguments.next() else { return Ok(()) };
    let response: &'static [u8] = fs::read(file)?.leak();
    let runtime = Builder::new_current_thread().enable_io().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}/", listener.local_addr()?);
        io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(respond(stream, response));
        }
    })
}

/// Responds to each read: the load waits for the response before it sends more.
async fn respond(mut stream: TcpStream, response: &[u8]) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = stream.read(&mut buffer).await {
        if stream.write_all(response).await.is_err() {
            return;
        }
    }
}

fn encode(response: &ServerResponse) -> Vec<u8> {
    let fields = response.fields.iter().flat_map(|(name, value)| [name.as_str(), ": ", value, "\r\n"]);
    let fields: String = fields.collect();
    format!("HTTP/1.1 {} Response\r\n{fields}\r\n{}", response.status, response.body).into_bytes()
}
