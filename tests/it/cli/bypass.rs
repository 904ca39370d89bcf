//! `downtime bypass` writes a table and prints a link, and `downtime bypass end` takes both back.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::Signal;

use crate::support::process::{ConfigDirectory, GatewayProcess, downtime};
use crate::support::until;

const DOWN: &str = "[[period]]\nstart = 2020-01-01T00:00:00Z\n";

/// Runs the binary in a directory. Returns its exit code, its output and its errors.
fn run(directory: &ConfigDirectory, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = downtime(directory);
    let output = command.args(arguments).stdout(Stdio::piped()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn file(directory: &ConfigDirectory) -> String {
    std::fs::read_to_string(directory.join("downtime.toml")).unwrap()
}

#[test]
fn the_printed_link_lets_testers_in_until_the_bypass_is_ended() {
    let gateway = GatewayProcess::start(DOWN);
    let before = file(&gateway.directory);
    let arguments = ["bypass", "--name", "qa", "--for", "1h", "--site", "https://shop.example.com/"];
    let (code, output, errors) = run(&gateway.directory, &arguments);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{output}");
    let link = output.lines().last().unwrap();
    let secret = link.strip_prefix("https://shop.example.com/.downtime/enter#").unwrap();
    assert!(
        secret.len() == 43
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    );
    assert!(output.contains("\"qa\" lets testers in until "), "{output}");
    assert!(!file(&gateway.directory).contains(secret));
    let field = format!("Downtime-Bypass: {secret}");
    until("way in", || (gateway.get("/", &[&field]).status == 200).then_some(()));

    for (arguments, line) in [(&["status"][..], "bypass    \"qa\""), (&["--check"], "bypass    \"qa\"")] {
        let (_, output, _) = run(&gateway.directory, arguments);
        assert!(output.lines().any(|output| output.starts_with(line)), "{output}");
        assert!(!output.contains("sha256:"), "{output}");
    }
    let (code, _, errors) = run(&gateway.directory, &["bypass", "--name", "qa"]);
    assert!(code == Some(1) && errors.contains("is not over"), "{errors}");
    assert!(errors.contains("or run `downtime bypass end qa` first"), "{errors}");
    let (_, _, errors) = run(&gateway.directory, &["-c", "./downtime.toml", "bypass", "--name", "qa"]);
    assert!(errors.contains("or run `downtime -c ./downtime.toml bypass end qa` first"), "{errors}");

    let (code, output, _) = run(&gateway.directory, &["bypass", "end", "qa"]);
    assert!(code == Some(0) && output.contains("\"qa\" lets nobody in any more"), "{output}");
    assert_eq!(file(&gateway.directory).trim_end(), before.trim_end());
    until("way out", || (gateway.get("/", &[&field]).status == 503).then_some(()));
    let (code, _, errors) = run(&gateway.directory, &["bypass", "end", "qa"]);
    assert!(code == Some(1) && errors.contains("no bypass has the name \"qa\""), "{errors}");
}

#[test]
fn a_bypass_has_a_name_a_scope_and_an_end() {
    let directory = ConfigDirectory::with(DOWN);
    let scope = ["--host", "shop.example.com", "--path", "/shop/**"];
    let (code, output, _) = run(&directory, &[&["bypass"][..], &scope].concat());
    assert_eq!(code, Some(0), "{output}");
    let (code, output, _) = run(&directory, &["bypass"]);
    assert_eq!(code, Some(0), "{output}");
    let text = file(&directory);
    let table = "[[bypass]]\nname = \"testers\"\nhash = \"sha256:";
    assert!(text.contains(table) && text.contains("name = \"testers-2\""), "{text}");
    assert!(text.contains("hosts = [\"shop.example.com\"]\npaths = [\"/shop/**\"]\n"), "{text}");
    for (arguments, code, message) in [
        (&["bypass", "--for", "31days"][..], 1, "a bypass lasts at most 30 days"),
        (&["bypass", "--host", "https://a.example"], 1, "invalid host"),
        (&["bypass", "--site", "shop.example.com"], 2, "write a URL without a path"),
        (&["bypass", "--site", "https://shop.example.com/a"], 2, "write a URL without a path"),
        (&["bypass", "--name", "a", "end", "a"], 2, "cannot be used"),
    ] {
        let (found, _, errors) = run(&directory, arguments);
        assert!(found == Some(code) && errors.contains(message), "{arguments:?}: {errors}");
        assert_eq!(file(&directory), text);
    }
}

#[test]
fn a_bypass_that_ends_before_the_next_downtime_starts_is_warned_of() {
    let at = |hours: i64| {
        (::downtime::clock::now() + jiff::SignedDuration::from_mins(60 * hours + 30))
            .strftime("%FT%TZ")
            .to_string()
    };
    let period = |start: &str, end: &str| format!("[[period]]\nstart = {start}\n{end}\n");
    let ending = format!("end = {}", at(14));
    for (file, length, warning, help) in [
        (
            period(&at(12), &ending),
            "8h",
            "the bypass ends before the next downtime starts, at ",
            "`--for 15h`",
        ),
        (period(&at(12), ""), "8h", "the bypass ends before the next downtime starts, at ", "`--for 21h`"),
        (
            period(&at(800), ""),
            "8h",
            "the bypass ends before",
            "when the downtime is less than 30 days ahead",
        ),
        (period(&at(12), &ending), "13h", "", ""),
        (DOWN.to_owned() + &period(&at(12), &ending), "8h", "", ""),
        (String::new(), "8h", "", ""),
    ] {
        let directory = ConfigDirectory::with(&file);
        let (code, _, errors) = run(&directory, &["bypass", "--for", length]);
        assert_eq!(code, Some(0), "{errors}");
        assert!(errors.contains(warning) && errors.contains(help), "{file}: {errors}");
        assert_eq!(errors.contains("the bypass ends before"), !warning.is_empty(), "{file}: {errors}");
    }
}

#[test]
fn a_link_that_leads_to_this_machine_is_warned_of_behind_a_proxy() {
    let proxied = format!("[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\n{DOWN}");
    let message = "the link works on this machine only: it begins with http://127.0.0.1:";
    for (file, arguments, is_warned) in [
        (proxied.as_str(), &["bypass"][..], true),
        (&proxied, &["bypass", "--site", "https://shop.example.com"], false),
        (DOWN, &["bypass"], false),
    ] {
        let (_, _, errors) = run(&ConfigDirectory::with(file), arguments);
        assert_eq!(errors.contains(message), is_warned, "{file}: {errors}");
        assert_eq!(errors.contains("`--site` does that"), is_warned, "{file}: {errors}");
    }
}

#[test]
fn the_link_leads_to_a_path_that_the_bypass_covers() {
    for (paths, link) in [
        (&["/checkout/**"][..], "/.downtime/enter?next=/checkout#"),
        (&["/**/cart", "/a b/**"], "/.downtime/enter?next=/a%2520b#"),
        (&["/shop/*"], "/.downtime/enter#"),
        (&["/**"], "/.downtime/enter#"),
        (&["/cart.php"], "/.downtime/enter?next=/cart.php#"),
    ] {
        let directory = ConfigDirectory::with(DOWN);
        let options = paths.iter().flat_map(|path| ["--path", path]);
        let arguments: Vec<_> = ["bypass"].into_iter().chain(options).collect();
        let (_, output, errors) = run(&directory, &arguments);
        assert!(output.contains(link), "{paths:?}: {output}");
        assert_eq!(errors, "");
    }
    let (_, _, errors) = run(&ConfigDirectory::with(DOWN), &["bypass", "--path", "/checkout"]);
    assert!(errors.contains("this covers only `/checkout`, and nothing below it"), "{errors}");
    assert!(errors.contains("write `/checkout/**`"), "{errors}");
}

#[test]
fn a_secret_in_the_place_of_its_hash_is_not_shown() {
    let directory = ConfigDirectory::with("");
    let until = "until = 2026-12-02T06:00:00Z\n";
    for line in ["hash = \"correct-horse\"", "hash = \"correct-horse", "secret = \"correct-horse\""] {
        directory.write("downtime.toml", &format!("[[bypass]]\n{until}{line}\n"));
        for arguments in [&["--check"][..], &["--check", "--format", "json"], &["serve"]] {
            let (code, output, errors) = run(&directory, arguments);
            assert_eq!(code, Some(1), "{errors}");
            assert!(!(output + &errors).contains("correct-horse"), "{line}: {errors}");
        }
    }
}

#[test]
fn a_bypass_can_be_waited_for() {
    let management = "[management]\nlisten = \"unix:management.sock\"\n";
    let gateway = GatewayProcess::start(&format!("{management}{DOWN}"));
    let (code, output, errors) = run(&gateway.directory, &["bypass", "--name", "qa", "--wait"]);
    assert_eq!(code, Some(0), "{errors}");
    let secret = output.lines().find_map(|line| line.split_once("/.downtime/enter#")).expect("a link").1;
    assert!(errors.contains("applied by the gateway at"), "{errors}");
    assert!(output.lines().last().is_some_and(|line| line.contains("/.downtime/enter#")), "{output}");
    let field = format!("Downtime-Bypass: {secret}");
    assert_eq!(gateway.get("/", &[&field]).status, 200);
    let (code, output, errors) = run(&gateway.directory, &["bypass", "end", "qa", "--wait"]);
    assert!(code == Some(0) && output.contains("applied by the gateway at"), "{output}{errors}");
    assert_eq!(gateway.get("/", &[&field]).status, 503);

    let directory = ConfigDirectory::with(DOWN);
    let before = file(&directory);
    let (code, _, errors) = run(&directory, &["bypass", "--wait"]);
    assert!(code == Some(1) && errors.contains("[management]"), "{errors}");
    assert_eq!(file(&directory), before);
}

#[test]
fn the_link_is_printed_before_the_wait() {
    let management = "[management]\nlisten = \"unix:management.sock\"\n";
    let gateway = GatewayProcess::start(&format!("{management}{DOWN}"));
    gateway.process.signal(Signal::STOP);
    let mut command = downtime(&gateway.directory);
    command.args(["bypass", "--wait"]).stdout(Stdio::piped());
    let mut waiting = command.spawn().expect("the binary");
    let mut lines = BufReader::new(waiting.stdout.take().expect("a pipe")).lines();
    let is_link = |line: std::io::Result<String>| line.expect("a line").contains("/.downtime/enter#");
    assert!(lines.any(is_link), "no link");
    gateway.process.signal(Signal::CONT);
    assert!(waiting.wait().expect("an exit status").success(), "the edit was not awaited any more");
}

#[test]
fn mistakes_in_a_bypass_are_explained() {
    let hash = "hash = \"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"\n";
    let until = "until = 2026-12-02T06:00:00Z\n";
    for (table, message) in [
        (format!("[[bypass]]\n{until}"), "this bypass has no `hash`"),
        (format!("[[bypass]]\n{hash}"), "this bypass has no `until`"),
        (format!("[[bypass]]\nhash = \"sha256:9f86\"\n{until}"), "64 hexadecimal digits"),
        (format!("[[bypass]]\n{hash}{until}secret = \"x\""), "unknown key `secret` in [[bypass]]"),
        (
            format!("[[bypass]]\n{hash}{until}[[bypass]]\n{hash}{until}"),
            "the bypass at line 2 has the same secret",
        ),
        (
            format!("[[bypass]]\nname = \"a\"\n{hash}{until}[[bypass]]\nname = \"a\"\n"),
            "the name `a` is already used",
        ),
        (format!("[[bypass]]\n{hash}{until}paths = [\"a\"]"), "a"),
        (format!("[[bypass]]\n{hash}{until}hosts = []"), "an empty list covers nothing"),
    ] {
        let directory = ConfigDirectory::with("");
        directory.write("downtime.toml", &table);
        let (code, _, errors) = run(&directory, &["--check"]);
        assert!(code == Some(1) && errors.contains(message), "{table}: {errors}");
    }
    let period = "[[period]]\nstart = 2026-12-01T22:00:00Z\nend = 2026-12-02T02:00:00Z\n";
    for (at, message) in [
        ("2026-11-01T00:00:00Z", "lets nobody in yet: its end is more than 30 days ahead"),
        (
            "2026-12-01T00:00:00Z",
            "valid for longer than any period lasts: the last one ends at 2026-12-02 02:00:00",
        ),
    ] {
        let directory = ConfigDirectory::with("");
        directory.write("downtime.toml", &format!("{period}[[bypass]]\n{hash}{until}"));
        let (code, _, errors) = run(&directory, &["--check", "--at", at]);
        assert!(code == Some(0) && errors.contains(message), "{at}: {errors}");
    }
    let directory = ConfigDirectory::with(&format!("[[bypass]]\n{hash}until = 2020-01-01T00:00:00Z\n"));
    let (code, _, errors) = run(&directory, &["--check"]);
    assert!(code == Some(0) && errors.contains("this bypass is over"), "{errors}");
}
