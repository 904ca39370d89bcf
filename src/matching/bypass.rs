//! Bypasses: secrets that let testers through while the site is down.

mod credential;

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

pub use self::credential::{COOKIE, FIELD, Secrets, carries_secret, cookie_value, is_field, without_secret};
use super::glob::PathGlobs;
use super::request::Request;
use super::scope::{Host, texts};
use crate::hex;
use crate::invalid_value::InvalidValue;

/// A bypass lets nobody in until its end is at most this far away.
pub const MAX_TIME: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The SHA-256 of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash([u8; 32]);

/// A bypass.
#[derive(Clone, Debug)]
pub struct Bypass {
    /// The name, for operators.
    pub name: Option<String>,
    /// Its line in the file.
    pub line: usize,
    /// The name of the periods file, if it is there and not in the main file.
    pub file: Option<Arc<str>>,
    /// The hash of its secret.
    pub hash: SecretHash,
    /// The time from which it lets nobody in.
    pub until: Timestamp,
    /// The requests that it lets through.
    pub scope: BypassScope,
}

/// The requests that a bypass lets through. A missing part lets all through. In contrast to the scope of a period, nothing
/// that is in doubt is in it.
#[derive(Clone, Debug, Default)]
pub struct BypassScope {
    /// The hosts.
    pub hosts: Option<Vec<Host>>,
    /// The paths.
    pub paths: Option<BypassPaths>,
}

/// The paths of a scope, which match exactly, as exemptions do.
#[derive(Clone, Debug, Default)]
pub struct BypassPaths {
    texts: Vec<String>,
    globs: PathGlobs,
}

/// Whether a bypass lets testers in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BypassPhase {
    /// Its end is too far away.
    TooEarly,
    /// It does.
    Valid,
    /// It is over.
    Over,
}

impl SecretHash {
    /// Hashes a secret.
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Returns true if it is that of a secret, after a time that does not depend on how much of it is right.
    pub fn is_of(&self, secret: &[u8]) -> bool {
        self.0.ct_eq(&Self::of(secret).0).into()
    }

    /// Parses `sha256:` and 64 hexadecimal digits, as the file states a hash.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("sha256:")?.as_bytes();
        let mut hash = [0; 32];
        if digits.len() != 2 * hash.len() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        for (byte, digits) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(&self.0))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

impl BypassPhase {
    /// Returns the word for it in messages and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooEarly => "too early",
            Self::Valid => "valid",
            Self::Over => "over",
        }
    }
}

impl BypassPaths {
    /// Compiles globs that [`PathGlobs::check`] accepts.
    pub fn new(texts: Vec<String>) -> Result<Self, InvalidValue> {
        Ok(Self { globs: PathGlobs::new(texts.iter().map(String::as_str))?, texts })
    }

    /// Returns the globs, as they are in the file.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }
}

impl BypassScope {
    /// Returns its keys, each with its list as texts.
    pub fn texts(&self) -> [(&'static str, Option<Vec<String>>); 2] {
        let paths = self.paths.as_ref().map(|paths| paths.texts().to_vec());
        [("hosts", texts(self.hosts.as_ref())), ("paths", paths)]
    }

    /// Returns true if it has a request in it. With hosts or paths, that is never one whose path is not canonical.
    pub fn contains(&self, request: &Request<'_>) -> bool {
        if self.hosts.is_none() && self.paths.is_none() {
            return true;
        }
        request.path.canonical().is_some_and(|path| {
            self.contains_hosts(request)
                && self.paths.as_ref().is_none_or(|paths| paths.globs.find(path).is_some())
        })
    }

    /// Returns true if all hosts that a request names are in it.
    fn contains_hosts(&self, request: &Request<'_>) -> bool {
        let contains =
            |hosts: &Vec<Host>| request.hosts.names().all(|name| hosts.iter().any(|host| host.covers(name)));
        self.hosts.as_ref().is_none_or(contains)
    }
}

impl Bypass {
    /// Returns the time from which it lets testers in.
    pub fn valid_from(&self) -> Timestamp {
        self.until.checked_sub(MAX_TIME).unwrap_or(Timestamp::MIN)
    }

    /// Returns whether it lets testers in at `now`.
    pub fn phase(&self, now: Timestamp) -> BypassPhase {
        if self.until <= now {
            BypassPhase::Over
        } else if self.until.duration_since(now) > MAX_TIME {
            // Before `valid_from()`, which takes longer to compute, and this is asked of each bypass for each request.
            BypassPhase::TooEarly
        } else {
            BypassPhase::Valid
        }
    }

    /// Returns its name, or its line if it has none.
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("\"{name}\""),
            None => format!("the bypass at {}", self.place()),
        }
    }

    /// Returns its line, and its file if that is not the main file.
    pub fn place(&self) -> String {
        match &self.file {
            Some(file) => format!("line {} of {file}", self.line),
            None => format!("line {}", self.line),
        }
    }
}

/// All bypasses of the file, in its order.
#[derive(Clone, Debug, Default)]
pub struct Bypasses(Vec<Bypass>);

impl Bypasses {
    /// Takes the bypasses in the order of the file.
    pub fn new(bypasses: Vec<Bypass>) -> Self {
        Self(bypasses)
    }

    /// Returns all of them.
    pub fn all(&self) -> &[Bypass] {
        &self.0
    }

    /// Returns true if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if testers can enter on the hosts of a request at `now`.
    pub fn let_in(&self, request: &Request<'_>, now: Timestamp) -> bool {
        self.valid(now).any(|bypass| bypass.scope.contains_hosts(request))
    }

    /// Returns the bypass that lets a request through at `now`, because the request carries its secret.
    pub fn find(&self, request: &Request<'_>, now: Timestamp) -> Option<&Bypass> {
        let hashes: Vec<_> = request.secrets.iter().map(SecretHash::of).collect();
        // The time that a comparison takes may tell something about a hash, but not about a secret.
        let is_right = |bypass: &&Bypass| hashes.contains(&bypass.hash) && bypass.scope.contains(request);
        if hashes.is_empty() { None } else { self.valid(now).find(is_right) }
    }

    /// Returns the bypass with this secret, if testers can enter with it on the hosts of a request at `now`. The path of the
    /// request does not matter.
    pub fn find_by_secret(&self, secret: &[u8], request: &Request<'_>, now: Timestamp) -> Option<&Bypass> {
        let hash = SecretHash::of(secret);
        self.valid(now).find(|bypass| bypass.hash == hash && bypass.scope.contains_hosts(request))
    }

    /// Returns when the first of those that are valid at `now` ends.
    pub fn next_end(&self, now: Timestamp) -> Option<Timestamp> {
        self.valid(now).map(|bypass| bypass.until).min()
    }

    fn valid(&self, now: Timestamp) -> impl Iterator<Item = &Bypass> {
        self.0.iter().filter(move |bypass| bypass.phase(now) == BypassPhase::Valid)
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::matching::path::RequestPath;
    use crate::matching::request::Hosts;

    /// The hash of `test`.
    const HASH: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn bypass(hosts: Option<&[&str]>, paths: Option<&[&str]>) -> Bypass {
        let hosts = hosts.map(|hosts| hosts.iter().map(|host| Host::parse(host).unwrap()).collect());
        let texts = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect();
        let paths = paths.map(|paths| BypassPaths::new(texts(paths)).unwrap());
        let scope = BypassScope { hosts, paths };
        Bypass {
            name: None,
            line: 1,
            file: None,
            hash: SecretHash::parse(HASH).unwrap(),
            until: at(100),
            scope,
        }
    }

    #[test]
    fn a_hash_is_written_as_it_is_read() {
        assert_eq!(SecretHash::of(b"test").to_string(), HASH);
        assert_eq!(
            SecretHash::parse(&HASH.to_uppercase().replace("SHA256", "sha256")),
            SecretHash::parse(HASH)
        );
        for text in ["", "sha256:", "9f86", &HASH[..70], &format!("{HASH}0"), &HASH.replace('9', "+")] {
            assert_eq!(SecretHash::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_bypass_is_valid_for_its_last_30_days() {
        let month = MAX_TIME.as_secs();
        for (second, phase) in [
            (99 - month, BypassPhase::TooEarly),
            (100 - month, BypassPhase::Valid),
            (99, BypassPhase::Valid),
            (100, BypassPhase::Over),
        ] {
            assert_eq!(bypass(None, None).phase(at(second)), phase, "{second}");
        }
    }

    #[test]
    fn a_scope_contains_only_what_is_beyond_doubt() {
        for (hosts, paths, own, forwarded, path, expected) in [
            (None, None, None, None, "/a/../b", true),
            (None, Some(&["/shop/**"][..]), None, None, "/shop", true),
            (None, Some(&["/shop/**"]), None, None, "/shop/a%20b", true),
            (None, Some(&["/shop/**"]), None, None, "/SHOP", false),
            (None, Some(&["/shop/**"]), None, None, "/shop.", false),
            (None, Some(&["/shop/**"]), None, None, "/shop//", false),
            (None, Some(&["/**"]), None, None, "/shop/%2e%2e/x", false),
            (Some(&["a.example"][..]), None, Some("a.example:80"), None, "/", true),
            (Some(&["a.example"]), None, Some("A.example."), Some("a.example"), "/", true),
            (Some(&["a.example"]), None, Some("a.example"), Some("b.example"), "/", false),
            (Some(&["a.example"]), None, Some("b.example"), Some("a.example"), "/", false),
            (Some(&["a.example", "b.example"]), None, Some("b.example"), Some("a.example"), "/", true),
            (Some(&["a.example"]), None, Some("a.example"), Some(""), "/", false),
            (Some(&["a.example"]), None, None, None, "/", false),
            (Some(&["a.example"]), None, Some("a.example"), None, "//", false),
            (Some(&["*.a.example"]), None, Some("a.example"), None, "/", false),
            (Some(&["*.a.example"]), None, Some("b.a.example"), None, "/", true),
        ] {
            let request = Request {
                hosts: Hosts { own, forwarded: forwarded.into_iter().collect() },
                secrets: Secrets::new([("downtime-bypass", &b"test"[..])].into_iter()),
                ..Request::new(&Method::GET, RequestPath::new(path))
            };
            let bypasses = Bypasses::new(vec![bypass(hosts, paths)]);
            assert_eq!(
                bypasses.find(&request, at(0)).is_some(),
                expected,
                "{hosts:?} {own:?} {forwarded:?} {path}"
            );
            assert!(bypasses.find(&request, at(100)).is_none());
            let wrong = Request { secrets: Secrets::default(), ..request };
            assert!(bypasses.find(&wrong, at(0)).is_none());
        }
    }
}
