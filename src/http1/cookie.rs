//! Cookies that hold secrets (RFC 6265).

use http::HeaderValue;

use super::scheme::Scheme;

/// A cookie that holds a secret: scripts cannot read it, and it is sent to every path of its host.
#[derive(Clone, Copy, Debug)]
pub struct SecretCookie {
    /// Its name over http.
    pub name: &'static str,
    /// Its name over https. With the prefix `__Host-`, browsers accept it only from this host, for all paths, and secure.
    pub secure_name: &'static str,
    /// Which requests of other sites carry it: `Lax` or `Strict`.
    pub same_site: &'static str,
}

impl SecretCookie {
    /// Returns its name in requests of this scheme.
    pub const fn name(&self, scheme: Scheme) -> &'static str {
        match scheme {
            Scheme::Http => self.name,
            Scheme::Https => self.secure_name,
        }
    }

    /// Returns the value of `Set-Cookie` (section 4.1). Without `max_age`, in seconds, it ends with the browser; 0 deletes it.
    /// `None` if the value has characters that a field cannot hold.
    pub fn field(&self, value: &str, max_age: Option<i64>, scheme: Scheme) -> Option<HeaderValue> {
        let age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let secure = if scheme == Scheme::Https { "; Secure" } else { "" };
        let (name, same_site) = (self.name(scheme), self.same_site);
        let cookie = format!("{name}={value}; Path=/{age}; HttpOnly; SameSite={same_site}{secure}");
        let mut cookie = HeaderValue::try_from(cookie).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
    }
}

/// Returns the cookies of a `Cookie` field, each as it came.
pub fn cookies(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|byte| *byte == b';')
}

/// Returns the name and the value of a cookie, without the spaces around them; `None` without `=`.
pub fn name_and_value(cookie: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = cookie.split_at_checked(memchr::memchr(b'=', cookie)?)?;
    Some((name.trim_ascii(), value.get(1..).unwrap_or_default().trim_ascii()))
}
