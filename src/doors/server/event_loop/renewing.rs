//! The process that has Python is replaced: when a file of its application has changed, when it has gone, and
//! on SIGHUP. Whoever edits wants to see at once what is wrong; a web server goes on with what was loaded until
//! the new process has loaded it too.

use std::time::{Duration, Instant, SystemTime};

use super::{EventLoop, Nursery, Protocol, Workers};
use process::report;

/// Between two looks at the files of an application.
const PAUSE: Duration = Duration::from_secs(1);

/// After a new process could not load the application, until the next one tries it: what mends it may be a
/// file that nobody has looked at.
const RETRY: Duration = Duration::from_secs(10);

impl EventLoop {
    /// Sees to it that requests are answered by the application as it is now.
    pub(super) fn keep_fresh(&mut self) {
        let Workers::Forked { nursery, .. } = &self.source else {
            return;
        };
        let looks = self.looks_again();
        let has_changed = looks && !nursery.is_fresh();
        if looks {
            self.looked = Some(Instant::now());
        }
        if self.nursery_is_gone {
            self.renew_nursery();
        } else if has_changed && self.goes_on_meanwhile() {
            let is_due = self.tried.is_none_or(|then| {
                nursery.has_changed_since(then) || then.elapsed().is_ok_and(|time| time > RETRY)
            });
            if self.successor.is_none() && is_due {
                self.start_successor();
            }
        } else if has_changed {
            self.renew_nursery();
        }
    }

    /// Whether the files of the loaded application are looked at: for whoever edits them before each request,
    /// for a web server from time to time, as a framework has hundreds.
    fn looks_again(&self) -> bool {
        matches!(self.settings.protocol, Protocol::Http(_))
            || self.looked.is_none_or(|then| then.elapsed() > PAUSE)
    }

    /// Whether requests are answered by what is loaded while another process loads it anew.
    fn goes_on_meanwhile(&self) -> bool {
        let has_loaded = match &self.source {
            Workers::Forked { nursery, .. } => nursery.has_loaded(),
            Workers::Started(_) => false,
        };
        matches!(self.settings.protocol, Protocol::Scgi(_)) && has_loaded && !self.nursery_is_gone
    }

    /// SIGHUP: has the application loaded anew; what is running goes on.
    pub(super) fn reload(&mut self) {
        match self.source {
            Workers::Forked { .. } if self.goes_on_meanwhile() => self.start_successor(),
            Workers::Forked { .. } => {
                self.renew_nursery();
                report::log("the application is loaded anew (SIGHUP)");
            }
            // Each request looks for itself.
            Workers::Started(_) => report::log(
                "SIGHUP: there is nothing to load anew: each request looks whether its image still holds",
            ),
        }
    }

    /// Starts another in the place of one that has gone: nobody may ask a server that is not ready. One that goes
    /// at once has to wait for a request.
    pub(super) fn replace_nursery(&mut self) {
        let is_due = self.replaced.is_none_or(|then| then.elapsed() > PAUSE);
        if is_due && !self.listeners.is_empty() {
            self.replaced = Some(Instant::now());
            report::log("the process that forks the workers has gone: another is started");
            self.renew_nursery();
        }
    }

    fn renew_nursery(&mut self) {
        if let Some(new) = self.new_nursery() {
            self.put_in_place(new);
        }
    }

    fn start_successor(&mut self) {
        self.tried = Some(SystemTime::now());
        if let Some(new) = self.new_nursery()
            && let Some(former) = self.successor.replace(new)
        {
            former.retire();
            self.retired.push(former);
        }
    }

    /// The one that loads the application anew has said how far it is.
    pub(super) fn on_successor(&mut self) {
        let Some(mut successor) = self.successor.take() else {
            return;
        };
        let is_there = successor.listen();
        if is_there && !successor.is_ready() {
            self.successor = Some(successor);
        } else if is_there && successor.has_loaded() {
            report::log("the application was loaded anew");
            self.tried = None;
            self.put_in_place(successor);
        } else {
            report::log(
                "the application could not be loaded anew: requests are still answered by what was loaded \
                 before; mend it and send SIGHUP",
            );
            successor.retire();
            self.retired.push(successor);
        }
    }

    fn new_nursery(&self) -> Option<Nursery> {
        let Workers::Forked { arguments, .. } = &self.source else {
            return None;
        };
        match Nursery::start(arguments) {
            Ok(new) => Some(new),
            Err(error) => {
                report::log(&format!("Python cannot be started: {error}"));
                None
            }
        }
    }

    fn put_in_place(&mut self, new: Nursery) {
        if let Workers::Forked { nursery, .. } = &mut self.source {
            let former = std::mem::replace(nursery, new);
            former.retire();
            self.retired.push(former);
            self.nursery_is_gone = false;
            // The new one has a channel of its own.
            self.is_full = false;
        }
    }
}
