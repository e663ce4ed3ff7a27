//! What the kernel keeps for a process and loading an application may change: taken down before and
//! after. What differs is put back in each restored process where that is exact; else it is an
//! obstacle.

mod aspects;
mod own_files;

use anyhow::{Result, bail};

use aspects::{ASPECTS, Aspect, Way};

/// All of it at one moment.
pub struct ProcessState(Vec<(&'static Aspect, Vec<u8>)>);

/// What loading changed, to be put back.
#[derive(Default)]
pub struct Changes(Vec<(&'static Aspect, Vec<u8>)>);

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
        for ((aspect, now), (_, before)) in now.zip(&self.0) {
            match aspect.way {
                _ if now == *before => {}
                Way::PutBack(_) => changes.0.push((aspect, now)),
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

impl Changes {
    /// Puts all of it back; false, and everything as it was, where that cannot be done.
    #[must_use]
    pub fn put_back(&self) -> bool {
        let mut before = Vec::new();
        for (aspect, value) in &self.0 {
            let Way::PutBack(write) = aspect.way else {
                continue;
            };
            let had = (aspect.read)();
            if !write(value) || (aspect.read)() != *value {
                for (write, had) in before.into_iter().rev() {
                    let write: fn(&[u8]) -> bool = write;
                    let had: Vec<u8> = had;
                    _ = write(&had);
                }
                return false;
            }
            before.push((write, had));
        }
        true
    }

    /// Whether loading changed the working directory.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        self.0
            .iter()
            .any(|(aspect, _)| aspect.name == aspects::FOLDER)
    }
}
