//! The configurations in `docs/recipes/sites.md` work: each runs as it is in the document, apart from its addresses, in front of the
//! program that it is for.

mod wordpress;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Failed, Trial};
use regex::Regex;
use rustix::process::Signal;

use crate::debian::{self, PYTHON, RequiredProgram};
use crate::support::DEADLINE;
use crate::support::http::{Client, Response};
use crate::support::log::Log;
use crate::support::process::{ConfigDirectory, GatewayProcess, Process, downtime};
use crate::support::tls::{identity, tunnel_thread};

const DOCUMENT: &str = include_str!("../../docs/recipes/sites.md");

/// Paths that no recipe exempts.
const DOWN: [&str; 5] = ["/", "/page?a=1", "/administrator", "/static/site.css", "/wp-content/plugins/a.php"];

const LISTEN: &str = "listen = [\":80\"]";
const LISTEN_HTTP: &str = "listen = [\"127.0.0.1:0\"]";
const LISTEN_HTTPS: &str =
    "listen = [\"https://127.0.0.1:0\"]\ntls = [{ cert = \"cert.pem\", key = \"key.pem\" }]";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, test: fn() -> Result<Completion, Failed>| {
        Trial::ignorable_test(format!("sites::{name}"), test)
    };
    vec![
        trial("operators_use_the_admin_of_django_while_its_site_is_down", || {
            with_django(|| check("Django", &Site::django(), use_the_admin_of_django))
        }),
        trial("visitors_can_only_read_the_site_of_django_during_its_migration", || {
            with_django(check_migration)
        }),
        trial("operators_use_the_area_for_them_of_rails_while_its_site_is_down", || {
            with_programs(&[("puma", "puma"), ("rails", "ruby-railties")], || {
                check("Rails", &Site::rails(), use_the_area_of_rails);
            })
        }),
        trial("operators_use_the_dashboard_of_wordpress_while_its_site_is_down", || {
            with_programs(&wordpress::PROGRAMS, || {
                check("WordPress", &wordpress::start(), wordpress::use_the_dashboard);
            })
        }),
    ]
}

fn with_programs(programs: &[RequiredProgram], test: fn()) -> Result<Completion, Failed> {
    debian::with(programs, || {
        test();
        Ok(())
    })
}

fn with_django(test: fn()) -> Result<Completion, Failed> {
    debian::with_python_module(("django, gunicorn", "python3-django python3-gunicorn"), || {
        test();
        Ok(())
    })
}

/// A site behind the gateway, stopped when it is dropped.
struct Site {
    process: Process,
    database: Option<Process>,
    _directory: ConfigDirectory,
    upstream: String,
}

impl Site {
    fn django() -> Self {
        let directory = ConfigDirectory::with("");
        directory.write("django_site.py", include_str!("sites/django_site.py"));
        directory.write("recipe.py", &setting_of_django());
        Self::start(directory, &[PYTHON, "-m", "gunicorn", "--bind", "unix:site.sock", "django_site"])
    }

    fn rails() -> Self {
        let directory = ConfigDirectory::with("");
        directory.write("config.ru", include_str!("sites/rails_site.ru"));
        std::fs::create_dir_all(directory.join("public/assets")).expect("a directory");
        directory.write("public/assets/site.css", "body {}\n");
        Self::start(directory, &["puma", "--environment", "production", "--bind", "unix://site.sock"])
    }

    /// Starts a program in a directory, and waits until it says where it listens.
    fn start(directory: ConfigDirectory, program: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" >&2", "site"]).args(program).current_dir(directory.path());
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a shell");
        let log = Log::new(child.stderr.take().expect("piped"));
        let process = Process { child, log };
        // Rails takes seconds to start, and much longer on a busy machine.
        let started = |line: &str| line.contains("Listening ") || line.contains(" Development Server ");
        let line = process.log.wait_within(3 * DEADLINE, "Listening", started);
        let upstream = match Regex::new(r"\((http://.*)\) started").expect("an expression").captures(&line) {
            Some(found) => found[1].to_owned(),
            None => format!("unix:{}", directory.join("site.sock").display()),
        };
        Self { process, database: None, _directory: directory, upstream }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A killed gunicorn would leave its worker behind.
        self.process.signal(Signal::TERM);
        let _ = self.process.child.wait();
        drop(self.database.take());
    }
}

/// Returns the setting of Django that the document names.
fn setting_of_django() -> String {
    let setting = Regex::new(r"`([A-Z_]+ = \(.*\))`").expect("an expression");
    let settings: Vec<_> =
        setting.captures_iter(section("Django")).map(|found| found[1].to_owned()).collect();
    assert_eq!(settings.len(), 1, "{settings:?}");
    settings.concat()
}

fn section(heading: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(&format!("\n## {heading}\n")).expect(heading);
    rest.split("\n## ").next().unwrap_or(rest)
}

/// Starts a gateway with a configuration of the document in front of a site.
fn gateway(config: &str, site: &Site, scheme: &str) -> GatewayProcess {
    let upstream = Regex::new("(?m)^upstream = .*$").expect("an expression");
    assert!(config.contains(LISTEN) && upstream.is_match(config), "{config}");
    let config = upstream.replace(config, format!("upstream = \"{}\"", site.upstream));
    let listen = if scheme == "https" { LISTEN_HTTPS } else { LISTEN_HTTP };
    let directory = ConfigDirectory::with(&config.replace(LISTEN, listen));
    let (cert, key) = identity(&["site.example"]);
    directory.write("cert.pem", &cert);
    directory.write("key.pem", &key);
    GatewayProcess::on(directory)
}

/// Returns a block of a section.
fn block(heading: &str, language: &str, index: usize) -> &'static str {
    let block = section(heading).split(&format!("\n```{language}\n")).nth(index + 1).expect("a block");
    block.split("```\n").next().unwrap_or(block)
}

/// Runs an edit of the gateway's file, and waits until the gateway has applied it.
fn edit(gateway: &GatewayProcess, arguments: &[&str]) {
    let output = downtime(&gateway.directory).args(arguments).output().expect("the binary");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    gateway.log().wait_for(" applied ");
}

/// A browser with cookies.
struct Browser {
    address: SocketAddr,
    scheme: &'static str,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new(gateway: &GatewayProcess, scheme: &'static str) -> Self {
        let address = if scheme == "https" { tunnel_thread(gateway.address) } else { gateway.address };
        Self { address, scheme, cookies: BTreeMap::new() }
    }

    fn url(&self, path: &str) -> String {
        format!("{}://site.example{path}", self.scheme)
    }

    fn get(&mut self, path: &str) -> Response {
        self.send("GET", path, "", "")
    }

    /// Sends a form, as a page of the site does.
    fn post(&mut self, path: &str, form: &str) -> Response {
        let fields = format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nOrigin: {}\r\nReferer: {}\r\n",
            form.len(),
            self.url(""),
            self.url(path)
        );
        self.send("POST", path, &fields, form)
    }

    fn send(&mut self, method: &str, path: &str, fields: &str, body: &str) -> Response {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut client = Client::connect(self.address);
        client.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: site.example\r\nCookie: {}\r\n{fields}\r\n{body}",
            cookies.join("; ")
        ));
        let response = client.response(method);
        for (_, cookie) in response.fields.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = cookie.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        response
    }

    /// Gets a page, and all styles, scripts and images that it uses.
    fn open(&mut self, path: &str) -> String {
        let page = self.get(path);
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        let own = format!("{}:", self.scheme);
        let link =
            Regex::new(r#"<(?:link|script|img)[^>]*? (?:href|src)=["']([^"']+)"#).expect("an expression");
        for (_, [url]) in link.captures_iter(page.text()).map(|found| found.extract()) {
            let url = url.replace("&amp;", "&").replace("&#038;", "&");
            let (scheme, path) = url.split_once("//site.example").unwrap_or((&own, &url));
            // Some pictures come from other hosts.
            if path.starts_with('/') && !path.starts_with("//") {
                assert_eq!((scheme, self.get(path).status), (own.as_str(), 200), "{url}");
            }
        }
        page.text().to_owned()
    }
}

fn assert_redirects(response: &Response, target: &str) {
    let found = (response.status, response.field("location"));
    assert!(matches!(found.0, 301 | 302) && found.1 == Some(target), "{found:?}, not {target}");
}

/// Returns the value of a hidden field of a form, in the encoding of forms.
fn hidden(page: &str, name: &str) -> String {
    let expression = format!(r#"name="{name}" value="([^"]+)""#);
    let value = Regex::new(&expression).expect("an expression").captures(page).expect("a hidden field");
    form_urlencoded::byte_serialize(value[1].as_bytes()).collect()
}

/// Checks a recipe over http and https: what the site learns of the request, what is down while a downtime that was started by a
/// command is active, and what operators do meanwhile.
fn check(heading: &str, site: &Site, operate: fn(&mut Browser)) {
    for (scheme, other) in [("http", "https"), ("https", "http")] {
        let gateway = gateway(block(heading, "toml", 0), site, scheme);
        let mut browser = Browser::new(&gateway, scheme);
        let forged = format!("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: {other}\r\n");
        let page = browser.send("GET", "/page?a=1", &forged, "");
        let expected = format!("{} for 127.0.0.1", browser.url("/page?a=1"));
        assert_eq!(page.text(), expected, "{}", site.process.log.text());
        let arrival = browser.url("/arrive");
        assert_redirects(&browser.get("/leave"), &arrival);

        edit(&gateway, &["start", "--for", "1h"]);
        for path in DOWN {
            for response in [browser.get(path), browser.post(path, "a=1")] {
                assert_eq!((response.status, response.downtime()), (503, Some("planned")), "{path}");
            }
        }
        assert_eq!(browser.get("/robots.txt").status, 200);
        operate(&mut browser);
        edit(&gateway, &["end"]);
        assert_eq!(browser.get("/page?a=1").text(), expected);
    }
}

fn use_the_admin_of_django(browser: &mut Browser) {
    const LOGIN: &str = "/admin/login/?next=/admin/";
    assert_redirects(&browser.get("/admin"), "/admin/");
    assert_redirects(&browser.get("/admin/"), LOGIN);
    let token = hidden(&browser.open(LOGIN), "csrfmiddlewaretoken");
    let form = "username=operator&password=secret&next=/admin/";
    assert_eq!(browser.post(LOGIN, form).status, 403, "without the token");
    let entered = browser.post(LOGIN, &format!("csrfmiddlewaretoken={token}&{form}"));
    assert_redirects(&entered, "/admin/");
    assert!(browser.open("/admin/").contains("Site administration"));
    let token = hidden(&browser.open("/admin/auth/group/add/"), "csrfmiddlewaretoken");
    let name = browser.scheme;
    let added = browser.post("/admin/auth/group/add/", &format!("csrfmiddlewaretoken={token}&name={name}"));
    assert_redirects(&added, "/admin/auth/group/");
    assert!(browser.open("/admin/auth/group/").contains("was added successfully"));
}

/// The migration is active now.
fn check_migration() {
    let time = Regex::new("start = .*\nfor = .*\n").expect("an expression");
    let block = block("Django", "toml", 1);
    assert!(time.is_match(block), "{block}");
    let config = time.replace(block, "start = 2020-01-01T00:00:00Z\n");
    let site = Site::django();
    let gateway = gateway(&format!("[server]\n{LISTEN}\n{config}"), &site, "http");
    let mut browser = Browser::new(&gateway, "http");
    let page = browser.get("/page");
    assert_eq!(page.text(), "http://site.example/page for 127.0.0.1", "{}", site.process.log.text());
    let form = browser.open("/admin/login/");
    let login = format!("csrfmiddlewaretoken={}&username=operator", hidden(&form, "csrfmiddlewaretoken"));
    for (path, form) in [("/page", "a=1"), ("/admin/login/", &login)] {
        let response = browser.post(path, form);
        assert_eq!((response.status, response.downtime()), (503, Some("planned")), "{path}");
    }
}

fn use_the_area_of_rails(browser: &mut Browser) {
    let probe = browser.get("/up");
    assert_eq!(probe.status, 200);
    assert_ne!(probe.text(), "Rails is up");
    let login = browser.url("/admin/login");
    assert_redirects(&browser.get("/admin"), &login);
    let token = hidden(&browser.open("/admin/login"), "authenticity_token");
    assert_eq!(browser.post("/admin/login", "name=operator").status, 422, "without the token");
    let entered = browser.post("/admin/login", &format!("authenticity_token={token}&name=operator"));
    let admin = browser.url("/admin");
    assert_redirects(&entered, &admin);
    assert_eq!(browser.open("/admin"), "Hello operator");
}
