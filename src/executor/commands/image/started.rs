//! The life of a process that was restored from an image to answer a request.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::python::{self, PythonState};
use doors::incident::Incident;
use exchange::MetaVariables;
use image::branch::Handoff;
use image::format::Head;
use image::process_state::{self, Changes};
use image::{capture, pace, pages, saved_state};
use process::arrival::{Arrival, Way};
use process::report;
use process::{claim, environment, last_resort, tally};
use settings::config::Config;

/// A restored process that does not have its own environment yet.
pub(super) struct Restored {
    pub(super) handoff: Handoff,
    pub(super) head: &'static Head,
    pub(super) changes: &'static Changes,
    pub(super) python_state: &'static PythonState,
    pub(super) config: Config,
}

impl Restored {
    /// Sets the environment and the state of this process. If this fails, a process without an image answers
    /// the request.
    pub(super) fn begin_request(mut self) -> Begun {
        let handoff = &self.handoff;
        tally::begin();
        if !handoff.image.is_null() {
            // SAFETY: the program's string, in memory that stays mapped.
            last_resort::set_restored_image(unsafe { CStr::from_ptr(handoff.image) });
        }
        // SAFETY: the program's page, in memory that stays mapped.
        unsafe { claim::adopt_address(handoff.claim) };
        last_resort::fall_back_to(process_state::undo_changes_then(handoff.cold));
        let meta = saved_state::environment(handoff);
        let mut around = meta.clone();
        // The client's `Proxy:` header (CVE-2016-5385).
        around.remove("HTTP_PROXY");
        environment::replace(&around);
        let mut incident = Incident::new(&meta);
        incident.set_application(&self.config.app, &meta);
        incident.name_in_log();
        if let Err(why) = self.changes.put_back(false) {
            self.fall_back(&why);
        }
        if self.changes.has_changed_directory() {
            self.config.chdir = None;
        }
        if let Err(error) = self.python_state.wake(&around) {
            self.fall_back(&format!(
                "the process restored from the image failed to start: {error:#}"
            ));
        }
        // SQLite has nothing left to write to an idle database: its descriptor counts as inherited.
        let opened = self.head.opened.iter().filter(|file| file.born == 0);
        let opened: Vec<_> = opened
            .filter_map(|file| file.number.try_into().ok())
            .collect();
        python::begin(&opened);
        Begun {
            arrival: Arrival {
                began: handoff.began,
                spent: handoff.spent,
                way: Way::Image,
            },
            recording: PageRecording::of(handoff, self.head),
            config: self.config,
            meta,
        }
    }
}

impl Restored {
    /// Logs why this process cannot answer, where the application's entries go, and has one without an image answer.
    fn fall_back(&self, why: &str) {
        if self.config.json_log {
            report::write_json();
        }
        if let Some(log) = &self.config.log {
            report::log_to(log);
        }
        report::log(why);
        pause_image(&self.handoff);
        last_resort::fall_back();
    }
}

/// A request that a restored process has begun to answer.
pub(super) struct Begun {
    pub(super) meta: MetaVariables,
    pub(super) config: Config,
    pub(super) arrival: Arrival,
    /// What to record, if anything.
    pub(super) recording: Option<PageRecording>,
}

/// Records, in the first process restored from an image, which pages a request writes to.
pub(super) struct PageRecording {
    list: PathBuf,
    image: u64,
    head: &'static Head,
}

impl PageRecording {
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

    /// Writes the list of pages that this process has written to. The client has its answer by then.
    pub(super) fn write(&self) {
        let Ok(parts) = capture::written_parts(self.head) else {
            return;
        };
        // Removes the list of an older image. If the new list cannot be written, processes only run slower.
        _ = std::fs::remove_file(&self.list);
        if let Ok(file) = capture::create(&self.list) {
            _ = file.write_all_at(&pages::encode(self.image, parts), 0);
        }
    }
}

/// Stops using the image for a while: the next process would most likely fail too.
fn pause_image(handoff: &Handoff) {
    if handoff.image.is_null() {
        return;
    }
    // SAFETY: as above.
    let image = unsafe { CStr::from_ptr(handoff.image) };
    let image = Path::new(OsStr::from_bytes(image.to_bytes()));
    _ = pace::count(&image.with_extension("unlucky"), 64);
}
