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
    /// The status is 400 or above, with `--fail`; the code is curl's.
    HttpError,
    /// This Python, or this executor, does not fit the program, and has logged why (EX_CONFIG).
    NoGood,
    /// Ended by Ctrl-C: 128 and the number of SIGINT.
    Interrupted,
    /// Asked to stop: 128 and the number of SIGTERM.
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
            Self::HttpError => 22,
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
