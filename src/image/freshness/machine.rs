//! The machine and the user that an image was made by, as bytes in its head: any difference makes the image useless
//! here. For a person, the parts that differ are named.

use std::sync::OnceLock;

use rustix::process::{Gid, getegid, geteuid, getgid, getgroups, getuid};
use rustix::system::uname;

use crate::arch;

/// One part of it. Each is written as its length (4 bytes) and its bytes, in this order.
#[derive(Clone, Copy)]
enum Part {
    Boot,
    Kernel,
    Host,
    User,
    Groups,
    Processor,
}

const PARTS: [Part; 6] = [
    Part::Boot,
    Part::Kernel,
    Part::Host,
    Part::User,
    Part::Groups,
    Part::Processor,
];

/// This machine and user. The processor is asked only once: CPUID is slow in a virtual machine.
#[must_use]
pub fn machine() -> Vec<u8> {
    static MACHINE: OnceLock<Vec<u8>> = OnceLock::new();
    let look = || {
        let mut machine = Vec::new();
        for part in PARTS.map(Part::of_this_machine) {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            machine.extend_from_slice(&length.to_le_bytes());
            machine.extend_from_slice(&part);
        }
        machine
    };
    MACHINE.get_or_init(look).clone()
}

/// How the machine and user of an image differ from these, for the end of the sentence "it was made ...". `None`
/// where they are the same.
#[must_use]
pub fn difference(theirs: &[u8]) -> Option<String> {
    let ours = machine();
    if theirs == ours {
        return None;
    }
    let (ours, theirs) = (split(&ours), split(theirs));
    let pairs = PARTS.iter().zip(ours.iter().zip(&theirs));
    let differ = pairs.filter(|(_, (ours, theirs))| ours != theirs);
    let said: Vec<String> = differ
        .map(|(part, (_, theirs))| part.said(theirs))
        .collect();
    Some(if said.is_empty() || theirs.len() != PARTS.len() {
        "by another version of wsgi-cgi".to_owned()
    } else {
        said.join(", ")
    })
}

/// The parts, as far as there are any.
fn split(mut machine: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = machine.split_first_chunk() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let Some((part, rest)) = rest.split_at_checked(length) else {
            return Vec::new();
        };
        parts.push(part);
        machine = rest;
    }
    parts
}

impl Part {
    fn of_this_machine(self) -> Vec<u8> {
        let numbers =
            |numbers: &mut dyn Iterator<Item = u32>| numbers.flat_map(u32::to_le_bytes).collect();
        match self {
            Self::Boot => std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
            Self::Kernel => {
                let kernel = uname();
                [kernel.release().to_bytes(), kernel.version().to_bytes()].join(&b' ')
            }
            Self::Host => uname().nodename().to_bytes().to_vec(),
            Self::User => numbers(
                &mut [
                    geteuid().as_raw(),
                    getegid().as_raw(),
                    getuid().as_raw(),
                    getgid().as_raw(),
                ]
                .into_iter(),
            ),
            Self::Groups => {
                let groups = getgroups().unwrap_or_default();
                numbers(&mut groups.into_iter().map(Gid::as_raw))
            }
            Self::Processor => arch::features()
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect(),
        }
    }

    /// How an image was made whose part is this one.
    fn said(self, theirs: &[u8]) -> String {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let numbers: Vec<String> = theirs
            .chunks_exact(4)
            .filter_map(|four| Some(u32::from_le_bytes(four.try_into().ok()?).to_string()))
            .collect();
        match self {
            Self::Boot => "before a reboot or on another machine".to_owned(),
            Self::Kernel => format!("with another kernel ({})", text(theirs)),
            Self::Host => format!("on a machine with another name (`{}`)", text(theirs)),
            Self::User => match &numbers[..] {
                [user, group, ..] => format!("by another user or group (UID {user}, GID {group})"),
                _ => "by another user or group".to_owned(),
            },
            Self::Groups if numbers.is_empty() => {
                "without the supplementary groups that this process has".to_owned()
            }
            Self::Groups => format!("with other supplementary groups ({})", numbers.join(", ")),
            Self::Processor => "on another processor".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_that_differs_is_named() {
        assert_eq!(difference(&machine()), None);
        let expected = [
            "before a reboot or on another machine",
            "with another kernel (",
            "on a machine with another name (`",
            "by another user or group (UID ",
            "with other supplementary groups (",
            "on another processor",
        ];
        let change = |wanted: &dyn Fn(usize) -> bool| {
            let mut other = Vec::new();
            for (number, part) in split(&machine()).into_iter().enumerate() {
                let mut part = part.to_vec();
                if wanted(number) {
                    part.extend_from_slice(b"more");
                }
                other.extend_from_slice(&u32::try_from(part.len()).expect("short").to_le_bytes());
                other.extend_from_slice(&part);
            }
            difference(&other).expect("another one")
        };
        for (number, expected) in expected.iter().enumerate() {
            let said = change(&|changed| changed == number);
            assert!(said.starts_with(expected), "{said}");
        }
        let said = change(&|number| number == 0 || number == 5);
        assert_eq!(
            said,
            "before a reboot or on another machine, on another processor"
        );
    }

    #[test]
    fn bytes_of_another_version_are_not_understood() {
        for theirs in [&b""[..], b"abc", b"\xff\xff\xff\xffabc", b"\x01\0\0\0a"] {
            let said = difference(theirs);
            assert_eq!(said.as_deref(), Some("by another version of wsgi-cgi"));
        }
    }
}
