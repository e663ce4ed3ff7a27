//! A response as it comes in: the head whole, the body in whatever pieces a test asks for, its end
//! where RFC 9112 says that it is.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{Shutdown, TcpStream};

/// A response whose head has been read.
pub(crate) struct Response {
    pub(crate) status: u16,
    /// In the order sent.
    pub(crate) headers: Vec<(String, String)>,
    stream: BufReader<TcpStream>,
    framing: Framing,
}

/// Where the body ends (RFC 9112, section 6.3).
#[derive(Debug)]
enum Framing {
    /// HEAD, 204 and 304: at once.
    None,
    Length(u64),
    /// Bytes left of the current chunk; `None` before the first size line.
    Chunked(Option<u64>),
    Close,
    Ended,
}

impl Response {
    #[track_caller]
    pub(super) fn read_head(mut stream: BufReader<TcpStream>, method: &str) -> Self {
        let mut first = line(&mut stream);
        // An interim response (RFC 9110, section 15.2): the one that counts follows its empty line.
        while first.contains(" 100 ") {
            while !line(&mut stream).is_empty() {}
            first = line(&mut stream);
        }
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("{first:?} is no status line"));
        let mut headers = Vec::new();
        loop {
            let field = line(&mut stream);
            if field.is_empty() {
                break;
            }
            let (name, value) = field.split_once(':').unwrap_or_else(|| panic!("{field:?}"));
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut response = Self {
            status,
            headers,
            stream,
            framing: Framing::Close,
        };
        response.framing = response.framing_after(method);
        response
    }

    fn framing_after(&self, method: &str) -> Framing {
        if method == "HEAD" || matches!(self.status, 204 | 304) {
            return Framing::None;
        }
        if self.header("Transfer-Encoding") == ["chunked"] {
            return Framing::Chunked(None);
        }
        match self.header("Content-Length").as_slice() {
            [] => Framing::Close,
            [length] => Framing::Length(length.parse().expect("a length")),
            several => panic!("{several:?}"),
        }
    }

    /// The values of a header, in order.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let matching = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        matching.map(|(_, value)| value.as_str()).collect()
    }

    /// The next so many bytes of the body, as soon as they are there.
    #[track_caller]
    pub(crate) fn next_bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.read_exact(&mut bytes).expect("more of the body");
        bytes
    }

    /// The rest of the body, and the proof that nothing follows it.
    #[track_caller]
    pub(crate) fn bytes(mut self) -> Vec<u8> {
        let mut body = Vec::new();
        if let Framing::Length(length) = self.framing {
            body.reserve_exact(usize::try_from(length).expect("a length that fits"));
        }
        self.read_to_end(&mut body).expect("the whole body");
        let mut stray = Vec::new();
        // The connection may be reset once the response is out: the server left input unread.
        _ = self.stream.read_to_end(&mut stray);
        assert!(
            stray.is_empty(),
            "after the end: {:?}",
            String::from_utf8_lossy(&stray)
        );
        body
    }

    /// The rest of the body, as far as it comes before the connection is reset.
    #[track_caller]
    pub(crate) fn bytes_before_reset(mut self) -> Vec<u8> {
        let mut body = Vec::new();
        if let Err(error) = self.read_to_end(&mut body) {
            let gone = [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof];
            assert!(gone.contains(&error.kind()), "{error}");
        }
        body
    }

    /// The rest of the body as text.
    #[track_caller]
    pub(crate) fn text(self) -> String {
        String::from_utf8(self.bytes()).expect("UTF-8")
    }

    /// Leaves in the middle, as a browser does when its user goes elsewhere.
    pub(crate) fn hang_up(self) {
        self.stream
            .get_ref()
            .shutdown(Shutdown::Both)
            .expect("an open connection");
    }
}

impl Read for Response {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = match &mut self.framing {
            Framing::None | Framing::Ended => return Ok(0),
            Framing::Close => return self.stream.read(buffer),
            Framing::Length(left) => left,
            Framing::Chunked(left) => {
                if left.is_none_or(|left| left == 0) {
                    if left.is_some() {
                        expect_line(&mut self.stream, "")?;
                    }
                    let size = chunk_size(&mut self.stream)?;
                    *left = Some(size);
                    if size == 0 {
                        expect_line(&mut self.stream, "")?;
                        self.framing = Framing::Ended;
                        return Ok(0);
                    }
                }
                left.as_mut().expect("set above")
            }
        };
        let most = buffer
            .len()
            .min(usize::try_from(*left).unwrap_or(usize::MAX));
        let read = self.stream.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        *left -= read as u64;
        Ok(read)
    }
}

/// A line of the head, without its end.
#[track_caller]
fn line(stream: &mut BufReader<TcpStream>) -> String {
    raw_line(stream).expect("a response")
}

/// Read as latin-1: a header may hold any byte.
fn raw_line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    Ok(line.iter().map(|&byte| char::from(byte)).collect())
}

fn expect_line(stream: &mut BufReader<TcpStream>, expected: &str) -> io::Result<()> {
    let found = raw_line(stream)?;
    (found == expected)
        .then_some(())
        .ok_or(io::ErrorKind::InvalidData.into())
}

fn chunk_size(stream: &mut BufReader<TcpStream>) -> io::Result<u64> {
    let line = raw_line(stream)?;
    let size = line.split(';').next().unwrap_or_default().trim();
    u64::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData.into())
}
