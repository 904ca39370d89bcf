//! The settings of the TLS protocol.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache};

/// The name of HTTP/2 in ALPN (RFC 9113, section 3.1).
pub const HTTP_2: &[u8] = b"h2";
/// The name of HTTP/1.1 in ALPN (RFC 7301, section 6).
pub(super) const HTTP_1_1: &[u8] = b"http/1.1";

/// The number of sessions that are kept, for clients of TLS 1.2 without tickets. Each takes about 300 bytes.
const MAX_SESSIONS: usize = 4096;

/// Returns the settings for clients: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1. Sessions are resumed by tickets, which take no
/// memory here, or by their id. Tickets are valid for 12 hours at most, and their key changes every 6 hours, in memory only.
///
/// # Errors
/// The system has no random numbers.
pub fn server_config(certificates: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
    config.ticketer = Ticketer::new()?;
    config.session_storage = ServerSessionMemoryCache::new(MAX_SESSIONS);
    Ok(config)
}
