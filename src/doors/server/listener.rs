//! Where requests come in: an address, a Unix socket, or sockets that systemd opened.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::Peer;
use process::descriptors;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A connection that was silent for this long is probed (TCP keep-alive).
const SILENT: Duration = Duration::from_secs(15);

/// A socket that listens.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    place: Place,
    is_inherited: bool,
}

/// Who may connect to a Unix socket.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// The bits of the socket file.
    pub mode: u32,
    /// Its group, where it is not this process's.
    pub group: Option<u32>,
}

impl Access {
    /// This user alone.
    pub const OWN: Self = Self {
        mode: 0o600,
        group: None,
    };
}

#[derive(Debug)]
enum Place {
    Address(SocketAddr),
    Path(PathBuf),
    /// A Unix socket of systemd's, which is not removed at the end.
    Unix,
}

impl Listener {
    /// Listens at an address; port 0 is any free one.
    pub fn bind(address: IpAddr, port: u16) -> Result<Self> {
        let wanted = SocketAddr::new(address, port);
        Self::of_listening(listen(wanted, false), wanted)
    }

    /// Listens at every address of this machine, including IPv6 if the machine has it.
    pub fn bind_everywhere(port: u16) -> Result<Self> {
        let dual_stack = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        match listen(dual_stack, true) {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                Self::bind(Ipv4Addr::UNSPECIFIED.into(), port)
            }
            listening => Self::of_listening(listening, dual_stack),
        }
    }

    fn of_listening(listening: io::Result<OwnedFd>, wanted: SocketAddr) -> Result<Self> {
        match listening {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let port = wanted.port();
                bail!(
                    "port {port} is in use: try port {}, or 0 for any free one",
                    port.checked_add(1).unwrap_or(8000)
                )
            }
            listening => Self::of_socket(
                listening.with_context(|| format!("cannot listen at {wanted}"))?,
                false,
            ),
        }
    }

    /// Listens at a path; a socket there that no server uses any more is replaced. This user may
    /// connect, and a group where one is given. Messages name the option that named the path.
    pub fn bind_unix(path: &Path, access: &Access, option: &str) -> Result<Self> {
        let shown = path.display();
        if let Ok(there) = path.symlink_metadata() {
            if !there.file_type().is_socket() {
                bail!(
                    "`{shown}` exists and is not a socket: remove it, or name another path with {option}"
                );
            }
            match UnixStream::connect(path) {
                Ok(_) => bail!(
                    "`{shown}` is in use by another server: stop that one, or name another path with {option}"
                ),
                // No server listens there any more.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => {
                    bail!(
                        "cannot connect to the existing socket `{shown}`: {error}: if no server uses it, \
                         remove it, or name another path with {option}"
                    );
                }
            }
            std::fs::remove_file(path).with_context(|| format!("`{shown}` cannot be removed"))?;
        }
        // The socket has to have its mode from the start.
        let before = rustix::process::umask(Mode::from_raw_mode(0o777 & !access.mode));
        let bound = UnixListener::bind(path);
        rustix::process::umask(before);
        let socket = bound.with_context(|| format!("cannot listen at `{shown}`"))?;
        if let Some(group) = access.group {
            std::os::unix::fs::chown(path, None, Some(group)).with_context(|| {
                format!(
                    "`{shown}` cannot be given to the group with GID {group} (--group), of which this user has \
                     to be a member"
                )
            })?;
        }
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: socket.into(),
            place: Place::Path(std::path::absolute(path)?),
            is_inherited: false,
        })
    }

    /// The sockets that systemd passes (`sd_listen_fds(3)`), if any.
    pub fn inherited() -> Result<Vec<Self>> {
        let is_for_us = std::env::var("LISTEN_PID")
            .is_ok_and(|pid| pid.parse() == Ok(rustix::process::getpid().as_raw_nonzero().get()));
        let count = std::env::var("LISTEN_FDS");
        let Some(count) = count.ok().filter(|_| is_for_us) else {
            return Ok(Vec::new());
        };
        let count = count
            .parse()
            .with_context(|| format!("LISTEN_FDS=`{count}` is not a number"))?;
        let sockets = descriptors::inherited(count)
            .context("cannot use the sockets that LISTEN_FDS announces")?;
        let sockets = sockets.into_iter();
        sockets
            .map(|socket| Self::of_socket(socket, true))
            .collect()
    }

    fn of_socket(socket: OwnedFd, is_inherited: bool) -> Result<Self> {
        let listens = sockopt::socket_type(&socket) == Ok(SocketType::STREAM)
            && sockopt::socket_acceptconn(&socket) == Ok(true);
        if !listens {
            bail!("a descriptor passed in LISTEN_FDS is not a listening socket");
        }
        rustix::io::ioctl_fionbio(&socket, true)?;
        let place = match SocketAddr::try_from(rustix::net::getsockname(&socket)?) {
            Ok(address) => Place::Address(address),
            Err(_) => Place::Unix,
        };
        Ok(Self {
            socket,
            place,
            is_inherited,
        })
    }

    /// Whether this process opened the socket, so that it closes when the process ends.
    pub(super) fn is_own(&self) -> bool {
        !self.is_inherited
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match &self.place {
            Place::Address(address) => address.ip().to_canonical().is_loopback(),
            Place::Path(_) | Place::Unix => true,
        }
    }

    /// The address, where it has one.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.place {
            Place::Address(address) => Some(*address),
            Place::Path(_) | Place::Unix => None,
        }
    }

    /// The URL for a browser on this machine, for an application at that mount; `None` if browsers cannot
    /// connect.
    #[must_use]
    pub fn url(&self, mount: &[u8]) -> Option<String> {
        let mut address = self.address()?;
        if address.ip().is_unspecified() {
            address.set_ip(if self.takes(Ipv4Addr::LOCALHOST.into()) {
                Ipv4Addr::LOCALHOST.into()
            } else {
                Ipv6Addr::LOCALHOST.into()
            });
        }
        Some(url(address, mount))
    }

    /// The URLs for browsers on other machines, given the addresses of this machine.
    #[must_use]
    pub fn urls_for_other_machines(&self, machine: &[IpAddr], mount: &[u8]) -> Vec<String> {
        let Some(own) = self.address().filter(|own| own.ip().is_unspecified()) else {
            return Vec::new();
        };
        let taken = machine.iter().filter(|address| self.takes(**address));
        taken
            .map(|&address| url(SocketAddr::new(address, own.port()), mount))
            .collect()
    }

    /// Whether this socket, which listens at every address, accepts connections to that kind of address.
    fn takes(&self, address: IpAddr) -> bool {
        match self.address() {
            Some(SocketAddr::V4(_)) => address.is_ipv4(),
            Some(SocketAddr::V6(_)) => {
                address.is_ipv6() || sockopt::ipv6_v6only(&self.socket) == Ok(false)
            }
            None => false,
        }
    }

    /// A connection, if one is waiting.
    pub(super) fn accept(&self) -> io::Result<Option<(OwnedFd, Peer)>> {
        use rustix::io::Errno;
        let accepted = match rustix::net::acceptfrom_with(&self.socket, SocketFlags::CLOEXEC) {
            // accept(2): these are errors of the one connection.
            Err(Errno::AGAIN | Errno::INTR | Errno::CONNABORTED | Errno::PROTO) => return Ok(None),
            accepted => accepted?,
        };
        let (socket, client) = accepted;
        let client = client.and_then(|client| SocketAddr::try_from(client).ok());
        let server = SocketAddr::try_from(rustix::net::getsockname(&socket)?).ok();
        if server.is_some() {
            // Writes are complete, so that there is nothing to gain by delaying them.
            _ = sockopt::set_tcp_nodelay(&socket, true);
            keep_alive(&socket);
        }
        let is_local = self.is_local();
        Ok(Some((socket, Peer::new(client, server, is_local))))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Address(address) => write!(f, "http://{address}/"),
            Place::Path(path) => write!(f, "the Unix socket `{}`", path.display()),
            Place::Unix => f.write_str("a Unix socket"),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Place::Path(path) = &self.place {
            _ = std::fs::remove_file(path);
        }
    }
}

/// Has the kernel check whether a silent peer still exists: if not, its request is stopped.
fn keep_alive(socket: &OwnedFd) {
    _ = sockopt::set_tcp_keepidle(socket, SILENT);
    _ = sockopt::set_tcp_keepintvl(socket, SILENT / 3);
    _ = sockopt::set_tcp_keepcnt(socket, 3);
    _ = sockopt::set_socket_keepalive(socket, true);
}

fn url(address: SocketAddr, mount: &[u8]) -> String {
    format!("http://{address}{}/", percent_encode(mount, NOT_IN_PATHS))
}

/// The characters to encode in a path (RFC 3986, section 3.3): all but unreserved characters, sub-delimiters,
/// `:` and `@`.
const NOT_IN_PATHS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Listens. With `dual_stack`, a socket for IPv6 accepts IPv4 too, whatever the system's default is.
fn listen(address: SocketAddr, dual_stack: bool) -> io::Result<OwnedFd> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // Connections of the last run in TIME_WAIT are no reason to wait a minute.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if dual_stack {
        sockopt::set_ipv6_v6only(&socket, false)?;
    }
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_0_is_one_that_is_free() {
        let listener = Listener::bind([127, 0, 0, 1].into(), 0).expect("a free port");
        let url = listener.url(b"").expect("an address");
        assert!(!url.ends_with(":0/"), "{url}");
        assert!(listener.is_local());
    }

    #[test]
    fn what_listens_everywhere_is_not_local() {
        let listener = Listener::bind([0, 0, 0, 0].into(), 0).expect("a free port");
        assert!(!listener.is_local());
        assert!(
            listener
                .url(b"")
                .is_some_and(|url| url.contains("127.0.0.1"))
        );
        let machine = [IpAddr::from([192, 0, 2, 7]), Ipv6Addr::from(7).into()];
        let port = listener.address().expect("an address").port();
        assert_eq!(
            listener.urls_for_other_machines(&machine, "/a b/\u{e9}".as_bytes()),
            [format!("http://192.0.2.7:{port}/a%20b/%C3%A9/")]
        );
        let both = Listener::bind_everywhere(0).expect("a free port");
        assert!(!both.is_local());
        assert_eq!(both.urls_for_other_machines(&machine[..1], b"").len(), 1);
        assert!(both.url(b"/app").is_some_and(|url| url.ends_with("/app/")));
    }

    #[test]
    fn a_unix_socket_goes_with_its_server() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s");
        let listener = Listener::bind_unix(&path, &Access::OWN, "--unix").expect("a socket");
        assert!(
            Listener::bind_unix(&path, &Access::OWN, "--unix").is_err(),
            "in use"
        );
        drop(listener);
        assert!(!path.exists());
        std::fs::write(&path, "").expect("written");
        assert!(
            Listener::bind_unix(&path, &Access::OWN, "--unix").is_err(),
            "no socket"
        );
    }
}
