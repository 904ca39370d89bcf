//! The site behind the gateway: what `[site]` says.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;

use super::upstream_address::UpstreamAddress;
use crate::files::FileSettings;
use crate::tls::UpstreamTls;

/// The site behind the gateway.
#[derive(Clone, Debug)]
pub enum Site {
    /// Nothing yet: the built-in welcome page.
    Welcome,
    /// A directory of static files.
    Root(FileSettings),
    /// An upstream.
    Upstream(UpstreamSite),
}

impl Site {
    /// Returns the address of the upstream, if there is one.
    pub fn upstream(&self) -> Option<&UpstreamAddress> {
        match self {
            Self::Welcome | Self::Root(_) => None,
            Self::Upstream(site) => Some(&site.upstream),
        }
    }

    /// Returns the settings for files, if the site is a directory.
    pub fn files(&self) -> Option<&FileSettings> {
        match self {
            Self::Root(files) => Some(files),
            Self::Welcome | Self::Upstream(_) => None,
        }
    }
}

/// `[site] upstream` and the keys that go with it.
#[derive(Clone, Debug)]
pub struct UpstreamSite {
    /// The address of the upstream.
    pub upstream: UpstreamAddress,
    /// The settings for TLS, with https.
    pub tls: Option<Arc<UpstreamTls>>,
    /// The response while it cannot be reached.
    pub when_unreachable: WhenUnreachable,
    /// The time limit for establishing a connection.
    pub connect_timeout: Duration,
    /// The time limit for the head of a response.
    pub response_timeout: Duration,
}

/// The response to visitors while the upstream cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum WhenUnreachable {
    /// The down page.
    Downtime,
    /// An error: 502 or 504.
    Error,
}
