//! Links that log an operator in once.

use super::{AdminProcess, cookie};

#[test]
fn a_link_logs_an_operator_in_once() {
    let admin = AdminProcess::start("", &[]);
    let secret = admin.link_secret();
    assert_eq!(secret.len(), 43, "256 bits");
    let page = admin.get("/link", &[]);
    assert!(page.status == 200 && page.text().contains("action=\"/link\""), "{}", page.text());
    // What a previewer of links does uses it up as little as a wrong secret.
    admin.client().request("HEAD", "/link", &[super::HOST]);
    assert_eq!(admin.get(&format!("/link?{secret}"), &[]).status, 200);
    assert_eq!(admin.post("/link", "secret=wrong", &[]).status, 403);
    let entered = admin.post("/link", &format!("secret={secret}"), &[]);
    assert_eq!((entered.status, entered.field("location")), (303, Some("/")));
    let session = cookie(&entered);
    assert!(admin.lets_in(&session));
    let again = admin.post("/link", &format!("secret={secret}"), &[]);
    assert_eq!((again.status, again.field("set-cookie")), (403, None));
    assert!(admin.lets_in(&session) && !admin.lets_in(&format!("Cookie: downtime-admin={secret}")));
    admin.process.log.wait_for("who=carol");
    let log = admin.process.log.text();
    let session = session.rsplit_once('=').unwrap().1;
    assert!(!log.contains(&secret) && !log.contains(session), "{log}");
}

#[test]
fn a_whole_link_can_be_pasted() {
    let admin = AdminProcess::start("", &[]);
    let link = format!("secret=https%3A%2F%2Fops.example%2Flink%23{}+", admin.link_secret());
    assert_eq!(admin.post("/link", &link, &[]).status, 303);
}

#[test]
fn a_link_has_the_url_of_the_page_and_the_name_of_the_operator() {
    let admin = AdminProcess::start("hosts = [\"ops.example.com\"]\n", &[]);
    let guess = "the file does not say whether the proxy in front has TLS: if it has not, pass `--site http://ops.example.com`";
    let prefix = |arguments: &[&str]| {
        let output = admin.link(arguments);
        assert_eq!(output.stderr.contains(guess), !arguments.contains(&"--site"), "{}", output.stderr);
        assert!(output.stderr.contains("it works once, within 60 seconds"), "{}", output.stderr);
        output.stdout.split('#').next().unwrap().to_owned()
    };
    assert_eq!(prefix(&[]), "https://ops.example.com/link");
    assert_eq!(prefix(&["--site", "http://localhost:8080/"]), "http://localhost:8080/link");
    assert_eq!(prefix(&["--name", "dave"]), "https://ops.example.com/link");
    admin.process.log.wait_for("who=dave");
    for name in ["", " a", &"x".repeat(65), "a\nb"] {
        assert_eq!(admin.link(&["--name", name]).code, 2, "{name:?}");
    }
    let plain = AdminProcess::start("", &[]);
    let output = plain.link(&[]);
    assert!(output.stdout.starts_with("http://127.0.0.1:"), "the address in the file");
    assert!(!output.stderr.contains("TLS"), "{}", output.stderr);
}

#[test]
fn the_command_that_forwards_a_port_has_the_whole_path_of_the_socket() {
    let admin = AdminProcess::start("", &[]);
    let sockets = "listen = \"unix:admin.sock\"\nlink_socket = \"unix:link.sock\"\n";
    admin.edit("downtime.toml", &format!("[admin]\n{sockets}"));
    let output = admin.link(&[]);
    let forward = format!("`ssh -L 9504:{} HOST`", admin.directory.join("admin.sock").display());
    assert!(output.stderr.contains(&forward), "{}", output.stderr);
}

#[test]
fn the_command_says_how_to_start_the_page() {
    let admin = AdminProcess::start("", &[]);
    admin.process.signal(rustix::process::Signal::TERM);
    admin.process.log.wait_for_end();
    assert!(!admin.directory.join("link.sock").exists());
    let output = admin.link(&[]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("systemctl start downtime-admin"), "{}", output.stderr);
}
