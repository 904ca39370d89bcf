//! Sessions and links of the admin page end by the clock.

use std::process::Stdio;

use libtest_mimic::{Completion, Failed, Trial};

use crate::debian;
use crate::support::http::{Client, Response};
use crate::support::process::{ConfigDirectory, Process, downtime};

const CONFIG: &str = "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\nlink_socket = \"unix:link.sock\"\n";

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::ignorable_test("admin::sessions_and_links_end_by_the_clock", sessions_and_links_end)]
}

/// A running `downtime admin` with a clock of its own.
struct AdminAtTime {
    process: Process,
    directory: ConfigDirectory,
    address: std::net::SocketAddr,
}

impl AdminAtTime {
    fn start(library: &std::path::Path) -> Self {
        let directory = ConfigDirectory::with(CONFIG);
        directory.write("clock", "2030-06-01 12:00:00");
        let mut command = downtime(&directory);
        command.arg("admin").env("LD_PRELOAD", library);
        command.env("FAKETIME_TIMESTAMP_FILE", directory.join("clock")).envs([
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ]);
        let process = Process::spawn(command);
        let line = process.log.wait_for("admin page on http://");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
        process.log.wait_for("downtime admin link");
        Self { process, directory, address: address.expect("an address") }
    }

    fn set(&self, time: &str) {
        self.directory.replace("clock", &format!("2030-06-{time}"));
    }

    fn link(&self) -> String {
        let mut command = downtime(&self.directory);
        let output = command.args(["admin", "link"]).stdout(Stdio::piped()).output().expect("the binary");
        let link = String::from_utf8(output.stdout).expect("text");
        link.trim_end().rsplit_once('#').expect("a link").1.to_owned()
    }

    fn enter(&self, secret: &str) -> Response {
        let form = format!("secret={secret}");
        let mut client = Client::connect(self.address);
        client.send(format!(
            "POST /link HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ));
        client.response("POST")
    }

    fn session(&self) -> String {
        let entered = self.enter(&self.link());
        let cookie = entered.field("set-cookie").expect("a cookie");
        format!("Cookie: {}", cookie.split(';').next().expect("a pair"))
    }

    fn status(&self, cookie: &str) -> u16 {
        Client::connect(self.address).request("GET", "/", &["Host: localhost", cookie]).status
    }
}

fn sessions_and_links_end() -> Result<Completion, Failed> {
    let Some(library) = debian::libfaketime() else {
        return debian::ignore("libfaketime is not installed (Debian: apt-get install libfaketime)".into());
    };
    let admin = AdminAtTime::start(&library);
    let idle = admin.session();
    for (time, expected) in
        [("01 12:29:59", 200), ("01 12:59:58", 200), ("01 13:29:58", 401), ("01 13:00:00", 401)]
    {
        admin.set(time);
        assert_eq!(admin.status(&idle), expected, "{time}");
    }
    admin.set("01 14:00:00");
    let used = admin.session();
    for minutes in (0..12 * 60).step_by(20) {
        let (day, hour) = (1 + (14 + minutes / 60) / 24, (14 + minutes / 60) % 24);
        admin.set(&format!("{day:02} {hour:02}:{:02}:00", minutes % 60));
        assert_eq!(admin.status(&used), 200, "after {minutes} minutes");
    }
    admin.set("02 01:59:59");
    assert_eq!(admin.status(&used), 200);
    admin.set("02 02:00:00");
    assert_eq!(admin.status(&used), 401, "after 12 hours");
    let links = [admin.link(), admin.link()];
    admin.set("02 02:00:59");
    assert_eq!(admin.enter(&links[0]).status, 303);
    admin.set("02 02:01:00");
    assert_eq!(admin.enter(&links[1]).status, 403);
    // A kill would leave the shared memory of libfaketime behind.
    admin.process.signal(rustix::process::Signal::TERM);
    assert_eq!(admin.process.end().0, Some(0));
    Ok(Completion::Completed)
}
