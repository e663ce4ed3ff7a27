//! Shows a response on the terminal as curl does: the content on standard output, the head when
//! asked for, with colours on a terminal, and no binary content on the screen. Into a pipe, exactly
//! the bytes.

mod decoded;

use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use super::cgi::has_hung_up;
use exchange::{Event, Observer, ResponseHead, ResponseWriter, Start};
use process::{last_resort, open_line};

use decoded::Decoder;

pub use decoded::ACCEPTED;

/// What one read of a file takes.
const FILE_BLOCK: usize = 64 * 1024;

/// What is shown of a response.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    /// The head, before the content.
    pub head: bool,
    /// The content; not even on request when it is a redirect that is followed.
    pub content: bool,
    /// Whether to decompress the content.
    pub decoded: bool,
}

/// What is known about a response once it was written.
#[derive(Debug, Default)]
pub struct Known {
    /// The head, once it was written.
    pub head: OnceLock<ResponseHead>,
    /// Why the content could not be decompressed.
    pub undecoded: OnceLock<String>,
}

/// Decides from the head whether its content is not the answer that was asked for.
pub type IsSkipped = Box<dyn Fn(&ResponseHead) -> bool + Send>;

/// Writes a response for a person, or for the program they pipe it to.
pub struct TerminalWriter {
    output: Option<std::fs::File>,
    on_terminal: bool,
    shown: Shown,
    is_skipped: IsSkipped,
    known: Arc<Known>,
    decoder: Option<Decoder>,
    /// A file that the head is written to as well.
    heads: Option<std::fs::File>,
    observer: Option<Arc<dyn Observer>>,
    /// How much content was kept from the terminal, if any is.
    hidden: Option<u64>,
    /// The log goes to the same place.
    beside_log: bool,
}

impl TerminalWriter {
    /// A writer to `output`.
    #[must_use]
    pub fn new(output: OwnedFd, shown: Shown, is_skipped: IsSkipped) -> Self {
        let on_terminal = output.is_terminal();
        Self {
            output: Some(output.into()),
            on_terminal,
            shown,
            is_skipped,
            known: Arc::default(),
            decoder: None,
            heads: None,
            observer: None,
            hidden: None,
            beside_log: false,
        }
    }

    /// Reports what the client gets to this observer.
    #[must_use]
    pub fn observed(mut self, observer: Option<Arc<dyn Observer>>) -> Self {
        self.observer = observer;
        self
    }

    /// Sets whether the log goes to the same place.
    #[must_use]
    pub fn beside_log(mut self, is_beside: bool) -> Self {
        self.beside_log = is_beside;
        self
    }

    /// Writes the head to this file too.
    #[must_use]
    pub fn dump_headers_to(mut self, file: Option<std::fs::File>) -> Self {
        self.heads = file;
        self
    }

    /// What will be known about the response: filled in while it is written.
    #[must_use]
    pub fn known(&self) -> Arc<Known> {
        self.known.clone()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.output {
            Some(output) => {
                output.write_all(bytes)?;
                if self.beside_log {
                    open_line::wrote(bytes);
                }
                Ok(())
            }
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn content(&mut self, block: &[u8], is_first: bool) -> io::Result<()> {
        if !self.shown.content || block.is_empty() {
            return Ok(());
        }
        if self.known.undecoded.get().is_some() {
            return Ok(());
        }
        let Some(mut decoder) = self.decoder.take() else {
            return self.plain(block, is_first);
        };
        let mut is_first = is_first;
        let taken = decoder.take(block, |bytes| {
            let written = self.plain(bytes, is_first);
            is_first = false;
            written
        });
        self.decoder = Some(decoder);
        match taken {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                _ = self.known.undecoded.set(error.to_string());
                Ok(())
            }
            taken => taken,
        }
    }

    fn plain(&mut self, block: &[u8], is_first: bool) -> io::Result<()> {
        // As curl decides: a NUL byte in what comes first.
        if is_first && self.on_terminal && memchr::memchr(0, block).is_some() {
            self.hidden = Some(0);
        }
        if let Some(hidden) = &mut self.hidden {
            *hidden += block.len() as u64;
            return Ok(());
        }
        self.write(block)
    }

    fn tell(&self, event: Event<'_>) {
        if let Some(observer) = &self.observer {
            observer.observe(event);
        }
    }
}

impl ResponseWriter for TerminalWriter {
    fn head(&mut self, start: &Start<'_>) -> io::Result<()> {
        let Start { head, first, .. } = *start;
        let text = self.shown.head.then(|| head_text(head, self.on_terminal));
        start.claim()?;
        if (self.is_skipped)(head) {
            self.shown.content = false;
        }
        if let Some(heads) = &mut self.heads {
            heads.write_all(&head_text(head, false))?;
        }
        if let Some(text) = text {
            self.write(&text)?;
        }
        if self.shown.decoded {
            let coding = head.headers.get("content-encoding");
            match Decoder::of(coding.unwrap_or_default()) {
                Ok(decoder) => self.decoder = decoder,
                Err(why) => _ = self.known.undecoded.set(why),
            }
        }
        self.content(first, true)?;
        _ = self.known.head.set(head.clone());
        self.tell(Event::HeadSent(first.len()));
        Ok(())
    }

    fn block(&mut self, block: &[u8]) -> io::Result<()> {
        self.content(block, false)?;
        self.tell(Event::Sent(block.len() as u64));
        Ok(())
    }

    fn file(&mut self, file: BorrowedFd<'_>, offset: u64, count: u64) -> io::Result<u64> {
        let mut block = vec![0; FILE_BLOCK];
        let mut sent = 0;
        while sent < count {
            let wanted = FILE_BLOCK.min(usize::try_from(count - sent).unwrap_or(FILE_BLOCK));
            let read = rustix::io::pread(file, &mut block[..wanted], offset + sent)?;
            if read == 0 {
                break;
            }
            self.content(&block[..read], sent == 0)?;
            sent += read as u64;
        }
        self.tell(Event::Sent(sent));
        Ok(sent)
    }

    fn client_is_gone(&self) -> bool {
        self.output
            .as_ref()
            .is_none_or(|output| has_hung_up(output.as_fd()))
    }

    fn end(&mut self, _whole: bool) {
        if self.output.is_none() {
            return;
        }
        last_resort::disarm();
        if self.decoder.as_ref().is_some_and(Decoder::is_cut) {
            let why = "the compressed content is cut short".to_owned();
            _ = self.known.undecoded.set(why);
        }
        if let Some(hidden) = self.hidden.take() {
            let note = format!("({hidden} bytes of binary content: use -o FILE or a pipe)\n");
            _ = self.write(note.as_bytes());
        }
        self.output = None;
        self.tell(Event::Ended);
    }
}

/// The head as HTTP shows it; colours for a terminal only.
#[must_use]
pub fn head_text(head: &ResponseHead, coloured: bool) -> Vec<u8> {
    let (mut colour, mut bold, mut plain) = ("", "", "");
    if coloured {
        colour = match head.status.code() {
            100..=299 => "\x1b[32m",
            300..=399 => "\x1b[36m",
            400..=499 => "\x1b[33m",
            _ => "\x1b[31m",
        };
        (bold, plain) = ("\x1b[1m", "\x1b[0m");
    }
    let [colour, bold, plain] = [colour, bold, plain].map(str::as_bytes);
    let mut lines = vec![[b"HTTP/1.1 ", colour, head.status.line(), plain].concat()];
    for (name, value) in head.headers.iter() {
        lines.push([bold, name, plain, b": ", value].concat());
    }
    let mut text = lines.join(&b"\r\n"[..]);
    text.extend_from_slice(b"\r\n\r\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use exchange::{Headers, Status};
    use std::io::Read;

    fn head(code: u16) -> ResponseHead {
        let mut headers = Headers::default();
        headers.push(b"X-A", b"1").expect("a good field");
        ResponseHead {
            status: Status::of(code),
            headers,
        }
    }

    #[test]
    fn piped_the_bytes_are_exact() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let shown = Shown {
            head: true,
            content: true,
            decoded: false,
        };
        let mut terminal = TerminalWriter::new(writer.into(), shown, Box::new(|_| false));
        terminal.content(b"\0\x01", true).expect("written");
        terminal.content(b"\xff", false).expect("written");
        drop(terminal);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).expect("read");
        assert_eq!(all, b"\0\x01\xff");
    }

    #[test]
    fn colours_are_for_a_terminal() {
        assert_eq!(
            head_text(&head(404), false),
            b"HTTP/1.1 404 Not Found\r\nX-A: 1\r\n\r\n"
        );
        assert_eq!(
            head_text(&head(404), true),
            b"HTTP/1.1 \x1b[33m404 Not Found\x1b[0m\r\n\x1b[1mX-A\x1b[0m: 1\r\n\r\n"
        );
    }
}
