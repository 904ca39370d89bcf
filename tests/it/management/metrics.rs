//! `/metrics` of the management listener.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use regex::Regex;

use super::{DOWN, query, start};
use crate::gateway::http2;
use crate::support::closed_port::ClosedPort;
use crate::support::process::GatewayProcess;
use crate::support::until;
use crate::upstreams::{ScriptedUpstream, StubUpstream};

/// The secret of a bypass.
const SECRET: &str = "c2VjcmV0LW9mLXRoZS10ZXN0ZXJz";

/// The series and their values.
struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    fn of(gateway: &GatewayProcess) -> Self {
        let response = query(gateway, "/metrics");
        let lines = response.text().lines().filter(|line| !line.starts_with('#'));
        let series = lines.filter_map(|line| line.rsplit_once(' '));
        Self(series.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect())
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Returns the number of requests that ended so.
    fn requests(&self, decision: &str, cause: &str, status: &str) -> Option<f64> {
        self.get(&format!(
            "downtime_requests_total{{decision=\"{decision}\",cause=\"{cause}\",status=\"{status}\"}}"
        ))
    }
}

/// Waits until a series has a value: a request is counted after its client has the response.
fn wait_for(gateway: &GatewayProcess, value: f64, get: impl Fn(&Metrics) -> Option<f64>) {
    until("value", || get(&Metrics::of(gateway)).filter(|found| (found - value).abs() < 1e-9));
}

fn site(url: &str) -> String {
    format!("[site]\nupstream = \"{url}\"\n")
}

#[test]
fn requests_are_counted_by_decision_cause_and_status() {
    let upstream = StubUpstream::start();
    let more = "[exempt]\npaths = [\"/open/**\"]\n";
    let gateway = start(&format!("{more}{}", site(&upstream.url())));
    let one = |decision: &'static str, cause: &'static str, status: &'static str| {
        wait_for(&gateway, 1.0, move |metrics| metrics.requests(decision, cause, status));
    };
    assert_eq!(gateway.get("/", &[]).status, 200);
    one("pass", "up", "2xx");
    assert_eq!(gateway.get("/.downtime/status", &[]).status, 200);
    one("pass", "status", "2xx");
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n");
    assert_eq!(client.response("GET").status, 400);
    one("refused", "invalid", "4xx");
    gateway.apply(&super::with_management(&format!("{more}{}{DOWN}", site(&upstream.url()))));
    assert_eq!(gateway.get("/", &[]).status, 503);
    one("unavailable", "planned", "5xx");
    assert_eq!(gateway.get("/open/a", &[]).status, 200);
    one("pass", "exempt", "2xx");
    let unscheduled = format!("{DOWN}unscheduled = true\nredirect = \"https://status.example.com/\"\n");
    gateway.apply(&super::with_management(&format!("{more}{}{unscheduled}", site(&upstream.url()))));
    assert_eq!(gateway.connect().request("POST", "/", &["Content-Length: 0"]).status, 503);
    one("unavailable", "unscheduled", "5xx");
    assert_eq!(gateway.get("/", &[]).status, 302);
    one("redirect", "unscheduled", "3xx");
    let metrics = Metrics::of(&gateway);
    assert_eq!(metrics.requests("pass", "up", "5xx"), None);
    for decision in ["pass", "unavailable", "redirect"] {
        let count =
            metrics.get(&format!("downtime_request_duration_seconds_count{{decision=\"{decision}\"}}"));
        let all = metrics
            .get(&format!("downtime_request_duration_seconds_bucket{{decision=\"{decision}\",le=\"+Inf\"}}"));
        assert!(count == all && count > Some(0.0), "{decision}: {count:?} {all:?}");
    }
    assert!(metrics.get("downtime_sent_bytes_total") > Some(1000.0));
    assert!(metrics.get("downtime_received_bytes_total") > Some(100.0));
    assert_eq!(metrics.get("downtime_config_reloads_total"), Some(2.0));
}

#[test]
fn what_is_in_progress_is_counted_while_it_is() {
    let script = ScriptedUpstream::bind();
    let gateway = start(&site(&script.url()));
    let mut client = gateway.connect();
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut upstream = script.accept();
    upstream.head().expect("a request");
    for name in ["requests_in_progress", "connections_open", "upstream_connections_open"] {
        wait_for(&gateway, 1.0, |metrics| metrics.get(&format!("downtime_{name}")));
    }
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_eq!(client.response("GET").status, 200);
    drop((client, upstream));
    for name in ["requests_in_progress", "connections_open", "upstream_connections_open"] {
        wait_for(&gateway, 0.0, |metrics| metrics.get(&format!("downtime_{name}")));
    }
    let mut client = gateway.connect();
    client.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: derp\r\n\r\n");
    let mut upstream = script.accept();
    upstream.head().expect("a request");
    upstream.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: derp\r\n\r\n");
    client.head().expect("a response");
    wait_for(&gateway, 1.0, |metrics| metrics.get("downtime_tunnels_open"));
    drop((client, upstream));
    wait_for(&gateway, 0.0, |metrics| metrics.get("downtime_tunnels_open"));
    wait_for(&gateway, 1.0, |metrics| metrics.requests("pass", "up", "1xx"));
    assert_eq!(Metrics::of(&gateway).get("downtime_connections_total"), Some(2.0));
}

#[test]
fn the_time_for_which_a_down_page_waits_for_its_client_counts() {
    const SEND_TIMEOUT: f64 = 1.0;
    let gateway = start(&format!("[limits]\nsend_timeout = \"{SEND_TIMEOUT}s\"\n{DOWN}"));
    let sum = || Metrics::of(&gateway).get("downtime_request_duration_seconds_sum{decision=\"unavailable\"}");
    assert_eq!(gateway.get("/", &[]).status, 503);
    wait_for(&gateway, 1.0, |metrics| metrics.requests("unavailable", "planned", "5xx"));
    assert_eq!(sum(), Some(0.0));
    // As many pages as no socket takes without a reader.
    let requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3000);
    let mut client = gateway.connect();
    // The gateway may give the client up before it has taken the last of them.
    let _ = client.stream.write_all(requests.as_bytes());
    // The limit restarts whenever the client takes something, and ends the wait of the last page.
    until("a page that has waited", || sum().filter(|sum| *sum > SEND_TIMEOUT / 2.0));
}

#[test]
fn the_failures_of_an_upstream_are_counted_by_kind() {
    let script = ScriptedUpstream::bind();
    let gateway = start(&site(&script.url()));
    assert_eq!(Metrics::of(&gateway).get("downtime_upstream_up"), None);
    for (said, kind, up) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "cut", 1.0),
        ("nonsense\r\n\r\n", "invalid", 0.0),
        ("HTTP", "broken", 0.0),
    ] {
        let mut client = gateway.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut upstream = script.accept();
        upstream.head().expect("a request");
        upstream.send(said);
        if kind == "cut" {
            client.head().expect("a response");
        }
        drop(upstream);
        wait_for(&gateway, 1.0, |metrics| {
            metrics.get(&format!("downtime_upstream_errors_total{{kind=\"{kind}\"}}"))
        });
        assert_eq!(Metrics::of(&gateway).get("downtime_upstream_up"), Some(up), "{kind}");
    }
    drop(script);
    gateway.get("/", &[]);
    wait_for(&gateway, 1.0, |metrics| metrics.get("downtime_upstream_errors_total{kind=\"connect\"}"));
}

#[test]
fn each_time_limit_of_an_upstream_has_a_kind_of_its_own() {
    for (scheme, more, kind) in [
        ("https:", "connect_timeout = \"50ms\"\n", "connect_timeout"),
        ("http:", "response_timeout = \"50ms\"\n", "response_timeout"),
        ("http:", "connect_timeout = \"50ms\"\n[limits]\nupstream_connections = 1\n", "busy"),
    ] {
        let script = ScriptedUpstream::bind();
        let gateway = start(&format!("{}{more}", site(&script.url().replace("http:", scheme))));
        let _request_in_progress = (kind == "busy").then(|| {
            let mut client = gateway.connect();
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            let mut upstream = script.accept();
            upstream.head().expect("a request");
            (client, upstream)
        });
        assert_eq!(gateway.get("/", &[]).status, 503, "{kind}");
        for other in ["connect", "busy", "connect_timeout", "response_timeout", "broken", "invalid", "cut"] {
            let name = format!("downtime_upstream_errors_total{{kind=\"{other}\"}}");
            wait_for(&gateway, f64::from(u8::from(other == kind)), |metrics| metrics.get(&name));
        }
    }
}

#[test]
fn requests_that_wait_behind_another_one_for_a_busy_upstream_of_http2_count_as_busy() {
    const SETTINGS: u8 = 4;
    /// One request at a time.
    const ONE: &[u8] = &[0, 3, 0, 0, 0, 1];
    let script = ScriptedUpstream::bind();
    let more = "connect_timeout = \"500ms\"\n[limits]\nupstream_connections = 1\n";
    let gateway = start(&format!("{}{more}", site(&script.url().replace("http:", "h2c:"))));
    let send = || {
        let mut client = gateway.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client
    };
    let _request_in_progress = send();
    let mut upstream = script.accept();
    upstream.send(http2::frame(SETTINGS, 0, 0, ONE));
    upstream.take(24).expect("a preface");
    // Those of the gateway, and its acknowledgement.
    http2::until(&mut upstream, SETTINGS);
    http2::until(&mut upstream, SETTINGS);
    let others: Vec<_> = std::iter::repeat_with(send).take(8).collect();
    for mut other in others {
        assert_eq!(other.response("GET").status, 503);
    }
    for (kind, count) in [("busy", 8.0), ("connect_timeout", 0.0), ("settings_timeout", 0.0)] {
        let name = format!("downtime_upstream_errors_total{{kind=\"{kind}\"}}");
        wait_for(&gateway, count, |metrics| metrics.get(&name));
    }
}

#[test]
fn testers_and_wrong_secrets_are_counted() {
    let upstream = StubUpstream::start();
    let hash = |secret: &str| downtime::config::load::sha256(secret.as_bytes(), None);
    let bypass = |secret: &str, hours: i64| {
        let until = downtime::clock::now() + jiff::SignedDuration::from_hours(hours);
        format!("[[bypass]]\nhash = \"sha256:{}\"\nuntil = {until}\n", hash(secret))
    };
    let bypasses = [bypass(SECRET, 1), bypass("another", 1), bypass("old", -1)].concat();
    let gateway = start(&format!("{}{DOWN}{bypasses}", site(&upstream.url())));
    assert_eq!(Metrics::of(&gateway).get("downtime_bypasses_open"), Some(2.0));
    for (secret, status) in [(SECRET, 200), ("wrong", 503)] {
        assert_eq!(gateway.get("/", &[&format!("Downtime-Bypass: {secret}")]).status, status);
    }
    wait_for(&gateway, 1.0, |metrics| metrics.requests("pass", "bypass", "2xx"));
    let wrong = "downtime_bypass_wrong_secrets_total";
    assert_eq!(Metrics::of(&gateway).get(wrong), Some(0.0), "only the form counts");
    for (secret, wrong_secrets) in [(SECRET, 0.0), ("wrong", 1.0)] {
        let body = format!("secret={secret}");
        let mut client = gateway.connect();
        client.send(format!(
            "POST /.downtime/enter HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        client.response("POST");
        wait_for(&gateway, wrong_secrets, |metrics| metrics.get(wrong));
    }
}

#[test]
fn the_state_and_its_times_are_there_if_they_are_known() {
    let planned = "[[period]]\nstart = 2999-01-01T00:00:00Z\n";
    let gateway = start(planned);
    let metrics = Metrics::of(&gateway);
    let next = metrics.get("downtime_next_change_timestamp_seconds");
    assert_eq!(next, Some(32_472_144_000.0));
    for name in ["outage_start", "outage_end"] {
        assert_eq!(metrics.get(&format!("downtime_{name}_timestamp_seconds")), None);
    }
    gateway.apply(&super::with_management(DOWN));
    let metrics = Metrics::of(&gateway);
    assert_eq!(metrics.get("downtime_down"), Some(1.0));
    assert_eq!(metrics.get("downtime_outage_start_timestamp_seconds"), Some(1_577_836_800.0));
    assert_eq!(metrics.get("downtime_outage_end_timestamp_seconds"), None);
    gateway.apply(&super::with_management(&format!("{DOWN}end = 2999-01-01T00:00:00Z\n")));
    let metrics = Metrics::of(&gateway);
    assert_eq!(metrics.get("downtime_outage_end_timestamp_seconds"), Some(32_472_144_000.0));
}

#[test]
fn the_process_is_described() {
    let gateway = start("");
    let metrics = Metrics::of(&gateway);
    for (name, least, most) in [
        ("process_cpu_seconds_total", 0.000_1, 1000.0),
        ("process_resident_memory_bytes", 1e6, 1e10),
        ("process_virtual_memory_bytes", 1e6, 1e12),
        ("process_open_fds", 8.0, 1000.0),
        ("process_max_fds", 100.0, 1e10),
        ("process_threads", 4.0, 1000.0),
        ("process_start_time_seconds", 1.7e9, 1e10),
        (concat!("downtime_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1.0, 1.0),
    ] {
        let value = metrics.get(name).unwrap_or_else(|| panic!("no {name}"));
        assert!((least..=most).contains(&value), "{name}: {value}");
    }
}

/// Returns the names of all metrics, with the suffixes of histograms removed.
fn all_names() -> BTreeMap<String, String> {
    let bypass = "[[bypass]]\nhash = \"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"\nuntil = 2020-01-01T00:00:00Z\n";
    let port = ClosedPort::bind();
    let (cert, key) = crate::support::tls::identity(&["site.example"]);
    let config = format!(
        "[server]\nlisten = [\"127.0.0.1:0\", \"https://127.0.0.1:0\"]\ntls = [{{ cert = \"c.pem\", key = \"k.pem\" }}]\n\
         [management]\nlisten = \"unix:management.sock\"\n{}{DOWN}end = 2999-01-01T00:00:00Z\npaths = [\"/down\"]\n{bypass}",
        site(&port.url())
    );
    let directory = crate::support::process::ConfigDirectory::with(&config);
    directory.write("c.pem", &cert);
    directory.write("k.pem", &key);
    let gateway = GatewayProcess::on(directory);
    gateway.get("/", &[]);
    let response = query(&gateway, "/metrics");
    let help = response.text().lines().filter_map(|line| line.strip_prefix("# HELP "));
    let names = help.filter_map(|line| line.split_once(' '));
    names.map(|(name, help)| (name.to_owned(), help.to_owned())).collect()
}

#[test]
fn every_metric_is_documented_and_every_documented_metric_exists() {
    let names = all_names();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/monitoring.md")).expect("a document");
    let rows = Regex::new(r"(?m)^\| `((?:downtime|process)_\w+)(?:\{[^`]*\})?` \|").unwrap();
    let documented: Vec<_> = rows.captures_iter(&text).map(|row| row[1].to_owned()).collect();
    assert_eq!(documented.iter().collect::<std::collections::BTreeSet<_>>().len(), documented.len());
    for name in names.keys() {
        assert!(documented.contains(name), "{name} is not in docs/monitoring.md");
    }
    for name in &documented {
        assert!(names.contains_key(name), "{name} does not exist");
    }
}

#[test]
fn the_dashboard_the_rules_and_the_documents_name_metrics_that_exist() {
    let names = all_names();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = ["packaging/grafana", "packaging/prometheus", "docs"]
        .iter()
        .flat_map(|directory| fs::read_dir(root.join(directory)).expect("a directory"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .collect();
    files.push(root.join("README.md"));
    let name = Regex::new(r"\b(?:downtime|process)_[a-z_]+(?:_total|_bytes|_seconds|_open|_up|_fds|_info|_active|_successful|_events|_unusable|_progress|_down|_generation|_bucket|_sum|_count)\b|\bdowntime_down\b").unwrap();
    let mut found = 0;
    for path in files {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for name in name.find_iter(&text) {
            let base =
                ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.as_str().strip_suffix(suffix));
            let exists =
                names.contains_key(name.as_str()) || base.is_some_and(|base| names.contains_key(base));
            assert!(exists, "{} names {}", path.display(), name.as_str());
            found += 1;
        }
    }
    assert!(found > 40, "{found}");
}
