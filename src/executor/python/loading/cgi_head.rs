//! Finds the head of a CGI answer in printed text (RFC 3875, section 6.2).

/// A longer line does not belong to a head.
const LONGEST: usize = 8 * 1024;

/// The head that may be about to be printed.
#[derive(Default)]
pub(super) struct Head {
    line: Vec<u8>,
    /// Whether the header lines so far include one that only an answer has.
    is_answer: bool,
}

impl Head {
    /// Adds one byte; returns true when a head is complete.
    pub(super) fn add(&mut self, byte: u8) -> bool {
        if byte != b'\n' {
            if self.line.len() < LONGEST {
                self.line.push(byte);
            }
            return false;
        }
        let line = std::mem::take(&mut self.line);
        match kind(line.strip_suffix(b"\r").unwrap_or(&line)) {
            Line::Empty => std::mem::take(&mut self.is_answer),
            Line::Answer => {
                self.is_answer = true;
                false
            }
            Line::Field => false,
            Line::Other => {
                self.is_answer = false;
                false
            }
        }
    }
}

enum Line {
    Empty,
    /// One that only an answer has.
    Answer,
    Field,
    Other,
}

fn kind(line: &[u8]) -> Line {
    if line.is_empty() {
        return Line::Empty;
    }
    // A script whose name begins with `nph-` prints the status line itself.
    if line.starts_with(b"HTTP/1.") {
        return Line::Answer;
    }
    let Some(colon) = memchr::memchr(b':', line) else {
        return Line::Other;
    };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
    if name.is_empty() || !name.iter().all(is_token) {
        return Line::Other;
    }
    let is_answer = match name.to_ascii_lowercase().as_slice() {
        b"content-type" => value.contains(&b'/'),
        b"status" => value.len() >= 3 && value[..3].iter().all(u8::is_ascii_digit),
        b"location" => !value.is_empty(),
        _ => false,
    };
    if is_answer { Line::Answer } else { Line::Field }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_head(text: &str) -> bool {
        let mut head = Head::default();
        text.bytes().any(|byte| head.add(byte))
    }

    #[test]
    fn a_head_is_told_apart_from_other_output() {
        for text in [
            "Content-Type: text/html\n\n",
            "Content-type:text/html\r\nX-A: b\r\n\r\n",
            "Status: 302 Found\nLocation: /x\n\n",
            "loading\nStatus: 200 OK\nContent-Length: 1\n\n",
            "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n",
        ] {
            assert!(has_head(text), "{text:?}");
        }
        for text in [
            "",
            "\n\n",
            "hello\n\n",
            "Status: loaded\n\n",
            "Status: 200 OK\nloading is over\n\n",
            "Note: this is the test server\n\n",
            "Content-Type: text/html\n",
            "location: \n\n",
        ] {
            assert!(!has_head(text), "{text:?}");
        }
    }
}
