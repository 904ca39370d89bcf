//! What receivers get, and when again.

use downtime::clock;
use jiff::SignedDuration;

use super::{DOWN, start, webhook};
use crate::receiver::{Answer, Receiver};
use crate::support::closed_port::ClosedPort;
use crate::support::http::Client;

#[test]
fn a_change_is_sent_signed_with_the_state_and_nothing_at_the_start() {
    let receiver = Receiver::start();
    let hook = webhook(&receiver, "");
    let gateway = start(&format!("{hook}{DOWN}"));
    gateway.apply(&hook);
    let up = receiver.next();
    assert_eq!(up.kind(), ("up".into(), "up".into()));
    gateway.apply(&format!("{hook}{DOWN}end = 2999-01-01T00:00:00Z\n"));
    let down = receiver.next();
    assert!(down.head.starts_with("POST /in/my-path HTTP/1.1\r\n"), "{}", down.head);
    assert_eq!(down.field("host"), receiver.address.to_string());
    assert_eq!(down.field("content-type"), "application/json");
    assert!(down.field("user-agent").starts_with("downtime/"));
    let mut json = down.json();
    let at: jiff::Timestamp = json["timestamp"].take().as_str().expect("a time").parse().expect("RFC 3339");
    let sent: i64 = down.field("webhook-timestamp").parse().expect("seconds");
    let now = clock::now().as_second();
    assert!((at.as_second()..=now).contains(&sent), "{at} {sent} {now}");
    assert_eq!(
        json,
        serde_json::json!({
            "type": "down",
            "timestamp": null,
            "data": {
                "state": "down",
                "until": "2999-01-01T00:00:00Z",
                "start": "2020-01-01T00:00:00Z",
                "period": "db",
                "message": "We move.",
                "generation": 3,
            },
        })
    );
    assert_ne!(down.field("webhook-id"), up.field("webhook-id"));
    gateway.apply(&format!("{hook}{DOWN}methods = [\"POST\"]\n"));
    assert_eq!(receiver.next().kind(), ("partial".into(), "partial".into()));
    assert!(receiver.is_idle());
}

#[test]
fn a_planned_downtime_that_begins_soon_is_told_once() {
    let receiver = Receiver::start();
    let hook = webhook(&receiver, "");
    let gateway = start(&hook);
    let soon = clock::now() + SignedDuration::from_mins(10);
    let planned = format!("{hook}[[period]]\nname = \"move\"\nstart = {soon}\nfor = \"1h\"\n");
    gateway.apply(&planned);
    let json = receiver.next().json();
    assert_eq!((&json["type"], &json["data"]["state"]), (&"soon".into(), &"up".into()));
    let facts = ["period", "start", "until"].map(|key| json["data"][key].as_str().map(ToOwned::to_owned));
    let end = soon + SignedDuration::from_hours(1);
    assert_eq!(facts, [Some("move".into()), Some(soon.to_string()), Some(end.to_string())]);
    gateway.apply(&format!("# later\n{planned}"));
    gateway.apply(&format!("{planned}{DOWN}"));
    assert_eq!(receiver.next().kind().0, "down");
}

#[test]
fn a_downtime_that_nobody_ends_is_told_as_forgotten_after_a_day() {
    // On a busy machine the gateway may start when the day is over. What was due before the start counts as told.
    let forgotten = [1, 4, 16].into_iter().find_map(|seconds| {
        let receiver = Receiver::start();
        let due = clock::now() + SignedDuration::from_secs(seconds);
        let start_of_period = due - SignedDuration::from_hours(24);
        let open = format!("[[period]]\nname = \"db\"\nstart = {start_of_period}\n");
        let _gateway = start(&format!("{}{open}", webhook(&receiver, "")));
        (clock::now() < due).then(|| (receiver.next(), start_of_period))
    });
    let (message, start_of_period) = forgotten.expect("a start in time");
    assert_eq!(message.kind(), ("forgotten".into(), "down".into()));
    let data = &message.json()["data"];
    assert_eq!((&data["period"], &data["until"]), (&"db".into(), &serde_json::Value::Null));
    assert_eq!(data["start"], start_of_period.to_string());
}

#[test]
fn a_message_that_is_not_taken_is_sent_again_before_the_next_one() {
    let receiver = Receiver::answering(|number| match number {
        0 => Answer::Status(500, String::new()),
        1 => Answer::Close,
        _ => Answer::Status(200, String::new()),
    });
    let hook = webhook(&receiver, "");
    let gateway = start(&hook);
    gateway.apply(&format!("{hook}{DOWN}"));
    gateway.apply(&hook);
    let attempts = [receiver.next(), receiver.next(), receiver.next()];
    for attempt in &attempts {
        assert_eq!((attempt.kind().0.as_str(), &attempt.body), ("down", &attempts[0].body));
        assert_eq!(attempt.field("webhook-id"), attempts[0].field("webhook-id"));
    }
    let times = attempts.map(|attempt| attempt.field("webhook-timestamp").parse::<i64>().expect("seconds"));
    assert!(times.is_sorted() && times[2] > times[0], "{times:?}");
    assert_eq!(receiver.next().kind().0, "up");
    gateway.log().wait_for("has taken `down`");
    let log = gateway.log().text();
    let failures: Vec<_> = log.lines().filter(|line| line.contains("cannot send `down`")).collect();
    let [failure] = failures[..] else { panic!("{log}") };
    assert!(failure.contains("webhook 1 (http://127.0.0.1:") && failure.contains("status 500"), "{failure}");
    assert!(!log.contains("my-path"), "{log}");
}

#[test]
fn a_receiver_that_cannot_be_reached_gets_the_message_later() {
    let port = ClosedPort::bind();
    let hook = format!("[[webhook]]\nurl = \"{}/\"\nsecret_file = \"hook.key\"\n", port.url());
    let gateway = start(&hook);
    gateway.apply(&format!("{hook}{DOWN}"));
    gateway.log().wait_for("cannot connect: Connection refused");
    let receiver = Receiver::on(port.listen(), |_| Answer::Status(204, String::new()));
    assert_eq!(receiver.next().kind().0, "down");
}

#[test]
fn redirects_are_not_followed() {
    let other = Receiver::start();
    let location = format!("Location: {}\r\n", other.url());
    let receiver = Receiver::answering(move |number| match number {
        0 => Answer::Status(307, location.clone()),
        1 => Answer::Status(302, location.clone()),
        _ => Answer::Status(204, String::new()),
    });
    let hook = webhook(&receiver, "");
    let gateway = start(&hook);
    gateway.apply(&format!("{hook}{DOWN}"));
    for _ in 0..3 {
        assert_eq!(receiver.next().kind().0, "down");
    }
    gateway.log().wait_for("status 307: redirects are not followed");
    assert!(other.is_idle());
}

#[test]
fn a_webhook_is_told_the_events_that_it_lists() {
    let (all, some) = (Receiver::start(), Receiver::start());
    let hooks = webhook(&all, "") + &webhook(&some, "events = [\"up\", \"partial\"]");
    let gateway = start(&hooks);
    gateway.apply(&format!("{hooks}{DOWN}"));
    assert_eq!(all.next().kind().0, "down");
    gateway.apply(&hooks);
    assert_eq!((all.next().kind().0, some.next().kind().0), ("up".into(), "up".into()));
    assert!(some.is_idle());
}

#[test]
fn a_receiver_that_never_answers_holds_up_neither_requests_nor_other_webhooks() {
    let silent = Receiver::answering(|_| Answer::Silence);
    let other = Receiver::start();
    let hooks = webhook(&silent, "") + &webhook(&other, "");
    let gateway = start(&hooks);
    gateway.apply(&format!("{hooks}{DOWN}"));
    assert_eq!(silent.next().kind().0, "down");
    assert_eq!(gateway.get("/", &[]).status, 503);
    gateway.apply(&hooks);
    assert_eq!(gateway.get("/", &[]).status, 200);
    assert_eq!([other.next().kind().0, other.next().kind().0], ["down", "up"]);
    assert!(silent.is_idle());
}

#[test]
fn a_receiver_that_asks_to_wait_gets_the_message_after_that() {
    let receiver = Receiver::answering(|number| match number {
        0 => Answer::Status(503, "Retry-After: 4\r\n".to_owned()),
        _ => Answer::Status(204, String::new()),
    });
    let hook = webhook(&receiver, "");
    let gateway = start(&hook);
    gateway.apply(&format!("{hook}{DOWN}"));
    let times = [receiver.next(), receiver.next()]
        .map(|attempt| attempt.field("webhook-timestamp").parse::<i64>().expect("seconds"));
    // The seconds are whole ones. Without the field, it would be a second at most.
    assert!(times[1] - times[0] >= 3, "{times:?}");
    gateway.log().wait_for("status 503 (Retry-After: 4 s); trying again");
}

#[test]
fn a_receiver_that_is_gone_gets_no_more_until_its_webhook_changes() {
    let receiver = Receiver::answering(|number| match number {
        0 => Answer::Status(410, String::new()),
        _ => Answer::Status(204, String::new()),
    });
    let management = "[management]\nlisten = \"unix:management.sock\"\n";
    let [before, after] =
        ["", "events = [\"down\"]"].map(|keys| management.to_owned() + &webhook(&receiver, keys));
    let gateway = start(&before);
    let metric = |name: &str| {
        let mut operator = Client::connect_unix(&gateway.directory.join("management.sock"));
        let text = operator.request("GET", "/metrics", &["Host: localhost"]).text().to_owned();
        let value =
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
        value.expect("the metric")
    };
    gateway.apply(&format!("{before}{DOWN}"));
    let line = gateway.log().wait_for("has not taken `down`");
    assert!(line.contains("which was sent once: status 410"), "{line}");
    gateway.log().wait_for("is disabled until its keys or its secret change");
    gateway.apply(&before);
    gateway.log().wait_for("is disabled, since its receiver has answered with status 410: `up` of ");
    assert_eq!(receiver.next().kind().0, "down");
    assert!(receiver.is_idle());
    let metrics = ["downtime_webhooks_disabled", "downtime_webhooks_failed_total"];
    assert_eq!(metrics.map(metric), ["1", "2"]);
    gateway.apply(&format!("{after}{DOWN}"));
    assert_eq!(receiver.next().kind().0, "down");
    assert_eq!(metrics.map(metric), ["0", "2"]);
}
