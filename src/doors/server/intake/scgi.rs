//! The one request of an SCGI connection. The listener itself answers an invalid request, one that
//! is not below the mount, and the health path.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::{ReadLimit, Step, Terms, log_no_room};
use crate::scgi::{Event, Reader, may_be_set};
use crate::server::{Asked, Form, Line, Refused, Spool};
use exchange::{MetaVariables, is_request_variable, plain_page};
use process::report;

/// How many names of variables are logged at most.
const MOST_LOGGED: usize = 100;

/// Collects the request.
#[derive(Debug)]
pub(in crate::server) struct ScgiIntake {
    reader: Reader,
    terms: Arc<Terms>,
    begun: Option<(MetaVariables, Spool)>,
    is_cut: bool,
}

impl ScgiIntake {
    pub(super) fn new(terms: Arc<Terms>) -> Self {
        Self {
            reader: Reader::new(terms.limits.head, terms.limits.body),
            terms,
            begun: None,
            is_cut: false,
        }
    }

    pub(super) fn read_limit(&self) -> ReadLimit {
        if self.reader.is_last() {
            return ReadLimit::PeekOne;
        }
        ReadLimit::AtMost(usize::try_from(self.reader.wanted()).unwrap_or(usize::MAX))
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.is_cut = bytes.is_empty();
        self.reader.feed(bytes);
    }

    pub(super) fn is_in_content(&self) -> bool {
        self.reader.has_head()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.reader.is_untouched()
    }

    pub(super) fn timed_out(&self) -> Refused {
        let reason = if self.is_idle() {
            "the connection stayed silent: an SCGI request was expected"
        } else {
            "the request took too long to arrive"
        };
        self.refused(408, reason)
    }

    pub(super) fn step(&mut self) -> Step {
        loop {
            match self.reader.next_event() {
                // A web server may connect only to check that the socket is served.
                Event::NeedMore if self.is_cut && self.is_idle() => return Step::Closed,
                Event::NeedMore if self.is_cut => {
                    return Step::Refused(self.refused(400, "the request is incomplete"));
                }
                Event::NeedMore => return Step::NeedMore { say: b"" },
                Event::Head(meta) => self.begun = Some((meta, Spool::default())),
                Event::Content(piece) => {
                    if let Some((_, spool)) = &mut self.begun
                        && let Err(error) = spool.add(&piece)
                    {
                        log_no_room(self.line().as_ref(), &error);
                        return Step::Refused(self.refused(507, "the content cannot be stored"));
                    }
                }
                Event::End => return self.end(),
                Event::Refused(status, reason) => {
                    return Step::Refused(self.refused(status, reason));
                }
            }
        }
    }

    fn end(&mut self) -> Step {
        let line = self.line();
        let Some((mut meta, spool)) = self.begun.take() else {
            return Step::Closed;
        };
        // Variables such as a secret key or a database's address are set by the operator.
        meta.remove_all(|name| !is_request_variable(name) && self.terms.own.contains(name));
        meta.remove_all(|name| {
            let is_left_out = !may_be_set(name, &self.terms.variables);
            if is_left_out {
                log_once(name);
            }
            is_left_out
        });
        // The whole path, however it was split.
        let path = ["SCRIPT_NAME", "PATH_INFO"].map(|name| meta.get(name).unwrap_or_default());
        let asks_health = self.terms.health.as_ref() == Some(&path.concat());
        if let Some(mount) = self.terms.mount.as_ref().filter(|_| !asks_health)
            && !meta.strip_mount(mount)
        {
            return Step::Refused(answer(
                404,
                "the path is not below --script-name".into(),
                line,
                &meta,
            ));
        }
        let asked = Asked {
            meta,
            form: Form::Cgi,
            is_local: false,
            asks_health,
            line: line.unwrap_or_else(Line::unknown),
        };
        Step::Request(Box::new(asked), spool)
    }

    fn refused(&self, status: u16, reason: impl Into<Cow<'static, str>>) -> Refused {
        let none = MetaVariables::default();
        let meta = self.begun.as_ref().map_or(&none, |(meta, _)| meta);
        answer(status, reason.into(), self.line(), meta)
    }

    /// For the access log.
    fn line(&self) -> Option<Line> {
        let (meta, _) = self.begun.as_ref()?;
        let value = |name| meta.get(name).unwrap_or_default().to_vec();
        let target = match meta.get("REQUEST_URI") {
            Some(target) => target.to_vec(),
            None => [value("SCRIPT_NAME"), value("PATH_INFO")].concat(),
        };
        Some(Line {
            method: value("REQUEST_METHOD"),
            target,
            protocol: match meta.get("SERVER_PROTOCOL") {
                Some(b"HTTP/1.0") => "HTTP/1.0",
                Some(b"HTTP/2.0") => "HTTP/2.0",
                Some(b"HTTP/3.0") => "HTTP/3.0",
                _ => "HTTP/1.1",
            },
            referer: value("HTTP_REFERER"),
            agent: value("HTTP_USER_AGENT"),
            client: meta.get("REMOTE_ADDR").map(<[u8]>::to_vec),
        })
    }
}

/// Logs that a variable is ignored, the first time. Not PATH, which Apache sends with every request, and not
/// Apache's internal notes, whose names have lower-case letters.
fn log_once(name: &[u8]) {
    static TOLD: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());
    let Ok(mut told) = TOLD.lock() else {
        return;
    };
    let is_usual = name == b"PATH" || name.iter().any(u8::is_ascii_lowercase);
    if !is_usual && told.len() < MOST_LOGGED && told.insert(name.to_vec()) {
        report::log(&format!(
            "the variable {0} of a request is ignored, as it could choose what code is run: `--variable {0}` \
             accepts it from the web server",
            name.escape_ascii()
        ));
    }
}

/// A whole answer of the listener's own.
fn answer(
    status: u16,
    reason: Cow<'static, str>,
    line: Option<Line>,
    meta: &MetaVariables,
) -> Refused {
    let (head, content) = plain_page(status, &format!("{status}: {reason}"));
    let method = meta.get("REQUEST_METHOD").unwrap_or_default();
    Refused {
        response: Form::Cgi.whole(method, &head, &content),
        status,
        sent: if method == b"HEAD" {
            0
        } else {
            content.len() as u64
        },
        reason,
        line,
    }
}
