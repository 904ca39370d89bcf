//! Finds out if an upstream that failed can be reached again, for the visitors whose pages ask for it.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::spawn_local;

use super::Gateway;
use crate::config::Site;
use crate::filters::Routes;
use crate::snapshot::Snapshot;

impl<R: Routes> Gateway<R> {
    /// Attempts to reach the upstream in the background if the last attempt failed, at most once a second.
    pub(super) fn retry_upstream(&self, snapshot: &Arc<Snapshot>, now: Timestamp) {
        if !snapshot.reachability.claim_attempt(now) {
            return;
        }
        let (proxy, snapshot) = (self.proxy.clone(), Arc::clone(snapshot));
        spawn_local(async move {
            if let Site::Upstream(site) = &snapshot.config.site
                && proxy.can_connect(site).await
            {
                snapshot.reachability.record_connection();
            }
        });
    }
}
