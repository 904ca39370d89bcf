//! The watchdog of systemd (`WatchdogSec=`): it hears from the gateway only while each thread that serves answers. The threads that
//! wait for disks and other programs are not asked: a disk that hangs must not end a gateway that serves.

use std::convert::Infallible;
use std::future::pending;

use sd_notify::NotifyState;

use crate::cli::supervisor::notify;
use crate::server::Pulse;

/// Notifies systemd twice in each interval of its watchdog, as sd_watchdog_enabled(3) recommends, if each thread has answered.
pub(super) async fn feed(pulses: Vec<Pulse>) -> Infallible {
    let Some(interval) = sd_notify::watchdog_enabled() else { return pending().await };
    loop {
        for pulse in &pulses {
            pulse.check().await;
        }
        notify(&[NotifyState::Watchdog]);
        tokio::time::sleep(interval / 2).await;
    }
}
