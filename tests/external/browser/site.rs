//! A site behind the gateway that remembers what it was asked for.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::support::http::Client;

/// A site that answers each request, or closes the connection instead.
pub(super) struct Site {
    pub(super) address: SocketAddr,
    requests: Receiver<String>,
}

impl Site {
    /// Starts a site that answers with a page. `/form` has a form that is sent to `/contact#form`.
    pub(super) fn start() -> Self {
        Self::responding(|line| {
            let body = match line {
                "GET /form" => {
                    "<title>Form</title><form method=post action=/contact#form><button>Send</button></form>"
                }
                _ => "<title>The site</title><h1>The site</h1>",
            };
            Some(body)
        })
    }

    /// Starts a site that reads requests and closes their connections.
    pub(super) fn silent() -> Self {
        Self::responding(|_| None)
    }

    fn responding(body: fn(&str) -> Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, requests) = channel();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let mut client = Client::on(stream);
                // An attempt to reach the site ends without a request.
                let Ok(head) = client.head() else { continue };
                let line = head.split(" HTTP/").next().unwrap_or_default();
                // The icon is the browser's own wish.
                if !line.contains("favicon") && sender.send(line.to_owned()).is_err() {
                    return;
                }
                if let Some(body) = body(line) {
                    client.send(format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                        body.len()
                    ));
                }
            }
        });
        Self { address, requests }
    }

    /// Returns the requests since the last call: method and target.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }

    /// Returns a `[site]` section with this site.
    pub(super) fn section(&self) -> String {
        format!("[site]\nupstream = \"http://{}\"\n", self.address)
    }
}
