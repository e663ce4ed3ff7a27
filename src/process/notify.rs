//! Tells systemd the state of a service (`sd_notify(3)`).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends `word`, where systemd has given a socket for it.
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
