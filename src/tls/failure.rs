//! Why TLS with a server failed, in words that name the fix.

use std::io;

use jiff::Timestamp;
use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error, InvalidMessage};

/// Returns the error of a handshake with a server, with an explanation of a common cause. `plain` is the URL that would be
/// right if the server does not speak TLS, if there is one.
pub fn explain_failure(error: io::Error, plain: Option<&str>) -> io::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    match cause.and_then(|cause| explanation(cause, plain)) {
        Some(text) => io::Error::new(error.kind(), text),
        None => error,
    }
}

fn explanation(cause: &Error, plain: Option<&str>) -> Option<String> {
    match cause {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            let question = plain.map_or("is the port right?".into(), |url| format!("did you mean `{url}`?"));
            Some(format!("it does not speak TLS: {question}"))
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
