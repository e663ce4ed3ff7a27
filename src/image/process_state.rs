//! What the kernel keeps for a process and loading an application may change: taken down before and
//! after. What differs is put back in each restored process where that is exact; else it is an
//! obstacle.

mod aspects;
mod calls;
mod enrolled;
mod own_files;

use std::sync::OnceLock;

use anyhow::{Result, bail};

use aspects::{ASPECTS, Aspect, Way};
pub use enrolled::shows_barriers;

/// All of it at one moment.
pub struct ProcessState(Vec<(&'static Aspect, Vec<u8>)>);

/// What loading changed, to be put back.
#[derive(Default)]
pub struct Changes(Vec<Change>);

struct Change {
    aspect: &'static Aspect,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl ProcessState {
    /// As it is now. What cannot be read is always the same.
    #[must_use]
    pub fn now() -> Self {
        let values = ASPECTS.iter();
        Self(values.map(|aspect| (aspect, (aspect.read)())).collect())
    }

    /// What has changed since.
    ///
    /// # Errors
    /// With what cannot be put back.
    pub fn changes(&self) -> Result<Changes> {
        let mut changes = Changes::default();
        let now = Self::now().0.into_iter();
        for ((aspect, after), (_, before)) in now.zip(&self.0) {
            match aspect.way {
                _ if after == *before => {}
                Way::PutBack(_) => changes.0.push(Change {
                    aspect,
                    before: before.clone(),
                    after,
                }),
                Way::Obstacle => bail!(
                    "loading the application changes {} of the process, which another process \
                     cannot be given: do that when a request needs it",
                    aspect.name
                ),
            }
        }
        Ok(changes)
    }
}

type Write = fn(&[u8]) -> bool;

/// What was there before it was put back, newest last.
static UNDO: OnceLock<Vec<(Write, Vec<u8>)>> = OnceLock::new();
/// What takes over where the process cannot go on.
static COLD: OnceLock<extern "C" fn() -> !> = OnceLock::new();

impl Changes {
    /// Undoes what can be undone, in the process that loaded: it has an image to write, and a process
    /// to start that is like those to come.
    pub fn undo(&self) {
        for change in self.0.iter().rev() {
            if let Way::PutBack(write) = change.aspect.way {
                _ = write(&change.before);
            }
        }
    }

    /// Puts all of it back. What this process was given otherwise than the one that loaded would have
    /// become something else. A trial is a child of that one and was given what it has become.
    ///
    /// # Errors
    /// With the name of what cannot be put back; then everything is as it was.
    pub fn put_back(&self, is_trial: bool) -> Result<(), &'static str> {
        let mut done: Vec<(Write, Vec<u8>)> = Vec::new();
        for change in &self.0 {
            let Way::PutBack(write) = change.aspect.way else {
                continue;
            };
            let had = (change.aspect.read)();
            let is_own = [aspects::FOLDER, aspects::NAME].contains(&change.aspect.name);
            let is_given = had == change.before || is_trial && had == change.after;
            let is_put_back = (is_own || is_given)
                && write(&change.after)
                && (change.aspect.read)() == change.after;
            done.push((write, had));
            if !is_put_back {
                revert(&done);
                return Err(change.aspect.name);
            }
        }
        _ = UNDO.set(done);
        Ok(())
    }

    /// Whether loading changed the working directory.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        self.0
            .iter()
            .any(|change| change.aspect.name == aspects::FOLDER)
    }
}

fn revert(done: &[(Write, Vec<u8>)]) {
    for (write, had) in done.iter().rev() {
        _ = write(had);
    }
}

/// The way out of a process in which changes were put back: who takes it finds the process as it was
/// given, but for what cannot be undone.
pub fn undone_before(cold: Option<extern "C" fn() -> !>) -> Option<extern "C" fn() -> !> {
    _ = COLD.set(cold?);
    Some(undo_and_leave)
}

extern "C" fn undo_and_leave() -> ! {
    revert(UNDO.get().map_or(&[], Vec::as_slice));
    if let Some(cold) = COLD.get() {
        cold();
    }
    // SAFETY: ends the process.
    unsafe { libc::_exit(1) }
}
