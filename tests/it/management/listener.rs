//! The management listener: health, readiness, metrics.

use rustix::process::Signal;

use super::{DOWN, LOCALHOST, MANAGEMENT, operator, query, start, with_management};
use crate::support::process::{ConfigDirectory, GatewayProcess, Process, downtime};
use crate::upstreams::ScriptedUpstream;

/// Returns the value of a metric.
fn metric(gateway: &GatewayProcess, name: &str) -> f64 {
    let metrics = query(gateway, "/metrics");
    let value = metrics.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}: {}", metrics.text()))
}

#[test]
fn each_path_answers_get_and_head_and_is_never_cached() {
    let gateway = start("");
    let mut operator = operator(&gateway);
    for (path, media_type, text) in [
        ("/health", "text/plain; charset=utf-8", "the gateway is serving\n"),
        ("/healthz", "text/plain; charset=utf-8", "the gateway is serving\n"),
        ("/livez", "text/plain; charset=utf-8", "the gateway is serving\n"),
        ("/ready", "text/plain; charset=utf-8", "a snapshot is applied\n"),
        ("/readyz", "text/plain; charset=utf-8", "a snapshot is applied\n"),
        ("/status", "application/json", "\"source\": \"server\""),
        ("/metrics", "text/plain; version=0.0.4; charset=utf-8", "downtime_config_generation 1\n"),
    ] {
        let response = operator.request("GET", path, &[LOCALHOST]);
        assert_eq!((response.status, response.field("content-type")), (200, Some(media_type)), "{path}");
        assert_eq!(response.field("cache-control"), Some("no-store"), "{path}");
        assert!(response.text().contains(text), "{}", response.text());
        let head = operator.request("HEAD", path, &[LOCALHOST]);
        assert_eq!((head.status, head.field("content-type")), (200, Some(media_type)), "{path}");
        assert_eq!(operator.request("POST", path, &[LOCALHOST]).status, 405, "{path}");
    }
    for path in ["/", "/healthy", "/healthz/x", "/status/x", "/.downtime/status"] {
        assert_eq!(operator.request("GET", path, &[LOCALHOST]).status, 404, "{path}");
    }
}

#[test]
fn a_host_that_a_web_page_could_have_gets_421() {
    let gateway = start(DOWN);
    let status = |host: &str| {
        let response = operator(&gateway).request("GET", "/status", &[&format!("Host: {host}")]);
        assert_eq!(response.field("cache-control"), Some("no-store"), "{host}");
        assert_eq!(response.status == 200, response.text().contains("\"db\""), "{host}: {}", response.text());
        assert_eq!(response.status == 421, response.text().contains("`hosts` in [management]"), "{host}");
        response.status
    };
    let hosts = ["localhost", "127.0.0.1:9503", "[::1]", "ops.example.com", "evil.example"];
    assert_eq!(hosts.map(status), [200, 200, 200, 421, 421]);
    // The list follows the file.
    let named = "[management]\nhosts = [\"ops.example.com\"]\n";
    gateway.apply(&with_management(DOWN).replace("[management]\n", named));
    assert_eq!(hosts.map(status), [200, 200, 200, 200, 421]);
    gateway.apply(DOWN);
    assert_eq!(hosts.map(status), [200, 200, 200, 421, 421]);
    let mut without_host = super::operator(&gateway);
    without_host.send("GET /status HTTP/1.0\r\n\r\n");
    assert_eq!(without_host.response("GET").status, 421);
}

#[test]
fn the_authority_is_the_host_over_http_2() {
    use hyper::client::conn::http2::handshake;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let gateway = start(DOWN);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::UnixStream::connect(gateway.directory.join("management.sock"))
            .await
            .expect("the gateway");
        let (mut sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
        tokio::spawn(connection);
        for (host, status) in [("localhost:9503", 200), ("evil.example", 421)] {
            let request = http::Request::get(format!("http://{host}/status"));
            let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).expect("a request");
            assert_eq!(sender.send_request(request).await.expect("a response").status(), status, "{host}");
        }
    });
}

#[test]
fn visitors_cannot_reach_it() {
    let gateway = start(DOWN);
    for path in ["/health", "/ready", "/status", "/metrics"] {
        assert_eq!(gateway.get(path, &[]).downtime(), Some("planned"), "{path}");
    }
}

#[test]
fn the_metrics_follow_the_file() {
    let gateway = start("");
    let values = |names: [&str; 5]| names.map(|name| metric(&gateway, name).to_string());
    let names = [
        "downtime_down",
        "downtime_partly_down",
        "downtime_periods_active",
        "downtime_config_generation",
        "downtime_config_last_reload_successful",
    ];
    assert_eq!(values(names), ["0", "0", "0", "1", "1"]);
    gateway.apply(&with_management(DOWN));
    assert_eq!(values(names), ["1", "0", "1", "2", "1"]);
    gateway.apply(&with_management(&format!("{DOWN}methods = [\"POST\"]\n")));
    assert_eq!(values(names), ["0", "1", "1", "3", "1"]);
    assert_eq!(metric(&gateway, "downtime_config_rejections_total").to_string(), "0");
    gateway.edit("oops");
    gateway.log().wait_for("is not applied");
    assert_eq!(values(names), ["0", "1", "1", "3", "0"]);
    assert_eq!(metric(&gateway, "downtime_config_rejections_total").to_string(), "1");
    gateway.apply(&with_management(""));
    assert_eq!(values(names), ["0", "0", "0", "4", "1"]);
    assert_eq!(metric(&gateway, "downtime_config_rejections_total").to_string(), "1");
    let applied_at = metric(&gateway, "downtime_config_applied_timestamp_seconds");
    #[allow(clippy::cast_precision_loss, reason = "seconds")]
    let age = downtime::clock::now().as_second() as f64 - applied_at;
    assert!((0.0..60.0).contains(&age), "applied {age} s ago");
}

#[test]
fn while_stopping_it_is_not_ready_and_responds_until_the_last_request_ends() {
    let site = ScriptedUpstream::bind();
    let gateway = start(&format!("[site]\nupstream = \"{}\"\n", site.url()));
    let mut visitor = gateway.connect();
    visitor.send("GET / HTTP/1.1\r\nHost: site.example\r\n\r\n");
    let mut upstream = site.accept();
    upstream.head().expect("a request");
    gateway.process.signal(Signal::TERM);
    gateway.log().wait_for("stopping");
    for (path, status) in
        [("/ready", 503), ("/readyz", 503), ("/health", 200), ("/healthz", 200), ("/livez", 200)]
    {
        assert_eq!(query(&gateway, path).status, status, "{path}");
    }
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(visitor.response("GET").text(), "ok");
    let GatewayProcess { process, directory, .. } = gateway;
    let (code, output) = process.end();
    assert_eq!(code, Some(0), "{output}");
    assert!(!directory.join("management.sock").exists());
}

#[test]
fn an_address_that_is_in_use_is_an_error_that_names_the_section() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("an address");
    let directory = ConfigDirectory::with(&MANAGEMENT.replace("unix:management.sock", &address.to_string()));
    let (code, output) = Process::spawn(downtime(&directory)).end();
    assert_eq!(code, Some(1));
    assert!(output.contains(&format!("cannot listen on {address}")), "{output}");
    assert!(output.contains("or change [management] listen"), "{output}");
}

#[test]
fn a_new_address_takes_effect_at_the_next_start_and_is_logged_once() {
    let gateway = start("");
    let other = MANAGEMENT.replace("management.sock", "other.sock");
    gateway.apply(&format!("{other}{DOWN}"));
    gateway.log().wait_for("[management] listen takes effect at the next start");
    assert_eq!(query(&gateway, "/status").json()["generation"], 2);
    gateway.apply(&other);
    gateway.apply(MANAGEMENT);
    gateway.apply("");
    gateway.log().wait_for("[management] listen takes effect at the next start");
    gateway.apply(MANAGEMENT);
    assert_eq!(gateway.log().count("takes effect at the next start"), 2, "{}", gateway.log().text());
}
