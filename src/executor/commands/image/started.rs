//! The life of a process that was restored from an image to answer a request.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::python::{self, Sleeper};
use doors::incident::Incident;
use exchange::MetaVariables;
use image::branch::Handoff;
use image::format::Head;
use image::process_state::{self, Changes};
use image::{capture, pace, pages, wake};
use process::arrival::{Arrival, Way};
use process::report;
use process::{claim, environment, last_resort};
use settings::config::Config;

/// A process that was restored, and is not yet one of its own.
pub(super) struct Woken {
    pub(super) handoff: Handoff,
    pub(super) head: &'static Head,
    pub(super) changes: &'static Changes,
    pub(super) sleeper: &'static Sleeper,
    pub(super) config: Config,
}

impl Woken {
    /// Becomes a process as any other. What goes wrong here leaves the request to a process without an image.
    pub(super) fn rise(mut self) -> Risen {
        let handoff = &self.handoff;
        if !handoff.image.is_null() {
            // SAFETY: the program's string, in memory that stays mapped.
            last_resort::spoil(unsafe { CStr::from_ptr(handoff.image) });
        }
        // SAFETY: the program's page, in memory that stays mapped.
        unsafe { claim::adopt_mapped(handoff.claim) };
        last_resort::fall_back_to(process_state::undone_before(handoff.cold));
        let meta = wake::environment(handoff);
        let mut around = meta.clone();
        // The client's `Proxy:` header (CVE-2016-5385).
        around.remove("HTTP_PROXY");
        environment::replace(&around);
        let mut incident = Incident::new(&meta);
        incident.is_of(&self.config.app, &meta);
        incident.begin();
        if let Err(what) = self.changes.put_back(false) {
            report::log(&format!(
                "loading changed {what}, which this process cannot be given"
            ));
            wait_with_the_next(handoff);
            last_resort::fall_back();
        }
        if self.changes.has_moved() {
            self.config.chdir = None;
        }
        if let Err(error) = self.sleeper.wake(&around) {
            report::log(&format!("the restored process cannot go on: {error:#}"));
            wait_with_the_next(handoff);
            last_resort::fall_back();
        }
        // An idle database has nothing to write that SQLite keeps to itself: it is as if the server had opened it.
        let opened = self.head.opened.iter().filter(|file| file.born == 0);
        let opened: Vec<_> = opened
            .filter_map(|file| file.number.try_into().ok())
            .collect();
        python::begin(&opened);
        Risen {
            arrival: Arrival {
                began: handoff.began,
                spent: handoff.spent,
                way: Way::Image,
            },
            learning: Learning::of(handoff, self.head),
            config: self.config,
            meta,
        }
    }
}

/// A process as any other, with the application that is loaded already.
pub(super) struct Risen {
    pub(super) meta: MetaVariables,
    pub(super) config: Config,
    pub(super) arrival: Arrival,
    /// What it is to learn, if anything.
    pub(super) learning: Option<Learning>,
}

/// What the first process restored from an image does for those that follow.
pub(super) struct Learning {
    list: PathBuf,
    image: u64,
    head: &'static Head,
}

impl Learning {
    fn of(handoff: &Handoff, head: &'static Head) -> Option<Self> {
        if handoff.learns == 0 || handoff.image.is_null() {
            return None;
        }
        // SAFETY: as above.
        let image = unsafe { CStr::from_ptr(handoff.image) };
        let image_path = Path::new(OsStr::from_bytes(image.to_bytes()));
        Some(Self {
            list: image_path.with_extension("pages"),
            image: handoff.learns,
            head,
        })
    }

    /// Keeps which pages this process has written to: the client has its answer.
    pub(super) fn tell(&self) {
        let Ok(parts) = capture::written_parts(self.head) else {
            return;
        };
        // One of an image that is gone. Where it cannot be kept each process goes on as this one did.
        _ = std::fs::remove_file(&self.list);
        if let Ok(file) = capture::create(&self.list) {
            _ = file.write_all_at(&pages::encode(self.image, parts), 0);
        }
    }
}

/// What one process could not do the next one mostly cannot either: the image rests for a while.
fn wait_with_the_next(handoff: &Handoff) {
    if handoff.image.is_null() {
        return;
    }
    // SAFETY: as above.
    let image = unsafe { CStr::from_ptr(handoff.image) };
    let image = Path::new(OsStr::from_bytes(image.to_bytes()));
    _ = pace::count(&image.with_extension("unlucky"), 64);
}
