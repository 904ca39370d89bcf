//! Tells systemd about the process (`sd_notify(3)`), if systemd has started it.

use sd_notify::NotifyState;
use tracing::warn;

use crate::clock;
use crate::watch::WatchNotice;

/// Sends notifications. Does nothing if no supervisor waits for them.
pub(super) fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!("cannot notify systemd: {error}");
    }
}

/// Tells what a watch does: `systemctl status` shows the state, and `systemctl reload` knows when it is done.
pub(super) fn notify_of(notice: WatchNotice<'_>) {
    match notice {
        WatchNotice::Reloading => match NotifyState::monotonic_usec_now() {
            Ok(time) => notify(&[NotifyState::Reloading, time]),
            Err(error) => warn!("cannot read the monotonic clock: {error}"),
        },
        WatchNotice::Reloaded => notify(&[NotifyState::Ready]),
        WatchNotice::Checked(_) | WatchNotice::Rejected(..) => {}
        WatchNotice::State(snapshot) => {
            notify(&[NotifyState::Status(&snapshot.describe_lasting(clock::now()))]);
        }
    }
}
