//! The certificates of the gateway: read from PEM, checked, and chosen by the name that a client asks for.
//!
//! The TLS protocol itself is rustls. A [`ServerConfig`](rustls::ServerConfig) lasts as long as the process, with its
//! session tickets; only the [`Certificates`] change.

mod certificate;
mod certificates;
mod chain;
mod failure;
mod key;
mod pem;
mod protocol;
mod system_roots;
mod upstream;

pub use self::certificate::{Certificate, CertificateFiles, KeyMismatch};
pub use self::certificates::Certificates;
pub use self::chain::CertificateChain;
pub use self::failure::explain_failure;
pub use self::key::PrivateKey;
pub use self::pem::{PemContent, PemError};
pub use self::protocol::{HTTP_2, server_config};
pub use self::system_roots::system_roots;
pub use self::upstream::{Roots, UpstreamTls, client_config, with_http2};
