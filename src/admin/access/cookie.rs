//! The cookie that holds the secret of a session.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::http1::cookie::{SecretCookie, cookies, name_and_value};
use crate::http1::scheme::Scheme;

const SESSION: SecretCookie =
    SecretCookie { name: "downtime-admin", secure_name: "__Host-downtime-admin", same_site: "Strict" };

/// Returns the secret that a request carries.
pub(super) fn read(headers: &HeaderMap, scheme: Scheme) -> Option<&[u8]> {
    let cookies = headers.get_all(COOKIE).iter().flat_map(|field| cookies(field.as_bytes()));
    let mut named = cookies.filter_map(name_and_value);
    named.find_map(|(name, secret)| (name == SESSION.name(scheme).as_bytes()).then_some(secret))
}

/// Returns the value of `Set-Cookie` for a session.
pub(super) fn set(secret: &str, scheme: Scheme) -> Option<HeaderValue> {
    SESSION.field(secret, None, scheme)
}

/// Returns the value of `Set-Cookie` that deletes the cookie.
pub(super) fn delete(scheme: Scheme) -> Option<HeaderValue> {
    SESSION.field("", Some(0), scheme)
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
