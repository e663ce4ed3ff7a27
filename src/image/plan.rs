//! The steps that turn this process into the one in the image, as a list that can be shown without taking
//! them. After any step but the last the process can still do something else.

use std::fmt;

use super::format::{Content, Head, Opened, PAGE, Stamp, advice};

/// A part of the address space: start and length.
pub type Part = (u64, u64);

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Maps memory of zeros.
    Empty {
        /// Where.
        part: Part,
        /// As `mmap` has it.
        protection: u64,
        /// Whether the kernel may empty it at any time (`MAP_DROPPABLE`).
        may_drop: bool,
    },
    /// Maps pages of the image.
    Pages {
        /// Where.
        part: Part,
        /// As `mmap` has it.
        protection: u64,
        /// From which offset on.
        offset: u64,
    },
    /// Maps a file that is still the same.
    File {
        /// Where.
        part: Part,
        /// As `mmap` has it.
        protection: u64,
        /// From which offset on.
        offset: u64,
        /// Its path.
        path: &'a [u8],
        /// As it was.
        stamp: Stamp,
    },
    /// Tells the kernel what to do with a part.
    Advise {
        /// Which.
        part: Part,
        /// Bits of `format::advice`.
        advice: u64,
    },
    /// Maps the room that the stack may grow into.
    Stack(Part),
    /// Fetches pages that will be written to.
    Fetch(&'a [Part]),
    /// Opens a file at the descriptor that it had.
    Open(&'a Opened),
    /// Moves the vDSO to where it was.
    MoveVdso(&'a [Part]),
    /// Continues where the image was made, with the thread's block at that address.
    Jump {
        /// The address of the code.
        entry: u64,
        /// Of the thread's block.
        thread_pointer: u64,
    },
}

/// The least room for a stack, the default of most systems.
const LEAST_STACK: u64 = 8 << 20;
/// The room for a stack without a limit.
const ANY_STACK: u64 = 256 << 20;

/// The steps in order, for a process with that stack limit; `None` for a head that contradicts itself.
#[must_use]
pub fn plan(head: &Head, stack_limit: Option<u64>) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::with_capacity(head.regions.len() + head.opened.len() + 4);
    for region in &head.regions {
        let (part, protection) = ((region.start, region.length), region.protection);
        steps.push(match region.content {
            Content::Nothing => Step::Empty {
                part,
                protection,
                may_drop: region.advice & advice::DROP != 0,
            },
            Content::Image(offset) => Step::Pages {
                part,
                protection,
                offset,
            },
            Content::File(number, offset) => {
                let (path, stamp) = head.files.get(usize::try_from(number).ok()?)?;
                Step::File {
                    part,
                    protection,
                    offset,
                    path,
                    stamp: *stamp,
                }
            }
        });
        let advice = region.advice & !advice::DROP;
        if advice != 0 {
            steps.push(Step::Advise { part, advice });
        }
    }
    let (start, length) = head.stack;
    if length > 0 {
        let limit = stack_limit.unwrap_or(ANY_STACK) & !(PAGE - 1);
        let room = limit.max(LEAST_STACK).min(length);
        steps.push(Step::Stack((start + length - room, room)));
    }
    if !head.eager.is_empty() {
        steps.push(Step::Fetch(&head.eager));
    }
    steps.extend(head.opened.iter().map(Step::Open));
    steps.push(Step::MoveVdso(&head.vdso));
    steps.push(Step::Jump {
        entry: head.entry,
        thread_pointer: head.thread_pointer,
    });
    Some(steps)
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |part: &Part| format!("{:012x}-{:012x}", part.0, part.0 + part.1);
        let flags = |protection: u64| -> String {
            let flag = |bit, letter| if protection & bit == 0 { '-' } else { letter };
            [flag(1, 'r'), flag(2, 'w'), flag(4, 'x')].iter().collect()
        };
        match self {
            Self::Empty {
                part, protection, ..
            } => write!(f, "map    {} {} zeros", at(part), flags(*protection)),
            Self::Advise { part, advice } => write!(f, "advise {} {advice:x}", at(part)),
            Self::Pages {
                part,
                protection,
                offset,
            } => write!(
                f,
                "map    {} {} image+{offset:x}",
                at(part),
                flags(*protection)
            ),
            Self::File {
                part,
                protection,
                offset,
                path,
                ..
            } => write!(
                f,
                "map    {} {} {}+{offset:x}",
                at(part),
                flags(*protection),
                path.escape_ascii()
            ),
            Self::Stack(part) => write!(f, "map    {} rw- room for the stack", at(part)),
            Self::Fetch(parts) => {
                let parts: Vec<String> = parts.iter().map(at).collect();
                write!(f, "fetch  {}", parts.join(" "))
            }
            Self::Open(file) => write!(f, "open   {} {}", file.number, file.path.escape_ascii()),
            Self::MoveVdso(parts) => {
                let parts: Vec<String> = parts.iter().map(at).collect();
                write!(f, "move   {} vdso", parts.join(" "))
            }
            Self::Jump {
                entry,
                thread_pointer,
            } => write!(f, "jump   {entry:012x} thread {thread_pointer:012x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::Region;
    use super::*;

    fn head() -> Head {
        let region = |start, content| Region {
            start,
            length: 0x1000,
            protection: 5,
            content,
            advice: 0,
        };
        Head {
            files: vec![(b"/lib/a.so".to_vec(), Stamp::default())],
            regions: vec![
                region(0x1000, Content::File(0, 0x2000)),
                region(0x3000, Content::Image(0x8000)),
            ],
            stack: (0x7000, 0x2000),
            eager: vec![(0x3000, 0x1000)],
            vdso: vec![(0xf000, 0x1000)],
            entry: 0x1234,
            ..Head::default()
        }
    }

    #[test]
    fn the_steps_are_in_order_and_the_jump_comes_last() {
        let head = head();
        let lines: Vec<String> = plan(&head, None)
            .expect("a plan")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            lines,
            [
                "map    000000001000-000000002000 r-x /lib/a.so+2000",
                "map    000000003000-000000004000 r-x image+8000",
                "map    000000007000-000000009000 rw- room for the stack",
                "fetch  000000003000-000000004000",
                "move   00000000f000-000000010000 vdso",
                "jump   000000001234 thread 000000000000",
            ]
        );
    }

    #[test]
    fn the_stack_gets_as_much_room_as_its_limit_allows() {
        let mut head = head();
        let end = 1 << 40;
        let room = |head: &Head, limit| {
            let steps = plan(head, limit).expect("a plan");
            let mut parts = steps.iter().filter_map(|step| match step {
                Step::Stack(part) => Some(*part),
                _ => None,
            });
            parts.next().expect("a stack")
        };
        head.stack = (end - (1 << 30), 1 << 30);
        for (limit, expected) in [
            (Some(0), 8 << 20),
            (Some((100 << 20) + 5), 100 << 20),
            (Some(1 << 40), 1 << 30),
            (None, 256 << 20),
        ] {
            assert_eq!(room(&head, limit), (end - expected, expected), "{limit:?}");
        }
        head.stack = (end - 4096, 4096);
        assert_eq!(room(&head, None), head.stack);
    }

    #[test]
    fn there_is_no_plan_where_a_file_is_missing_in_the_list() {
        let mut head = head();
        head.files.clear();
        assert_eq!(plan(&head, None), None);
    }
}
