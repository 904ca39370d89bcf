//! Templates that need more stack, memory or time than there is, in a running gateway.

use super::DOWN;
use crate::support::process::{ConfigDirectory, GatewayProcess};

const GOOD: &str = "good: {{ message }}";

/// Templates without bounds, each with what is wrong with it. `STEP` stands for the rounds of a loop.
const UNBOUNDED: [(&str, &str); 10] = [
    ("STEP{% set ns.x = [ns.x] %}{% endfor %}", "nests more than 50"),
    ("STEP{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}", "nests more than 50"),
    ("STEP{% set ns.x = {'a': ns.x} %}{% endfor %}{{ ns.x == ns.x|list }}", "nests more than 50"),
    ("STEP{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x ~ '' }}", "more than 10000 values"),
    ("STEP{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}", "more than 10000 values"),
    ("STEP{% set ns.text = ns.text ~ ns.text %}{% endfor %}", "more than 1024 KiB of text"),
    ("{% for n in range(9999) %}{% set text = 'text' * 9999 %}{% endfor %}", "too much work"),
    ("{% macro m(x) %}{{ m([x]) }}{% endmacro %}{{ m(1) }}", "recursion limit exceeded"),
    ("{{ ([1] * 99999999) ~ '' }}", "a list cannot be multiplied"),
    ("{% for n in range(9999) %}{{ 'text' * 200 }}{% endfor %}", "longer than 4 MiB"),
];

fn unbounded(template: &str) -> String {
    let step = "{% set ns = namespace(x=[1], text='text') %}{% for n in range(9999) %}";
    template.replace("STEP", step)
}

fn start(template: &str, message: &str) -> GatewayProcess {
    let directory = ConfigDirectory::with("");
    directory.write("page.html", template);
    let gateway = GatewayProcess::on(directory);
    gateway.apply(&format!("[response]\ntemplate = \"page.html\"\nmessage = \"{message}\"\n{DOWN}"));
    gateway
}

/// The most memory that the process has had, in MiB.
fn peak_memory(gateway: &GatewayProcess) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.process.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[test]
fn a_running_gateway_refuses_a_template_without_bounds_and_keeps_the_last_good_one() {
    let gateway = start(GOOD, "Soon");
    for (template, error) in UNBOUNDED {
        gateway.directory.replace("page.html", &unbounded(template));
        gateway.log().wait_for(error);
        let response = gateway.get("/", &["Accept: text/html"]);
        assert_eq!((response.status, response.text()), (503, "good: Soon"), "{template}");
    }
    assert!(peak_memory(&gateway) < 200, "{} MiB", peak_memory(&gateway));
}

#[test]
fn a_template_that_is_without_bounds_for_one_message_gives_way_to_the_built_in_page() {
    for (template, error) in UNBOUNDED.iter().filter(|(_, error)| !error.contains("multiplied")) {
        let template = format!("{{% if message == \"Boom\" %}}{}{{% endif %}}good", unbounded(template));
        let gateway = start(&template, "Boom");
        let response = gateway.get("/", &["Accept: text/html"]);
        assert_eq!(response.status, 503);
        assert!(response.text().contains("Boom"), "{template}: {}", response.text());
        let log = gateway.log().text();
        let is_told =
            |line: &str| line.contains("the built-in page is shown instead") && line.contains(error);
        assert!(log.lines().any(is_told), "{log}");
        assert!(peak_memory(&gateway) < 200, "{} MiB", peak_memory(&gateway));
    }
}
