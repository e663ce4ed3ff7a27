//! What `-w` writes about a finished request: its text, with each `%{name}` replaced by a value, as in curl.

use std::fmt::Write;
use std::time::Duration;

use super::url::Url;
use exchange::ResponseHead;

/// The values that can be written.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The URL as it was typed, without user name and password.
    pub url: &'a str,
    /// The URL of the last request.
    pub effective: &'a Url,
    /// The method of the last request.
    pub method: &'a str,
    /// The Referer that was sent.
    pub referer: &'a [u8],
    /// The head of the last response.
    pub head: Option<&'a ResponseHead>,
    /// Where the answer was written.
    pub file: &'a str,
    /// How many redirects were followed.
    pub redirects: u32,
    /// The exit status.
    pub exit: u8,
    /// Bytes of content that were received.
    pub downloaded: u64,
    /// Bytes of all heads.
    pub heads: u64,
    /// Bytes of content that were sent.
    pub uploaded: u64,
    /// The time from the start to the end.
    pub total: Duration,
    /// The time from the start to the head.
    pub to_head: Duration,
    /// The time that the redirects took.
    pub redirecting: Duration,
}

/// Where a piece of the text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The text with its values, and the unknown names in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The pieces, in order.
    pub pieces: Vec<(To, Vec<u8>)>,
    /// The names.
    pub unknown: Vec<String>,
}

enum Value {
    Text(String),
    Number(u64),
    Seconds(Duration),
}

/// The variables that do not concern a network.
const NAMES: [&str; 23] = [
    "content_type",
    "errormsg",
    "exitcode",
    "filename_effective",
    "http_code",
    "http_version",
    "method",
    "num_headers",
    "num_redirects",
    "redirect_url",
    "referer",
    "response_code",
    "scheme",
    "size_download",
    "size_header",
    "size_upload",
    "speed_download",
    "speed_upload",
    "time_redirect",
    "time_starttransfer",
    "time_total",
    "url",
    "url_effective",
];

/// Variables about a network, which is not used here: the times and numbers are 0.
const TIMES: [&str; 4] = [
    "time_appconnect",
    "time_connect",
    "time_namelookup",
    "time_pretransfer",
];
const NUMBERS: [&str; 7] = [
    "http_connect",
    "local_port",
    "num_connects",
    "proxy_ssl_verify_result",
    "remote_port",
    "ssl_verify_result",
    "urlnum",
];
const TEXTS: [&str; 3] = ["ftp_entry_path", "local_ip", "remote_ip"];

impl Facts<'_> {
    /// Replaces the names in the text. `\n`, `\r` and `\t` have the same meaning as in C; `%%` is a `%`.
    #[must_use]
    pub fn fill_in(&self, format: &[u8]) -> Written {
        let mut written = Written::default();
        let (mut to, mut text) = (To::Stdout, Vec::new());
        let mut rest = format;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match (byte, after) {
                (b'%', [b'%', more @ ..]) => {
                    text.push(b'%');
                    rest = more;
                }
                (b'%', [b'{', more @ ..]) => {
                    let Some((name, more)) = up_to_brace(more) else {
                        text.push(b'%');
                        continue;
                    };
                    rest = more;
                    match name {
                        "stderr" | "stdout" => {
                            written.pieces.push((to, std::mem::take(&mut text)));
                            to = if name == "stderr" {
                                To::Stderr
                            } else {
                                To::Stdout
                            };
                        }
                        "onerror" if self.exit == 0 => break,
                        "onerror" => {}
                        "header_json" => text.extend(self.header_json().into_bytes()),
                        "json" => text.extend(self.json().into_bytes()),
                        name => match self.value(name) {
                            Some(value) => text.extend(value.shown(name).into_bytes()),
                            None => written.unknown.push(name.to_owned()),
                        },
                    }
                }
                (b'%', more) if more.starts_with(b"header{") => {
                    let Some((name, more)) = up_to_brace(&more[7..]) else {
                        text.push(b'%');
                        continue;
                    };
                    text.extend_from_slice(self.field(name));
                    rest = more;
                }
                (b'\\', [sign @ (b'n' | b'r' | b't'), more @ ..]) => {
                    text.push(match sign {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        _ => b'\t',
                    });
                    rest = more;
                }
                (byte, _) => text.push(byte),
            }
        }
        written.pieces.push((to, text));
        written
    }

    fn field(&self, name: &str) -> &[u8] {
        let value = self.head.and_then(|head| head.headers.get(name));
        value.unwrap_or_default()
    }

    fn value(&self, name: &str) -> Option<Value> {
        let text = |bytes: &[u8]| Value::Text(String::from_utf8_lossy(bytes).into_owned());
        let code = self.head.map_or(0, |head| head.status.code());
        let fields = self.head.map_or(0, |head| head.headers.iter().count());
        Some(match name {
            "content_type" => text(self.field("content-type")),
            "errormsg" => Value::Text(String::new()),
            "exitcode" => Value::Number(self.exit.into()),
            "filename_effective" => text(self.file.as_bytes()),
            "http_code" | "response_code" => Value::Number(code.into()),
            "http_version" => text(b"1.1"),
            "method" => text(self.method.as_bytes()),
            "num_headers" => Value::Number(fields as u64),
            "num_redirects" => Value::Number(self.redirects.into()),
            "redirect_url" => Value::Text(self.redirect_url().unwrap_or_default()),
            "referer" => text(self.referer),
            "scheme" if self.effective.is_https() => text(b"HTTPS"),
            "scheme" => text(b"HTTP"),
            "size_download" => Value::Number(self.downloaded),
            "size_header" => Value::Number(self.heads),
            "size_upload" => Value::Number(self.uploaded),
            "speed_download" => Value::Number(self.per_second(self.downloaded)),
            "speed_upload" => Value::Number(self.per_second(self.uploaded)),
            "time_redirect" => Value::Seconds(self.redirecting),
            "time_starttransfer" => Value::Seconds(self.to_head),
            "time_total" => Value::Seconds(self.total),
            "url" => text(self.url.as_bytes()),
            "url_effective" => Value::Text(self.effective.to_string()),
            name if TIMES.contains(&name) => Value::Seconds(Duration::ZERO),
            name if NUMBERS.contains(&name) => Value::Number(0),
            name if TEXTS.contains(&name) => Value::Text(String::new()),
            _ => return None,
        })
    }

    fn per_second(&self, bytes: u64) -> u64 {
        let microseconds = self.total.as_micros().max(1);
        u64::try_from(u128::from(bytes) * 1_000_000 / microseconds).unwrap_or(u64::MAX)
    }

    /// The target of a redirect that was not followed.
    fn redirect_url(&self) -> Option<String> {
        let head = self.head.filter(|head| head.status.code() / 100 == 3)?;
        let location = std::str::from_utf8(head.headers.get("location")?).ok()?;
        Some(self.effective.join(location).ok()?.to_string())
    }

    fn json(&self) -> String {
        let mut names: Vec<&str> = [&NAMES[..], &TIMES, &NUMBERS, &TEXTS].concat();
        names.sort_unstable();
        let values = names.into_iter().filter_map(|name| {
            let value = self.value(name)?.as_json();
            Some(format!("{}:{value}", json_string(name.as_bytes())))
        });
        format!("{{{}}}", values.collect::<Vec<_>>().join(","))
    }

    /// Each name, in small letters, with all its values.
    fn header_json(&self) -> String {
        let mut fields: Vec<(String, Vec<String>)> = Vec::new();
        for (name, value) in self.head.iter().flat_map(|head| head.headers.iter()) {
            let name = json_string(&name.to_ascii_lowercase());
            let value = json_string(value);
            match fields.iter_mut().find(|(other, _)| *other == name) {
                Some((_, values)) => values.push(value),
                None => fields.push((name, vec![value])),
            }
        }
        let fields = fields
            .into_iter()
            .map(|(name, values)| format!("{name}:[{}]", values.join(",")));
        format!("{{{}\n}}", fields.collect::<Vec<_>>().join(",\n"))
    }
}

impl Value {
    fn shown(self, name: &str) -> String {
        match self {
            Self::Number(code) if name.ends_with("_code") => format!("{code:03}"),
            Self::Text(text) => text,
            value => value.as_json(),
        }
    }

    fn as_json(&self) -> String {
        match self {
            Self::Text(text) if text.is_empty() => "null".to_owned(),
            Self::Text(text) => json_string(text.as_bytes()),
            Self::Number(number) => number.to_string(),
            Self::Seconds(time) => format!("{:.6}", time.as_secs_f64()),
        }
    }
}

fn up_to_brace(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|&byte| byte == b'}')?;
    let name = std::str::from_utf8(&text[..end]).ok()?;
    Some((name, &text[end + 1..]))
}

/// A JSON string; invalid UTF-8 becomes U+FFFD.
fn json_string(bytes: &[u8]) -> String {
    let mut json = String::from("\"");
    for sign in String::from_utf8_lossy(bytes).chars() {
        match sign {
            '"' | '\\' => json.extend(['\\', sign]),
            sign if sign.is_control() => _ = write!(json, "\\u{:04x}", u32::from(sign)),
            sign => json.push(sign),
        }
    }
    json + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use exchange::{Headers, Status};

    fn filled_in(format: &str, exit: u8) -> (String, Written) {
        let mut headers = Headers::default();
        for (name, value) in [("Location", "/b"), ("X-A", "1"), ("x-a", "\"2\"")] {
            let pushed = headers.push(name.as_bytes(), value.as_bytes());
            pushed.expect("a good field");
        }
        let status = Status::of(302);
        let facts = Facts {
            url: "/a?b",
            effective: &Url::default().join("/a?b").expect("a URL"),
            method: "PUT",
            referer: b"",
            head: Some(&ResponseHead { status, headers }),
            file: "",
            redirects: 2,
            exit,
            downloaded: 10,
            heads: 100,
            uploaded: 0,
            total: Duration::from_millis(2500),
            to_head: Duration::from_micros(1),
            redirecting: Duration::ZERO,
        };
        let written = facts.fill_in(format.as_bytes());
        let text = written.pieces.iter().map(|(_, text)| text.as_slice());
        let text = text.collect::<Vec<_>>().concat();
        (String::from_utf8(text).expect("UTF-8"), written)
    }

    #[test]
    fn names_and_escapes_are_filled_in() {
        for (format, wanted) in [
            ("%{http_code} %{num_redirects}\\n", "302 2\n"),
            ("%{redirect_url}\\t%{url}\\r", "http://localhost/b\t/a?b\r"),
            ("%{time_total} %{speed_download}", "2.500000 4"),
            ("100%% %x \\q % %{open", "100% %x \\q % %{open"),
            ("%header{x-a}|%header{none}|", "1||"),
            (
                "%{header_json}",
                "{\"location\":[\"/b\"],\n\"x-a\":[\"1\",\"\\\"2\\\"\"]\n}",
            ),
            ("a%{onerror}b", "a"),
            ("", ""),
        ] {
            assert_eq!(filled_in(format, 0).0, wanted, "{format}");
        }
        assert_eq!(filled_in("a%{onerror}b", 22).0, "ab");
        let json = filled_in("%{json}", 0).0;
        assert!(json.contains("\"http_code\":302,"), "{json}");
        assert!(json.contains("\"content_type\":null,"), "{json}");
    }

    #[test]
    fn text_goes_to_the_chosen_stream_and_unknown_names_are_returned() {
        let (_, written) = filled_in("a%{stderr}b%{stdout}%{nosuch}c", 0);
        let pieces = [(To::Stdout, "a"), (To::Stderr, "b"), (To::Stdout, "c")];
        assert_eq!(
            written,
            Written {
                pieces: pieces
                    .map(|(to, text)| (to, text.as_bytes().to_vec()))
                    .to_vec(),
                unknown: vec!["nosuch".to_owned()],
            }
        );
    }
}
