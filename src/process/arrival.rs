//! How a request has come to the process that answers it: by which way, and what it took until then.

use crate::handed_on::HandedOn;
use crate::times;

/// Of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// When the program began, as [`times::now`](crate::times::now) has it.
    pub began: u64,
    /// What processes before this one have had of the processor for it, in nanoseconds.
    pub spent: u64,
    /// By which way.
    pub way: Way,
}

/// How the application came to be loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// For this request, as nobody asked for images.
    #[default]
    Cold,
    /// For this request, as no image could be used.
    Without {
        /// Why not.
        why: String,
        /// Whether the log has had it before.
        is_known: bool,
    },
    /// It was loaded already: in an image.
    Image,
}

impl Arrival {
    /// Tells the process that is to answer; what this one has had of the processor counts too.
    pub fn hand_on(&self, to: &mut HandedOn) {
        to.began = self.began;
        to.spent = self.spent + times::processor();
        if let Way::Without { why, is_known } = &self.way {
            to.why_cold = why.clone().into_bytes();
            to.is_known = *is_known;
        }
    }

    /// The log has had by now why no image answers.
    pub fn is_told(&mut self) {
        if let Way::Without { is_known, .. } = &mut self.way {
            *is_known = true;
        }
    }

    /// Of a request that a program has handed on.
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
