//! A port on loopback that the kernel gives to nobody else for the next minute: a connection closed
//! by its listening side leaves the port in TIME_WAIT, which keeps others from being given it, while
//! a server, which sets SO_REUSEADDR and names it, can still bind it.

use std::io::Read;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};

pub(super) fn reserve() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound address");
    let mut client = TcpStream::connect(address).expect("a connection to ourselves");
    let (accepted, _) = listener.accept().expect("a connection from ourselves");
    // Closing would not be enough: a process that another test is starting right now has these
    // sockets too, until its exec. It would listen in the server's place.
    rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).expect("no longer listening");
    // Whoever closes first keeps the port.
    accepted
        .shutdown(Shutdown::Both)
        .expect("an open connection");
    let end = client.read_to_end(&mut Vec::new());
    end.expect("the end of the connection");
    address
}
