//! The files of an image checked by a second thread, while the first maps the image's parts: an
//! application of some size rests on hundreds of files, which take as long as all the rest.
//! Where there is no second processor, or no second thread may be, the first checks them itself.

use super::{Stale, files, folders};
use crate::format::Head;
use crate::thread::Thread;
use process::filter;

/// With fewer files the second thread costs what it brings.
const LEAST: usize = 100;

/// Longer paths need memory from the allocator, which the second thread must leave alone.
const LONGEST: usize = 255;

/// A check that has begun.
pub struct Beside<'a> {
    head: &'a Head,
    thread: Option<Thread<'a, Head>>,
}

impl<'a> Beside<'a> {
    /// Begins it.
    #[must_use]
    pub fn begin(head: &'a Head) -> Self {
        let is_worth_it = head.files.len() + head.looks.len() >= LEAST
            && rustix::thread::sched_getaffinity(None).is_ok_and(|on| on.count() > 1)
            && !filter::is_on();
        Self {
            head,
            thread: is_worth_it.then(|| Thread::begin(head, check)).flatten(),
        }
    }

    /// Waits for its end; says which file is not as it was, if one is not.
    pub fn end(&self) -> Result<(), Stale> {
        let folders = folders::check(self.head);
        let is_done = self.thread.as_ref().is_some_and(Thread::answer);
        files::check(self.head, if is_done { is_long } else { |_| true })?;
        folders
    }
}

/// Whether all with a short path are as they were.
fn check(head: &Head) -> bool {
    files::first_changed(head, |path| !is_long(path)).is_none()
}

fn is_long(path: &[u8]) -> bool {
    path.len() > LONGEST
}
