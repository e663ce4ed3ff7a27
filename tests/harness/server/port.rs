//! A port on loopback that the kernel gives to nobody else for the next minute: a connection closed
//! by its listening side leaves the port in TIME_WAIT, which keeps others from being given it, while
//! a server, which sets SO_REUSEADDR and names it, can still bind it.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

pub(super) fn reserve() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    let mut client = TcpStream::connect(address).expect("a connection to ourselves");
    let (accepted, _) = listener.accept().expect("a connection from ourselves");
    // Whoever closes first keeps the port.
    drop(accepted);
    let end = client.read_to_end(&mut Vec::new());
    end.expect("the end of the connection");
    address
}
