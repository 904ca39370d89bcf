//! The reasons why there is no response to a request.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use http::StatusCode;

use crate::config::duration;
use crate::counters::UpstreamFailure;
use crate::escape::peer_text;
use crate::http1::refusal::{INCOMPLETE_BODY, MALFORMED_BODY, Refusal, SLOW_BODY};

/// The reason why there is no response to a request.
#[derive(Debug)]
pub enum ForwardError {
    /// The upstream has failed.
    Upstream(UpstreamError),
    /// The client left, or did not send the body that it announced.
    Client(ClientError),
    /// The request cannot be sent in the version of HTTP that the upstream speaks.
    Refused(Refusal),
    /// The request must not go on, since the site has gone down for it.
    Revoked,
}

/// How an upstream has failed to respond to a request.
#[derive(Debug)]
pub enum UpstreamError {
    /// No connection: refused, no route, unknown name, invalid certificate.
    Connect(io::Error),
    /// The connection broke before the response was complete.
    Broken(Box<dyn Error + Send + Sync>),
    /// The same, and the upstream has certainly not processed the request.
    Unprocessed(Box<dyn Error + Send + Sync>),
    /// This happened when the request was sent once more, and the upstream may have processed it before.
    Repeated(Box<Self>),
    /// The upstream's response cannot be forwarded, for this reason.
    Invalid(&'static str),
    /// The upstream took too long.
    TimedOut {
        /// The step that took too long.
        step: TimedOutStep,
        /// The limit.
        after: Duration,
    },
}

/// A step that an upstream can take too long for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum TimedOutStep {
    /// Waiting until fewer connections than the limit are open.
    Turn,
    /// Connecting.
    #[default]
    Connect,
    /// Saying how many requests a connection of HTTP/2 takes, while others wait for a place.
    Settings,
    /// Sending the response's head, or receiving the request's body.
    Response,
    /// Sending the next byte of the response's body.
    Body,
}

/// What a client did that ended its request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientError {
    /// It left.
    BrokeOff,
    /// It closed its side within the body. It may have left, or wait for the response.
    IncompleteBody,
    /// The framing of the body is malformed.
    MalformedBody,
    /// It sent too little for too long.
    Stalled,
}

impl From<UpstreamError> for ForwardError {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(error)
    }
}

impl From<ClientError> for ForwardError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl ClientError {
    /// Returns what the client gets, unless it has left.
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::BrokeOff => None,
            Self::IncompleteBody => Some(INCOMPLETE_BODY),
            Self::MalformedBody => Some(MALFORMED_BODY),
            Self::Stalled => Some(SLOW_BODY),
        }
    }
}

impl UpstreamError {
    /// The status of the response (RFC 9110, section 15.6): 502 or 504.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Connect(_) | Self::Broken(_) | Self::Unprocessed(_) | Self::Invalid(_) => {
                StatusCode::BAD_GATEWAY
            }
            Self::Repeated(error) => error.status(),
            Self::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// Returns how the failure is counted.
    pub fn failure(&self) -> UpstreamFailure {
        match self {
            Self::Connect(_) => UpstreamFailure::Connect,
            Self::Broken(_) | Self::Unprocessed(_) => UpstreamFailure::Broken,
            Self::Repeated(error) => error.failure(),
            Self::Invalid(_) => UpstreamFailure::Invalid,
            Self::TimedOut { step: TimedOutStep::Turn, .. } => UpstreamFailure::Busy,
            Self::TimedOut { step: TimedOutStep::Connect, .. } => UpstreamFailure::ConnectTimeout,
            Self::TimedOut { step: TimedOutStep::Settings, .. } => UpstreamFailure::SettingsTimeout,
            Self::TimedOut { step: TimedOutStep::Response | TimedOutStep::Body, .. } => {
                UpstreamFailure::ResponseTimeout
            }
        }
    }

    /// Returns true if there was a connection to the upstream.
    pub fn is_connected(&self) -> bool {
        use UpstreamFailure::{Busy, Connect, ConnectTimeout};
        !matches!(self.failure(), Connect | Busy | ConnectTimeout)
    }

    /// Returns true if the upstream has certainly not processed the request: it got nothing of it, or says so.
    pub const fn is_unprocessed(&self) -> bool {
        matches!(
            self,
            Self::Connect(_)
                | Self::Unprocessed(_)
                | Self::TimedOut {
                    step: TimedOutStep::Turn | TimedOutStep::Connect | TimedOutStep::Settings,
                    ..
                }
        )
    }

    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            Self::Broken(error) | Self::Unprocessed(error) => Some(&**error),
            Self::Repeated(error) => Self::cause(error),
            Self::Invalid(_) | Self::TimedOut { .. } => None,
        }
    }

    /// Writes what has happened, without the cause.
    fn write_event(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(_) => write!(f, "no connection to the upstream"),
            Self::Broken(_) => {
                write!(f, "the upstream dropped the connection before its response was complete")
            }
            Self::Unprocessed(_) => write!(f, "the upstream did not process the request"),
            Self::Repeated(error) => error.write_event(f),
            Self::Invalid(why) => write!(f, "the upstream's response cannot be forwarded: {why}"),
            Self::TimedOut { step, after } => {
                let after = duration::format(*after);
                match step {
                    TimedOutStep::Turn => write!(
                        f,
                        "all connections to the upstream that `[limits] upstream_connections` and the limit of open files \
                         allow were busy for {after}"
                    ),
                    TimedOutStep::Connect => write!(f, "no connection to the upstream within {after}"),
                    TimedOutStep::Settings => write!(
                        f,
                        "no place on a connection of HTTP/2 to the upstream within {after}: its SETTINGS, which say how many \
                         requests it takes, came late"
                    ),
                    TimedOutStep::Response => write!(f, "no response from the upstream within {after}"),
                    TimedOutStep::Body => write!(f, "nothing came from the upstream for {after}"),
                }
            }
        }
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_event(f)?;
        let mut cause = self.cause();
        while let Some(error) = cause {
            // It may have text of the upstream, such as the names in its certificate.
            write!(f, ": {}", peer_text(&error.to_string()))?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Without a source, since the message includes it.
impl Error for UpstreamError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_only_the_beginning_of_a_long_cause() {
        let error = UpstreamError::Connect(io::Error::other("a\n".repeat(5000))).to_string();
        assert!(error.starts_with("no connection to the upstream: a\\na\\n"), "{error}");
        assert!(error.ends_with('…'), "{error}");
    }
}
