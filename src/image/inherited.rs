//! Attributes that a process inherits from the one that starts it. If loading reads one, the image is only
//! for processes that have inherited the same value.

use std::borrow::Cow;
use std::mem::MaybeUninit;

/// The limits by their numbers, as in `asm-generic/resource.h`.
const LIMITS: [&str; 16] = [
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
    "MSGQUEUE",
    "NICE",
    "RTPRIO",
    "RTTIME",
];

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
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Umask => "the umask".into(),
            Self::Limit(which) => match usize::try_from(which).ok().and_then(|n| LIMITS.get(n)) {
                Some(name) => format!("the limit RLIMIT_{name}").into(),
                None => format!("the resource limit {which}").into(),
            },
            Self::Priority => "the priority (nice)".into(),
            Self::Processors => "the CPU affinity".into(),
        }
    }

    /// A value in words.
    #[must_use]
    pub fn shown(self, value: &[u8]) -> String {
        let number = |limit: &[u8]| match u64::from_le_bytes(limit.try_into().unwrap_or_default()) {
            u64::MAX => "unlimited".to_owned(),
            number => number.to_string(),
        };
        match (self, value) {
            (Self::Umask, &[a, b, c, d]) => format!("{:03o}", u32::from_le_bytes([a, b, c, d])),
            (Self::Priority, &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]).to_string(),
            (Self::Limit(_), limits) if limits.len() == 16 => match limits.split_at(8) {
                (soft, hard) if soft == hard => number(soft),
                (soft, hard) => format!("{} (hard limit {})", number(soft), number(hard)),
            },
            (Self::Processors, list) if !list.is_empty() => {
                let bits = (0..list.len() * 8).filter(|bit| list[bit / 8] >> (bit % 8) & 1 != 0);
                let numbers: Vec<_> = bits.map(|bit| bit.to_string()).collect();
                format!("CPU {}", numbers.join(","))
            }
            _ => "unknown".into(),
        }
    }

    /// All attributes with their values, read before anything changes them.
    #[must_use]
    pub fn all() -> Vec<(Self, Vec<u8>)> {
        [Self::Umask, Self::Priority, Self::Processors]
            .into_iter()
            .chain((0..LIMITS.len() as u64).map(Self::Limit))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_words() {
        let limits = [1024, u64::MAX].map(u64::to_le_bytes).concat();
        for (what, value, shown) in [
            (Inherited::Umask, &[0o022, 0, 0, 0][..], "022"),
            (Inherited::Priority, &[0xfb, 0xff, 0xff, 0xff], "-5"),
            (Inherited::Limit(7), &limits, "1024 (hard limit unlimited)"),
            (Inherited::Limit(7), &[], "unknown"),
            (Inherited::Processors, &[0b101, 1], "CPU 0,2,8"),
        ] {
            assert_eq!(what.shown(value), shown);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn limits_have_the_systems_names() {
        for (number, name) in [
            (libc::RLIMIT_CPU, "CPU"),
            (libc::RLIMIT_NOFILE, "NOFILE"),
            (libc::RLIMIT_AS, "AS"),
            (libc::RLIMIT_NPROC, "NPROC"),
        ] {
            let limit = Inherited::Limit(number.into());
            assert_eq!(limit.name(), format!("the limit RLIMIT_{name}"));
        }
    }
}
