//! Gateways for clients that speak HTTP/2.

use crate::support::process::{ConfigDirectory, GatewayProcess};
use crate::support::tls::identity;

/// Gateways without TLS and with it, and the URL of each. The second one's certificate is `cert.pem` in its directory.
pub(crate) fn gateways(config: &str) -> [(GatewayProcess, String); 2] {
    let tls =
        "[server]\nlisten = [\"https://127.0.0.1:0\"]\ntls = [{ cert = \"cert.pem\", key = \"key.pem\" }]\n";
    [("http", ""), ("https", tls)].map(|(scheme, server)| {
        let directory = ConfigDirectory::with(&format!("{config}{server}"));
        let (cert, key) = identity(&["site.example", "localhost"]);
        directory.write("cert.pem", &cert);
        directory.write("key.pem", &key);
        let gateway = GatewayProcess::on(directory);
        let url = format!("{scheme}://{}/", gateway.address);
        (gateway, url)
    })
}
