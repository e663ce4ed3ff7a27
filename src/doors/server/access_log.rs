//! The access log: a line a request, for a person at a terminal, for the tools that read Apache's
//! combined format, or as JSON.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::time::{Duration, Instant, SystemTime};

use super::{Line, Peer};
use process::clock::Clock;
use settings::cli::LogFormat;

/// The access log, on standard output.
#[derive(Clone, Copy, Debug)]
pub struct AccessLog {
    format: LogFormat,
    coloured: bool,
}

/// One request, as far as it is known before its answer.
#[derive(Clone, Debug)]
pub struct Entry {
    address: String,
    line: Line,
    began: Instant,
}

impl Entry {
    /// A request from that peer; without a line it could not be parsed.
    #[must_use]
    pub fn new(peer: &Peer, line: Option<Line>) -> Self {
        let line = line.unwrap_or_else(Line::unknown);
        let address = line.client.as_deref().unwrap_or(peer.address().as_bytes());
        Self {
            address: address.escape_ascii().to_string(),
            line,
            began: Instant::now(),
        }
    }

    pub(super) fn method(&self) -> &[u8] {
        &self.line.method
    }

    /// The method and the path, for an entry of the error log.
    pub(super) fn request(&self) -> String {
        self.line.request()
    }
}

impl AccessLog {
    /// A log in that format.
    #[must_use]
    pub fn new(format: LogFormat) -> Self {
        Self {
            format,
            coloured: std::io::stdout().is_terminal(),
        }
    }

    /// Writes a line; `sent` is the bytes of content, `remark` a note for the short format.
    pub fn write(&self, entry: &Entry, status: Option<u16>, sent: u64, remark: Option<&str>) {
        let took = entry.began.elapsed();
        let mut line = match self.format {
            LogFormat::Short => short(entry, status, sent, took, remark, self.coloured),
            LogFormat::Combined => combined(entry, status, sent, SystemTime::now()),
            LogFormat::Json => json(entry, status, sent, took, SystemTime::now()),
        };
        line.push('\n');
        // An error is ignored: requests are answered without an access log too.
        _ = std::io::stdout().write_all(line.as_bytes());
    }
}

fn short(
    entry: &Entry,
    status: Option<u16>,
    sent: u64,
    took: Duration,
    remark: Option<&str>,
    coloured: bool,
) -> String {
    let colour = match status {
        Some(100..=299) => "\x1b[32m",
        Some(300..=399) => "\x1b[36m",
        Some(400..=499) => "\x1b[33m",
        _ => "\x1b[31m",
    };
    let (colour, plain) = if coloured {
        (colour, "\x1b[0m")
    } else {
        ("", "")
    };
    let mut line = format!(
        "{colour}{}{plain} {} {} {} {} ms",
        status.map_or("---".to_owned(), |status| status.to_string()),
        entry.line.method.escape_ascii(),
        entry.line.target.escape_ascii(),
        size(sent),
        took.as_millis()
    );
    if let Some(remark) = remark {
        _ = write!(line, " ({remark})");
    }
    line
}

/// <https://httpd.apache.org/docs/2.4/logs.html>; the user is not known here.
fn combined(entry: &Entry, status: Option<u16>, sent: u64, now: SystemTime) -> String {
    let or_dash = |value: &[u8]| {
        if value.is_empty() {
            "-".to_owned()
        } else {
            value.escape_ascii().to_string()
        }
    };
    format!(
        "{} - - [{}] \"{} {} {}\" {} {} \"{}\" \"{}\"",
        entry.address,
        Clock::of(now).as_apache(),
        entry.line.method.escape_ascii(),
        entry.line.target.escape_ascii(),
        entry.line.protocol,
        status.map_or("-".to_owned(), |status| status.to_string()),
        if sent == 0 {
            "-".to_owned()
        } else {
            sent.to_string()
        },
        or_dash(&entry.line.referer),
        or_dash(&entry.line.agent)
    )
}

fn json(entry: &Entry, status: Option<u16>, sent: u64, took: Duration, now: SystemTime) -> String {
    format!(
        "{{\"time\":\"{}\",\"client\":{},\"method\":{},\"target\":{},\"protocol\":{},\
         \"status\":{},\"bytes\":{sent},\"seconds\":{:.6},\"referer\":{},\"agent\":{}}}",
        Clock::of(now).as_iso(),
        json_string(entry.address.as_bytes()),
        json_string(&entry.line.method),
        json_string(&entry.line.target),
        json_string(entry.line.protocol.as_bytes()),
        status.map_or("null".to_owned(), |status| status.to_string()),
        took.as_secs_f64(),
        json_string(&entry.line.referer),
        json_string(&entry.line.agent)
    )
}

/// Each byte as the character with its value, so that nothing is lost.
fn json_string(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => _ = write!(text, "\\u{byte:04x}"),
        }
    }
    text.push('"');
    text
}

fn size(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
    let in_units = |unit: u64| bytes as f64 / unit as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", in_units(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", in_units(1_000_000)),
        _ => format!("{:.1} GB", in_units(1_000_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn entry() -> Entry {
        Entry {
            address: "127.0.0.1".into(),
            line: Line {
                method: b"GET".to_vec(),
                target: b"/a\"b\xff".to_vec(),
                protocol: "HTTP/1.1",
                referer: Vec::new(),
                agent: b"a \"quoted\" \x1b[31m".to_vec(),
                client: None,
            },
            began: Instant::now(),
        }
    }

    fn moment() -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(784_111_777_042)
    }

    #[test]
    fn a_line_for_people() {
        let took = Duration::from_millis(14);
        assert_eq!(
            short(&entry(), Some(200), 1_234, took, None, false),
            "200 GET /a\\\"b\\xff 1.2 kB 14 ms"
        );
        assert_eq!(
            short(&entry(), None, 0, took, Some("it died"), true),
            "\x1b[31m---\x1b[0m GET /a\\\"b\\xff 0 B 14 ms (it died)"
        );
    }

    #[test]
    fn the_combined_format_is_apaches() {
        assert_eq!(
            combined(&entry(), Some(304), 0, moment()),
            "127.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a\\\"b\\xff HTTP/1.1\" 304 - \"-\" \
             \"a \\\"quoted\\\" \\x1b[31m\""
        );
    }

    #[test]
    fn json_holds_every_byte() {
        let line = json(
            &entry(),
            Some(200),
            5,
            Duration::from_micros(1_500),
            moment(),
        );
        assert_eq!(
            line,
            "{\"time\":\"1994-11-06T08:49:37.042Z\",\"client\":\"127.0.0.1\",\"method\":\"GET\",\
             \"target\":\"/a\\\"b\\u00ff\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes\":5,\
             \"seconds\":0.001500,\"referer\":\"\",\"agent\":\"a \\\"quoted\\\" \\u001b[31m\"}"
        );
    }
}
