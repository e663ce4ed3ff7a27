//! Reports a failed exchange: a page for the client and an entry in the log, with the same id.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use exchange::json::quoted;
use exchange::{DebugPage, Failure, MetaVariables, Responder, ResponseHead, SendError, error_page};
use process::last_resort::{self, Answers, Prepared};
use process::{log_subject, report};
use settings::config::App;

/// What the report of a failure needs, should this exchange fail.
#[derive(Debug)]
pub struct Incident {
    /// REQUEST_METHOD.
    pub method: Vec<u8>,
    /// The request, where the page may show it and the exception.
    shown: Option<MetaVariables>,
    id: String,
    /// What its log entries name: script, method and path.
    request: String,
}

impl Incident {
    /// For that request.
    #[must_use]
    pub fn new(meta: &MetaVariables) -> Self {
        Self {
            request: named(meta.get("SCRIPT_FILENAME").map(OsStr::from_bytes), meta),
            method: meta.get("REQUEST_METHOD").unwrap_or_default().to_vec(),
            shown: None,
            id: report::error_id(),
        }
    }

    /// From now on its log entries name this application: behind Apache's `Action` the server's variables name
    /// this program instead.
    pub fn set_application(&mut self, app: &App, meta: &MetaVariables) {
        self.request = named(Some(app.place()), meta);
    }

    /// From now on all log entries of this process name its request.
    pub fn name_in_log(&self) {
        log_subject::set(&self.request);
    }

    /// What its log entries name: script, method and path.
    #[must_use]
    pub fn request(&self) -> &str {
        &self.request
    }

    /// From now on the page shows what went wrong.
    pub fn show(&mut self, meta: &MetaVariables) {
        self.shown = Some(meta.clone());
    }

    /// The id of this exchange in the page and in the log.
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
        let subject = format!("error {}: {}: ", self.id, self.request);
        let log_prefix = if report::is_json() {
            // After the time, which is written with the entry.
            format!("\",\"message\":{}", quoted(&subject).trim_end_matches('"'))
        } else {
            format!("wsgi-cgi: {subject}")
        };
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

    /// The page for a developer, where it may be shown. If making it panics, the plain page is
    /// sent, or in the program, which does not unwind, the prepared answer.
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

    /// Writes its entry; `late` once the head was sent, which an entry written before does not say.
    pub fn log(&self, failure: &Failure, late: bool) {
        last_resort::mend_log();
        if failure.is_logged && !late {
            return;
        }
        let cut = if late {
            " (the response had begun and is cut short)"
        } else {
            ""
        };
        let traceback = failure.traceback.as_deref().unwrap_or_default();
        let summary = report::one_line(&failure.summary);
        self.say(&format!("{summary}{cut}\n{traceback}"));
    }

    /// Whether the page may show the exception.
    #[must_use]
    pub fn wants_fault(&self) -> bool {
        self.shown.is_some()
    }

    /// Logs that the application sent a 500 of its own.
    pub fn answered_itself(&self, by_framework: bool) {
        let remedy = if self.shown.is_some() || !by_framework {
            ""
        } else {
            ": if it caught an exception, --debug or `wsgi-cgi request --pdb` shows it"
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
        // After this error the lost descriptor has been replaced, so that a second attempt can
        // succeed.
        let sent = answer().or_else(|error| match error {
            SendError::Lost => answer(),
            error => Err(error),
        });
        // It fails where the client has disconnected.
        if sent.is_err() {
            responder.abandon();
        }
    }
}

fn named(script: Option<&OsStr>, meta: &MetaVariables) -> String {
    let path = ["SCRIPT_NAME", "PATH_INFO"].map(|name| meta.get(name).unwrap_or_default());
    let method = meta.get("REQUEST_METHOD").unwrap_or_default();
    log_subject::named(script, method, &path.concat())
}
