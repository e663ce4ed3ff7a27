//! What a person typed, as words that the program passes to the executor, which does not understand command lines. The
//! words of a structure are those of its fields, in their order; each type has its encoder and its decoder here, or
//! beside it with [`passed_on!`]. Both parts have the same version, so the words need no names.

use std::ffi::OsString;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The words that were not read yet.
pub(crate) type Words = std::vec::IntoIter<OsString>;

/// A value that can be passed on.
pub(crate) trait PassedOn: Sized {
    /// Adds the words of this value.
    fn put(&self, words: &mut Vec<OsString>);

    /// The value of the next words; `None` if they are of something else.
    fn take(words: &mut Words) -> Option<Self>;
}

/// Makes a structure one that can be passed on, by its fields, or an enum, by the names of its variants.
macro_rules! passed_on {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::passed_on::PassedOn for $name {
            fn put(&self, words: &mut Vec<std::ffi::OsString>) {
                let $name { $($field),* } = self;
                $($crate::passed_on::PassedOn::put($field, words);)*
            }

            fn take(words: &mut $crate::passed_on::Words) -> Option<Self> {
                Some(Self { $($field: $crate::passed_on::PassedOn::take(words)?),* })
            }
        }
    };
    (enum $name:ident { $($variant:ident),* $(,)? }) => {
        impl $crate::passed_on::PassedOn for $name {
            fn put(&self, words: &mut Vec<std::ffi::OsString>) {
                words.push(match self { $(Self::$variant => stringify!($variant)),* }.into());
            }

            fn take(words: &mut $crate::passed_on::Words) -> Option<Self> {
                let word = words.next()?;
                $(if word == stringify!($variant) {
                    return Some(Self::$variant);
                })*
                None
            }
        }
    };
}
pub(crate) use passed_on;

/// The word of a value that can be written as text and read again.
pub(crate) fn put_text(value: &impl Display, words: &mut Vec<OsString>) {
    words.push(value.to_string().into());
}

/// The value of the next word.
pub(crate) fn take_text<T: FromStr>(words: &mut Words) -> Option<T> {
    words.next()?.to_str()?.parse().ok()
}

/// Makes types that can be written as text, and read again, ones that can be passed on.
macro_rules! passed_on_as_text {
    ($($name:ident),* $(,)?) => {
        $(impl $crate::passed_on::PassedOn for $name {
            fn put(&self, words: &mut Vec<std::ffi::OsString>) {
                $crate::passed_on::put_text(self, words);
            }

            fn take(words: &mut $crate::passed_on::Words) -> Option<Self> {
                $crate::passed_on::take_text(words)
            }
        })*
    };
}
pub(crate) use passed_on_as_text;

passed_on_as_text!(bool, u16, u32, u64, i64, String, IpAddr, SocketAddr);

impl PassedOn for OsString {
    fn put(&self, words: &mut Vec<OsString>) {
        words.push(self.clone());
    }

    fn take(words: &mut Words) -> Option<Self> {
        words.next()
    }
}

impl PassedOn for PathBuf {
    fn put(&self, words: &mut Vec<OsString>) {
        words.push(self.clone().into());
    }

    fn take(words: &mut Words) -> Option<Self> {
        words.next().map(Self::from)
    }
}

impl PassedOn for Duration {
    fn put(&self, words: &mut Vec<OsString>) {
        self.as_secs().put(words);
        self.subsec_nanos().put(words);
    }

    fn take(words: &mut Words) -> Option<Self> {
        let seconds = PassedOn::take(words)?;
        Some(Self::new(seconds, PassedOn::take(words)?))
    }
}

impl<T: PassedOn> PassedOn for Option<T> {
    fn put(&self, words: &mut Vec<OsString>) {
        self.is_some().put(words);
        if let Some(value) = self {
            value.put(words);
        }
    }

    fn take(words: &mut Words) -> Option<Self> {
        if PassedOn::take(words)? {
            T::take(words).map(Some)
        } else {
            Some(None)
        }
    }
}

impl<T: PassedOn> PassedOn for Vec<T> {
    fn put(&self, words: &mut Vec<OsString>) {
        (self.len() as u64).put(words);
        for value in self {
            value.put(words);
        }
    }

    fn take(words: &mut Words) -> Option<Self> {
        let count: u64 = PassedOn::take(words)?;
        (0..count).map(|_| T::take(words)).collect()
    }
}

impl<T: PassedOn> PassedOn for Box<T> {
    fn put(&self, words: &mut Vec<OsString>) {
        (**self).put(words);
    }

    fn take(words: &mut Words) -> Option<Self> {
        T::take(words).map(Self::new)
    }
}
