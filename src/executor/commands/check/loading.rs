//! Loads the application, which may take no longer than a request, and has it checked: after loading,
//! or during the call in which a script passes it to a handler of the standard library.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::super::executor::Executor;
use super::Checking;
use crate::python::{Application, Gateway, OnHandlerCall};
use process::report::{self, Exit};
use settings::config::{App, Config};

/// What to do once the application is loaded, and the watchdog until then.
type Ready = Arc<Mutex<Option<(Checking, Watchdog)>>>;

/// Loads the application and has it checked.
pub(super) fn load_and(
    mut executor: Executor,
    config: &Config,
    checking: Checking,
) -> Result<Exit> {
    let watchdog = Watchdog::begin(&config.app, checking.timeout);
    let ready: Ready = Arc::new(Mutex::new(Some((checking, watchdog))));
    let within = ready.clone();
    let on_handler_call: OnHandlerCall =
        Box::new(move |application: &Application| -> Arc<Gateway> {
            let exit = check(&within, application).unwrap_or_else(|error| {
                report::log_error(&error);
                Exit::Usage
            });
            // SAFETY: the findings are printed; the script, whose call does not return, must not continue.
            unsafe { libc::_exit(exit.code().into()) }
        });
    let loaded = executor.prepare_image(config, on_handler_call);
    if let Err(failure) = loaded {
        take(&ready);
        let traceback = failure.traceback.as_deref().unwrap_or_default();
        report::log(&format!("{}\n{}", failure.summary, traceback.trim_end()));
        return Ok(Exit::Usage);
    }
    let Some(application) = executor.application() else {
        take(&ready);
        return Err(anyhow!(
            "`{}` answers requests itself and defines no application to call: name one as \
             FILE:CALLABLE",
            config.app
        ));
    };
    let exit = check(&ready, application);
    executor.end();
    exit
}

fn check(ready: &Ready, application: &Application) -> Result<Exit> {
    match take(ready) {
        Some(checking) => checking.check(application),
        None => Err(anyhow!(
            "the script runs a second handler of wsgiref.handlers: only one can be checked"
        )),
    }
}

/// Ends the watchdog thread: no other thread may run when processes are forked.
fn take(ready: &Ready) -> Option<Checking> {
    let (checking, watchdog) = ready.lock().expect("not poisoned").take()?;
    watchdog.end();
    Some(checking)
}

/// Ends the process if loading takes too long.
struct Watchdog {
    done: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watchdog {
    fn begin(app: &App, timeout: Duration) -> Self {
        let (done, is_done) = channel::<()>();
        let seconds = timeout.as_secs_f64();
        let line =
            format!("`{app}` was not loaded within {seconds} s: set a longer time with --timeout");
        let thread = std::thread::spawn(move || {
            if is_done.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
                report::log(&line);
                // SAFETY: ends the process, whatever it is doing.
                unsafe { libc::_exit(Exit::Usage.code().into()) }
            }
        });
        Self { done, thread }
    }

    fn end(self) {
        drop(self.done);
        _ = self.thread.join();
    }
}
