//! Checks passwords off the path of requests, one at a time.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use tracing::debug;

use crate::config::users::User;
use crate::thread_exit::ExitNotice;

/// The number of passwords that wait for the one that is being checked.
const MAX_WAITING: usize = 8;
/// The lowest priority (`nice(2)`): the gateway may run on the same machine.
const NICENESS: i32 = 19;

/// Checks passwords on a thread of its own.
#[derive(Debug)]
pub(super) struct Passwords {
    queue: SyncSender<PasswordCheck>,
    /// The clients whose passwords wait or are being checked. Each has one at most, so that no client takes all places.
    clients: Arc<Mutex<HashSet<IpAddr>>>,
}

struct PasswordCheck {
    user: User,
    password: String,
    reply: oneshot::Sender<bool>,
}

/// Too many passwords wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// The place of a client in the queue, which is freed when it is dropped.
struct ClientPlace {
    client: Option<IpAddr>,
    clients: Arc<Mutex<HashSet<IpAddr>>>,
}

impl Passwords {
    /// Starts the thread, which holds the notice.
    pub(super) fn start(notice: ExitNotice) -> io::Result<Self> {
        let (queue, checks) = sync_channel(MAX_WAITING);
        std::thread::Builder::new().name("passwords".into()).spawn(move || {
            let _notice = notice;
            check_all(&checks);
        })?;
        Ok(Self { queue, clients: Arc::default() })
    }

    /// Returns true if a client has sent the password of an operator.
    ///
    /// # Errors
    /// Too many passwords wait, or one of the same client does. It is said at once.
    pub(super) async fn check(
        &self,
        user: User,
        password: String,
        client: Option<IpAddr>,
    ) -> Result<bool, TooMany> {
        let _place = self.place(client)?;
        let (reply, answer) = oneshot::channel();
        self.queue.try_send(PasswordCheck { user, password, reply }).map_err(|_| TooMany)?;
        answer.await.map_err(|_| TooMany)
    }

    fn place(&self, client: Option<IpAddr>) -> Result<ClientPlace, TooMany> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if client.is_some_and(|client| !clients.insert(client)) {
            return Err(TooMany);
        }
        Ok(ClientPlace { client, clients: Arc::clone(&self.clients) })
    }
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        if let Some(client) = self.client {
            self.clients.lock().unwrap_or_else(PoisonError::into_inner).remove(&client);
        }
    }
}

/// Checks passwords until the queue is closed.
fn check_all(checks: &Receiver<PasswordCheck>) {
    if let Err(error) = rustix::process::nice(NICENESS) {
        debug!("cannot lower the priority of the thread that checks passwords: {error}");
    }
    for PasswordCheck { user, password, reply } in checks {
        // Its client may have left meanwhile.
        if !reply.is_closed() {
            let _ = reply.send(user.has_password(password.as_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::config::users::Users;
    use crate::thread_exit::exit_notice;

    const LINE: &str = "ann:$2y$04$xZJzg294loz44.nbNUdlOO1FDLjRM6LY2GT1HnJDtd0Iyv.BE7R/e";

    fn client(number: u8) -> IpAddr {
        [127, 0, 0, number].into()
    }

    #[tokio::test]
    async fn what_does_not_fit_in_the_queue_is_refused_at_once() {
        // Nothing takes from the queue.
        let (queue, _checks) = sync_channel(2);
        let passwords = Passwords { queue, clients: Arc::default() };
        let users = Users::parse("", LINE).unwrap();
        let check = |client| {
            Box::pin(passwords.check(users.find("ann").unwrap().clone(), "correct horse".into(), client))
        };
        let mut context = Context::from_waker(Waker::noop());
        let mut first = check(Some(client(1)));
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert_eq!(
            check(Some(client(1))).as_mut().poll(&mut context),
            Poll::Ready(Err(TooMany)),
            "the same client"
        );
        let mut second = check(None);
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert_eq!(
            check(Some(client(2))).as_mut().poll(&mut context),
            Poll::Ready(Err(TooMany)),
            "the queue is full"
        );
        drop((first, second));
        assert!(passwords.clients.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn only_the_right_password_is_right_and_the_end_of_the_thread_is_noticed() {
        let (notice, mut exits) = exit_notice();
        let (passwords, users) = (Passwords::start(notice).unwrap(), Users::parse("", LINE).unwrap());
        for (password, expected) in [("correct horse", true), ("correct", false), ("", false)] {
            let user = users.find("ann").unwrap().clone();
            assert_eq!(
                passwords.check(user, password.into(), Some(client(1))).await,
                Ok(expected),
                "{password}"
            );
        }
        drop(passwords);
        assert_eq!(exits.recv().await.as_deref(), Some("passwords"));
    }
}
