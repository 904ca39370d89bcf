//! Passwords: right and wrong ones, and many of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use rustix::process::Signal;

use super::{ANN, AdminProcess, PASSWORD, cookie, credentials, post_on, send_form};
use crate::support::DEADLINE;

/// A hash that takes long enough for others to come meanwhile. By `htpasswd -nbB -C 8 slow "correct horse"`.
const SLOW: &str = "slow:$2y$08$mbawIUU9p1rCZv.PPrxd5ezo4S8Q.gpzXDF6loRTr/8qJJMf/Re6e\n";

#[test]
fn a_password_begins_a_session() {
    let admin = AdminProcess::with_everybody();
    let page = admin.get("/periods?a=b", &[]);
    assert_eq!(page.status, 401);
    assert!(page.text().contains("name=\"next\" value=\"&#x2f;periods?a=b\""), "{}", page.text());
    for name in ["ann", "bob"] {
        let response = admin.post(
            "/login",
            &format!("{}&next=%2Fperiods%3Fa=b", credentials(name, PASSWORD)),
            &["Sec-Fetch-Site: same-origin", "Origin: http://localhost"],
        );
        assert_eq!(response.field("location"), Some("/periods?a=b"), "{name}");
        assert!(admin.lets_in(&cookie(&response)), "{name}");
    }
    for next in ["https://b.example/", "//b.example", "/a/../b", "/%5Cb.example"] {
        let form = format!("{}&next={next}", credentials("ann", PASSWORD));
        assert_eq!(admin.post("/login", &form, &[]).field("location"), Some("/"), "{next}");
    }
    let log = admin.process.log.text();
    assert!(!log.contains("correct"), "{log}");
}

#[test]
fn a_logout_ends_the_session() {
    let admin = AdminProcess::with_everybody();
    let [one, other] = ["ann", "ann"].map(|name| admin.session(name));
    assert!(admin.lets_in(&one) && admin.lets_in(&other));
    assert_eq!(admin.get("/logout", &[&one]).status, 200, "a GET changes nothing");
    assert!(admin.lets_in(&one));
    let out = admin.post("/logout", "", &[&one]);
    assert_eq!((out.status, out.field("location")), (303, Some("/login")));
    assert!(out.field("set-cookie").unwrap().contains("Max-Age=0"));
    assert!(!admin.lets_in(&one) && admin.lets_in(&other));
}

#[test]
fn an_unknown_name_and_a_wrong_password_get_the_same_answer() {
    let admin = AdminProcess::with_everybody();
    let answers = [("ann", "wrong"), ("eve", PASSWORD), ("eve", ""), ("", ""), ("Ann", PASSWORD)]
        .map(|(name, password)| admin.log_in(name, password));
    for answer in &answers {
        assert_eq!(answer.status, 403);
        assert_eq!((answer.text(), &answer.field("set-cookie")), (answers[0].text(), &None));
    }
    assert!(answers[0].text().contains("The name or the password is wrong"));
    let too_long = admin.log_in("ann", &"x".repeat(2000));
    assert_eq!((too_long.status, too_long.text()), (403, answers[0].text()));
    assert_eq!(admin.log_in("ann", &"x".repeat(5000)).status, 413);
    let json = admin.post("/login", &credentials("ann", "wrong"), &["Accept: application/json"]);
    assert_eq!(json.field("content-type"), Some("application/problem+json"));
    assert_eq!(json.json()["status"], 403);
}

#[test]
fn five_failures_a_minute_are_allowed_for_each_name_and_client() {
    let admin =
        AdminProcess::start("users = \"users\"\ntrusted_proxies = [\"127.0.0.1\"]\n", &[("users", ANN)]);
    let log_in = |name: &str, password: &str, client: &str| {
        let field = format!("X-Forwarded-For: {client}");
        admin.post("/login", &credentials(name, password), &[&field])
    };
    for name in ["ann", "eve"] {
        for _ in 0..5 {
            assert_eq!(log_in(name, "wrong", "192.0.2.1").status, 403);
        }
        let refused = log_in(name, PASSWORD, "192.0.2.1");
        assert_eq!((refused.status, refused.field("retry-after")), (429, Some("60")), "{name}");
    }
    assert_eq!(log_in("ann", PASSWORD, "192.0.2.2").status, 303, "another client");
    assert_eq!(log_in("carol", "wrong", "192.0.2.1").status, 403, "another name");
    let link = format!("secret={}", admin.link_secret());
    assert_eq!(admin.post("/link", &link, &["X-Forwarded-For: 192.0.2.1"]).status, 303);
}

#[test]
fn ten_thousand_wrong_passwords_are_bounded_and_block_neither_links_nor_sessions_nor_machines() {
    const THREADS: usize = 16;
    const EACH: usize = 625;
    let keys = "users = \"users\"\ntokens = \"tokens\"\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let admin = AdminProcess::start(keys, &[("users", ANN), ("tokens", super::TOKENS)]);
    let session = admin.session("ann");
    let secret = admin.link_secret();
    let (checked, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (admin, checked, refused) = (&admin, &checked, &refused);
            scope.spawn(move || {
                let mut client = admin.client();
                // Passwords are checked with the lowest priority, which takes long on a busy machine.
                client.stream.set_read_timeout(Some(4 * DEADLINE)).unwrap();
                for number in 0..EACH {
                    // Each from an address of its own, in turn for names that exist and for one that does not.
                    let from = format!("X-Forwarded-For: 10.{thread}.{}.{}", number / 250, number % 250);
                    let name = ["ann", "eve"][number % 2];
                    let answer = post_on(&mut client, "/login", &credentials(name, "wrong"), &[&from]);
                    let count = match answer.status {
                        403 => checked,
                        429 | 503 => refused,
                        status => panic!("{status}"),
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // Meanwhile
        for _ in 0..20 {
            assert!(admin.lets_in(&session));
            assert_eq!(admin.get("/", &["Authorization: Bearer read"]).status, 200);
        }
        let link = format!("secret={secret}");
        assert_eq!(admin.post("/link", &link, &[]).status, 303);
    });
    let (checked, refused) = (checked.into_inner(), refused.into_inner());
    assert_eq!(checked + refused, THREADS * EACH);
    assert!(checked > 0, "{checked} {refused}");
}

#[test]
fn passwords_that_do_not_fit_in_the_queue_are_refused_at_once() {
    let keys = "users = \"users\"\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let admin = AdminProcess::start(keys, &[("users", SLOW)]);
    // It does not take the first before all of them have come, however long a busy machine takes for that.
    admin.process.signal(Signal::STOP);
    let clients = (0..60).map(|number| {
        let mut client = admin.client();
        let from = format!("X-Forwarded-For: 10.0.0.{number}");
        send_form(&mut client, "/login", &credentials("slow", "wrong"), &[&from]);
        client
    });
    let clients: Vec<_> = clients.collect();
    admin.process.signal(Signal::CONT);
    let (sender, answers) = channel();
    for mut client in clients {
        let sender = sender.clone();
        // The test may be over: the passwords that fit are checked with the lowest priority, which takes long on a busy machine.
        std::thread::spawn(move || sender.send(client.try_response("POST").ok()).is_ok());
    }
    drop(sender);
    let refused = answers.iter().flatten().filter(|answer| answer.status != 403);
    let refused: Vec<_> = refused.take(10).collect();
    assert_eq!(refused.len(), 10);
    for answer in refused {
        assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")), "{}", answer.text());
    }
}
