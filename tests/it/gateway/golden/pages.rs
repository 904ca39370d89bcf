//! What the client gets from a gateway that forwards nothing: the down page, redirects, the status and the site.

use std::sync::LazyLock;

use downtime::clock;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::super::DOWN;
use super::{Groups, assert_recorded, described};
use crate::support::process::{ConfigDirectory, GatewayProcess};

/// The configs, of which one has a period that ends ten hours from now. All but the first have a short down page.
fn configs(end: &str) -> Vec<String> {
    let page = "[response]\ntemplate = \"page.html\"\n";
    vec![
        DOWN.to_owned(),
        format!("{page}message = \"<b>é\"\nstatus = 500\nretry_after = \"90s\"\n{DOWN}"),
        format!("{page}{DOWN}end = 2999-01-01T00:00:00Z\nmessage = \"long\"\n"),
        format!("{page}{DOWN}end = {end}\nmessage = \"short\"\n"),
        format!("{page}status = 599\n{DOWN}"),
        format!("[response]\nredirect = \"https://status.example.com/\"\n{DOWN}"),
        format!("[response]\nredirect = \"/sorry\"\n{DOWN}"),
        format!("{page}[exempt]\npaths = [\"/open/**\"]\nnetworks = [\"192.0.2.0/24\"]\n{DOWN}"),
        format!("{page}[exempt]\nnetworks = [\"127.0.0.1\"]\n{DOWN}"),
        format!("{page}{DOWN}hosts = [\"site.example\"]\nmethods = [\"GET\"]\n"),
        format!("{page}{DOWN}hosts = [\"other.example\"]\n"),
        format!("{page}{DOWN}paths = [\"/OPEN/\"]\n"),
        format!("{page}{DOWN}methods = [\"POST\"]\n"),
        format!("{page}cors = [\"https://a.example\"]\nheaders = {{ X-More = \"1\" }}\n{DOWN}"),
        format!("{page}{DOWN}hosts = [\"shop.example\"]\n[server]\ntrusted_proxies = [\"127.0.0.1\"]\n"),
        format!(
            "[response]\nredirect = \"https://shop.example/\"\n{DOWN}[server]\ntrusted_proxies = [\"127.0.0.1\"]\n"
        ),
    ]
}

const TARGETS: [&str; 8] =
    ["/", "/?_method=post", "/open/x", "/Open", "/open/../x", "/sorry/", "/a%20b", "/.downtime/status"];

/// The methods and fields of the requests.
const REQUESTS: [(&str, &[&str]); 14] = [
    ("GET", &[]),
    ("HEAD", &[]),
    ("GET", &["Accept: application/json", "User-Agent: x"]),
    ("GET", &["accept: text/plain", "Cookie: a=b", "Connection: Keep-Alive"]),
    ("GET", &["Accept: text/html", "Sec-Fetch-Dest: image"]),
    ("HEAD", &["Accept: text/plain;q=0.1, application/problem+json"]),
    ("GET", &["Accept: \u{e9}"]),
    ("GET", &["X-Forwarded-For: 192.0.2.1", "If-None-Match: *", "Range: bytes=0-1"]),
    ("GET", &["Origin: https://a.example", "Accept: */*", "Sec-Fetch-Dest: empty"]),
    ("GET", &["X-Requested-With: XMLHttpRequest", "Accept: */*"]),
    ("GET", &["Sec-Fetch-Mode: cors", "Accept: text/html"]),
    ("GET", &["Content-Type: application/grpc"]),
    ("GET", &["X-HTTP-Method-Override: POST"]),
    ("GET", &["x-forwarded-host: other.example, shop.example"]),
];

#[test]
fn a_site_that_is_down_answers_as_recorded() {
    let end = clock::now() + SignedDuration::from_hours(10);
    let end = Timestamp::from_second(end.as_second()).expect("a time").to_string();
    let request = |(letter, (method, fields)): (char, (&str, &[&str]))| {
        format!("  {letter}: {}\n", [&[method], fields].concat().join("; "))
    };
    let letters = ('a'..).zip(REQUESTS).map(request).collect::<Vec<_>>().concat();
    let mut table = Groups::default();
    for config in configs(&end) {
        let shown = config.trim_end().replace(&end, "END").replace('\n', "\n## ");
        table.add(&shown, responses(&config, &end).block());
    }
    assert_recorded("pages.txt", format!("Each request has a letter:\n{letters}\n{}", table.table()));
}

/// Returns the different responses of a gateway with this config, each with the targets and the letters of its requests.
fn responses(config: &str, end: &str) -> Groups {
    let directory = ConfigDirectory::with(config);
    directory.write("page.html", "<p>{{ message }} {{ until }}</p>");
    let file = directory.join("downtime.toml").display().to_string().replace('/', "&#x2f;");
    let gateway = GatewayProcess::on(directory);
    let mut client = gateway.connect();
    let mut groups = Groups::default();
    for target in TARGETS {
        let mut of_target = Groups::default();
        for (letter, (method, fields)) in ('a'..).zip(REQUESTS) {
            let mut response = client.request(method, target, fields);
            // The welcome page shows the path of the file.
            if response.status == 200 && response.field("content-type") == Some("text/html; charset=utf-8") {
                response.fields.retain(|(name, _)| name != "content-length");
                response.body = response.text().replace(&file, "FILE").into();
            }
            of_target.add(&letter.to_string(), without_times(&described(&response), end));
        }
        for (response, letters) in of_target.0 {
            groups.add(&format!("{} {target}", letters.concat()), response);
        }
    }
    assert!(client.has_read_nothing());
    Groups(groups.0.into_iter().map(|(response, labels)| (response, merged(&labels))).collect())
}

/// Makes one label of those with the same letters.
fn merged(labels: &[String]) -> Vec<String> {
    let mut groups = Groups::default();
    for (letters, target) in labels.iter().filter_map(|label| label.split_once(' ')) {
        groups.add(target, letters.to_owned());
    }
    groups.0.iter().map(|(letters, targets)| format!("{letters} {}", targets.join(" "))).collect()
}

/// Replaces the end of the period and the number of seconds until then.
fn without_times(response: &str, end: &str) -> String {
    static SECONDS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("(retry.after\"?: ?)(35[0-9]{3}|36000)\\b").expect("a pattern"));
    static MINUTE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("20[0-9-]{8} [0-9:]{5} UTC").expect("a pattern"));
    let response = SECONDS.replace_all(response, "${1}SECONDS").replace(end, "END");
    MINUTE.replace_all(&response, "END").into_owned()
}
