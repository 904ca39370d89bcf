//! Why upstreams fail: the words by which failures are counted.

/// Why an upstream sent no complete response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// It could not be connected to.
    Connect,
    /// As many connections were open as may be, for too long.
    Busy,
    /// Connecting took too long.
    ConnectTimeout,
    /// It did not say in time how many requests a connection of HTTP/2 takes.
    SettingsTimeout,
    /// It sent no response in time.
    ResponseTimeout,
    /// It dropped the connection before its response began.
    Broken,
    /// Its response cannot be forwarded.
    Invalid,
    /// It broke off within its response.
    Cut,
}

impl UpstreamFailure {
    /// All failures, in their order.
    pub const ALL: [Self; 8] = [
        Self::Connect,
        Self::Busy,
        Self::ConnectTimeout,
        Self::SettingsTimeout,
        Self::ResponseTimeout,
        Self::Broken,
        Self::Invalid,
        Self::Cut,
    ];

    /// Returns the word for it in metrics.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Busy => "busy",
            Self::ConnectTimeout => "connect_timeout",
            Self::SettingsTimeout => "settings_timeout",
            Self::ResponseTimeout => "response_timeout",
            Self::Broken => "broken",
            Self::Invalid => "invalid",
            Self::Cut => "cut",
        }
    }
}
