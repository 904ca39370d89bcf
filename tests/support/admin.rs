//! Processes of `downtime admin`.

use std::net::SocketAddr;

use downtime::matching::bypass::SecretHash;

use super::process::{ConfigDirectory, Process, downtime};

/// The secret of a machine that may make changes.
pub(crate) const WRITER: &str = "secret-of-the-writer";
/// The secret of one that may only read.
pub(crate) const READER: &str = "secret-of-the-reader";

/// An operator, by `htpasswd -nbB -C 4 ann "correct horse"`.
pub(crate) const ANN: &str = "ann:$2y$04$xZJzg294loz44.nbNUdlOO1FDLjRM6LY2GT1HnJDtd0Iyv.BE7R/e\n";
/// The password of the operator.
pub(crate) const PASSWORD: &str = "correct horse";

/// The sections of a gateway with an admin page.
pub(crate) const SECTIONS: &str = "[server]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\nlink_socket = \"unix:link.sock\"\ntokens = \"admin.tokens\"\nusers = \"admin.users\"\n";

/// A process of `downtime admin` that listens.
pub(crate) struct RunningAdminPage {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl RunningAdminPage {
    /// Starts the admin page of a file with [`SECTIONS`].
    pub(crate) fn on(directory: &ConfigDirectory) -> Self {
        let line = |name: &str, rights: &str, secret: &str| {
            format!("{name}:{rights}:{}\n", SecretHash::of(secret.as_bytes()))
        };
        let tokens = line("ci", "write", WRITER) + &line("eye", "read", READER);
        directory.write("admin.tokens", &tokens);
        directory.write("admin.users", ANN);
        let mut command = downtime(directory);
        command.arg("admin");
        let process = Process::spawn(command);
        let line = process.log.wait_for("admin page on http://");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
        Self { process, address: address.expect("an address") }
    }
}
