//! A raw HTTP/1.1 client: it sends the very bytes it is given and reads the response as it comes,
//! piece by piece if a test asks for that. One request a connection; no cookie jar, no redirects
//! followed, and nothing forgiven: a stray byte after the response is an error.

mod response;

use std::fmt::Write as _;
use std::io::{self, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) use response::Response;

/// Long enough for a loaded machine; short enough that a deadlock is a failure and not a hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request, as it goes over the wire.
#[must_use]
pub(crate) struct Request {
    head: String,
    method: String,
    body: &'static [u8],
    chunked: bool,
    trailer: &'static str,
    extension: &'static str,
    before_body: Box<dyn FnOnce() + Send>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self::new_without_host(method, target).header("Host", "localhost")
    }

    /// The Host is the test's to name.
    pub(crate) fn new_without_host(method: &str, target: &str) -> Self {
        Self {
            head: format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n"),
            method: method.to_owned(),
            body: b"",
            chunked: false,
            trailer: "",
            extension: "",
            before_body: Box::new(|| ()),
        }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST whose length is announced.
    pub(crate) fn post(target: &str, body: &'static [u8]) -> Self {
        Self::with_length("POST", target, body)
    }

    /// A request with content whose length is announced.
    pub(crate) fn with_length(method: &str, target: &str, body: &'static [u8]) -> Self {
        let length = body.len().to_string();
        let request = Self::new(method, target).header("Content-Length", &length);
        Self { body, ..request }
    }

    /// A POST in chunks, without a length.
    pub(crate) fn post_chunked(target: &str, body: &'static [u8]) -> Self {
        Self::chunked("POST", target, body)
    }

    /// A request with content in chunks, without a length.
    pub(crate) fn chunked(method: &str, target: &str, body: &'static [u8]) -> Self {
        let request = Self::new(method, target).header("Transfer-Encoding", "chunked");
        Self {
            body,
            chunked: true,
            ..request
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        write!(self.head, "{name}: {value}\r\n").expect("memory");
        self
    }

    /// Chunks with all that a server has to take away: an extension of each, and fields after the last.
    pub(crate) fn adorned(self) -> Self {
        Self {
            trailer: "X-Sum: 1\r\nX-More: 2\r\n",
            extension: ";name=\"a value\"",
            ..self.header("Trailer", "X-Sum, X-More")
        }
    }

    /// As a person's client has it, who does not ask for the connection to be closed; it is, as the
    /// request is one of HTTP/1.0.
    pub(crate) fn by_a_person(self) -> Self {
        let head = self
            .head
            .replace(" HTTP/1.1\r\nConnection: close\r\n", " HTTP/1.0\r\n");
        Self { head, ..self }
    }

    /// Waits for something between the head and the body.
    pub(crate) fn body_after(self, wait: impl FnOnce() + Send + 'static) -> Self {
        Self {
            before_body: Box::new(wait),
            ..self
        }
    }

    /// Sends it and reads the response's head.
    #[track_caller]
    pub(crate) fn send(self, to: SocketAddr) -> Response {
        let mut stream = TcpStream::connect(to).expect("a server that listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout set");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("a timeout set");
        stream
            .write_all(format!("{}\r\n", self.head).as_bytes())
            .expect("the head sent");
        let mut outgoing = stream.try_clone().expect("a second handle of the socket");
        let (body, chunked, before_body) = (self.body, self.chunked, self.before_body);
        let (extension, trailer) = (self.extension, self.trailer);
        // The body goes out while the response comes in, so that neither side waits for the
        // other; a server need not take it all.
        std::thread::spawn(move || {
            before_body();
            if chunked {
                write_chunks(&mut outgoing, body, extension)?;
                write!(outgoing, "0\r\n{trailer}\r\n")
            } else {
                outgoing.write_all(body)
            }
        });
        Response::read_head(BufReader::new(stream), &self.method)
    }
}

/// In chunks of odd sizes, so that their borders meet no buffer's.
fn write_chunks(stream: &mut TcpStream, body: &[u8], extension: &str) -> io::Result<()> {
    for chunk in body.chunks(7919) {
        write!(stream, "{:x}{extension}\r\n", chunk.len())?;
        stream.write_all(chunk)?;
        stream.write_all(b"\r\n")?;
    }
    Ok(())
}
