//! An exception as it is shown to a person, in plain data.

/// An exception, with those that led to it in a list of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raised {
    /// `TypeName: message`, with notes and the place of a syntax error; several lines.
    pub message: String,
    /// How it led to the one before it in the list; empty for the first.
    pub link: String,
    /// Where it was, the outermost frame first.
    pub frames: Vec<Frame>,
}

/// One frame of a traceback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The file's name as Python has it.
    pub file: String,
    /// The function's name.
    pub function: String,
    /// The number of the line that was running.
    pub line: usize,
    /// Whether it is the application's own code, and not a library's.
    pub own: bool,
    /// The number of the first line of `source`.
    pub first: usize,
    /// Some lines around the one that was running, without line ends.
    pub source: Vec<String>,
}
