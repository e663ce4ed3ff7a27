//! The program's exit codes.

use std::process::ExitCode;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The request was answered by the application.
    Success,
    /// The answer was an error page, or was cut short.
    Failure,
    /// The command line was wrong, or there was no request.
    Usage,
    /// `request`: the URL is not valid. This code and the next six are curl's.
    BadUrl,
    /// The status is 400 or above, with `--fail`.
    HttpError,
    /// A file cannot be written.
    NotWritten,
    /// A file cannot be read.
    NotRead,
    /// The request took longer than `--max-time`.
    TimedOut,
    /// There were more redirects than `--max-redirs` allows.
    TooManyRedirects,
    /// The content could not be decompressed.
    NotDecoded,
    /// This Python, or this executor, does not fit the program, and has logged why (EX_CONFIG).
    NoGood,
    /// Stopped by Ctrl-C (SIGINT): 128 + 2.
    Interrupted,
    /// Stopped by SIGTERM: 128 + 15.
    Terminated,
}

impl Exit {
    /// The number the parent process sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::BadUrl => 3,
            Self::HttpError => 22,
            Self::NotWritten => 23,
            Self::NotRead => 26,
            Self::TimedOut => 28,
            Self::TooManyRedirects => 47,
            Self::NotDecoded => 61,
            Self::NoGood => 78,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
