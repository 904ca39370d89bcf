//! Probe paths: what a load balancer requests to find out if it may send visitors here.

use std::fmt;

use http::Method;

use super::request::Request;

/// One entry of `[server] probe_paths`, as it is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbePath {
    /// Its text.
    pub text: String,
    /// The line of the file, from 1.
    pub line: usize,
}

impl fmt::Display for ProbePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[server] probe_paths \"{}\", line {}", self.text, self.line)
    }
}

/// The probe paths of a file.
#[derive(Clone, Debug, Default)]
pub struct ProbePaths(Vec<ProbePath>);

impl ProbePaths {
    /// Makes a list of paths in file order, each of which passed [`check_exact`](super::exempt::check_exact).
    pub fn new(paths: Vec<ProbePath>) -> Self {
        Self(paths)
    }

    /// Returns the probe path of a request: its path matches exactly, and its method is one that probes have. A path that is
    /// not canonical does not match.
    pub fn find(&self, request: &Request<'_>) -> Option<&ProbePath> {
        if self.0.is_empty() || !matches!(*request.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return None;
        }
        let path = request.path.canonical()?;
        self.0.iter().find(|probe| probe.text == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::path::RequestPath;

    #[test]
    fn a_probe_is_a_safe_request_for_exactly_that_path() {
        let path = |text: &str| ProbePath { text: text.into(), line: 2 };
        let paths = ProbePaths::new(vec![path("/up"), path("/été")]);
        for (method, target, expected) in [
            (Method::GET, "/up", true),
            (Method::HEAD, "/up", true),
            (Method::OPTIONS, "/up", true),
            (Method::POST, "/up", false),
            (Method::GET, "/%75p", true),
            (Method::GET, "/%C3%A9t%C3%A9", true),
            (Method::GET, "/up/", false),
            (Method::GET, "/Up", false),
            (Method::GET, "/x/../up", false),
            (Method::GET, "//up", false),
            (Method::GET, "/up;a", false),
            (Method::GET, "/up%00", false),
        ] {
            let request = Request::new(&method, RequestPath::new(target));
            assert_eq!(paths.find(&request).is_some(), expected, "{method} {target}");
        }
        assert_eq!(path("/up").to_string(), "[server] probe_paths \"/up\", line 2");
    }
}
