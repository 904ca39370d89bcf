//! The authorities that the system trusts.

use std::io;

use tokio::sync::OnceCell;

use super::Roots;

/// Returns the root certificates of the system, which are read when they are first needed.
///
/// # Errors
/// There are none that can be used.
pub async fn system_roots() -> io::Result<Roots> {
    static SYSTEM: OnceCell<Roots> = OnceCell::const_new();
    SYSTEM.get_or_try_init(read_system_roots).await.cloned()
}

async fn read_system_roots() -> io::Result<Roots> {
    let found = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await?;
    for error in &found.errors {
        tracing::warn!(%error, "cannot read a root certificate of the system");
    }
    Roots::from_usable(found.certs).ok_or_else(|| {
        io::Error::other("the system has no root certificates to check those of servers against")
    })
}
