//! Word to systemd of how far a service is (`sd_notify(3)`), where it listens for that.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Says it; where nobody listens it is said to nobody.
pub fn tell(word: &str) {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let address = match place.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path)),
    };
    if let (Ok(socket), Ok(address)) = (UnixDatagram::unbound(), address) {
        _ = socket.send_to_addr(word.as_bytes(), &address);
    }
}
