//! The socket at which `downtime admin link` asks for a link that logs an operator in.
//!
//! It is a socket of its own, which no proxy connects to: the system tells which user asks (SO_PEERCRED), and only root and the user of
//! this process get a link. A client sends the operator's name on a line, and gets a line: `ok` and the secret, or `no` and the reason.

use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::geteuid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::access::Access;
use crate::clock;
use crate::config::line_file::check_name;
use crate::escape::peer_text;

/// The time limit for one client, on both sides.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest line, in bytes.
const MAX_LINE: u64 = 512;
/// The pause after an accept failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Gives out links for ever. Clients are served one after the other.
pub async fn give_links(listener: &UnixListener, access: &Arc<Access>) {
    loop {
        let client = match listener.accept().await {
            Ok((client, _)) => client,
            Err(error) => {
                warn!("cannot accept who asks for a link: {error}");
                sleep(PAUSE).await;
                continue;
            }
        };
        if let Ok(Err(error)) = timeout(TIMEOUT, serve(client, access)).await {
            warn!("cannot give out a link: {error}");
        }
    }
}

async fn serve(mut client: UnixStream, access: &Access) -> io::Result<()> {
    let uid = client.peer_cred()?.uid();
    let mut line = Vec::new();
    while !line.contains(&b'\n') && (line.len() as u64) < MAX_LINE {
        if client.read_buf(&mut line).await? == 0 {
            break;
        }
    }
    let answer = match link(uid, &line, access) {
        Ok(secret) => format!("ok {secret}\n"),
        Err(reason) => {
            warn!(target: "downtime::audit", "no link for user {uid}: {reason}");
            format!("no {reason}\n")
        }
    };
    client.write_all(answer.as_bytes()).await
}

/// Makes a link for the operator that a line of this user names.
fn link(uid: u32, line: &[u8], access: &Access) -> Result<String, String> {
    let own = geteuid().as_raw();
    if uid != 0 && uid != own {
        return Err(format!("only root and the user {own}, which runs `downtime admin`, get links"));
    }
    let name = std::str::from_utf8(line).ok().and_then(|line| line.strip_suffix('\n'));
    let name = name.ok_or_else(|| "the name of the operator is missing".to_owned())?;
    check_name(name).map_err(|fault| format!("the name of the operator {fault}"))?;
    info!(target: "downtime::audit", who = %name, from = %format!("user {uid}"), what = "got a link");
    let secret = access.make_link(name.to_owned(), clock::now());
    secret.map_err(|error| format!("the system has no random bytes: {error}"))
}

/// The reason why a link was not given.
#[derive(Debug)]
pub enum LinkError {
    /// The socket does not answer.
    Io(io::Error),
    /// It does not give one, for this reason.
    Refused(String),
}

/// Asks the process that listens on a socket for a link, and returns its secret.
pub fn ask_for_link(socket: &Path, name: &str) -> Result<String, LinkError> {
    let ask = || {
        let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.write_all(format!("{name}\n").as_bytes())?;
        let mut answer = String::new();
        stream.take(MAX_LINE).read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(LinkError::Io)?;
    match answer.trim_end().split_once(' ') {
        Some(("ok", secret)) => Ok(peer_text(secret).into_owned()),
        Some(("no", reason)) => Err(LinkError::Refused(peer_text(reason).into_owned())),
        _ => Err(LinkError::Refused("the answer is malformed".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Returns what is printed of the answer of another program at the socket.
    fn printed(answer: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("link.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut client, _) = listener.accept().unwrap();
                let _ = client.read(&mut [0; 100]).unwrap();
                client.write_all(answer.as_bytes()).unwrap();
            });
            match ask_for_link(&socket, "ann") {
                Ok(text) | Err(LinkError::Refused(text)) => text,
                Err(LinkError::Io(error)) => panic!("{error}"),
            }
        })
    }

    #[test]
    fn the_answer_of_another_program_cannot_control_the_terminal() {
        assert_eq!(printed("ok abc\n"), "abc");
        assert_eq!(printed("ok a\u{1b}[2J\nforged\n"), "a\\u{1b}[2J\\nforged");
        assert_eq!(printed("no a\u{1b}[2J\nforged\n"), "a\\u{1b}[2J\\nforged");
    }
}
