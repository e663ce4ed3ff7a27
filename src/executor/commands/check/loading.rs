//! The application is loaded, which may take no longer than a request, and handed over to be checked: once it
//! is loaded, or from within the call by which a script hands it to a handler of the standard library's.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::super::executor::Executor;
use super::Checking;
use crate::python::{Application, Gateway, Inside};
use process::report::{self, Exit};
use settings::config::{App, Config};

/// What is there to be done once, with whoever watches over the time until then.
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
    let inside: Inside = Box::new(move |application: &Application| -> Arc<Gateway> {
        let exit = check(&within, application).unwrap_or_else(|error| {
            report::log_error(&error);
            Exit::Usage
        });
        // SAFETY: all is said; the script, which waits for its call to return, is not gone on with.
        unsafe { libc::_exit(exit.code().into()) }
    });
    let loaded = executor.prepare_image(config, inside);
    if let Err(failure) = loaded {
        take(&ready);
        let traceback = failure.traceback.as_deref().unwrap_or_default();
        report::log(&format!("{}\n{}", failure.summary, traceback.trim_end()));
        return Ok(Exit::Usage);
    }
    let Some(application) = executor.application() else {
        take(&ready);
        return Err(anyhow!(
            "`{}` answers its request itself, and has no application to call: name one, FILE:CALLABLE",
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
        None => Err(anyhow!("the script calls a handler a second time")),
    }
}

/// Loading is over: no other thread is there any more when processes are forked.
fn take(ready: &Ready) -> Option<Checking> {
    let (checking, watchdog) = ready.lock().expect("not poisoned").take()?;
    watchdog.end();
    Some(checking)
}

/// Ends the process where loading takes too long.
struct Watchdog {
    done: Sender<()>,
    thread: JoinHandle<()>,
}

impl Watchdog {
    fn begin(app: &App, timeout: Duration) -> Self {
        let (done, is_done) = channel::<()>();
        let seconds = timeout.as_secs_f64();
        let line =
            format!("`{app}` takes longer to load than {seconds} seconds: --timeout gives it more");
        let thread = std::thread::spawn(move || {
            if is_done.recv_timeout(timeout) == Err(RecvTimeoutError::Timeout) {
                report::log(&line);
                // SAFETY: whatever the process is busy with is not to go on.
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
