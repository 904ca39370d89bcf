//! Other servers in front of the gateway and behind it, and clients of HTTP/2 that are not ours.
//!
//! Without these programs the tests are ignored; under CI they fail.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use libtest_mimic::{Failed, Trial};
use socket2::{Domain, Socket, Type};

use crate::debian::{self, RequiredProgram};
use crate::gateways::gateways;
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess, Process};
use crate::support::tls::Authority;
use crate::support::{DEADLINE, until};

/// Down for everybody but 127.0.0.9.
const DOWN: &str = "[exempt]\nnetworks = [\"127.0.0.9\"]\n[[period]]\nstart = 2020-01-01T00:00:00Z\n";

const HAPROXY: RequiredProgram = ("haproxy", "haproxy");
const NGINX: RequiredProgram = ("nginx", "nginx-light");
const NGHTTP: RequiredProgram = ("nghttp", "nghttp2-client");
const H2LOAD: RequiredProgram = ("h2load", "nghttp2-client");

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, program: RequiredProgram, test: fn() -> Result<(), Failed>| {
        Trial::ignorable_test(format!("front::{name}"), move || debian::with(&[program], test))
    };
    vec![
        trial("haproxy_tells_the_client_by_a_line", HAPROXY, || behind_haproxy("send-proxy")),
        trial("haproxy_tells_the_client_by_a_binary_header", HAPROXY, || {
            behind_haproxy("send-proxy-v2 proxy-v2-options crc32c,unique-id")
        }),
        trial("nginx_in_front_tells_the_client_by_a_field", NGINX, behind_nginx),
        trial("nginx_behind_is_an_upstream", NGINX, in_front_of_nginx),
        trial("nginx_behind_speaks_tls_and_asks_for_a_certificate", NGINX, in_front_of_nginx_with_tls),
        trial("nghttp_gets_the_page_and_posts_trailers", NGHTTP, nghttp),
        trial("h2load_gets_every_page", H2LOAD, h2load),
    ]
}

/// Starts a program from Debian. Its output stays in the process.
fn start(command: &mut Command) -> Process {
    // Daemons are in a directory that is not in every PATH.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin")).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    let log = crate::support::log::Log::new(child.stderr.take().expect("piped"));
    Process { child, log }
}

fn expect(found: u16, expected: u16, what: &str) -> Result<(), Failed> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found}, not {expected}").into()) }
}

/// HAProxy gets a listening socket as its standard input, so that its port is free. It also checks the gateway's health by
/// connections of its own.
fn behind_haproxy(option: &str) -> Result<(), Failed> {
    let gateway = GatewayProcess::start(&format!("[server]\nproxy_protocol = [\"127.0.0.1\"]\n{DOWN}"));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let config = format!(
        "defaults\n  mode tcp\n  timeout connect 20s\n  timeout client 20s\n  timeout server 20s\n\
         listen front\n  bind fd@0\n  server gateway {} check {option}\n",
        gateway.address
    );
    gateway.directory.write("haproxy.cfg", &config);
    let mut haproxy = Command::new("haproxy");
    haproxy.args(["-db", "-f"]).arg(gateway.directory.join("haproxy.cfg"));
    let _haproxy = start(haproxy.stdin(OwnedFd::from(listener)));
    for (client, status) in [([127, 0, 0, 9], 200), ([127, 0, 0, 8], 503)] {
        let mut connection = connect_from(client.into(), address)?;
        for _ in 0..2 {
            expect(connection.request("GET", "/", &[]).status, status, option)?;
        }
    }
    Ok(())
}

fn connect_from(client: IpAddr, address: SocketAddr) -> std::io::Result<Client> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(client, 0).into())?;
    socket.connect(&address.into())?;
    Ok(Client::on(TcpStream::from(socket)))
}

/// Starts nginx, which listens on the Unix socket `nginx.sock` of the directory, with this content of `http`.
pub(crate) fn nginx(directory: &ConfigDirectory, http: &str) -> Process {
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {kind};\n"))
        .concat();
    let config = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\n{paths}{http}}}\n"
    );
    directory.write("nginx.conf", &config);
    let mut command = Command::new("nginx");
    command.arg("-p").arg(directory.path()).args(["-e", "stderr", "-c", "nginx.conf"]);
    let process = start(command.stdin(Stdio::null()));
    until("nginx", || UnixStream::connect(directory.join("nginx.sock")).ok());
    process
}

pub(crate) fn connect_unix(path: &Path) -> std::io::Result<Client<UnixStream>> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    Ok(Client { stream, unread: Vec::new() })
}

fn behind_nginx() -> Result<(), Failed> {
    let gateway = GatewayProcess::start(&format!("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n{DOWN}"));
    let socket = gateway.directory.join("nginx.sock");
    let http = format!(
        "upstream gateway {{ server {}; keepalive 2; }}\n\
         server {{ listen unix:{};\nlocation / {{\nproxy_pass http://gateway;\nproxy_http_version 1.1;\n\
         proxy_set_header Connection \"\";\nproxy_set_header Host $host;\n\
         proxy_set_header X-Forwarded-For $http_client;\n}} }}\n",
        gateway.address,
        socket.display()
    );
    let _nginx = nginx(&gateway.directory, &http);
    let mut client = connect_unix(&socket)?;
    for (address, status) in [("127.0.0.9", 200), ("127.0.0.8", 503), ("127.0.0.9", 200)] {
        let response = client.request("GET", "/", &[&format!("Client: {address}")]);
        expect(response.status, status, address)?;
    }
    expect(client.request("HEAD", "/", &["Client: 127.0.0.8"]).status, 503, "HEAD")?;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nClient: 127.0.0.8\r\nContent-Length: 5\r\n\r\nhello");
    expect(client.response("POST").status, 503, "POST")
}

fn in_front_of_nginx() -> Result<(), Failed> {
    let gateway = GatewayProcess::start("[site]\nupstream = \"unix:nginx.sock\"\n");
    let http = format!(
        "server {{ listen unix:{};\nreturn 200 \"$request_method of $http_host for $http_x_forwarded_for\\n\";\n}}\n",
        gateway.directory.join("nginx.sock").display()
    );
    let _nginx = nginx(&gateway.directory, &http);
    let mut client = gateway.connect();
    for _ in 0..3 {
        let response = client.request("GET", "/", &[]);
        expect(response.status, 200, "GET")?;
        assert_eq!(response.text(), "GET of site.example for 127.0.0.1\n");
    }
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
    let response = client.response("POST");
    assert_eq!(response.text(), "POST of a for 127.0.0.1\n");
    Ok(())
}

/// Accepts on a port that the system chooses, and connects each client to a Unix socket: nginx cannot choose a port.
fn relay_to(socket: PathBuf) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = UnixStream::connect(&socket).expect("nginx");
            let clones = (client.try_clone().expect("a clone"), server.try_clone().expect("a clone"));
            thread::spawn(move || copy(client, server));
            thread::spawn(move || copy(clones.1, clones.0));
        }
    });
    Ok(address)
}

/// Copies until the end. The other side may have left.
fn copy(mut from: impl Read, mut to: impl Write + AsFd) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = rustix::net::shutdown(to, rustix::net::Shutdown::Write);
}

fn in_front_of_nginx_with_tls() -> Result<(), Failed> {
    let authority = Authority::new();
    for name in ["app.internal", "gateway.internal"] {
        authority.issue(name);
    }
    let path = |name: &str| authority.path(name);
    let directory = ConfigDirectory::with("");
    let socket = directory.join("nginx.sock");
    let http = format!(
        "ssl_certificate {};\nssl_certificate_key {};\nssl_client_certificate {};\nssl_verify_client on;\n\
         server {{ listen unix:{} ssl; server_name app.internal;\n\
         return 200 \"$ssl_server_name $ssl_client_verify $request_method\\n\";\n}}\n",
        path("app.internal.pem"),
        path("app.internal.key"),
        path("ca.pem"),
        socket.display(),
    );
    let _nginx = nginx(&directory, &http);
    let address = relay_to(socket)?;
    let site = |tls: &str| {
        format!("[site]\nupstream = \"https://{address}\"\nwhen_unreachable = \"error\"\ntls = {{ {tls} }}\n")
    };
    let ca = format!("ca = '{}'", path("ca.pem"));
    let name = format!("{ca}, server_name = 'app.internal'");
    let pair = format!("cert = '{}', key = '{}'", path("gateway.internal.pem"), path("gateway.internal.key"));
    let gateway = GatewayProcess::start(&site(&name));
    // nginx says itself that it wants a certificate.
    expect(gateway.get("/", &[]).status, 400, "without a certificate")?;
    for (tls, status) in [(format!("{name}, {pair}"), 200), (format!("{ca}, {pair}"), 502), (pair, 502)] {
        gateway.apply(&site(&tls));
        let mut client = gateway.connect();
        for method in ["GET", "POST"] {
            let response = client.request(method, "/", &["Content-Length: 0"]);
            expect(response.status, status, &tls)?;
            let text = format!("app.internal SUCCESS {method}\n");
            assert!(status != 200 || response.text() == text, "{tls}: {}", response.text());
        }
    }
    Ok(())
}

/// Runs a program to its end, and returns its standard output.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().expect("the program");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn contains(output: &str, wanted: &str) -> Result<(), Failed> {
    if output.contains(wanted) { Ok(()) } else { Err(format!("no {wanted:?} in:\n{output}").into()) }
}

fn nghttp() -> Result<(), Failed> {
    for (_gateway, url) in gateways(DOWN) {
        contains(&output("nghttp", &["-nvy", &url]), ":status: 503")?;
    }
    let upstream = TcpListener::bind("127.0.0.1:0")?;
    let config = format!("[site]\nupstream = \"http://{}\"\n", upstream.local_addr()?);
    let origin = thread::spawn(move || {
        [(); 2].map(|()| {
            let (stream, _) = upstream.accept().expect("the gateway");
            let mut request = Client::on(stream);
            request.head().expect("a head");
            let received = request.chunks().expect("a body");
            request.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            received
        })
    });
    for (gateway, url) in gateways(&config) {
        gateway.directory.write("body", "hello");
        let body = gateway.directory.join("body");
        let arguments = [
            "-nvy",
            "--no-content-length",
            "-d",
            body.to_str().expect("UTF-8"),
            "--trailer",
            "check: sum",
            &url,
        ];
        contains(&output("nghttp", &arguments), ":status: 201")?;
    }
    for (body, trailers) in origin.join().expect("the upstream") {
        assert_eq!((body.as_slice(), trailers), (&b"hello"[..], vec!["check: sum".to_owned()]));
    }
    Ok(())
}

fn h2load() -> Result<(), Failed> {
    for (_gateway, url) in gateways(DOWN) {
        let output = output("h2load", &["-n", "200", "-c", "2", "-m", "20", &url]);
        contains(&output, "0 2xx, 0 3xx, 0 4xx, 200 5xx")?;
    }
    Ok(())
}
