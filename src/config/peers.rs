//! Sets of peers.

use std::net::IpAddr;

use ipnet::IpNet;

/// A set of peers, such as those whose `X-Forwarded-*` fields are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerSet {
    /// Those with an address in one of these networks.
    pub networks: Vec<IpNet>,
    /// All peers on Unix sockets, if true.
    pub unix: bool,
}

impl PeerSet {
    /// Returns true if this address is in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Returns true if the peer is in the set. `None` is a peer on a Unix socket.
    pub fn includes(&self, peer: Option<IpAddr>) -> bool {
        peer.map_or(self.unix, |address| self.contains(address))
    }
}
