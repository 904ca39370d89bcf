//! The admin page: who gets in, and what is refused. Each test runs `downtime admin`.

mod files;
mod links;
mod passwords;
mod proxies;
mod refused;
mod sockets;
mod tokens;

use std::net::SocketAddr;
use std::process::Stdio;

pub(crate) use crate::support::admin::{ANN, PASSWORD};
use crate::support::http::{Client, Response};
use crate::support::process::{ConfigDirectory, Process, downtime};
use crate::working_directory::CommandOutput;

/// The keys that all tests need: a port that the system chooses, and a socket in the directory.
const ADMIN: &str = "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\nlink_socket = \"unix:link.sock\"\n";
const HOST: &str = "Host: localhost";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// An operator with the same password as [`ANN`], by `argon2 saltsalt -id -t 1 -k 64 -e`.
const BOB: &str = "bob:$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$lnizTRNgy0D3lJD4Xlm+A2aXibz3GSvOOHAXUwm1P0Y\n";
/// The machine `ci` may read, and `deploy` may write. Their secrets are `read` and `write`.
const TOKENS: &str = "ci:read:sha256:3316348dbadfb7b11c7c2ea235949419e23f9fa898ad2c198f999617912a9925\ndeploy:write:sha256:10fd874b68dad080ed706762c8e163dabb20514bddae38fb159c56f714a3b143\n";

/// A running `downtime admin`.
struct AdminProcess {
    process: Process,
    directory: ConfigDirectory,
    address: SocketAddr,
}

impl AdminProcess {
    /// Starts it with more keys in `[admin]`, and with files.
    fn start(keys: &str, files: &[(&str, &str)]) -> Self {
        let directory = Self::directory(keys, files);
        let mut command = downtime(&directory);
        command.arg("admin");
        let process = Process::spawn(command);
        let line = process.log.wait_for("admin page on http://");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
        process.log.wait_for("downtime admin link");
        Self { process, directory, address: address.expect("an address") }
    }

    fn directory(keys: &str, files: &[(&str, &str)]) -> ConfigDirectory {
        let directory = ConfigDirectory::with(&format!("{ADMIN}{keys}"));
        for (name, text) in files {
            directory.write(name, text);
        }
        directory
    }

    /// Starts it with operators and machines.
    fn with_everybody() -> Self {
        Self::start(
            "users = \"users\"\ntokens = \"tokens\"\n",
            &[("users", &format!("{ANN}{BOB}")), ("tokens", TOKENS)],
        )
    }

    fn client(&self) -> Client {
        Client::connect(self.address)
    }

    fn get(&self, path: &str, fields: &[&str]) -> Response {
        self.client().request("GET", path, &[&[HOST], fields].concat())
    }

    /// Posts a form on a new connection.
    fn post(&self, path: &str, form: &str, fields: &[&str]) -> Response {
        let mut client = self.client();
        post_on(&mut client, path, form, fields)
    }

    /// Logs in with a password.
    fn log_in(&self, name: &str, password: &str) -> Response {
        self.post("/login", &credentials(name, password), &[])
    }

    /// Returns the field `Cookie` of a new session of an operator.
    fn session(&self, name: &str) -> String {
        cookie(&self.log_in(name, PASSWORD))
    }

    /// Returns true if requests with these fields are let in.
    fn lets_in(&self, field: &str) -> bool {
        match self.get("/", &[field]).status {
            200 => true,
            401 => false,
            status => panic!("{status}"),
        }
    }

    /// Runs `downtime admin link`, and returns its output.
    fn link(&self, arguments: &[&str]) -> CommandOutput {
        let mut command = downtime(&self.directory);
        command.args(["admin", "link"]).args(arguments).stdout(Stdio::piped()).env("SUDO_USER", "carol");
        command.output().expect("the binary").into()
    }

    /// Returns the secret of a new link.
    fn link_secret(&self) -> String {
        let output = self.link(&[]);
        let secret = output.stdout.trim_end().rsplit_once("/link#").map(|(_, secret)| secret.to_owned());
        secret.unwrap_or_else(|| panic!("{} {}", output.stdout, output.stderr))
    }

    fn edit(&self, name: &str, text: &str) {
        self.directory.replace(name, text);
    }
}

fn credentials(name: &str, password: &str) -> String {
    format!("name={name}&password={}", password.replace(' ', "+"))
}

/// Posts a form.
fn post_on<S: std::io::Read + std::io::Write>(
    client: &mut Client<S>,
    path: &str,
    form: &str,
    fields: &[&str],
) -> Response {
    send_form(client, path, form, fields);
    client.response("POST")
}

/// As [`post_on`], but does not read the response.
fn send_form<S: std::io::Read + std::io::Write>(
    client: &mut Client<S>,
    path: &str,
    form: &str,
    fields: &[&str],
) {
    let mut head = format!("POST {path} HTTP/1.1\r\nContent-Length: {}\r\n", form.len());
    let given = |name: &str| fields.iter().any(|field| field.starts_with(name));
    let defaults = [HOST, FORM].into_iter().filter(|field| !given(field.split(' ').next().unwrap()));
    for field in defaults.chain(fields.iter().copied()) {
        head.extend([field, "\r\n"]);
    }
    client.send(head + "\r\n" + form);
}

/// Returns the field `Cookie` for the cookie that a response sets.
fn cookie(response: &Response) -> String {
    assert_eq!(response.status, 303, "{}", response.text());
    let set = response.field("set-cookie").expect("a cookie");
    format!("Cookie: {}", set.split(';').next().unwrap())
}
