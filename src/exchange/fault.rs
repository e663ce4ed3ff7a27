//! An exception as a developer reads it: what was raised, where, and what came before it. Plain
//! text and numbers, independent of the code that collects them and of the pages that show them.
//!
//! The limits of both are here too.

use std::ops::Range;

/// How many of the outermost calls are kept.
pub const FIRST_FRAMES: usize = 10;
/// How many of the innermost calls are kept.
pub const LAST_FRAMES: usize = 20;
/// How many exceptions are kept in all: causes, contexts and the members of groups.
pub const FAULTS: usize = 12;
/// How many local variables of a frame are kept.
pub const LOCALS: usize = 40;
/// How many lines of source are kept before and after the one that failed.
pub const CONTEXT: usize = 5;
/// How many characters of a message are shown; of other texts it is less.
pub const MESSAGE: usize = 4000;

/// One exception.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Its type, with the module unless that is `builtins`.
    pub kind: String,
    /// What it says.
    pub message: String,
    /// What was added to it (PEP 678).
    pub notes: Vec<String>,
    /// The calls it went through, the outermost first.
    pub frames: Vec<Frame>,
    /// How many calls are left out in the middle, after the first [`FIRST_FRAMES`].
    pub left_out: usize,
    /// The members of an exception group.
    pub members: Vec<Fault>,
    /// Whether there are more members, or an earlier exception, than are kept.
    pub has_more: bool,
    /// The exception that this one came from.
    pub earlier: Option<(Link, Box<Fault>)>,
}

/// How an exception came from an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// `raise ... from earlier`
    Cause,
    /// It was raised while the earlier one was handled.
    Context,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The file of the code.
    pub file: String,
    /// The line that was running.
    pub line: usize,
    /// The function's name, as Python has it; empty for code that never ran (a syntax error).
    pub function: String,
    /// Whose code it is.
    pub owner: Owner,
    /// The source around the line.
    pub source: Option<Source>,
    /// The local variables with their values; secrets are masked.
    pub locals: Vec<(String, String)>,
    /// How many more there are.
    pub more_locals: usize,
}

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The application's.
    Own,
    /// An installed package's, Python's or this program's.
    Library,
}

impl Owner {
    /// By the file; `libraries` are the folders of Python itself.
    #[must_use]
    pub fn of(file: &str, libraries: &[String]) -> Self {
        let installed = |part| part == "site-packages" || part == "dist-packages";
        // `<frozen importlib._bootstrap>`, `<string>`: nobody can open these.
        let is_library = !file.contains('/')
            || file.starts_with('<')
            || file.split('/').any(installed)
            || libraries.iter().any(|folder| {
                file.strip_prefix(folder.trim_end_matches('/'))
                    .is_some_and(|rest| rest.starts_with('/'))
            });
        if is_library { Self::Library } else { Self::Own }
    }
}

/// Some lines of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The number of the first of them.
    pub first: usize,
    /// Without their ends.
    pub lines: Vec<String>,
    /// Which bytes of the running line failed, if that is known.
    pub columns: Option<Range<usize>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_shows_whose_code_it_is() {
        let libraries = ["/usr/lib/python3.11/".to_owned()];
        for (file, owner) in [
            ("/srv/shop/app.py", Owner::Own),
            ("/usr/lib/python3.11/json/decoder.py", Owner::Library),
            ("/usr/lib/python3.110/app.py", Owner::Own),
            ("/usr/lib/python3/dist-packages/trac/web.py", Owner::Library),
            (
                "/srv/.venv/lib/python3.9/site-packages/flask/app.py",
                Owner::Library,
            ),
            ("/srv/site-packages.py", Owner::Own),
            ("<frozen importlib._bootstrap>", Owner::Library),
            ("<string>", Owner::Library),
            ("wsgi-cgi", Owner::Library),
        ] {
            assert_eq!(Owner::of(file, &libraries), owner, "{file}");
        }
    }
}
