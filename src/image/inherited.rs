//! Attributes that a process inherits from the one that starts it. If loading reads one, the image is only
//! for processes that have inherited the same value.

use std::mem::MaybeUninit;

/// An inherited attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Inherited {
    /// The mask for the modes of new files.
    Umask,
    /// A resource limit, as `getrlimit` numbers it.
    Limit(u64),
    /// The priority (`nice`).
    Priority,
    /// The processors that it may run on.
    Processors,
}

impl Inherited {
    /// Two numbers that identify it in a file.
    #[must_use]
    pub fn number(self) -> (u64, u64) {
        match self {
            Self::Umask => (0, 0),
            Self::Limit(which) => (1, which),
            Self::Priority => (2, 0),
            Self::Processors => (3, 0),
        }
    }

    /// The one with these numbers.
    #[must_use]
    pub fn of(number: (u64, u64)) -> Option<Self> {
        Some(match number {
            (0, _) => Self::Umask,
            (1, which) => Self::Limit(which),
            (2, _) => Self::Priority,
            (3, _) => Self::Processors,
            _ => return None,
        })
    }

    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Umask => "the umask",
            Self::Limit(_) => "a resource limit",
            Self::Priority => "the priority (nice)",
            Self::Processors => "the CPU affinity",
        }
    }

    /// All attributes with their values, read before anything changes them.
    #[must_use]
    pub fn all() -> Vec<(Self, Vec<u8>)> {
        /// `RLIM_NLIMITS`
        const LIMITS: u64 = 16;
        [Self::Umask, Self::Priority, Self::Processors]
            .into_iter()
            .chain((0..LIMITS).map(Self::Limit))
            .map(|what| (what, what.value()))
            .collect()
    }

    /// Its value in this process; empty where it cannot be read.
    #[must_use]
    pub fn value(self) -> Vec<u8> {
        // SAFETY: each call writes into what it is given, which is looked at where it succeeds. The
        // umask is put back at once; no other thread makes files meanwhile.
        unsafe {
            match self {
                Self::Umask => {
                    let mask = libc::umask(0o077);
                    libc::umask(mask);
                    mask.to_le_bytes().into()
                }
                Self::Limit(which) => {
                    let mut limit = MaybeUninit::<libc::rlimit64>::uninit();
                    let which = u32::try_from(which).unwrap_or(u32::MAX);
                    if libc::getrlimit64(which, limit.as_mut_ptr()) != 0 {
                        return Vec::new();
                    }
                    let limit = limit.assume_init();
                    [limit.rlim_cur, limit.rlim_max]
                        .map(u64::to_le_bytes)
                        .concat()
                }
                Self::Priority => {
                    let priority = libc::getpriority(libc::PRIO_PROCESS, 0);
                    priority.to_le_bytes().into()
                }
                Self::Processors => {
                    let mut list = [0_u8; 1024];
                    let found = libc::sched_getaffinity(0, list.len(), list.as_mut_ptr().cast());
                    if found == 0 { list.into() } else { Vec::new() }
                }
            }
        }
    }
}
