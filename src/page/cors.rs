//! Lets pages of other origins read a down response (Fetch Standard, section 3.3). Without this they see a network error,
//! and cannot tell downtime from a dead network.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

/// The origins whose pages may read down responses: `[response] cors`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cors {
    /// Any origin, in requests without credentials.
    #[default]
    Any,
    /// None.
    Off,
    /// These origins (RFC 6454, section 6.2), also with credentials.
    Origins(Vec<HeaderValue>),
}

/// Parses an origin: a scheme, a host, and a port unless it is the scheme's default. The error is the correct form, if
/// known.
pub fn parse_origin(text: &str) -> Result<HeaderValue, Option<String>> {
    let uri: Uri = text.parse().map_err(|_| None)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(None) };
    let host = authority.host().to_ascii_lowercase();
    if host.is_empty() || host.contains('*') {
        return Err(None);
    }
    let own_port = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let port = authority.port_u16().filter(|port| own_port != Some(*port));
    let port = port.map_or(String::new(), |port| format!(":{port}"));
    let origin = format!("{scheme}://{host}{port}");
    if text == origin { HeaderValue::from_str(text).map_err(|_| None) } else { Err(Some(origin)) }
}

/// The responses that a page of another origin may read.
enum CorsGrant<'a> {
    /// Responses to requests without credentials.
    Anyone,
    /// All responses, because its origin is listed.
    Listed(&'a HeaderValue),
}

impl Cors {
    /// Returns the responses that the sender of a request with these fields may read; `None` if it is not a page of
    /// another origin, or may not read the response.
    fn grant(&self, request: &HeaderMap) -> Option<CorsGrant<'_>> {
        let origin = request.get(ORIGIN)?;
        match self {
            Self::Any => Some(CorsGrant::Anyone),
            Self::Off => None,
            Self::Origins(origins) => origins.iter().find(|listed| *listed == origin).map(CorsGrant::Listed),
        }
    }

    /// Allows the page that sent a request with these fields to read the response and its `exposed` fields.
    pub(super) fn allow(&self, request: &HeaderMap, response: &mut HeaderMap, exposed: &'static str) {
        if let Some(grant) = self.grant(request) {
            grant.insert_into(response);
            response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
        }
    }

    /// Returns the response to a preflight request, in which a browser asks if a page may send another request (Fetch
    /// Standard, section 3.3.3). `None` if it is not one, or the page may not.
    pub(super) fn preflight(&self, method: &Method, request: &HeaderMap) -> Option<http::Response<()>> {
        let requested = request.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| method == Method::OPTIONS)?;
        let grant = self.grant(request)?;
        let mut response = http::Response::new(());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        grant.insert_into(headers);
        // Not cached: the site has its own rules when it is back.
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("0"));
        let methods = match grant {
            CorsGrant::Anyone => HeaderValue::from_static("GET, HEAD, POST"),
            CorsGrant::Listed(_) => requested.clone(),
        };
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        if let (CorsGrant::Listed(_), Some(fields)) = (grant, request.get(ACCESS_CONTROL_REQUEST_HEADERS)) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, fields.clone());
        }
        headers.insert(
            VARY,
            HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        );
        Some(response)
    }
}

impl CorsGrant<'_> {
    fn insert_into(&self, response: &mut HeaderMap) {
        match self {
            Self::Anyone => {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Self::Listed(origin) => {
                response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, (*origin).clone());
                response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_must_have_the_form_that_browsers_send() {
        for (text, expected) in [
            ("https://app.example.com", Ok(())),
            ("http://localhost:3000", Ok(())),
            ("https://[::1]:8443", Ok(())),
            ("capacitor://localhost", Ok(())),
            ("https://app.example.com/", Err(Some("https://app.example.com"))),
            ("https://app.example.com:443", Err(Some("https://app.example.com"))),
            ("http://App.example.com:80/x?y", Err(Some("http://app.example.com"))),
            ("https://user@app.example.com", Err(Some("https://app.example.com"))),
            ("app.example.com", Err(None)),
            ("/x", Err(None)),
            ("*", Err(None)),
            ("null", Err(None)),
            ("https://*.example.com", Err(None)),
            ("", Err(None)),
            ("https://a b", Err(None)),
        ] {
            let read = parse_origin(text);
            assert_eq!(read.map(drop), expected.map_err(|help| help.map(str::to_owned)), "{text}");
        }
    }

    fn fields(pairs: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| {
            (http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap())
        };
        pairs.iter().map(field).collect()
    }

    fn listed(origin: &'static str) -> Cors {
        Cors::Origins(vec![HeaderValue::from_static(origin)])
    }

    const A: &str = "https://a.example";

    #[test]
    fn a_response_can_be_read_by_the_allowed_origins() {
        for (cors, origin, allowed, credentials) in [
            (Cors::Any, Some(A), Some("*"), false),
            (Cors::Any, Some("null"), Some("*"), false),
            (Cors::Any, None, None, false),
            (Cors::Off, Some(A), None, false),
            (listed(A), Some(A), Some(A), true),
            (listed(A), Some("https://b.example"), None, false),
            (listed(A), None, None, false),
        ] {
            let request = origin.map_or_else(HeaderMap::new, |origin| fields(&[("origin", origin)]));
            let mut response = HeaderMap::new();
            cors.allow(&request, &mut response, "Date");
            let header = |name| response.get(name).map(|value: &HeaderValue| value.to_str().unwrap());
            assert_eq!(header(ACCESS_CONTROL_ALLOW_ORIGIN), allowed, "{cors:?} {origin:?}");
            assert_eq!(header(ACCESS_CONTROL_EXPOSE_HEADERS), allowed.map(|_| "Date"));
            assert_eq!(response.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS), credentials);
        }
    }

    #[test]
    fn a_preflight_request_of_an_allowed_origin_gets_a_response() {
        let asks = fields(&[
            ("origin", A),
            ("access-control-request-method", "DELETE"),
            ("access-control-request-headers", "content-type,x-a"),
        ]);
        let allowed = |cors: &Cors, method: &Method, request: &HeaderMap| {
            let headers = cors.preflight(method, request)?.into_parts().0.headers;
            let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap().to_owned());
            assert_eq!(text(ACCESS_CONTROL_MAX_AGE).as_deref(), Some("0"));
            Some((text(ACCESS_CONTROL_ALLOW_METHODS).unwrap(), text(ACCESS_CONTROL_ALLOW_HEADERS)))
        };
        let options = Method::OPTIONS;
        assert_eq!(allowed(&Cors::Any, &options, &asks), Some(("GET, HEAD, POST".into(), None)));
        let asked = Some(("DELETE".into(), Some("content-type,x-a".into())));
        assert_eq!(allowed(&listed(A), &options, &asks), asked);
        assert_eq!(allowed(&listed("https://b.example"), &options, &asks), None);
        assert_eq!(allowed(&Cors::Off, &options, &asks), None);
        assert_eq!(allowed(&Cors::Any, &Method::GET, &asks), None);
        assert_eq!(allowed(&Cors::Any, &options, &fields(&[("origin", A)])), None);
        let same_origin = fields(&[("access-control-request-method", "DELETE")]);
        assert_eq!(allowed(&Cors::Any, &options, &same_origin), None);
    }
}
