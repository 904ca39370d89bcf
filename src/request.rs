//! The facts of a request that rules and scopes look at.

use std::net::IpAddr;

use http::Method;

use crate::path::RequestPath;

/// The facts of one request that a decision rests on.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The host that it names, with the port if there is one.
    pub authority: Option<&'a str>,
    /// The path of its target.
    pub path: RequestPath<'a>,
    /// The client, where it is known.
    pub client: Option<IpAddr>,
}
