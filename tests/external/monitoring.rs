//! What monitoring reads, by the real programs: the metrics and the alert rules by promtool, the access log by GoAccess.
//!
//! Without these programs the tests are ignored; under CI they fail.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::debian::{self, RequiredProgram};
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::tls::identity;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

const PROMTOOL: RequiredProgram = ("promtool", "prometheus");
const GOACCESS: RequiredProgram = ("goaccess", "goaccess");

/// A file with everything that has metrics.
const CONFIG: &str = "[server]\nlisten = [\"127.0.0.1:0\", \"https://127.0.0.1:0\"]\n\
    tls = [{ cert = \"cert.pem\", key = \"key.pem\" }]\n\
    [management]\nlisten = \"unix:management.sock\"\n\
    [site]\nupstream = \"unix:nobody.sock\"\n\
    [[period]]\nstart = 2020-01-01T00:00:00Z\nend = 2999-01-01T00:00:00Z\npaths = [\"/down\"]\n";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, program: RequiredProgram, test: fn() -> Result<(), Failed>| {
        Trial::ignorable_test(format!("monitoring::{name}"), move || debian::with(&[program], test))
    };
    vec![
        trial("promtool_finds_no_fault_in_the_metrics", PROMTOOL, check_metrics),
        trial("the_alert_rules_fire_when_they_should", PROMTOOL, test_rules),
        trial("promtool_finds_no_fault_in_the_documented_configuration", PROMTOOL, check_configuration),
        trial("promtool_finds_no_fault_in_the_expressions_of_the_dashboard", PROMTOOL, check_dashboard),
        trial("goaccess_reads_the_access_log", GOACCESS, read_access_log),
    ]
}

fn check_metrics() -> Result<(), Failed> {
    let directory = ConfigDirectory::with(CONFIG);
    let (cert, key) = identity(&["site.example"]);
    directory.write("cert.pem", &cert);
    directory.write("key.pem", &key);
    let gateway = GatewayProcess::on(directory);
    for path in ["/down", "/up", "/.downtime/status"] {
        gateway.get(path, &[]);
    }
    let socket = gateway.directory.join("management.sock");
    let mut client = Client { stream: UnixStream::connect(socket)?, unread: Vec::new() };
    let metrics = client.request("GET", "/metrics", &["Host: localhost"]);
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = promtool.spawn()?;
    child.stdin.take().ok_or("no stdin")?.write_all(&metrics.body)?;
    succeeds(&child.wait_with_output()?, true)
}

/// Checks the configuration of Prometheus in `docs/monitoring.md`, with the alert rules.
fn check_configuration() -> Result<(), Failed> {
    let document = std::fs::read_to_string(Path::new(ROOT).join("docs/monitoring.md"))?;
    let block = document.split_once("```yaml\n").and_then(|(_, rest)| Some(rest.split_once("```")?.0));
    let rules = Path::new(ROOT).join("packaging/prometheus/alerts.yml");
    let config = format!("rule_files: [{}]\n{}", rules.display(), block.ok_or("no configuration")?);
    promtool_accepts("config", &config)
}

/// Checks the expressions of the dashboard as if they were rules, with values in place of the variables of Grafana.
fn check_dashboard() -> Result<(), Failed> {
    let dashboard = std::fs::read_to_string(Path::new(ROOT).join("packaging/grafana/downtime.json"))?;
    let mut expressions = Vec::new();
    collect_expressions(&serde_json::from_str(&dashboard)?, &mut expressions);
    assert!(expressions.len() > 30, "too few were found: {}", expressions.len());
    let rules: Vec<_> = expressions
        .iter()
        .enumerate()
        .map(|(index, expression)| {
            let expr =
                expression.replace("$__rate_interval", "5m").replace("$job", "a").replace("$instance", "a");
            json!({ "record": format!("expression_{index}"), "expr": expr })
        })
        .collect();
    // JSON is YAML.
    promtool_accepts("rules", &json!({ "groups": [{ "name": "dashboard", "rules": rules }] }).to_string())
}

fn collect_expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("expr").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| collect_expressions(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_expressions(value, found)),
        _ => {}
    }
}

fn promtool_accepts(kind: &str, text: &str) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("checked.yml");
    std::fs::write(&path, text)?;
    succeeds(&Command::new("promtool").args(["check", kind]).arg(path).output()?, false)
}

fn test_rules() -> Result<(), Failed> {
    let directory = Path::new(ROOT).join("packaging/prometheus");
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        succeeds(&Command::new("promtool").args(arguments).current_dir(&directory).output()?, false)?;
    }
    Ok(())
}

/// Reads the log with the options that `docs/monitoring.md` gives.
fn read_access_log() -> Result<(), Failed> {
    let gateway = GatewayProcess::start(
        "[log]\naccess = \"combined\"\n[[period]]\nstart = 2020-01-01T00:00:00Z\npaths = [\"/down\"]\n",
    );
    let quotes = "User-Agent: Mozilla/5.0 (X11; \"Linux\\\" x86_64) Firefox/128.0";
    for (path, fields) in [
        ("/", &[quotes][..]),
        ("/down", &["User-Agent: curl/8.14.1", "Host: shop.example.com"]),
        ("/down", &["Referer: https://other.example/a?b=c"]),
        ("/\u{fc}/%22?private=1", &["User-Agent:", "X-Request-Id: a\"b"]),
    ] {
        gateway.get(path, fields);
    }
    for _ in 0..4 {
        gateway.log().wait_for(" HTTP/1.1\" ");
    }
    let log = gateway.log().text();
    let lines: Vec<_> = log.lines().filter(|line| line.contains(" - - [")).collect();
    std::fs::write(gateway.directory.join("access.log"), lines.join("\n") + "\n")?;
    let document = std::fs::read_to_string(Path::new(ROOT).join("docs/monitoring.md"))?;
    let command = document.lines().find_map(|line| Some(line.split_once("| goaccess ")?.1));
    let command = command.ok_or("docs/monitoring.md has no command")?.replace("report.html -", "report.json");
    let shell = format!("goaccess access.log --no-global-config {command}");
    succeeds(
        &Command::new("sh").args(["-c", &shell]).current_dir(gateway.directory.path()).output()?,
        false,
    )?;
    let report: Value = serde_json::from_slice(&std::fs::read(gateway.directory.join("report.json"))?)?;
    let general = &report["general"];
    let counts = ["total_requests", "valid_requests", "failed_requests"].map(|key| general[key].as_u64());
    if counts != [Some(4), Some(4), Some(0)] {
        return Err(format!("{counts:?}\n{log}\n{general}").into());
    }
    let hosts = report["vhosts"]["data"].as_array().map_or(&[][..], Vec::as_slice);
    if !hosts.iter().any(|host| host["data"] == "shop.example.com") {
        return Err(format!("no host: {}", report["vhosts"]).into());
    }
    Ok(())
}

fn succeeds(output: &Output, is_silent: bool) -> Result<(), Failed> {
    let said = [&output.stdout[..], &output.stderr].concat();
    if output.status.success() && (said.is_empty() || !is_silent) {
        return Ok(());
    }
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&said)).into())
}
