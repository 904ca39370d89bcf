//! The addresses of the names of hosts.
//!
//! The system does not say how long an answer is valid: `getaddrinfo` returns no time to live. It also blocks, at times for
//! minutes, and cannot be stopped. So a lookup runs on a thread of its own, one for each name at most, and all requests of
//! all workers wait for the same one.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

/// How long an answer is used without asking again.
const FRESH: Duration = Duration::from_secs(30);
/// How long an answer is used while a newer one cannot be had (RFC 8767).
const MAX_AGE: Duration = Duration::from_mins(10);
/// How long a request waits for a newer answer although it could use an older one.
const GRACE: Duration = Duration::from_millis(200);
/// The time after which a failed lookup is repeated.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The limit for lookups at the same time. There is usually one name; the others are those of earlier versions of the file.
const MAX_LOOKUPS: usize = 8;

/// The addresses of a name, in the order in which the system prefers them (RFC 6724).
pub type Addresses = Arc<[IpAddr]>;
/// Looks up a name, and may block.
pub(crate) type Lookup = fn(&str) -> io::Result<Addresses>;

/// The names of hosts and their addresses. Clones share them.
#[derive(Clone)]
pub struct Names {
    lookup: Lookup,
    known: Arc<Mutex<HashMap<String, Name>>>,
}

impl Default for Names {
    fn default() -> Self {
        Self::with_lookup(system_lookup)
    }
}

fn system_lookup(name: &str) -> io::Result<Addresses> {
    let addresses: Addresses = (name, 0).to_socket_addrs()?.map(|address: SocketAddr| address.ip()).collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the host name has no address"));
    }
    Ok(addresses)
}

/// What is known about a name.
#[derive(Default)]
struct Name {
    answer: Option<(Addresses, Instant)>,
    failure: Option<(LookupError, Instant)>,
    running: Option<RunningLookup>,
}

/// A lookup that has not been seen to end.
#[derive(Clone)]
struct RunningLookup {
    started: Instant,
    ended: watch::Receiver<Option<EndedLookup>>,
}

#[derive(Clone)]
struct EndedLookup {
    result: Result<Addresses, LookupError>,
    at: Instant,
}

/// An error that all waiting requests get.
#[derive(Clone)]
struct LookupError(io::ErrorKind, Arc<str>);

impl From<LookupError> for io::Error {
    fn from(LookupError(kind, message): LookupError) -> Self {
        Self::new(kind, &*message)
    }
}

/// What a request can do.
enum Resolution {
    Use(Addresses),
    /// Wait; if there is an older answer, for a short time only.
    Wait(RunningLookup, Option<Addresses>),
}

impl Names {
    /// Uses another lookup than that of the system.
    pub(crate) fn with_lookup(lookup: Lookup) -> Self {
        Self { lookup, known: Arc::default() }
    }

    /// Returns the addresses of a host: of a name, or the address that it is. Waits for a lookup as long as that takes.
    ///
    /// # Errors
    /// The lookup failed, and no recent answer is known; or too many others are running.
    pub async fn resolve(&self, host: &str) -> io::Result<Addresses> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(Arc::new([address]));
        }
        match self.begin(host)? {
            Resolution::Use(addresses) => Ok(addresses),
            Resolution::Wait(running, None) => running.wait().await,
            Resolution::Wait(running, Some(older)) => {
                let newer = timeout_at(running.started + GRACE, running.wait()).await;
                Ok(newer.ok().and_then(Result::ok).unwrap_or(older))
            }
        }
    }

    /// Starts a lookup if one is needed and none is running.
    fn begin(&self, host: &str) -> io::Result<Resolution> {
        let now = Instant::now();
        let mut known = self.lock();
        for (host, name) in known.iter_mut() {
            name.take_result(host);
        }
        known.retain(|_, name| name.is_needed(now));
        let lookups = known.values().filter(|name| name.running.is_some()).count();
        let name = known.entry(host.to_owned()).or_default();
        if let Some(addresses) = name.answer(now, FRESH) {
            return Ok(Resolution::Use(addresses));
        }
        let older = name.answer(now, MAX_AGE);
        let running = match (&name.running, &name.failure) {
            (Some(running), _) => running,
            (None, Some((error, at))) if is_within(RETRY_AFTER, *at, now) => {
                return older.map(Resolution::Use).ok_or_else(|| error.clone().into());
            }
            (None, _) if lookups >= MAX_LOOKUPS => {
                return older.map(Resolution::Use).ok_or_else(too_many_lookups);
            }
            (None, _) => name.running.insert(RunningLookup::start(host, now, self.lookup)?),
        };
        Ok(Resolution::Wait(running.clone(), older))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Name>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns true if less than `limit` has passed since `at`.
fn is_within(limit: Duration, at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < limit
}

fn too_many_lookups() -> io::Error {
    io::Error::other(format!(
        "{MAX_LOOKUPS} lookups of other names are running: does the name server answer?"
    ))
}

impl Name {
    /// Returns the addresses, if the answer is not older than `age`.
    fn answer(&self, now: Instant, age: Duration) -> Option<Addresses> {
        let (addresses, at) = self.answer.as_ref()?;
        is_within(age, *at, now).then(|| Arc::clone(addresses))
    }

    /// Returns true if the next request for this name needs what is known.
    fn is_needed(&self, now: Instant) -> bool {
        self.running.is_some()
            || self.answer(now, MAX_AGE).is_some()
            || self.failure.as_ref().is_some_and(|(_, at)| is_within(RETRY_AFTER, *at, now))
    }

    /// Takes the result of a lookup that has ended.
    fn take_result(&mut self, host: &str) {
        let Some(EndedLookup { result, at }) = self.running.as_ref().and_then(RunningLookup::result) else {
            return;
        };
        self.running = None;
        match result {
            Ok(addresses) => {
                self.failure = None;
                self.answer = Some((addresses, at));
            }
            Err(error) => {
                if self.failure.is_none() && self.answer.is_some() {
                    warn!("cannot look up {host} again: {}; using the addresses of the last answer", error.1);
                }
                self.failure = Some((error, at));
            }
        }
    }
}

impl RunningLookup {
    /// Starts a lookup on a thread of its own, which nothing waits for when the process ends.
    fn start(host: &str, started: Instant, lookup: Lookup) -> io::Result<Self> {
        let (sender, ended) = watch::channel(None);
        let host = host.to_owned();
        std::thread::Builder::new().name("lookup".to_owned()).spawn(move || {
            let begun = std::time::Instant::now();
            let result = lookup(&host).map_err(|error| LookupError(error.kind(), error.to_string().into()));
            sender.send_replace(Some(EndedLookup { result, at: started + begun.elapsed() }));
        })?;
        Ok(Self { started, ended })
    }

    /// Returns the result if the lookup has ended.
    fn result(&self) -> Option<EndedLookup> {
        let result = self.ended.borrow().clone();
        result.or_else(|| {
            self.ended.has_changed().err().map(|_| EndedLookup { result: Err(panicked()), at: self.started })
        })
    }

    async fn wait(&self) -> io::Result<Addresses> {
        let mut ended = self.ended.clone();
        let result = match ended.wait_for(Option::is_some).await {
            Ok(ended) => ended.as_ref().map(|ended| ended.result.clone()),
            Err(_) => None,
        };
        Ok(result.unwrap_or_else(|| Err(panicked()))?)
    }
}

fn panicked() -> LookupError {
    LookupError(io::ErrorKind::Other, "the lookup thread has panicked".into())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);
    /// The shortest time.
    const TICK: Duration = Duration::from_nanos(1);

    /// Looks up a name that has no recent answer. Returns its older answer, the result, and the time at which the lookup ended.
    fn look_up(names: &Names, host: &str) -> (Option<Addresses>, io::Result<Addresses>, Instant) {
        let Ok(Resolution::Wait(lookup, older)) = names.begin(host) else { panic!("no lookup") };
        let waiting = lookup.clone();
        // On a thread with a clock of its own: a paused one would run to the deadline at once.
        let waiting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async { tokio::time::timeout(DEADLINE, waiting.wait()).await.expect("in time") })
        });
        (older, waiting.join().unwrap(), lookup.result().unwrap().at)
    }

    async fn advance_to(time: Instant) {
        tokio::time::advance(time - Instant::now()).await;
    }

    fn address(last: usize) -> Addresses {
        Arc::new([IpAddr::from([192, 0, 2, u8::try_from(last).unwrap()])])
    }

    /// Declares a lookup that counts its calls in `$calls`.
    macro_rules! counting {
        ($calls:ident, |$call:ident| $result:expr) => {{
            fn lookup(_: &str) -> io::Result<Addresses> {
                let $call = $calls.fetch_add(1, Ordering::SeqCst) + 1;
                let result: io::Result<Addresses> = $result;
                result
            }
            Names::with_lookup(lookup)
        }};
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_used_for_30_seconds() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        let names = counting!(CALLS, |call| Ok(address(call)));
        for call in 1..=3 {
            let (older, found, at) = look_up(&names, "app");
            assert_eq!((older, found.unwrap()), ((call > 1).then(|| address(call - 1)), address(call)));
            for time in [at, at + FRESH - TICK] {
                advance_to(time).await;
                assert_eq!(names.resolve("app").await.unwrap(), address(call));
                assert_eq!(CALLS.load(Ordering::SeqCst), call);
            }
            advance_to(at + FRESH).await;
        }
        assert_eq!(&*names.resolve("::1").await.unwrap(), ["::1".parse::<IpAddr>().unwrap()]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_answer_is_used_while_the_lookup_fails_for_ten_minutes() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        let names =
            counting!(CALLS, |call| if call == 1 { Ok(address(1)) } else { Err(io::Error::other("dead")) });
        let (_, found, at) = look_up(&names, "app");
        assert_eq!(found.unwrap(), address(1));
        for time in [at + FRESH, at + MAX_AGE / 2, at + MAX_AGE - TICK] {
            advance_to(time).await;
            assert_eq!(look_up(&names, "app").1.unwrap_err().to_string(), "dead");
            assert_eq!(names.resolve("app").await.unwrap(), address(1));
        }
        advance_to(at + MAX_AGE).await;
        assert_eq!(names.resolve("app").await.unwrap_err().to_string(), "dead");
        assert_eq!(CALLS.load(Ordering::SeqCst), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_repeated_after_a_second_only() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        let names = counting!(CALLS, |_call| Err(io::ErrorKind::NotFound.into()));
        for call in 1..=2 {
            let (_, failed, at) = look_up(&names, "app");
            assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::NotFound);
            advance_to(at + RETRY_AFTER - TICK).await;
            assert_eq!(names.resolve("app").await.unwrap_err().kind(), io::ErrorKind::NotFound);
            assert_eq!(CALLS.load(Ordering::SeqCst), call);
            advance_to(at + RETRY_AFTER).await;
        }
    }

    /// Blocks for longer than any test.
    fn dead(_: &str) -> io::Result<Addresses> {
        std::thread::sleep(Duration::from_mins(5));
        Err(io::ErrorKind::TimedOut.into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_name_server_holds_one_thread_for_each_of_eight_names() {
        let names = Names::with_lookup(dead);
        for number in 0..MAX_LOOKUPS {
            for _ in 0..100 {
                let host = format!("app{number}");
                assert!(tokio::time::timeout(DEADLINE, names.resolve(&host)).await.is_err());
            }
        }
        let error = names.resolve("other").await.unwrap_err();
        assert!(error.to_string().starts_with("8 lookups of other names are running"), "{error}");
        let known = names.lock();
        assert_eq!(known.values().filter(|name| name.running.is_some()).count(), MAX_LOOKUPS);
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_answer_does_not_wait_for_a_dead_name_server() {
        let names = Names::with_lookup(dead);
        let now = Instant::now();
        let known = Name { answer: Some((address(1), now)), ..Name::default() };
        names.lock().insert("app".to_owned(), known);
        tokio::time::advance(FRESH).await;
        let begun = Instant::now();
        for waited in [GRACE, GRACE] {
            assert_eq!(names.resolve("app").await.unwrap(), address(1));
            assert_eq!(begun.elapsed(), waited, "only the first request waits");
        }
    }
}
