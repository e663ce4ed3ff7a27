//! What the program passes to the executor when it executes Python: words that follow Python's own
//! arguments. This is their one encoder and their one decoder.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use crate::descriptors::Private;
use crate::times;

/// Which program and which executor fit together: the package's version, and a number that is
/// raised whenever the format of the words changes.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "/4");

/// What the executor has to know of the program that executed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandedOn {
    /// The program, to start further processes with.
    pub program: PathBuf,
    /// The file that the kernel was asked to execute (AT_EXECFN).
    pub executed: PathBuf,
    /// The descriptors of the server's pipes, where the program has taken them.
    pub pipes: Option<(RawFd, RawFd)>,
    /// The descriptor of the page with the claim to the answer, where a process waits beside this
    /// one.
    pub claim: Option<RawFd>,
    /// Whether the server gave a language (LC_CTYPE); Python sets it itself where none did (PEP 538).
    pub has_language: bool,
    /// When the program began, in nanoseconds of the monotonic clock; 0 where it is not needed.
    pub began: u64,
    /// CPU time used for the request since then, in nanoseconds.
    pub spent: u64,
    /// Why the request is not answered from an image; empty if images are not enabled.
    pub why_cold: Vec<u8>,
    /// Whether the log already contains that reason.
    pub is_known: bool,
    /// The settings of the exchange, or the command that a person typed.
    pub arguments: Vec<OsString>,
}

/// How many words come before the arguments.
#[cfg(test)]
const WORDS: usize = 5;

impl HandedOn {
    /// The server's pipes are handed on too.
    pub fn hand_pipes(&mut self, private: &Private) {
        self.pipes = Some((private.stdin.as_raw_fd(), private.stdout.as_raw_fd()));
    }

    /// And the page with the claim.
    pub fn hand_claim(&mut self, page: BorrowedFd<'_>) {
        self.claim = Some(page.as_raw_fd());
    }

    /// How long ago the program began.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_nanos(times::now().saturating_sub(self.began))
    }

    /// As words of a command line.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let number = |number: Option<RawFd>| number.map_or("-".into(), |number| number.to_string());
        let (stdin, stdout) = self.pipes.unzip();
        let numbers = format!(
            "{} {} {} {} {} {} {}",
            number(stdin),
            number(stdout),
            number(self.claim),
            u8::from(self.has_language),
            u8::from(self.is_known),
            self.began,
            self.spent
        );
        let mut words = vec![
            VERSION.into(),
            numbers.into(),
            self.program.clone().into(),
            self.executed.clone().into(),
            OsStr::from_bytes(&self.why_cold).to_owned(),
        ];
        words.extend(self.arguments.iter().cloned());
        words
    }

    /// What those words say.
    ///
    /// # Errors
    /// A sentence for the operator, where they are of another version.
    pub fn from_words(words: Vec<OsString>) -> Result<Self, String> {
        let version = words
            .first()
            .map_or("none", |word| word.to_str().unwrap_or("unknown"));
        if version != VERSION {
            return Err(format!(
                "the executor (`_wsgi_cgi.abi3.so`) has version {VERSION}, but the program wsgi-cgi has version {version}: \
                 install both from the same source"
            ));
        }
        let mut words = words.into_iter().skip(1);
        let mut next = || {
            words.next().ok_or(
                "the program wsgi-cgi passed too few arguments to the executor (`_wsgi_cgi.abi3.so`): install both from \
                 the same source",
            )
        };
        let numbers = next()?;
        let numbers: Vec<&str> = numbers.to_str().unwrap_or_default().split(' ').collect();
        let [stdin, stdout, claim, has_language, is_known, began, spent] = numbers[..] else {
            return Err(
                "the executor (`_wsgi_cgi.abi3.so`) does not understand what the program wsgi-cgi passed to it, as \
                 their versions differ: install both from the same source"
                    .into(),
            );
        };
        let number = |text: &str| text.parse::<RawFd>().ok().filter(|&number| number > 2);
        Ok(Self {
            program: next()?.into(),
            executed: next()?.into(),
            pipes: number(stdin).zip(number(stdout)),
            claim: number(claim),
            has_language: has_language == "1",
            is_known: is_known == "1",
            began: began.parse().unwrap_or_default(),
            spent: spent.parse().unwrap_or_default(),
            why_cold: next()?.into_vec(),
            arguments: words.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_encoding() {
        let handed_on = HandedOn {
            program: "/usr/local/bin/wsgi-cgi".into(),
            executed: OsStr::from_bytes(b"/srv/\xff app.cgi").into(),
            pipes: Some((7, 8)),
            claim: Some(9),
            has_language: true,
            began: 1 << 60,
            spent: 1 << 61,
            why_cold: b"why\nnot".to_vec(),
            is_known: true,
            arguments: vec!["--debug".into(), "-".into()],
        };
        assert_eq!(
            HandedOn::from_words(handed_on.words()),
            Ok(handed_on.clone())
        );
        let least = HandedOn::default();
        assert_eq!(HandedOn::from_words(least.words()), Ok(least.clone()));
        assert_eq!(handed_on.words().len(), WORDS + 2);
    }

    #[test]
    fn another_version_is_an_error() {
        let mut words = HandedOn::default().words();
        words[0] = "0.0.9".into();
        let error = HandedOn::from_words(words).expect_err("refused");
        assert!(error.contains("0.0.9"), "{error}");
        assert!(HandedOn::from_words(Vec::new()).is_err());
    }
}
