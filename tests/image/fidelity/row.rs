//! What a row of the table says: what is done or read while loading, what the application then
//! answers with, and how the answers of a fresh process and of an image have to relate.

/// How answers relate.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Each answer from the image is that of a fresh process.
    Same,
    /// Two answers from one image differ in each of their lines, as those of fresh processes do.
    Differ,
    /// A shell's command is run once the image is there: the next answers are those that a fresh
    /// process then gives, and these are others than before.
    Fresh(&'static str),
}

pub(super) type Variables = &'static [(&'static str, &'static str)];

#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) id: &'static str,
    /// Lines of Python that run while loading.
    pub(super) load: &'static str,
    /// The expression that the application answers with; a list where lines have to differ.
    pub(super) show: &'static str,
    pub(super) kind: Kind,
    /// A shell's command that makes the files, in the script's folder.
    pub(super) files: &'static str,
    /// Variables of the request that causes the image.
    pub(super) first: Variables,
    /// Variables of the later requests.
    pub(super) then: Variables,
    /// Options of the script's first line.
    pub(super) options: &'static str,
    /// Whether an image has to answer: elsewhere a refusal is right too.
    pub(super) restored: bool,
    /// Whether a request causes the image, rather than a command.
    pub(super) by_a_request: bool,
}

/// A row of answers that are the same, and where an image may be refused.
pub(super) const fn row(id: &'static str, load: &'static str, show: &'static str) -> Row {
    Row {
        id,
        load,
        show,
        kind: Kind::Same,
        files: ":",
        first: &[],
        then: &[],
        options: "",
        restored: false,
        by_a_request: false,
    }
}

impl Row {
    pub(super) const fn differs(self) -> Self {
        Self {
            kind: Kind::Differ,
            ..self
        }
    }

    pub(super) const fn after(self, change: &'static str) -> Self {
        Self {
            kind: Kind::Fresh(change),
            ..self
        }
    }

    pub(super) const fn files(self, files: &'static str) -> Self {
        Self { files, ..self }
    }

    pub(super) const fn first(self, first: Variables) -> Self {
        Self {
            first,
            by_a_request: true,
            ..self
        }
    }

    pub(super) const fn then(self, then: Variables) -> Self {
        Self {
            then,
            by_a_request: true,
            ..self
        }
    }

    pub(super) const fn options(self, options: &'static str) -> Self {
        Self { options, ..self }
    }

    /// An image has to answer.
    pub(super) const fn restored(self) -> Self {
        Self {
            restored: true,
            ..self
        }
    }
}
