//! Periods that begin and end by the clock.

use jiff::SignedDuration;

use crate::support::process::Gateway;
use crate::support::until;

#[test]
fn a_period_begins_and_ends_by_the_clock_in_answers_and_in_the_log() {
    let gateway = Gateway::start("");
    let mut client = gateway.connect();
    let now = downtime::clock::now();
    let [start, end] = [1500, 3500].map(|ahead| now + SignedDuration::from_millis(ahead));
    gateway.apply(&format!("[[period]]\nname = \"short\"\nstart = {start}\nend = {end}\n"));
    let mut status = || {
        let before = downtime::clock::now();
        let response = client.request("GET", "/", &[]);
        // The one clock reading of the request lies between these two.
        (before, response, downtime::clock::now())
    };
    let (answers, _) = until("the end", || {
        let (before, response, after) = status();
        let (down, up) = (before >= start && after < end, after < start || before >= end);
        assert!(!down || response.status == 503, "up at {before}, within {start} to {end}");
        assert!(!up || response.status == 200, "down at {before}, without {start} to {end}");
        assert!(response.status == 200 || matches!(response.retry_after(), 1 | 2), "{response:?}");
        (before >= end).then_some(response.status)
    });
    assert_eq!(answers, 200);
    gateway.log().wait_for("\"short\" has begun");
    gateway.log().wait_for("down until");
    gateway.log().wait_for("\"short\" has ended");
    gateway.log().wait_for("up; no downtime is planned");
}
