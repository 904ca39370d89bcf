//! The fields and cookies that carry the secret of a bypass.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};

use crate::http1::cookie::{SecretCookie, cookies, name_and_value};
use crate::http1::field_names::is_read_as;

/// The field in which machines send a secret, in lower case.
pub const FIELD: &str = "downtime-bypass";
/// The cookie that holds a secret.
pub const COOKIE: SecretCookie =
    SecretCookie { name: "downtime-bypass", secure_name: "__Host-downtime-bypass", same_site: "Lax" };
/// Part of both names.
static COOKIE_FINDER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(COOKIE.name));

/// The number of secrets of a request that are tried, and the length of each, in bytes: a request with more costs nothing.
const MAX_SECRETS: usize = 8;
const MAX_SECRET: usize = 256;

/// The characters that a cookie cannot hold (RFC 6265, section 4.1.1), and the one that begins an escape.
const NOT_IN_COOKIES: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

/// The secrets that a request carries. Its `Debug` output does not contain them.
#[derive(Clone, Default)]
pub struct Secrets<'a>(Vec<Cow<'a, [u8]>>);

impl std::fmt::Debug for Secrets<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl<'a> Secrets<'a> {
    /// Takes them from the fields of a request, given by name and value. It takes either cookie: a tester keeps a cookie
    /// when the scheme changes.
    pub fn new<'n>(fields: impl Iterator<Item = (&'n str, &'a [u8])>) -> Self {
        let mut secrets = Vec::new();
        for (name, value) in fields {
            if name.eq_ignore_ascii_case(FIELD) {
                secrets.push(Cow::Borrowed(value));
            } else if carries_secret(name, value) {
                let values = cookies(value).filter_map(|cookie| secret(cookie));
                secrets.extend(values.map(|value| percent_decode(value).into()));
            }
        }
        secrets.retain(|secret| !secret.is_empty() && secret.len() <= MAX_SECRET);
        secrets.truncate(MAX_SECRETS);
        Self(secrets)
    }

    /// Returns each of them.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|secret| &**secret)
    }
}

/// Returns true for the name of the field, and for those that a site may read as it: none of them is forwarded.
pub fn is_field(name: &str) -> bool {
    // This runs for each field of each request.
    name.len() == FIELD.len()
        && matches!(name.as_bytes().first(), Some(b'd' | b'D'))
        && is_read_as(name, FIELD)
}

/// Returns true if a field is `Cookie` and one of its cookies holds a secret.
pub fn carries_secret(name: &str, value: &[u8]) -> bool {
    name.len() == 6
        && name.eq_ignore_ascii_case("cookie")
        && COOKIE_FINDER.find(value).is_some()
        && cookies(value).any(|cookie| secret(cookie).is_some())
}

/// Returns the value of a Cookie field without the cookies that hold a secret. The others keep each byte. Empty if there is
/// no other.
pub fn without_secret(value: &[u8]) -> Vec<u8> {
    let others: Vec<_> = cookies(value).filter(|cookie| secret(cookie).is_none()).collect();
    let others = others.join(&b';');
    if cookies(value).next().is_some_and(|first| secret(first).is_some()) {
        return others.trim_ascii_start().to_owned();
    }
    others
}

/// Returns the value of the cookie that holds a secret. [`Secrets`] decodes it.
pub fn cookie_value(secret: &[u8]) -> String {
    percent_encode(secret, NOT_IN_COOKIES).to_string()
}

/// Returns the secret that a cookie holds.
fn secret(cookie: &[u8]) -> Option<&[u8]> {
    let (name, secret) = name_and_value(cookie)?;
    [COOKIE.name, COOKIE.secure_name].iter().any(|ours| name == ours.as_bytes()).then_some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(fields: &[(&str, &str)]) -> Vec<String> {
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        Secrets::new(fields).iter().map(|secret| String::from_utf8(secret.to_owned()).unwrap()).collect()
    }

    #[test]
    fn secrets_are_in_the_field_and_in_the_cookies() {
        for (fields, expected) in [
            (&[][..], &[][..]),
            (&[("Downtime-Bypass", "a"), ("downtime-bypass", "b")], &["a", "b"]),
            (&[("Cookie", "x=y; downtime-bypass=a;__Host-downtime-bypass = b ; z")], &["a", "b"]),
            (&[("cookie", "downtime-bypass=a%20%25b=")], &["a %b="]),
            (
                &[(
                    "Cookie",
                    "Downtime-Bypass=a; downtime-bypass; x=downtime-bypass=a; __Host_downtime-bypass=a",
                )],
                &[],
            ),
            (&[("Downtime_Bypass", "a"), ("Cookies", "downtime-bypass=a"), ("Downtime-Bypass", "")], &[]),
        ] {
            assert_eq!(secrets(fields), expected, "{fields:?}");
        }
        assert_eq!(secrets(&[("Cookie", &"downtime-bypass=a;".repeat(100))]).len(), MAX_SECRETS);
        assert_eq!(secrets(&[("Downtime-Bypass", &"a".repeat(MAX_SECRET + 1))]), [""; 0]);
    }

    #[test]
    fn a_cookie_can_hold_every_secret() {
        for secret in ["dGVzdA-_", "a b;c,d\"e\\f%20", "é\u{1}", "a=b"] {
            let cookie = format!("{}={}", COOKIE.name, cookie_value(secret.as_bytes()));
            assert!(
                cookie.bytes().all(|byte| byte.is_ascii_graphic() && !b"\";,\\".contains(&byte)),
                "{cookie}"
            );
            assert_eq!(secrets(&[("Cookie", &cookie)]), [secret]);
        }
    }

    #[test]
    fn the_other_cookies_keep_each_byte() {
        for (value, expected) in [
            ("downtime-bypass=a", ""),
            ("downtime-bypass=a;", ""),
            ("downtime-bypass=a; x=y", "x=y"),
            ("x=y; downtime-bypass=a", "x=y"),
            ("x=y;downtime-bypass=a;  z=\"1\" ;;", "x=y;  z=\"1\" ;;"),
            ("x=y; __Host-downtime-bypass=a; downtime-bypass=b; z", "x=y; z"),
            ("xdowntime-bypass=a; downtime-bypass=b", "xdowntime-bypass=a"),
        ] {
            assert!(carries_secret("Cookie", value.as_bytes()), "{value}");
            assert_eq!(without_secret(value.as_bytes()), expected.as_bytes(), "{value}");
        }
        for value in ["", "x=y", "downtime-bypass", "xdowntime-bypass=a", "x=downtime-bypass=a"] {
            assert!(!carries_secret("Cookie", value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn names_that_a_site_may_read_as_the_field_are_known() {
        for (name, expected) in [
            ("Downtime-Bypass", true),
            ("DOWNTIME_BYPASS", true),
            ("downtime.bypass", true),
            ("accept-encoding", false),
            ("downtime-bypas", false),
        ] {
            assert_eq!(is_field(name), expected, "{name}");
        }
    }
}
