//! A server that sends the same bytes to each request, and does nothing that it need not do for that.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};

use super::BenchServer;
use crate::gateway::{BenchProcess, on};
use crate::response::ServerResponse;

const SERVE: &str = "--bare-server";
const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const MAX_FIELDS: usize = 64;
/// The limit for one read of a body, in bytes.
const MAX_READ: usize = 1 << 20;

/// What the server takes for a request.
#[derive(Clone, Copy)]
pub enum Reading {
    /// Whatever comes in one read: no server with a system call for each read and each write can use less CPU time.
    Anything,
    /// A whole request with a body of this length. Any other request gets 400.
    Requests(usize),
}

/// Starts a server on `core` that sends `response`, with its data in `directory`.
pub fn start(
    directory: &Path,
    response: &ServerResponse,
    reading: Reading,
    core: &str,
) -> io::Result<BenchServer> {
    let file = directory.join("response");
    fs::write(&file, encode(response))?;
    let mut command = on(core, &std::env::current_exe()?);
    command.arg(SERVE).arg(file);
    if let Reading::Requests(length) = reading {
        command.arg(length.to_string());
    }
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let said = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let process = BenchProcess(child);
    let mut url = String::new();
    BufReader::new(said).read_line(&mut url)?;
    let (url, tls_url) = (url.trim_end().to_owned(), String::new());
    Ok(BenchServer { url, tls_url, process })
}

fn encode(response: &ServerResponse) -> Vec<u8> {
    let fields = response.fields.iter().flat_map(|(name, value)| [name.as_str(), ": ", value, "\r\n"]);
    let fields: String = fields.collect();
    format!("HTTP/1.1 {} Response\r\n{fields}\r\n{}", response.status, response.body).into_bytes()
}

/// Serves if this process was started for that, and then returns only with an error.
pub fn serve_if_told() -> io::Result<()> {
    let mut arguments = std::env::args().skip_while(|argument| argument != SERVE).skip(1);
    let Some(file) = arguments.next() else { return Ok(()) };
    let length = arguments.next().map(|length| length.parse().map_err(io::Error::other)).transpose()?;
    let response: &'static [u8] = fs::read(file)?.leak();
    let runtime = Builder::new_current_thread().enable_io().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}/", listener.local_addr()?);
        io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            // A client may end its connection at any time, and checks the responses itself.
            tokio::task::spawn_local(async move {
                let _ = match length {
                    None => respond_to_reads(stream, response).await,
                    Some(length) => respond_to_requests(stream, response, length).await,
                };
            });
        }
    })
}

/// Responds to each read: the load waits for the response before it sends more.
async fn respond_to_reads(mut stream: TcpStream, response: &[u8]) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await? > 0 {
        stream.write_all(response).await?;
    }
    Ok(())
}

async fn respond_to_requests(mut stream: TcpStream, response: &[u8], length: usize) -> io::Result<()> {
    let mut start = Vec::with_capacity(16 << 10);
    let mut unread = vec![0; MAX_READ];
    while stream.read_buf(&mut start).await? > 0 {
        let Some((head, body)) = lengths(&start)? else { continue };
        let left = (head + body).checked_sub(start.len()).filter(|_| body == length);
        let Some(left) = left else { return stream.write_all(BAD_REQUEST).await };
        discard(&stream, left, &mut unread).await?;
        stream.write_all(response).await?;
        start.clear();
    }
    Ok(())
}

/// Returns the length of a request's head and that of its body. Returns `None` if the head is incomplete.
fn lengths(start: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(head) = request.parse(start).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let field = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let body = field.map_or(Some(0), |field| str::from_utf8(field.value).ok()?.parse().ok());
    body.map(|body| Some((head, body))).ok_or_else(|| io::Error::other("an invalid Content-Length"))
}

/// Lets the system discard this many bytes unread (`MSG_TRUNC`, tcp(7)).
async fn discard(stream: &TcpStream, mut left: usize, buffer: &mut [u8]) -> io::Result<()> {
    while left > 0 {
        let most = left.min(buffer.len());
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        let read = || Ok(recv(stream, &mut *buffer, RecvFlags::TRUNC | RecvFlags::DONTWAIT)?);
        match stream.async_io(Interest::READABLE, read).await? {
            (_, 0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            (_, received) => left = left.saturating_sub(received),
        }
    }
    Ok(())
}
