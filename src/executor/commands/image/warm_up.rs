//! The warm-up: requests made to the application before its image is taken, for what it loads and
//! builds at its first requests. If the warm-up prevents an image, the image is made without it.

use std::ffi::{CString, c_int};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::ptr::{null, null_mut};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::fs::{Mode, OFlags};

use crate::python::{Application, Gateway, Inspection, OnFailure, attach, call_again};
use doors::cgi::{self, CgiWriter};
use doors::wire::Form;
use exchange::{BodyLength, Failure, MetaVariables, Responder};
use image::attempt::{Ended, Files};
use image::branch::Handoff;
use image::capture;
use image::observer::questions;
use image::store::{MAGIC, UNWARMED, remove};
use process::signals::timeout_signal;
use process::timer::Timer;
use process::times;

/// How many seconds the warm-up may take in all.
const LONGEST: u64 = 30;

/// The file for the reason why the warm-up was left out; set once the warm-up has begun.
static REASON: OnceLock<CString> = OnceLock::new();

/// What is noted there if the time is over: it names the request.
static TOO_LONG: Mutex<String> = Mutex::new(String::new());

/// Sends a GET for each path through the application. If it takes too long, the process ends, and the reason is noted
/// in one of the files.
///
/// # Errors
/// If one fails.
pub(super) fn warm_up(
    application: &Application,
    paths: &[String],
    files: Option<&Files>,
) -> Result<()> {
    if paths.is_empty() {
        return Ok(());
    }
    if let Some(files) = files {
        let reason = files.at(UNWARMED).into_os_string().into_vec();
        _ = REASON.set(CString::new(reason)?);
    }
    call_again();
    let watch = Watch::begin()?;
    for path in paths {
        if let Ok(mut text) = TOO_LONG.lock() {
            *text = format!(" it took longer than {LONGEST} s, during the request for `{path}`");
        }
        ask(application, path)?;
    }
    drop(watch);
    Ok(())
}

/// Records why there is no image, if the warm-up may be the cause. Returns whether it did.
pub(super) fn give_up(files: &Files, error: &anyhow::Error) -> bool {
    let kept = || -> std::io::Result<()> {
        remove(&files.at(UNWARMED));
        let mut file = capture::create(&files.at(UNWARMED)).map_err(std::io::Error::other)?;
        file.write_all(MAGIC)?;
        write!(file, " {error:#}")
    };
    REASON.get().is_some() && kept().is_ok()
}

/// Why the attempt before this one left the warm-up out; removes the file.
pub(super) fn reason(files: &Files) -> String {
    let path = files.at(UNWARMED);
    let reason = fs::read(&path).unwrap_or_default();
    remove(&path);
    let reason = reason.strip_prefix(MAGIC).unwrap_or_default();
    String::from_utf8_lossy(reason.trim_ascii()).into_owned()
}

/// Ends this attempt if a request hangs, with a timer and a signal that applications do not use (not
/// `setitimer` and SIGALRM).
struct Watch {
    before: libc::sigaction,
    timer: Option<Timer>,
}

impl Watch {
    fn begin() -> io::Result<Self> {
        // SAFETY: structures of zeros are values of each; the handler makes system calls alone.
        let before = unsafe {
            let mut before: libc::sigaction = std::mem::zeroed();
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = over as extern "C" fn(c_int) as usize;
            libc::sigaction(timeout_signal(), &raw const action, &raw mut before);
            before
        };
        let mut watch = Self {
            before,
            timer: None,
        };
        watch.timer = Some(Timer::start(
            timeout_signal(),
            Duration::from_secs(LONGEST),
        )?);
        Ok(watch)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.timer = None;
        // SAFETY: the action was in place before.
        unsafe { libc::sigaction(timeout_signal(), &raw const self.before, null_mut()) };
    }
}

extern "C" fn over(_: c_int) {
    if let Some(path) = REASON.get() {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
        let flags = flags | OFlags::CLOEXEC;
        if let Ok(file) = rustix::fs::open(path.as_c_str(), flags, Mode::RUSR | Mode::WUSR) {
            _ = rustix::io::write(&file, MAGIC);
            if let Ok(text) = TOO_LONG.try_lock() {
                _ = rustix::io::write(&file, text.as_bytes());
            }
        }
    }
    // SAFETY: ends the process.
    unsafe { libc::_exit(Ended::Unwarmed.code()) }
}

/// A GET request that has no data of a visitor, and is marked as warm-up.
fn variables(path: &str) -> [(&'static str, &str); 11] {
    let (named, query) = path.split_once('?').unwrap_or((path, ""));
    [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("REQUEST_METHOD", "GET"),
        ("PATH_INFO", named),
        ("QUERY_STRING", query),
        ("SERVER_NAME", "localhost"),
        ("HTTP_HOST", "localhost"),
        ("HTTP_USER_AGENT", "wsgi-cgi (warm-up)"),
        ("SERVER_PORT", "80"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REMOTE_ADDR", "127.0.0.1"),
        // The name has a dot, so no client can send it.
        ("wsgi_cgi.warm_up", "1"),
    ]
}

/// The same as a process gets it that a web server starts, with its other variables; that one may take as long as the warm-up.
///
/// # Errors
/// If it cannot be limited, or the path has a NUL.
pub(super) fn as_from_outside(path: &str) -> Result<Handoff> {
    let mut meta = MetaVariables::from_pairs(questions::own());
    for (name, value) in variables(path) {
        meta.set(name, value.as_bytes());
    }
    let mut list = Vec::new();
    for (name, value) in meta.iter() {
        let entry = CString::new([name, b"=", value].concat())?;
        list.push(entry.into_raw().cast_const());
    }
    list.push(null());
    std::mem::forget(Watch::begin()?);
    Ok(Handoff {
        environment: Vec::leak(list).as_ptr(),
        image: null(),
        trial: 0,
        learns: 0,
        claim: null_mut(),
        began: times::now(),
        spent: 0,
        cold: None,
    })
}

/// Makes such a request.
fn ask(application: &Application, path: &str) -> Result<()> {
    let null = || File::options().read(true).write(true).open("/dev/null");
    let pairs = variables(path).map(|(name, value)| (name.into(), value.into()));
    let mut meta = MetaVariables::from_pairs(pairs);
    _ = meta.complete(None);
    let request = cgi::request(meta, null()?.into(), BodyLength::Bytes(0));
    let writer = CgiWriter::new(null()?.into(), request.body.clone(), Form::Cgi);
    let responder = Responder::new(Box::new(writer), b"GET", || true);
    let failed = Arc::new(Mutex::new(None));
    let noted = Box::new(Noted(failed.clone()));
    let gateway = Gateway::new(responder, &request, Inspection::default(), noted);
    gateway.answer_with(application, &request.meta);
    if let Some(summary) = failed.lock().expect("not poisoned").take() {
        bail!("the warm-up request for `{path}` failed: {summary}");
    }
    match attach(|py| gateway.status(py)) {
        Some(status @ 500..) => {
            bail!("the warm-up request for `{path}` was answered with {status}")
        }
        _ => Ok(()),
    }
}

/// Keeps the first failure as the reason; nothing goes to a log or a client.
struct Noted(Arc<Mutex<Option<String>>>);

impl OnFailure for Noted {
    fn log(&self, failure: &Failure, _: bool) {
        self.0
            .lock()
            .expect("not poisoned")
            .get_or_insert_with(|| failure.summary.clone());
    }

    fn wants_fault(&self) -> bool {
        false
    }

    fn answered_itself(&self, _: bool) {}

    fn answer(&self, _: &Failure, responder: &mut Responder) {
        responder.abandon();
    }
}
