//! The end of a request that is still being forwarded when the site goes down: `[response] close_tunnels_after`.

use std::cell::Cell;
use std::future::pending;
use std::ops::ControlFlow;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, interval, sleep_until};

use super::Gateway;
use super::decide::decide_request;
use super::record::RequestRecord;
use crate::clock;
use crate::filters::Routes;
use crate::filters::context::{Decided, OwnedDecision};
use crate::http1::request::RequestHead;
use crate::net::client::ClientConnection;
use crate::net::peer::Peer;
use crate::server::response::respond;
use crate::snapshot::{CurrentSnapshot, SnapshotCache};

/// How often a thread looks for a new phase, while it has requests that wait for one.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Tells the long requests of one thread when another phase has begun.
#[derive(Debug, Default)]
pub(super) struct PhaseChanges {
    changed: Notify,
    waiting: Cell<usize>,
    /// True while a task runs [`check`].
    is_checked: Cell<bool>,
}

impl PhaseChanges {
    /// Waits until the current snapshot or phase is another one than `seen`. Returns them, and the current time.
    async fn next(
        self: &Rc<Self>,
        snapshots: &Rc<SnapshotCache>,
        seen: &Rc<CurrentSnapshot>,
    ) -> (Rc<CurrentSnapshot>, Timestamp) {
        let _waiting = WaitingRequest::new(self);
        if !self.is_checked.replace(true) {
            tokio::task::spawn_local(check(Rc::downgrade(self), Rc::clone(snapshots), Rc::clone(seen)));
        }
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let now = clock::now();
            let current = snapshots.at(now);
            if !Rc::ptr_eq(&current, seen) {
                return (current, now);
            }
            changed.await;
        }
    }
}

/// Checks for another phase than `seen`, which the first request has seen, until no request waits for one.
async fn check(changes: Weak<PhaseChanges>, snapshots: Rc<SnapshotCache>, mut seen: Rc<CurrentSnapshot>) {
    let mut ticks = interval(CHECK_INTERVAL);
    loop {
        ticks.tick().await;
        let Some(changes) = changes.upgrade() else { return };
        if changes.waiting.get() == 0 {
            changes.is_checked.set(false);
            return;
        }
        let current = snapshots.at(clock::now());
        if !Rc::ptr_eq(&current, &seen) {
            seen = current;
            changes.changed.notify_waiters();
        }
    }
}

/// Counts as one waiting request until it is dropped.
struct WaitingRequest<'c>(&'c PhaseChanges);

impl<'c> WaitingRequest<'c> {
    fn new(changes: &'c PhaseChanges) -> Self {
        changes.waiting.set(changes.waiting.get() + 1);
        Self(changes)
    }
}

impl Drop for WaitingRequest<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get().saturating_sub(1));
    }
}

impl<R> Gateway<R> {
    /// Ready when a request that was passed must end: `close_tunnels_after` after it was first found to be down. Each new
    /// phase, and so each new version of the file, decides again, and so does the end of each bypass.
    /// `seen` and `decided_at` are those of its decision.
    pub(super) async fn closing(
        &self,
        head: &RequestHead<'_>,
        peer: &Peer,
        seen: &Rc<CurrentSnapshot>,
        mut decided_at: Timestamp,
    ) {
        let mut seen = Rc::clone(seen);
        let mut down_since = None;
        let mut closes_at: Option<Instant> = None;
        loop {
            let bypass_ends_at = bypass_end(&seen, decided_at);
            let (current, now) = tokio::select! {
                biased;
                () = reached(closes_at) => return,
                next = self.phase_changes.next(&self.snapshots, &seen) => next,
                () = reached(bypass_ends_at) => (Rc::clone(&seen), clock::now()),
            };
            let after = current.snapshot.config.response.close_tunnels_after;
            let is_down = is_down(&decide_request(head, peer, &current, &self.readiness, now));
            (seen, decided_at) = (current, now);
            down_since = is_down.then(|| down_since.unwrap_or_else(Instant::now));
            closes_at = down_since.zip(after).and_then(|(since, after)| since.checked_add(after));
        }
    }
}

/// Ready at a time; never without one.
async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

/// Returns when the next bypass ends of those that were valid at a decision. It may have ended since.
fn bypass_end(current: &CurrentSnapshot, decided_at: Timestamp) -> Option<Instant> {
    let end = current.snapshot.config.rules.bypasses.next_end(decided_at)?;
    let left = Duration::try_from(end.duration_since(clock::now())).unwrap_or_default();
    Instant::now().checked_add(left)
}

impl<R: Routes> Gateway<R> {
    /// Responds to a request whose response has not begun, when it must end.
    pub(super) async fn respond_down(
        &self,
        head: &RequestHead<'_>,
        client: &mut ClientConnection,
        record: &mut RequestRecord<'_>,
    ) -> ControlFlow<()> {
        let now = clock::now();
        let current = self.snapshots.at(now);
        let decided = decide_request(head, client.peer(), &current, &self.readiness, now);
        if !is_down(&decided) {
            // It is up again, and some of the request was taken: the client must send it again.
            return ControlFlow::Break(());
        }
        let response = self.call_filters(head, &current, &decided, Bytes::new()).await;
        record.respond_with(response.status(), decided.outcome);
        respond(&head.method, client, response, now).await
    }
}

fn is_down(decided: &Decided) -> bool {
    matches!(decided.decision, OwnedDecision::Page(_) | OwnedDecision::Redirect(_))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::path::Path;
    use std::sync::Arc;
    use std::task::Poll;

    use jiff::SignedDuration;
    use tokio::time::timeout;

    use super::*;
    use crate::config::Config;
    use crate::config::load::preview;
    use crate::snapshot::Snapshots;

    fn config(text: &str) -> Config {
        preview(Path::new("downtime.toml"), text).config.unwrap()
    }

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_phase_that_begins_before_the_first_check_is_told() {
        let snapshots = Arc::new(Snapshots::new(config("# first\n"), String::new(), clock::now()));
        let cache = Rc::new(SnapshotCache::new(&snapshots, clock::now()));
        let seen = cache.at(clock::now());
        let changes = Rc::<PhaseChanges>::default();
        let mut next = pin!(changes.next(&cache, &seen));
        assert!(poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx).is_pending())).await);
        snapshots.apply(config("# next\n"), String::new(), clock::now());
        let (current, _) = timeout(2 * CHECK_INTERVAL, next).await.expect("told");
        assert_eq!(current.snapshot.generation, 2);
    }

    #[test]
    fn a_bypass_that_ends_right_after_the_decision_still_ends() {
        let end = clock::now() - SignedDuration::from_secs(60);
        let hash = "0".repeat(64);
        let text = format!("[[bypass]]\nhash = \"sha256:{hash}\"\nuntil = {end}\n");
        let snapshots = Arc::new(Snapshots::new(config(&text), String::new(), end));
        let current = SnapshotCache::new(&snapshots, end).at(end);
        let before = end - SignedDuration::from_nanos(1);
        assert!(bypass_end(&current, before).is_some_and(|at| at <= Instant::now()));
        assert_eq!(bypass_end(&current, end), None);
    }
}
