//! How a request reached the process that answers it: how the application was loaded, and the time used before.

use crate::handed_on::HandedOn;
use crate::times;

/// How one request reached this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// When the program started, on the clock of [`times::now`](crate::times::now).
    pub began: u64,
    /// CPU time that earlier processes used for this request, in nanoseconds.
    pub spent: u64,
    /// How the application was loaded.
    pub way: Way,
}

/// How the application was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// For this request: images are not enabled.
    #[default]
    Cold,
    /// For this request: images are enabled, but no image could be used.
    Without {
        /// Why not.
        why: String,
        /// Whether the log already contains this reason.
        is_known: bool,
    },
    /// It was restored from an image.
    Image,
}

impl Arrival {
    /// Passes this on to the process that will answer, and adds the CPU time of the current process.
    pub fn hand_on(&self, to: &mut HandedOn) {
        to.began = self.began;
        to.spent = self.spent + times::processor();
        if let Way::Without { why, is_known } = &self.way {
            to.why_cold = why.clone().into_bytes();
            to.is_known = *is_known;
        }
    }

    /// Notes that the log now contains the reason why no image is used.
    pub fn mark_logged(&mut self) {
        if let Way::Without { is_known, .. } = &mut self.way {
            *is_known = true;
        }
    }

    /// The arrival of a request that the program passed on.
    #[must_use]
    pub fn of(handed_on: &HandedOn) -> Self {
        Self {
            began: handed_on.began,
            spent: handed_on.spent,
            way: match &handed_on.why_cold[..] {
                [] => Way::Cold,
                why => Way::Without {
                    why: String::from_utf8_lossy(why).into_owned(),
                    is_known: handed_on.is_known,
                },
            },
        }
    }
}
