//! The configurations in `docs/recipes/proxies.md` work: each proxy runs with its own, in a network of its own, so that the
//! ports are those of the document. So does the one in `docs/recipes/migration.md`, which has no gateway.

mod nginx_twice;

use std::collections::BTreeSet;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use libtest_mimic::{Completion, Failed, Trial};
use rustix::process::geteuid;

use crate::debian::{self, RequiredProgram};
use crate::front;
use crate::support::http::Client;
use crate::support::process::ConfigDirectory;
use crate::support::tls::identity;

const DOCUMENT: &str = include_str!("../../docs/recipes/proxies.md");
const MIGRATION: &str = include_str!("../../docs/recipes/migration.md");
const DOWNTIME: &str = env!("CARGO_BIN_EXE_downtime");

/// Programs that every recipe needs.
const NEEDED: [RequiredProgram; 4] =
    [("curl", "curl"), ("ip", "iproute2"), ("openssl", "openssl"), ("unshare", "util-linux")];

/// The site is down for `example.com`, except for requests from 127.0.0.2 over https.
const DOWN: &str =
    "networks = [\"127.0.0.2\"]\n[[period]]\nstart = 2020-01-01T00:00:00Z\nhosts = [\"example.com\"]\n";

/// What a visitor may forge. None of it may reach the site.
const FORGED: [&str; 10] = [
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Original-URL",
    "X-Real-IP",
    "X-Rewrite-URL",
];
const FORGERY: &str = "forged.example";

/// A request for a WebSocket, and the response (RFC 6455, section 1.3).
const UPGRADE: &str = "GET /robots.txt HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Starts the gateway and the proxy, and asks the proxy until it forwards. Whatever runs is stopped at the end. The file `forged` has
/// fields for curl.
const SCRIPT: &str = r#"
ip link set lo up
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
"$DOWNTIME" -c downtime.toml &
"$@" &
ask() {
    curl --silent --insecure --output /dev/null --write-out "%{http_code} %header{downtime}\n" \
        --resolve example.com:443:127.0.0.1 "$@"
}
until ask https://example.com/robots.txt | grep --quiet 200; do jobs %2 >/dev/null || exit; done
ask https://example.com/robots.txt
ask https://example.com/
ask --interface 127.0.0.2 https://example.com/
ask --data x https://example.com/
head --bytes 2000000 /dev/zero | ask --interface 127.0.0.2 --data-binary @- https://example.com/
coproc openssl s_client -quiet -connect 127.0.0.1:443 -servername example.com 2>/dev/null
cat upgrade >&"${COPROC[1]}"
while read -r line && [ "$line" != $'\r' ]; do
    case $line in HTTP/*) echo "$line" ;; esac
done <&"${COPROC[0]}"
echo ping >&"${COPROC[1]}"
read -r line <&"${COPROC[0]}"
echo "$line"
# Apache would wait for the tunnel when it stops.
kill "$COPROC_PID"
wait "$COPROC_PID"
curl --silent --insecure --header @forged --resolve example.com:443:127.0.0.1 https://example.com/robots.txt
"#;

/// A recipe for a proxy.
#[derive(Clone, Copy)]
struct ProxyRecipe {
    /// The language of its block in the document.
    language: &'static str,
    program: RequiredProgram,
    /// Completes the block: the certificate is `example.com.pem` in the directory, with its key.
    complete: fn(block: &str, directory: &Path) -> String,
    /// The arguments that run the configuration `proxy` in the foreground.
    arguments: &'static [&'static str],
}

const RECIPES: [ProxyRecipe; 4] = [
    ProxyRecipe {
        language: "nginx",
        program: ("nginx", "nginx-light"),
        complete: |block, directory| {
            let directory = directory.display();
            let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("{kind}_temp_path {directory}/{kind};\n"))
                .concat();
            format!(
                "daemon off;\nmaster_process off;\npid {directory}/nginx.pid;\nerror_log stderr;\nevents {{}}\n\
                 http {{\naccess_log off;\n{paths}{block}}}\n"
            )
        },
        arguments: &["-e", "stderr", "-c"],
    },
    ProxyRecipe {
        language: "haproxy",
        program: ("haproxy", "haproxy"),
        complete: |block, _| block.to_owned(),
        arguments: &["-db", "-f"],
    },
    ProxyRecipe {
        language: "caddyfile",
        program: ("caddy", "caddy"),
        complete: |block, directory| {
            let pem = directory.join("example.com.pem");
            let tls = format!("{{\n\ttls {0} {0}", pem.display());
            format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{}", block.replacen('{', &tls, 1))
        },
        arguments: &["run", "--adapter", "caddyfile", "--config"],
    },
    ProxyRecipe {
        language: "apache",
        program: ("apache2", "apache2-bin"),
        complete: |block, directory| {
            let modules = [
                ("authz_core", "authz_core"),
                ("headers", "headers"),
                ("mpm_event", "mpm_event"),
                ("proxy", "proxy"),
                ("proxy_http", "proxy_http"),
                ("ssl", "ssl"),
            ];
            let modules: String = modules
                .map(|(name, file)| {
                    format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{file}.so\n")
                })
                .concat();
            let directory = directory.display();
            format!(
                "{modules}ServerRoot {directory}\nServerName example.com\nDefaultRuntimeDir {directory}\nPidFile apache.pid\n\
                 ErrorLog /dev/stderr\nUser nobody\nGroup nogroup\nListen 443\n{block}"
            )
        },
        arguments: &["-X", "-f"],
    },
];

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |recipe: ProxyRecipe| {
        Trial::ignorable_test(format!("recipes::{}_in_front_works", recipe.language), move || run(recipe))
    };
    let mut trials = Vec::from(RECIPES.map(trial));
    trials.push(nginx_twice::trial());
    trials.push(Trial::ignorable_test("recipes::a_file_alone_takes_a_site_of_nginx_down", || {
        debian::with(&[("nginx", "nginx-light")], a_file_takes_nginx_down)
    }));
    trials
}

/// What people come from, with the faults that the document names.
fn a_file_takes_nginx_down() -> Result<(), Failed> {
    let directory = ConfigDirectory::with("");
    let (root, file) = (directory.path().display(), directory.join("maintenance.on"));
    start_site(&directory.join("site.sock"))?;
    directory.write("maintenance.html", "<p>Down.</p>");
    let server = block_of(MIGRATION, "nginx")
        .replace("http://127.0.0.1:8000", &format!("http://unix:{root}/site.sock"))
        .replace("/srv/maintenance.on", &file.display().to_string())
        .replace("/srv/www", &root.to_string());
    let _nginx =
        front::nginx(&directory, &format!("server {{\nlisten unix:{root}/nginx.sock;\n{server}}}\n"));
    let mut client = front::connect_unix(&directory.join("nginx.sock"))?;
    let mut ask = |method: &str| client.request(method, "/page", &["Accept: application/json"]);
    assert_eq!(["GET", "POST"].map(|method| ask(method).status), [200, 200]);
    directory.write("maintenance.on", "");
    let response = ask("GET");
    assert_eq!((response.status, response.text()), (503, "<p>Down.</p>"));
    assert_eq!((response.field("content-type"), response.field("retry-after")), (Some("text/html"), None));
    assert_eq!(ask("POST").status, 405);
    std::fs::remove_file(file)?;
    assert_eq!(["GET", "POST"].map(|method| ask(method).status), [200, 200]);
    Ok(())
}

fn run(recipe: ProxyRecipe) -> Result<Completion, Failed> {
    let programs = [&NEEDED[..], &[recipe.program]].concat();
    debian::with(&programs, || {
        let directory = tempfile::tempdir()?;
        write_files(recipe, directory.path())?;
        start_site(&directory.path().join("site.sock"))?;
        let mut proxy = vec![recipe.program.0];
        proxy.extend(recipe.arguments);
        let output = in_own_network(SCRIPT, directory.path(), &proxy)?;
        let answers = String::from_utf8(output.stdout)?;
        let log = String::from_utf8_lossy(&output.stderr);
        let mut answers = answers.lines().map(str::trim);
        let statuses: Vec<_> = answers.by_ref().take(5).collect();
        assert_eq!(statuses, ["200", "503 planned", "200", "503 planned", "200"], "{log}");
        let tunnel: Vec<_> = answers.by_ref().take(2).collect();
        assert_eq!(tunnel, ["HTTP/1.1 101 Switching Protocols", "ping"], "{log}");
        let head: Vec<_> = answers.map(str::to_lowercase).collect();
        let forwarding = head.iter().filter(|line| {
            FORGED.iter().any(|name| line.starts_with(&format!("{}:", name.to_lowercase())))
                // Apache adds its own name.
                && !line.starts_with("x-forwarded-server: example.com")
        });
        let forwarding: BTreeSet<_> = forwarding.map(String::as_str).collect();
        let expected = [
            "x-forwarded-for: 127.0.0.1, 127.0.0.1",
            "x-forwarded-host: example.com",
            "x-forwarded-proto: https",
        ];
        assert_eq!(forwarding, BTreeSet::from(expected), "{head:#?}\n{log}");
        Ok(())
    })
}

/// Runs a script in a directory and in a network of its own. It gets the command of the proxy, whose configuration is the file
/// `proxy`. Nothing that it has started survives it.
fn in_own_network(script: &str, directory: &Path, proxy: &[&str]) -> std::io::Result<Output> {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "60", "unshare", "--net", "--pid", "--fork", "--kill-child"]);
    if !geteuid().is_root() {
        command.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    command.args(["bash", "-c", script, "recipe"]).args(proxy).arg(directory.join("proxy"));
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .current_dir(directory)
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .env("DOWNTIME", DOWNTIME)
        .env("HOME", directory)
        .stdin(Stdio::null())
        .output()
}

fn write_files(recipe: ProxyRecipe, directory: &Path) -> Result<(), Failed> {
    let write = |name: &str, text: &str| std::fs::write(directory.join(name), text);
    write("forged", &FORGED.map(|name| format!("{name}: {FORGERY}\n")).concat())?;
    write("upgrade", UPGRADE)?;
    // A socket of a file leads out of the network of the proxy.
    let mut config = block("toml").replace("http://127.0.0.1:8000", "unix:site.sock");
    if recipe.language == "haproxy" {
        config += "[management]\nlisten = \"127.0.0.1:9503\"\n";
    }
    let listen = "trusted_proxies";
    let config = config.replace(listen, &format!("https_only = true\n{listen}"));
    write(
        "downtime.toml",
        &config.replacen("exact = [\"/robots.txt\"]\n", &format!("exact = [\"/robots.txt\"]\n{DOWN}"), 1),
    )?;
    write_identity(directory)?;
    let proxy = (recipe.complete)(block(recipe.language), directory);
    write("proxy", &proxy.replace("/etc/ssl", &directory.display().to_string()))?;
    Ok(())
}

/// Writes the certificate of `example.com` and its key.
fn write_identity(directory: &Path) -> std::io::Result<()> {
    let (certificate, key) = identity(&["example.com"]);
    std::fs::write(directory.join("example.com.pem"), format!("{certificate}{key}"))?;
    std::fs::write(directory.join("example.com.key"), key)
}

/// Starts a site that sends back the head of each request, and all that comes through a WebSocket.
fn start_site(socket: &Path) -> std::io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || echo_heads(stream));
        }
    });
    Ok(())
}

/// Ends when the gateway leaves.
fn echo_heads(stream: UnixStream) -> std::io::Result<()> {
    let mut client = Client { stream, unread: Vec::new() };
    loop {
        let head = client.head()?;
        if head.to_lowercase().contains("upgrade: websocket") {
            client.send(UPGRADED);
            loop {
                let line = client.read_through(b"\n")?;
                client.send(line);
            }
        }
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if let Some(length) = length {
            client.take(length)?;
        } else if head.contains("chunked") {
            client.chunks()?;
        }
        client.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len()));
    }
}

/// Returns the first block of this language in the document.
fn block(language: &str) -> &'static str {
    block_of(DOCUMENT, language)
}

fn block_of(document: &'static str, language: &str) -> &'static str {
    let (_, rest) = document.split_once(&format!("\n```{language}\n")).expect(language);
    rest.split_once("```\n").expect("its end").0
}
