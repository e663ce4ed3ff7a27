//! State that the kernel keeps for a process and that loading an application may change: read before and
//! after. A difference is set again in each restored process where that is exact; else it is an obstacle.

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

/// What loading changed, to be set again in restored processes.
#[derive(Default)]
pub struct Changes(Vec<Change>);

struct Change {
    aspect: &'static Aspect,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl ProcessState {
    /// Reads it now. What cannot be read counts as unchanged.
    #[must_use]
    pub fn now() -> Self {
        let values = ASPECTS.iter();
        Self(values.map(|aspect| (aspect, (aspect.read)())).collect())
    }

    /// What has changed since.
    ///
    /// # Errors
    /// Names what cannot be set again.
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
                    "while loading, the application changes {} of the process, which cannot be set in a \
                     restored process: do that when a request needs it",
                    aspect.name
                ),
            }
        }
        Ok(changes)
    }
}

type Write = fn(&[u8]) -> bool;

/// The values before `put_back`, newest last.
static UNDO: OnceLock<Vec<(Write, Vec<u8>)>> = OnceLock::new();
/// Starts the program again without an image, where the restored process cannot go on.
static COLD: OnceLock<extern "C" fn() -> !> = OnceLock::new();

impl Changes {
    /// Undoes what can be undone, in the maker: it starts the trial, which should begin as a process for a
    /// request does.
    pub fn undo(&self) {
        for change in self.0.iter().rev() {
            if let Way::PutBack(write) = change.aspect.way {
                _ = write(&change.before);
            }
        }
    }

    /// Sets all of it again. Refuses where this process was started with another value than the maker: then
    /// loading here might have led to another value, too. A trial is a child of the maker and may have
    /// inherited the changed value.
    ///
    /// # Errors
    /// Names what cannot be set; then everything is as it was.
    pub fn put_back(&self, is_trial: bool) -> Result<(), String> {
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
                let why = if is_own || is_given {
                    "and it cannot be changed in the restored process"
                } else {
                    "and its earlier value is not the same in this process as in the one that made the image"
                };
                return Err(format!(
                    "while loading, the application changed {}, {why}: change it when a request needs it",
                    change.aspect.name
                ));
            }
        }
        _ = UNDO.set(done);
        Ok(())
    }

    /// Whether loading changed the working directory.
    #[must_use]
    pub fn has_changed_directory(&self) -> bool {
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

/// A function that undoes `put_back`, as far as possible, and then calls `cold`.
pub fn undo_changes_then(cold: Option<extern "C" fn() -> !>) -> Option<extern "C" fn() -> !> {
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
