//! Whether an image is still valid for this machine, this user and the present files. Each check is one pass
//! over a list: `machine`, `variables`, `files`, `folders`.

mod files;
mod folders;
mod machine;
mod variables;

use super::format::{Head, How};
use super::inherited::Inherited;
use exchange::MetaVariables;

pub use files::{look_at, stamp, stamp_of};
pub use folders::{Listed, list};
pub use machine::{difference, machine};
pub use variables::{
    does_not_belong_to_a_request, is_given_at_start, is_neither_of_a_request_nor_the_server,
    outside, sum_of_names, variables,
};

/// Why an image is not used.
#[derive(Debug, PartialEq, Eq)]
pub struct Stale {
    /// In words.
    pub reason: String,
    /// Whether only the environment of this request differs, so that the image may suit the next one.
    pub is_passing: bool,
}

impl Stale {
    fn of(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_passing: false,
        }
    }

    fn variable(name: &[u8], how: &str) -> Self {
        Self {
            reason: format!("the variable {} {how}", name.escape_ascii()),
            is_passing: true,
        }
    }

    fn changed(path: &[u8]) -> Self {
        Self::of(format!("`{}` has changed", path.escape_ascii()))
    }
}

/// Whether everything that an image rests on is as it was.
pub fn check(
    head: &Head,
    identity: &[u8],
    now: u64,
    environment: &MetaVariables,
) -> Result<(), Stale> {
    if head.identity != identity {
        return Err(Stale::of("the image belongs to another application"));
    }
    if let Some(difference) = machine::difference(&head.machine) {
        return Err(Stale::of(format!("the image was made {difference}")));
    }
    // The clock may have been wrong: an image from the future expires too.
    if now.abs_diff(head.made) > head.max_age {
        return Err(Stale::of(age(now, head)));
    }
    variables::check(head, environment)?;
    for (number, value) in &head.inherited {
        let what = Inherited::of(*number);
        let now = what.map(Inherited::value);
        if now.as_ref() != Some(value) {
            return Err(Stale {
                reason: match what.zip(now) {
                    Some((what, now)) => format!(
                        "{} is {} here and was {} where the image was made, and the application reads it \
                         while loading",
                        what.name(),
                        what.shown(&now),
                        what.shown(value)
                    ),
                    None => format!(
                        "while loading, the application reads an attribute of the process that this version of \
                         wsgi-cgi does not know (number {})",
                        number.0
                    ),
                },
                is_passing: true,
            });
        }
    }
    files::check(head)?;
    folders::check(head)
}

/// How old an image is that has expired.
fn age(now: u64, head: &Head) -> String {
    let limit = head.max_age;
    match now.checked_sub(head.made) {
        Some(age) => {
            format!("the image is older than {limit} s (--max-age): it was made {age} s ago")
        }
        None => format!(
            "the image was made in the future, {} s from now, which is more than {limit} s (--max-age): the \
             clock may have been set back",
            head.made - now
        ),
    }
}

/// What is watched, a line each.
#[must_use]
pub fn watched(head: &Head) -> Vec<String> {
    let line = |what: &str, path: &[u8]| format!("watch  {what:<8} {}", path.escape_ascii());
    let looks = head.looks.iter().map(|look| {
        let what = match look.how {
            How::Whole => "file",
            How::Link => "link",
            How::Kind | How::LinkKind => "kind",
        };
        line(what, &look.path)
    });
    let files = head.files.iter().map(|(path, _)| line("content", path));
    let folders = head.folders.iter().map(|folder| {
        let what = if folder.whole { "names" } else { "modules" };
        line(what, &folder.path)
    });
    files.chain(looks).chain(folders).collect()
}

/// Now, by the clock that stamps files.
#[must_use]
pub fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    time(now.tv_sec, now.tv_nsec.cast_unsigned())
}

/// A time as one number: nanoseconds fit into 30 bits.
#[must_use]
pub fn time(seconds: i64, nanoseconds: u64) -> u64 {
    seconds.cast_unsigned() << 30 | nanoseconds
}
