//! Why TLS with an upstream failed, in words that name the fix.

use std::io;

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error, InvalidMessage};

use crate::config::upstream_address::{UpstreamAddress, UpstreamScheme};

/// Returns the error of a handshake with the upstream at this host and port, with an explanation of a common cause.
pub(super) fn explain(error: io::Error, host: &str, port: u16) -> io::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    match cause.and_then(|cause| explanation(cause, host, port)) {
        Some(text) => io::Error::new(error.kind(), text),
        None => error,
    }
}

fn explanation(cause: &Error, host: &str, port: u16) -> Option<String> {
    match cause {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            let address = UpstreamAddress::Tcp { scheme: UpstreamScheme::Http, host: host.to_owned(), port };
            Some(format!("it does not speak TLS: did you mean `{address}`?"))
        }
        Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            Some(format!("its certificate expired on {}: renew it there", day_and_time(*not_after)?))
        }
        Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => {
            let from = day_and_time(*not_before)?;
            Some(format!("its certificate is not valid before {from}: is the clock of this machine right?"))
        }
        _ => None,
    }
}

fn day_and_time(time: UnixTime) -> Option<String> {
    let time = Timestamp::from_second(time.as_secs().try_into().ok()?).ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}
