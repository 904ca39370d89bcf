//! More files are sent at a time than there are descriptors: over HTTP/2, one client may ask for many, and take none of them.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpSocket;

use super::DOWN;
use super::descriptors::start_after;
use crate::support::DEADLINE;
use crate::support::http::Client;
use crate::support::process::GatewayProcess;
use crate::upstreams::StubUpstream;

const LIMIT: &str = "ulimit -n 128";
/// On a busy machine, it may take long until a client has its turn.
const SITE: &str = "[site]\nroot = \"public\"\n[limits]\nsend_timeout = \"1h\"\n";
/// How many clients take nothing, and how many files each of them has asked for.
const CLIENTS: usize = 3;
const STREAMS: usize = 100;
/// The names of the large files.
const NAMES: [&str; 2] = ["one", "two"];

/// A gateway with few descriptors, whose site has a small file, and large ones that differ.
struct Site(GatewayProcess);

impl Site {
    fn start() -> Self {
        let gateway = start_after(LIMIT, "");
        fs::create_dir(gateway.directory.join("public")).expect("a directory");
        let site = Self(gateway);
        for (name, content) in NAMES.into_iter().zip(&*FILES) {
            fs::write(site.path(name), content).expect("written");
        }
        fs::write(site.path("index.html"), "the page").expect("written");
        site.0.apply(SITE);
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.directory.join("public").join(name)
    }

    fn assert_serves_files(&self) {
        assert_eq!(self.0.get("/", &[]).text(), "the page");
        for (name, content) in NAMES.into_iter().zip(&*FILES) {
            let response = self.0.get(&format!("/{name}"), &[]);
            assert!(response.status == 200 && response.body == *content, "{name}: {}", response.status);
        }
    }

    async fn connect(&self) -> SendRequest<Empty<Bytes>> {
        let stream = tokio::net::TcpStream::connect(self.0.address).await.expect("the gateway");
        let mut builder = Builder::new(TokioExecutor::new());
        // Each stream gets a first part, and no more until it is read.
        builder.initial_stream_window_size(20_000).initial_connection_window_size(1 << 24);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        sender
    }

    /// Asks for more files than there are descriptors, and takes nothing but the heads of the responses.
    async fn stall(&self) -> Vec<Response<Incoming>> {
        let mut responses = Vec::new();
        for client in 0..CLIENTS {
            let mut sender = self.connect().await;
            for stream in 0..STREAMS {
                let name = NAMES[stream % 2];
                let request = Request::get(format!("http://a/{name}")).body(Empty::new()).expect("a request");
                let response = sender.send_request(request).await.expect("a response");
                assert_eq!(response.status(), 200, "{client}, {stream}");
                responses.push(response);
            }
        }
        responses
    }
}

/// The large files. They are made once, which takes time without optimization.
static FILES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| NAMES.map(large));

/// Content that differs in each part.
fn large(name: &str) -> Vec<u8> {
    (0..20_000).flat_map(|number| format!("{name} {number}\n").into_bytes()).collect()
}

/// Runs `test` with a site, and with the responses that its clients do not take.
fn with_stalled_clients(test: impl AsyncFnOnce(&Site, Vec<Response<Incoming>>)) {
    let site = Site::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let run = async {
        let stalled = site.stall().await;
        test(&site, stalled).await;
    };
    runtime.block_on(async { tokio::time::timeout(4 * DEADLINE, run).await.expect("in time") });
}

#[test]
fn files_that_clients_do_not_take_leave_descriptors_for_everybody_else() {
    with_stalled_clients(async |site, stalled| {
        let gateway = &site.0;
        site.assert_serves_files();
        // Without waiting for them, the gateway goes to another site.
        gateway.apply(DOWN);
        assert_eq!(gateway.get("/", &[]).status, 503);
        let upstream = StubUpstream::start();
        gateway.apply(&format!("[site]\nupstream = \"{}\"\n", upstream.url()));
        let mut clients: Vec<_> = (0..20).map(|_| gateway.connect()).collect();
        for client in &mut clients {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        for mut client in clients {
            assert_eq!(client.response("GET").status, 200);
        }
        gateway.apply(SITE);
        site.assert_serves_files();
        let log = gateway.log().text();
        assert!(!log.contains("cannot open") && !log.contains("is unreachable"), "{log}");
        drop(stalled);
    });
}

#[test]
fn a_client_that_continues_gets_the_rest_of_each_file() {
    with_stalled_clients(async |site, stalled| {
        for (index, response) in stalled.into_iter().enumerate().rev() {
            let content = response.into_body().collect().await.expect("all of it").to_bytes();
            assert!(content == FILES[index % 2], "{index}: {} bytes", content.len());
        }
        let log = site.0.log().text();
        assert!(!log.contains("only in part") && !log.contains("cannot open"), "{log}");
    });
}

#[test]
fn clients_of_http_1_that_do_not_take_files_leave_descriptors_for_others_too() {
    let site = Site::start();
    // More than the buffers of both ends hold.
    let huge = large("huge").repeat(30);
    fs::write(site.path("huge"), &huge).expect("written");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let connect = || {
        runtime.block_on(async {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.set_recv_buffer_size(64 << 10).expect("set");
            socket.connect(site.0.address).await.expect("the gateway").into_std().expect("a socket")
        })
    };
    let mut clients: Vec<_> = (0..35)
        .map(|_| {
            let stream = connect();
            stream.set_nonblocking(false).expect("set");
            let mut client = Client::on(stream);
            client.send("GET /huge HTTP/1.1\r\nHost: a\r\n\r\n");
            assert!(client.head().expect("a head").starts_with("HTTP/1.1 200"));
            client
        })
        .collect();
    site.assert_serves_files();
    for client in &mut clients {
        let content = client.take(huge.len());
        assert!(content.is_ok_and(|content| content == huge), "{}", site.0.log().text());
    }
    let log = site.0.log().text();
    assert!(!log.contains("only in part") && !log.contains("cannot open"), "{log}");
}

#[test]
fn a_file_that_was_closed_and_replaced_meanwhile_is_never_mixed_with_the_new_one() {
    with_stalled_clients(async |site, stalled| {
        fs::write(site.path("new"), large("new")).expect("written");
        fs::rename(site.path("new"), site.path("one")).expect("renamed");
        let (mut whole, mut cut) = (0, 0);
        for (index, response) in stalled.into_iter().enumerate() {
            if let Ok(content) = response.into_body().collect().await {
                // It was open all the time, or could be opened again.
                whole += 1;
                assert!(content.to_bytes() == FILES[index % 2], "{index}");
            } else {
                cut += 1;
                assert_eq!(index % 2, 0, "the other file is the same");
            }
        }
        assert!(cut > 0 && whole > CLIENTS * STREAMS / 2, "{whole} whole, {cut} cut");
        let line = site.0.log().wait_for("a file was sent only in part");
        assert!(
            line.contains("its descriptor was needed") && line.contains("replaced or removed meanwhile"),
            "{line}"
        );
        site.0.apply(DOWN);
    });
}
