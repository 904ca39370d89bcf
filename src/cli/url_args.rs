//! The requests of `--url`.

use std::net::IpAddr;

use http::{HeaderMap, Method, Uri};

use crate::http1::scheme::Scheme;
use crate::matching::bypass::Secrets;
use crate::matching::path::RequestPath;
use crate::matching::request::{Hosts, Query, Request};
use crate::page::is_navigation;

/// The value of `--url`: an absolute URL, or a path of the site.
#[derive(Clone, Debug)]
pub(super) struct UrlArg {
    /// As it was typed.
    pub(super) text: String,
    scheme: Scheme,
    authority: Option<String>,
    path: String,
    query: Option<String>,
}

/// The client of the requests.
#[derive(Clone, Debug)]
pub(super) struct ClientArgs {
    pub(super) method: Method,
    pub(super) from: Option<IpAddr>,
}

/// Parses an absolute `http` or `https` URL, or a path, which stands for https. The path is kept as it was typed, since a client may send any.
pub(super) fn parse_url(text: &str) -> Result<UrlArg, String> {
    const HELP: &str = "write a URL such as https://example.com/page, or a path such as /page";
    let uri: Uri = text.parse().map_err(|error| format!("{error}: {HELP}"))?;
    let absolute = matches!(uri.scheme_str(), Some("http" | "https"));
    if !absolute && !text.starts_with('/') {
        return Err(HELP.into());
    }
    let path = if uri.path().is_empty() { "/" } else { uri.path() };
    let authority = uri.authority().filter(|_| absolute).map(ToString::to_string);
    let query = uri.query().map(str::to_owned);
    let scheme = if uri.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
    Ok(UrlArg { text: text.to_owned(), scheme, authority, path: path.to_owned(), query })
}

impl UrlArg {
    /// Returns a request for this URL by `client` with these fields.
    pub(super) fn request<'a>(&'a self, client: &'a ClientArgs, headers: &HeaderMap) -> Request<'a> {
        Request {
            scheme: self.scheme,
            method: &client.method,
            hosts: Hosts::new(self.authority.as_deref()),
            path: RequestPath::new(&self.path),
            query: Query::new(self.query.as_deref()),
            has_override_field: false,
            is_navigation: is_navigation(&client.method, headers),
            client: client.from,
            secrets: Secrets::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_absolute_or_a_path() {
        for (text, authority, path) in [
            ("https://example.com/page?x=1#y", Some("example.com"), "/page"),
            ("http://example.com:8503", Some("example.com:8503"), "/"),
            ("/page?x", None, "/page"),
            ("/x/../y", None, "/x/../y"),
            ("/x%2fy", None, "/x%2fy"),
            ("//x", None, "//x"),
        ] {
            let url = parse_url(text).unwrap();
            assert_eq!(
                (url.authority.as_deref(), url.path.as_str(), url.text.as_str()),
                (authority, path, text)
            );
        }
        for text in ["", "page", "ftp://x/", "example.com:80", "/a b", "*"] {
            assert!(parse_url(text).is_err(), "{text:?}");
        }
    }
}
