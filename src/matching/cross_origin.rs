//! Protection against requests that pages of other sites make a browser send.

use http::HeaderMap;
use http::header::ORIGIN;

use super::request::Hosts;

/// Returns true if a browser sends a request because of another origin, by the rule of `CrossOriginProtection` in Go 1.25:
/// Sec-Fetch-Site decides, and where a browser does not send it, Origin. A request without both is not from a browser, or
/// from one that sends no Origin within a site. The rule is for methods that change something.
pub fn is_cross_origin(headers: &HeaderMap, hosts: &Hosts<'_>) -> bool {
    if let Some(site) = headers.get("sec-fetch-site").filter(|site| !site.is_empty()) {
        return !matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(ORIGIN).filter(|origin| !origin.is_empty()) else { return false };
    let host = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
    let all = hosts.own.into_iter().chain(hosts.forwarded.iter().copied());
    !host.is_some_and(|host| !host.is_empty() && all.into_iter().any(|own| own.eq_ignore_ascii_case(host)))
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn requests_of_other_origins_are_known() {
        for (site, origin, expected) in [
            (None, None, false),
            (Some("same-origin"), None, false),
            (Some("same-origin"), Some("null"), false),
            (Some("none"), None, false),
            (Some("same-site"), None, true),
            (Some("cross-site"), Some("https://a.example"), true),
            (Some("Same-Origin"), None, true),
            (Some(""), Some("https://a.example"), false),
            (None, Some("https://a.example"), false),
            (None, Some("http://A.example"), false),
            (None, Some("https://b.example:8443"), false),
            (None, Some("https://b.example"), true),
            (None, Some("https://a.example:80"), true),
            (None, Some("https://c.example"), true),
            (None, Some("null"), true),
            (None, Some("https://"), true),
            (None, Some("a.example"), true),
            (None, Some(""), false),
        ] {
            let mut headers = HeaderMap::new();
            headers
                .extend(site.map(|site| (HeaderName::from_static("sec-fetch-site"), site.parse().unwrap())));
            headers.extend(origin.map(|origin| (ORIGIN, origin.parse().unwrap())));
            let hosts = Hosts { own: Some("a.example"), forwarded: vec!["b.example:8443"] };
            assert_eq!(is_cross_origin(&headers, &hosts), expected, "{site:?} {origin:?}");
        }
    }
}
