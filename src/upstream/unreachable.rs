//! Why a request got no response.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use http::StatusCode;

/// Why a request got no response.
#[derive(Debug)]
pub enum UpstreamError {
    /// There is no connection: refused, no route, no such name, no valid certificate.
    Connect(io::Error),
    /// The connection broke, or what came was not HTTP, before the response's head was whole.
    Broken(Box<dyn Error + Send + Sync>),
    /// The upstream gave an answer that cannot be passed on: why.
    Invalid(&'static str),
    /// The upstream took too long.
    TimedOut {
        /// Over what.
        phase: TimedOutStep,
        /// The limit that it passed.
        after: Duration,
    },
    /// Not the upstream's fault: the client did not send what it had promised.
    Client(ClientError),
}

/// What an upstream took too long over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimedOutStep {
    /// The connection.
    Connect,
    /// The response's head, or taking the request's body.
    Response,
}

/// How a client failed to send a request's body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientError {
    /// It left, or what it sent was malformed.
    BrokeOff,
    /// Nothing came for as long.
    Stalled {
        /// The limit that it passed.
        after: Duration,
    },
}

impl UpstreamError {
    /// What a gateway says of it (RFC 9110 15.6): 502 or 504; 400 or 408 where it is the client's fault.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Connect(_) | Self::Broken(_) | Self::Invalid(_) => StatusCode::BAD_GATEWAY,
            Self::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Client(ClientError::BrokeOff) => StatusCode::BAD_REQUEST,
            Self::Client(ClientError::Stalled { .. }) => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// What the client did, where the upstream is not to blame.
    pub const fn client_fault(&self) -> Option<ClientError> {
        match self {
            Self::Client(fault) => Some(*fault),
            _ => None,
        }
    }

    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            Self::Broken(error) => Some(&**error),
            Self::Invalid(_) | Self::TimedOut { .. } | Self::Client(_) => None,
        }
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(_) => write!(f, "no connection to the upstream"),
            Self::Broken(_) => write!(f, "the upstream broke off before it had answered"),
            Self::Invalid(why) => write!(f, "the upstream's answer cannot be passed on: {why}"),
            Self::TimedOut { phase: TimedOutStep::Connect, after } => {
                write!(f, "no connection to the upstream within {}", humantime::format_duration(*after))
            }
            Self::TimedOut { phase: TimedOutStep::Response, after } => {
                write!(f, "no answer from the upstream within {}", humantime::format_duration(*after))
            }
            Self::Client(ClientError::BrokeOff) => write!(f, "the client broke its request off"),
            Self::Client(ClientError::Stalled { after }) => {
                write!(f, "nothing of the request's body came within {}", humantime::format_duration(*after))
            }
        }?;
        let mut cause = self.cause();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Without a source: what is shown says all.
impl Error for UpstreamError {}
