//! Replacing the nursery: when a file of its application has changed, when it has ended, and on SIGHUP. In
//! development the new one answers at once, so that a mistake in an edit shows. Behind a web server the old one
//! answers until the new one has loaded the application.

use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;

use super::super::nursery::stop_group;
use super::{EventLoop, Nursery, Protocol, Workers};
use process::report;

/// The time between two checks of the application's files, and between two replacements of a nursery that
/// ended.
const PAUSE: Duration = Duration::from_secs(1);

/// How long after a failed reload the next one is tried, even if no file has changed: the fix may be in a file
/// that is not checked.
const RETRY: Duration = Duration::from_secs(10);

impl EventLoop {
    /// Replaces the nursery if its application is not the one on disk any more.
    pub(super) fn keep_fresh(&mut self) {
        let Workers::Forked { nursery, .. } = &self.source else {
            return;
        };
        let looks = self.checks_files_now();
        let has_changed = looks && !nursery.is_fresh();
        if looks {
            self.looked = Some(Instant::now());
        }
        if self.nursery_is_gone {
            self.renew_nursery();
        } else if has_changed && self.answers_while_reloading() {
            let is_due = match self.tried {
                // A newer edit also replaces a reload that is still running, which may hang.
                Some(then) if nursery.was_edited_since(then) => true,
                Some(then) => {
                    self.successor.is_none() && then.elapsed().is_ok_and(|time| time > RETRY)
                }
                None => true,
            };
            if is_due {
                self.start_successor();
            }
        } else if has_changed {
            self.renew_nursery();
        }
    }

    /// Whether to check the files of the loaded application now: in development before each
    /// request, for a web server from time to time, as a framework has hundreds.
    fn checks_files_now(&self) -> bool {
        matches!(self.settings.protocol, Protocol::Http(_))
            || self.looked.is_none_or(|then| then.elapsed() > PAUSE)
    }

    /// Whether the nursery still answers while another one loads the application.
    fn answers_while_reloading(&self) -> bool {
        let has_loaded = match &self.source {
            Workers::Forked { nursery, .. } => nursery.has_loaded(),
            Workers::Started(_) => false,
        };
        matches!(self.settings.protocol, Protocol::Scgi(_)) && has_loaded && !self.nursery_is_gone
    }

    /// SIGHUP: loads the application again; running requests go on.
    pub(super) fn reload(&mut self) {
        match self.source {
            Workers::Forked { .. } if self.answers_while_reloading() => self.start_successor(),
            Workers::Forked { .. } => {
                self.renew_nursery();
                report::log("reloading the application (SIGHUP)");
            }
            // Each request checks its image.
            Workers::Started(_) => report::log(
                "SIGHUP: nothing to reload: each request checks whether the image is up to date",
            ),
        }
    }

    /// Replaces a nursery that has ended: a server that is not ready may get no requests. If the
    /// new one ends at once, the next request starts another.
    pub(super) fn replace_nursery(&mut self) {
        let is_due = self.replaced.is_none_or(|then| then.elapsed() > PAUSE);
        if is_due && !self.listeners.is_empty() {
            self.replaced = Some(Instant::now());
            report::log(
                "the process that starts the workers has ended unexpectedly (an earlier entry may say why): \
                 starting it again",
            );
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
        if let Some(new) = self.new_nursery() {
            self.discard_successor();
            self.successor = Some(new);
        }
    }

    /// Stops the process that is reloading the application, which may hang.
    pub(super) fn discard_successor(&mut self) {
        if let Some(former) = self.successor.take() {
            if let Some(group) = former.group() {
                stop_group(group, Signal::TERM);
            }
            former.retire();
            self.retired.push(former);
        }
    }

    /// The successor has reported.
    pub(super) fn on_successor(&mut self) {
        let Some(mut successor) = self.successor.take() else {
            return;
        };
        let is_there = successor.listen();
        if is_there && !successor.is_ready() {
            self.successor = Some(successor);
        } else if is_there && successor.has_loaded() {
            report::log("the application was reloaded");
            self.tried = None;
            self.put_in_place(successor);
        } else {
            report::log(
                "the application could not be reloaded: requests are still answered by the version that was \
                 loaded before; correct the application and send SIGHUP again",
            );
            self.successor = Some(successor);
            self.discard_successor();
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
