//! The cookie that holds the secret of a session.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::http1::scheme::Scheme;

/// Its name over http, which is for this machine only.
const NAME: &str = "downtime-admin";
/// Its name over https: browsers accept it only from this host, for all of its paths, and secure.
const SECURE_NAME: &str = "__Host-downtime-admin";

fn name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => NAME,
        Scheme::Https => SECURE_NAME,
    }
}

/// Returns the secret that a request carries.
pub(super) fn read(headers: &HeaderMap, scheme: Scheme) -> Option<&[u8]> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let value = |pair: &'_ [u8]| -> Option<usize> {
        let pair = pair.trim_ascii_start();
        pair.strip_prefix(name(scheme).as_bytes())?.strip_prefix(b"=").map(<[u8]>::len)
    };
    pairs.into_iter().find_map(|pair| pair.get(pair.len() - value(pair)?..)).map(<[u8]>::trim_ascii)
}

/// Returns the value of `Set-Cookie` for a session: scripts cannot read it, and requests of other sites do not carry it.
pub(super) fn set(secret: &str, scheme: Scheme) -> Option<HeaderValue> {
    build(secret, "", scheme)
}

/// Returns the value of `Set-Cookie` that deletes the cookie.
pub(super) fn delete(scheme: Scheme) -> Option<HeaderValue> {
    build("", "; Max-Age=0", scheme)
}

fn build(secret: &str, age: &str, scheme: Scheme) -> Option<HeaderValue> {
    let secure = if scheme == Scheme::Https { "; Secure" } else { "" };
    let cookie = format!("{}={secret}; Path=/{age}; HttpOnly; SameSite=Strict{secure}", name(scheme));
    let mut cookie = HeaderValue::try_from(cookie).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_of_the_scheme_counts() {
        for (cookies, http, https) in [
            (&["downtime-admin=a"][..], Some("a"), None),
            (&["x=y; downtime-admin=a; z"], Some("a"), None),
            (&["x=y", "__Host-downtime-admin=b ;downtime-admin=a"], Some("a"), Some("b")),
            (&["xdowntime-admin=a; downtime-admins=b"], None, None),
            (&["x=downtime-admin=a"], None, None),
            (&["downtime-admin"], None, None),
            (&[], None, None),
        ] {
            let mut map = HeaderMap::new();
            for cookie in cookies {
                map.append(COOKIE, HeaderValue::from_static(cookie));
            }
            let found = [Scheme::Http, Scheme::Https].map(|scheme| read(&map, scheme));
            assert_eq!(found, [http, https].map(|value| value.map(str::as_bytes)), "{cookies:?}");
        }
    }

    #[test]
    fn the_cookie_is_secure_over_https() {
        let text = |value: Option<HeaderValue>| value.unwrap().to_str().unwrap().to_owned();
        assert_eq!(text(set("a", Scheme::Http)), "downtime-admin=a; Path=/; HttpOnly; SameSite=Strict");
        let secure = "__Host-downtime-admin=a; Path=/; HttpOnly; SameSite=Strict; Secure";
        assert_eq!(text(set("a", Scheme::Https)), secure);
        assert!(text(delete(Scheme::Https)).contains("=; Path=/; Max-Age=0;"));
    }
}
