//! How many connections are open in the whole process, and how many of each client: `[limits] connections` and
//! `connections_per_client`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// The connections of a server, which its threads count together.
#[derive(Debug, Default)]
pub struct Capacity {
    open: AtomicUsize,
    accepted: AtomicU64,
    /// The connections of each client that has any, while their number is limited.
    clients: Mutex<HashMap<IpAddr, usize>>,
    scarce: Notify,
}

impl Capacity {
    /// Returns the number of open connections.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Returns the number of connections since the start.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Asks all threads to close idle connections.
    pub(super) fn ask_for_room(&self) {
        self.scarce.notify_waiters();
    }

    /// Waits until a thread has asked for it.
    pub(super) async fn room_is_wanted(&self) {
        self.scarce.notified().await;
    }

    /// Counts one more connection, unless there are `limit` already. Zero means no limit.
    pub(super) fn take_place(self: &Arc<Self>, limit: usize) -> Option<Place> {
        let one_more = |open: usize| (limit == 0 || open < limit).then_some(open + 1);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        self.accepted.fetch_add(1, Ordering::Relaxed);
        Some(Place { capacity: Arc::clone(self), client: None })
    }
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    capacity: Arc<Capacity>,
    client: Option<IpAddr>,
}

impl Place {
    /// Counts the connection as one of its client, and returns true; or false if the client has `limit` already. Zero means no
    /// limit, and nothing is counted. `None` is a Unix socket, which has no limit.
    pub(super) fn admits(&mut self, client: Option<IpAddr>, limit: usize) -> bool {
        let Some(client) = client.filter(|_| limit > 0) else { return true };
        let client = client.to_canonical();
        let mut clients = self.capacity.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let open = clients.entry(client).or_default();
        let is_admitted = *open < limit;
        if is_admitted {
            *open += 1;
            self.client = Some(client);
        }
        is_admitted
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.capacity.open.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let mut clients = self.capacity.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut open) = clients.entry(client) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let capacity = Arc::<Capacity>::default();
        let places = [capacity.take_place(2).unwrap(), capacity.take_place(2).unwrap()];
        assert!(capacity.take_place(2).is_none());
        // A limit that is raised, or none.
        drop([capacity.take_place(3).unwrap(), capacity.take_place(0).unwrap()]);
        drop(places);
        assert!(capacity.take_place(1).is_some());
    }

    #[test]
    fn each_client_has_its_own_places() {
        let capacity = Arc::<Capacity>::default();
        let (one, mapped, other) = ("192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1");
        let mut places = Vec::new();
        for (client, admitted) in [(one, true), (mapped, true), (one, false), (other, true), (mapped, false)]
        {
            let mut place = capacity.take_place(0).unwrap();
            assert_eq!(place.admits(Some(client.parse().unwrap()), 2), admitted, "{client}");
            places.push(place);
        }
        // The one that was refused has counted for nobody.
        places.remove(2);
        assert!(!capacity.take_place(0).unwrap().admits(Some(one.parse().unwrap()), 2));
        places.remove(0);
        assert!(capacity.take_place(0).unwrap().admits(Some(one.parse().unwrap()), 2));
        assert!(capacity.take_place(0).unwrap().admits(None, 1));
        places.clear();
        assert!(capacity.clients.lock().unwrap().is_empty());
    }
}
