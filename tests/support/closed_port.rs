//! A port on which nobody listens.

use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

/// A port that refuses connections. A socket is bound to it, so that no other test gets it meanwhile, and does not listen.
pub(crate) struct ClosedPort(pub(crate) Socket);

impl ClosedPort {
    pub(crate) fn bind() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
        Self(socket)
    }

    pub(crate) fn url(&self) -> String {
        let address = self.0.local_addr().expect("an address").as_socket();
        format!("http://{}", address.expect("an address of IP"))
    }
}
