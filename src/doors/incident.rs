//! What is said when an exchange fails: a page for the client, an entry for the log, one id in both.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use exchange::{DebugPage, Failure, MetaVariables, Responder, ResponseHead, SendError, error_page};
use process::last_resort::{self, Answers, Prepared};
use process::{report, subject};
use settings::config::App;

/// The failure that may yet happen to this exchange, with what is known of it beforehand.
#[derive(Debug)]
pub struct Incident {
    /// REQUEST_METHOD.
    pub method: Vec<u8>,
    /// The request, where the client is to see it and the exception.
    shown: Option<MetaVariables>,
    id: String,
    /// What its entries name: script, method and path.
    request: String,
}

impl Incident {
    /// The one of that request.
    #[must_use]
    pub fn new(meta: &MetaVariables) -> Self {
        Self {
            request: named(meta.get("SCRIPT_FILENAME").map(OsStr::from_bytes), meta),
            method: meta.get("REQUEST_METHOD").unwrap_or_default().to_vec(),
            shown: None,
            id: report::error_id(),
        }
    }

    /// Its entries name that application, and the path by which it is known: behind an `Action` the server's
    /// variables are about this program.
    pub fn is_of(&mut self, app: &App, meta: &MetaVariables) {
        self.request = named(Some(app.place()), meta);
    }

    /// From now on all entries of this process name its request.
    pub fn begin(&self) {
        subject::set(&self.request);
    }

    /// What its entries name.
    #[must_use]
    pub fn request(&self) -> &str {
        &self.request
    }

    /// From now on the client sees what went wrong.
    pub fn show(&mut self, meta: &MetaVariables) {
        self.shown = Some(meta.clone());
    }

    /// What names this exchange in the page and in the log.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The answers that a signal handler can give, with the head in the transport's form.
    pub fn answers(&self, head_in_form: impl Fn(&ResponseHead) -> Vec<u8>) -> Answers {
        let response = |code| {
            let (head, page) = error_page(code, &self.id);
            let content = if self.method == b"HEAD" {
                &[][..]
            } else {
                &page
            };
            Prepared::new(&head_in_form(&head), content)
        };
        let log_prefix = format!("wsgi-cgi: error {}: {}: ", self.id, self.request);
        Answers {
            error: response(500),
            timeout: response(504),
            log_prefix: log_prefix.into_bytes(),
        }
    }

    /// Logs the failure, and answers.
    pub fn report(&self, failure: &Failure, responder: &mut Responder) {
        self.log(failure, responder.head_sent());
        self.answer(failure, responder);
    }

    /// Not for everybody; and a fault in it is no reason to leave the client without an answer.
    #[cold]
    fn debug_page(&self, failure: &Failure) -> Option<(ResponseHead, Vec<u8>)> {
        let meta = self.shown.as_ref()?;
        let fault = failure.fault.get().map(Box::as_ref);
        if fault.is_none() && failure.traceback.is_some() {
            return None;
        }
        let page = DebugPage {
            code: failure.code,
            id: &self.id,
            what: &failure.what,
            advice: failure.advice.as_deref(),
            fault,
            meta,
        };
        catch_unwind(AssertUnwindSafe(|| page.response())).ok()
    }

    /// Writes its entry; `late` once the head was sent.
    pub fn log(&self, failure: &Failure, late: bool) {
        last_resort::mend_log();
        let cut = if late {
            " (the response had begun and is cut short)"
        } else {
            ""
        };
        let traceback = failure.traceback.as_deref().unwrap_or_default();
        let summary = report::one_line(&failure.summary);
        self.say(&format!("{summary}{cut}\n{traceback}"));
    }

    /// Whether the client is to see the exception.
    #[must_use]
    pub fn wants_fault(&self) -> bool {
        self.shown.is_some()
    }

    /// Says that the application sent a 500 of its own.
    pub fn answered_itself(&self, by_framework: bool) {
        let remedy = if self.shown.is_some() || !by_framework {
            ""
        } else {
            ": where it caught an exception, --debug and `wsgi-cgi request --pdb` let that through"
        };
        self.say(&format!("the application answered 500 itself{remedy}"));
    }

    fn say(&self, entry: &str) {
        report::log_failure(&self.id, &self.request, entry);
    }

    /// Answers with the page, or cuts the response short that has begun.
    pub fn answer(&self, failure: &Failure, responder: &mut Responder) {
        if responder.head_sent() {
            responder.abandon();
            return;
        }
        let (head, page) = self
            .debug_page(failure)
            .unwrap_or_else(|| error_page(failure.code, &self.id));
        let mut answer = || {
            responder.set_head(head.clone());
            responder.block(&page, true)?;
            responder.finish()
        };
        // What was lost has been replaced when it is found out.
        let sent = answer().or_else(|error| match error {
            SendError::Lost => answer(),
            error => Err(error),
        });
        // A client that has gone misses nothing.
        if sent.is_err() {
            responder.abandon();
        }
    }
}

fn named(script: Option<&OsStr>, meta: &MetaVariables) -> String {
    let path = ["SCRIPT_NAME", "PATH_INFO"].map(|name| meta.get(name).unwrap_or_default());
    let method = meta.get("REQUEST_METHOD").unwrap_or_default();
    subject::named(script, method, &path.concat())
}
