//! What operators see on the admin page, and what becomes of the file when they change something there.

mod api;
mod bypasses;
mod conflicts;
mod forms;
mod mistakes;

use form_urlencoded::Serializer;
use serde_json::Value;

use crate::support::admin::{RunningAdminPage, SECTIONS, WRITER};
use crate::support::http::{Client, Response};
use crate::support::process::{ConfigDirectory, GatewayProcess};

/// A planned period with comments, and one that repeats.
const PLANNED: &str = "\
# By the database team.
[[period]]
name = \"db\" # ticket 4711
start = 2999-12-01T22:00:00+01:00
end = 2999-12-02T02:00:00+01:00
message = { en = \"Faster soon.\", de = \"Bald schneller.\" }

[[period]]
name = \"patching\"
cron = \"30 23 * * SAT\"
for = \"2h\"
except = [2026-12-26]
";

/// Starts an admin page for a file with these periods.
fn admin(periods: &str) -> (ConfigDirectory, RunningAdminPage) {
    let directory = ConfigDirectory::with(&format!("timezone = \"Europe/Berlin\"\n{SECTIONS}\n{periods}"));
    let admin = RunningAdminPage::on(&directory);
    (directory, admin)
}

/// Starts a gateway with an admin page for these periods.
fn gateway(periods: &str) -> (GatewayProcess, RunningAdminPage) {
    let management = "[management]\nlisten = \"unix:management.sock\"\n";
    let gateway = GatewayProcess::start(&format!("{SECTIONS}{management}\n{periods}"));
    let admin = RunningAdminPage::on(&gateway.directory);
    (gateway, admin)
}

fn file(directory: &ConfigDirectory) -> String {
    std::fs::read_to_string(directory.join("downtime.toml")).expect("read")
}

impl RunningAdminPage {
    /// Sends a request as the writer.
    fn send(&self, method: &str, path: &str, fields: &[&str], body: &str) -> Response {
        let mut client = Client::connect(self.address);
        let authorization = format!("Authorization: Bearer {WRITER}\r\n");
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        if !fields.iter().any(|field| field.starts_with("Authorization:")) {
            head += &authorization;
        }
        for field in fields {
            head.extend([*field, "\r\n"]);
        }
        client.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
        client.response(method)
    }

    /// Opens a page as a browser does.
    fn open(&self, path: &str) -> (u16, String) {
        let response = self.send("GET", path, &["Accept: text/html"], "");
        (response.status, text(&response))
    }

    /// Sends a form as a browser does, with the version of the file that the page at `page` has.
    fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let version = self.version(page);
        self.submit_for(&version, action, fields)
    }

    /// Sends a form that was made for a version of the file.
    fn submit_for(&self, version: &str, action: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let body =
            Serializer::new(String::new()).append_pair("sha256", version).extend_pairs(fields).finish();
        let origin = format!("Origin: http://{}", self.address);
        let head = ["Accept: text/html", "Content-Type: application/x-www-form-urlencoded", &origin];
        let response = self.send("POST", action, &head, &body);
        match (response.status, response.field("location")) {
            (303, Some(location)) => {
                let (status, page) = self.open(location);
                assert_eq!(status, 200);
                (303, page)
            }
            (status, _) => (status, text(&response)),
        }
    }

    /// Returns the version of the file that the form on a page is for.
    fn version(&self, page: &str) -> String {
        let (_, html) = self.open(page);
        let (_, rest) = html.split_once("name=\"sha256\" value=\"").expect("a form");
        rest.split('"').next().expect("a value").to_owned()
    }

    /// Sends JSON, or asks for it. Returns the status and the document.
    pub(crate) fn json(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let response =
            self.send(method, path, &["Accept: application/json", "Content-Type: application/json"], body);
        (response.status, serde_json::from_slice(&response.body).expect("JSON"))
    }
}

/// Returns the body of a page, with slashes that are not escaped.
fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).expect("text").replace("&#x2f;", "/")
}
