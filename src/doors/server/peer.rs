//! The other end of a connection, and the meta-variables about it.

use std::net::{IpAddr, SocketAddr};

use super::local_user;
use crate::http::{BodyFraming, Endpoints, RequestHead, meta_variables};
use exchange::MetaVariables;

/// Who is at the other end.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    ip: Option<IpAddr>,
    address: String,
    port: String,
    server_address: Option<String>,
    server_port: String,
    /// Both ends are on this machine.
    is_local: bool,
}

impl Peer {
    /// The two ends of a connection; neither has an address on a Unix socket.
    #[must_use]
    pub fn new(client: Option<SocketAddr>, server: Option<SocketAddr>, is_local: bool) -> Self {
        let ip = |address: SocketAddr| address.ip().to_canonical().to_string();
        let port =
            |address: Option<SocketAddr>| address.map_or(String::new(), |a| a.port().to_string());
        Self {
            ip: client.map(|address| address.ip()),
            // RFC 3875, section 4.1.8: there always is one.
            address: client.map_or("127.0.0.1".to_owned(), ip),
            port: port(client),
            server_address: server.map(ip),
            server_port: port(server),
            is_local: is_local && client.is_none_or(|a| a.ip().to_canonical().is_loopback()),
        }
    }

    /// Its address, where it is not on a Unix socket.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// The client's address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether the request seems to come from a person at this machine.
    #[must_use]
    pub fn is_person_here(&self, head: &RequestHead) -> bool {
        self.is_local && local_user::looks_local(head)
    }

    /// The meta-variables of a request from here.
    #[must_use]
    pub fn meta(&self, head: &RequestHead, length: u64) -> MetaVariables {
        let endpoints = Endpoints {
            // The name in the Host field takes its place, as on Apache and lighttpd.
            server_name: "",
            server_port: &self.server_port,
            remote_addr: &self.address,
            remote_port: &self.port,
        };
        let decoded = (head.framing == BodyFraming::Chunked).then_some(length);
        let mut meta = meta_variables(head, &endpoints, decoded);
        if let Some(address) = &self.server_address {
            meta.set("SERVER_ADDR", address.as_str());
        }
        meta
    }
}
