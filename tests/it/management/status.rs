//! `/status` of the management listener, and `downtime status`, which queries it.

use serde_json::Value;

use super::{DOWN, MANAGEMENT, query, run, start, with_management};
use crate::support::closed_port::ClosedPort;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::upstreams::StubUpstream;

fn status(gateway: &GatewayProcess) -> Value {
    query(gateway, "/status").json()
}

#[test]
fn it_reports_what_check_reports_and_how_the_file_was_applied() {
    let config = with_management(&format!("[exempt]\npaths = [\"/admin\"]\n{DOWN}"));
    let gateway = GatewayProcess::start(&format!("timezone = \"Europe/Berlin\"\n{config}"));
    let mut report = status(&gateway);
    let check = run(&gateway.directory, &["--check", "--format", "json"]);
    let mut expected: Value = serde_json::from_str(&check.stdout).expect("JSON");
    expected["source"] = "server".into();
    let report = report.as_object_mut().expect("an object");
    let more: Vec<_> = [
        "file",
        "sha256",
        "generation",
        "applied_at",
        "listen_differs",
        "rejected",
        "watch",
        "timezone",
        "lines",
        "reachable",
        "requests",
        "upstream",
        "stopping",
    ]
    .map(|key| report.remove(key).unwrap_or_else(|| panic!("no {key}")))
    .into();
    assert_eq!(Value::Object(report.clone()), expected);
    assert_eq!(expected["diagnostics"][0]["severity"], "warning");
    let file = gateway.directory.join("downtime.toml");
    let sha256 = downtime::config::load::sha256(&std::fs::read(&file).expect("read"), None);
    assert_eq!(more[0], file.display().to_string());
    assert_eq!((&more[1], &more[2], &more[5]), (&Value::from(sha256), &Value::from(1), &Value::Null));
    assert_eq!((&more[6], &more[7]), (&"events".into(), &"Europe/Berlin".into()));
    assert_eq!(more[12], false);
}

#[test]
fn a_rejected_file_is_reported_with_its_mistakes_until_a_valid_one_is_applied() {
    let gateway = start(DOWN);
    let applied = status(&gateway)["sha256"].clone();
    let mistake = with_management("[response]\nstatus = 200\n");
    gateway.directory.replace("downtime.toml", &mistake);
    gateway.log().wait_for("is not applied");
    let report = status(&gateway);
    assert_eq!(
        (&report["state"], &report["sha256"], &report["generation"]),
        (&"down".into(), &applied, &1.into())
    );
    let rejected = &report["rejected"];
    assert_eq!(rejected["sha256"], downtime::config::load::sha256(mistake.as_bytes(), None));
    let problem = &rejected["diagnostics"][0];
    assert_eq!(
        (&problem["severity"], &problem["line"], &problem["column"]),
        (&"error".into(), &6.into(), &10.into())
    );
    gateway.apply(&with_management(""));
    let report = status(&gateway);
    assert_eq!(
        (&report["rejected"], &report["state"], &report["generation"]),
        (&Value::Null, &"up".into(), &2.into())
    );
}

#[test]
fn an_unreachable_upstream_is_reported() {
    let origin = StubUpstream::start();
    let port = ClosedPort::bind();
    let unreachable = port.url();
    let site = |url: &str, more: &str| with_management(&format!("[site]\nupstream = \"{url}\"\n{more}"));
    let gateway = GatewayProcess::start(&site(&unreachable, ""));
    let observed = || {
        let report = status(&gateway);
        let visitors = report["lines"][1].as_str().expect("a line").to_owned();
        (report["reachable"].as_bool(), visitors)
    };
    let reachable = || "visitors  get the site".to_owned();
    assert_eq!(observed(), (None, format!("visitors  get the site, if {unreachable} answers")));
    let failed = format!("the last attempt to reach {unreachable} failed");
    for method in ["GET", "POST"] {
        let response =
            gateway.connect().request(method, "/", &["Content-Length: 0"][usize::from(method == "GET")..]);
        assert_eq!(response.downtime(), Some("unreachable"), "{method}");
        assert_eq!(
            observed(),
            (Some(false), format!("visitors  get the down page with 503: {failed}")),
            "{method}"
        );
    }
    gateway.apply(&site(&unreachable, "when_unreachable = \"error\"\n"));
    assert_eq!(observed(), (Some(false), format!("visitors  get 502 or 504: {failed}")));
    gateway.apply(&site(&unreachable, &format!("when_unreachable = \"error\"\n{DOWN}")));
    let down = "visitors  get the down page with 503; exempt requests get 502 or 504";
    assert_eq!(observed(), (Some(false), format!("{down}: {failed}")));
    for method in ["GET", "POST"] {
        gateway.apply(&site(&origin.url(), &format!("# {method}\n")));
        assert_eq!(observed().0, (method == "POST").then_some(true));
        let fields = &["Content-Length: 0"][usize::from(method == "GET")..];
        assert_eq!(gateway.connect().request(method, "/", fields).status, 200);
        assert_eq!(observed(), (Some(true), reachable()), "{method}");
    }
}

#[test]
fn the_command_queries_the_running_gateway() {
    let gateway = start(DOWN);
    let output = run(&gateway.directory, &["status"]);
    assert_eq!((output.code, output.stderr.as_str()), (3, ""));
    for line in [
        "state     down since 2020-01-01 00:00:00 +00:00, with no known end: \"db\"\n",
        "visitors  get the down page with 503, unless they are exempt\n",
        "source    the gateway at unix:./management.sock: snapshot 1 since ",
        ", watching by events\n",
        "file      ./downtime.toml is applied\n",
    ] {
        assert!(output.stdout.contains(line), "no {line:?}: {output:?}");
    }
    gateway.apply(&with_management(""));
    let output = run(&gateway.directory, &["status", "--format", "json"]);
    let json: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!((output.code, &json["source"], &json["state"]), (0, &"server".into(), &"up".into()));
    assert_eq!((&json["generation"], &json["file_differs"]), (&2.into(), &false.into()));
}

#[test]
fn an_address_that_takes_effect_at_the_next_start_is_reported() {
    let gateway = start("");
    let file = "file      ./downtime.toml is applied";
    gateway.apply(&MANAGEMENT.replace("127.0.0.1:0", "127.0.0.1:1"));
    let output = run(&gateway.directory, &["status"]);
    assert!(
        output.stdout.contains(&format!("{file}, but its `listen` takes effect at the next start\n")),
        "{output:?}"
    );
    assert_eq!(status(&gateway)["listen_differs"], true);
    gateway.apply(&with_management("# as before\n"));
    assert!(run(&gateway.directory, &["status"]).stdout.contains(&format!("{file}\n")));
    assert_eq!(status(&gateway)["listen_differs"], false);
}

#[test]
fn the_command_reports_a_rejected_file_and_shows_the_mistake() {
    let gateway = start(DOWN);
    for (mistake, shown) in [
        ("[response]\nstatus = 200\n", "--> ./downtime.toml:6:10"),
        // The address of the gateway is found although the text below it is not TOML.
        ("[response]\nmessage = \"open\n", "--> ./downtime.toml:6:16"),
    ] {
        gateway.edit(&with_management(mistake));
        gateway.log().wait_for("is not applied");
        let output = run(&gateway.directory, &["status"]);
        assert_eq!(output.code, 1, "{output:?}");
        assert!(
            output
                .stdout
                .contains("state     down since 2020-01-01 00:00:00 +00:00, with no known end: \"db\""),
            "{output:?}"
        );
        assert!(output.stdout.contains("file      ./downtime.toml was rejected at "), "{output:?}");
        assert!(output.stderr.contains(shown), "{output:?}");
        let json = run(&gateway.directory, &["status", "--format", "json"]);
        let document: Value = serde_json::from_str(&json.stdout).expect("JSON");
        assert_eq!((json.code, &document["file_differs"]), (1, &true.into()));
        assert!(document["rejected"]["diagnostics"][0]["message"].is_string());
    }
}

#[test]
fn the_command_shows_mistakes_that_only_the_gateway_finds() {
    let directory =
        ConfigDirectory::with(&with_management(&format!("[response]\ntemplate = \"page.html\"\n{DOWN}")));
    directory.write("page.html", "<p>{{ message }}</p>");
    let gateway = GatewayProcess::on(directory);
    gateway.directory.write("page.html", "<p>{{ mesage }}</p>");
    gateway.log().wait_for("is not applied");
    let output = run(&gateway.directory, &["status"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("unknown variable `mesage`"), "{output:?}");
}

#[test]
fn without_a_gateway_the_command_reads_the_file_and_says_so() {
    let directory = ConfigDirectory::with(&with_management(DOWN));
    let output = run(&directory, &["status"]);
    assert_eq!(output.code, 3);
    let source =
        "source    ./downtime.toml; could not query the gateway at unix:./management.sock: cannot connect";
    assert!(output.stdout.contains(source), "{output:?}");
    let json = run(&directory, &["status", "--format", "json"]);
    let document: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((json.code, &document["source"]), (3, &"file".into()));
}

#[test]
fn the_command_does_not_trust_a_gateway_of_another_file() {
    let gateway = start(DOWN);
    let socket = gateway.directory.join("management.sock");
    let directory =
        ConfigDirectory::with(&MANAGEMENT.replace("management.sock", &socket.display().to_string()));
    let output = run(&directory, &["status"]);
    assert_eq!(output.code, 0, "{output:?}");
    let other = gateway.directory.join("downtime.toml").display().to_string();
    assert!(output.stdout.contains(&format!("serves another file, {other}")), "{output:?}");
}

#[test]
fn the_status_has_ten_lines_at_most() {
    let origin = StubUpstream::start();
    let bypass = |name: &str, until: &str| {
        let hash = downtime::config::load::sha256(name.as_bytes(), None);
        format!("[[bypass]]\nname = \"{name}\"\nhash = \"sha256:{hash}\"\nuntil = {until}\n")
    };
    let soon = downtime::clock::now() + jiff::SignedDuration::from_hours(1);
    let site = format!("[site]\nupstream = \"{}\"\n", origin.url());
    let over = bypass("old", "2020-01-01T00:00:00Z");
    let gateway = start(&format!("{site}{DOWN}{}", bypass("qa", &soon.to_string()) + &over));
    let lines = || run(&gateway.directory, &["status"]).stdout;
    let upstream =
        format!("upstream  {} was not needed yet; 0 connections, 0 errors since the start\n", origin.url());
    let text = lines();
    assert!(text.lines().count() == 10 && text.contains(&upstream), "{text}");
    assert!(text.contains("\nbypass    \"qa\" (line "), "{text}");
    let bypasses = bypass("qa", &soon.to_string()) + &over;
    let more = bypass("dev", &soon.to_string());
    gateway.apply(&with_management(&format!("{site}{DOWN}{bypasses}{more}")));
    let text = lines();
    assert!(text.contains("\nbypass    2 of 3 let testers in: \"qa\", \"dev\"\n"), "{text}");
    let unnamed = |year: usize| format!("[[period]]\nstart = {year}-01-01T00:00:00Z\nfor = \"1h\"\n");
    let periods: String = (2991..2998).map(unnamed).collect();
    let others =
        |count: &str| format!("{count} to come have no name; `downtime --check` shows all periods\n");
    for (more, cancelled, end) in [
        (String::new(), 1, "\ncancel    6 other periods".to_owned()),
        (bypass("qa", &soon.to_string()), 0, "\ncancel    7 other periods".to_owned()),
        (bypasses, 0, "file      ./downtime.toml is applied; 7 other periods".to_owned()),
    ] {
        gateway.apply(&with_management(&format!("{site}{DOWN}{periods}{more}")));
        let text = lines();
        assert_eq!(text.lines().count(), 10, "{text}");
        assert_eq!(text.matches("end --line ").count(), cancelled, "{text}");
        assert!(text.ends_with(&others(&end)), "{text}");
    }
    let without_a_gateway = |count: usize| {
        let directory = ConfigDirectory::with(&(2991..2991 + count).map(unnamed).collect::<String>());
        run(&directory, &["status"]).stdout
    };
    for (count, cancelled, end) in [
        (5, 5, "end --line 13 --sha256 "),
        (6, 4, "\ncancel    2 other periods to come have no name; `downtime --check` shows all periods\n"),
    ] {
        let text = without_a_gateway(count);
        assert_eq!((text.lines().count(), text.matches("end --line ").count()), (10, cancelled), "{text}");
        assert!(text.contains(end), "{text}");
    }
}

#[test]
fn the_status_tells_how_many_requests_there_are_and_how_many_of_them_pass() {
    let origin = StubUpstream::start();
    let site = format!("[site]\nupstream = \"{}\"\n", origin.url());
    let gateway = start(&format!("{site}{DOWN}paths = [\"/down\"]\n"));
    for path in ["/", "/", "/", "/down"] {
        gateway.get(path, &[]);
    }
    let (report, _) = crate::support::until("a rate", || {
        Some(status(&gateway)).filter(|report| report["requests"]["passed"] == 0.75)
    });
    assert!(report["requests"]["per_second"].as_f64() > Some(0.0), "{report}");
    let line = report["lines"][4].as_str().expect("a line");
    assert!(
        line.starts_with("requests  ") && line.contains(" per second in the last minute, 75 % passed; "),
        "{line}"
    );
    let upstream = &report["upstream"];
    assert_eq!((&upstream["url"], &upstream["reachable"]), (&origin.url().into(), &true.into()));
    assert_eq!(upstream["errors"], 0);
}
