//! One request of the series, and which of the optional variables its environ has.

/// Which of the optional variables the environ has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    /// All that a server has.
    #[default]
    Full,
    /// Only those that PEP 3333 requires: no `QUERY_STRING`, `CONTENT_TYPE`, `CONTENT_LENGTH`, no
    /// other variables of CGI, and no `wsgi.file_wrapper`.
    Least,
    /// The URL of the application itself, mounted at a path: no `PATH_INFO`, which would be empty.
    NoEmpty,
    /// `CONTENT_TYPE` and `CONTENT_LENGTH` are there, and empty.
    Empty,
}

/// What the answer is compared with: the one to an earlier request of the series, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// HEAD, with the two answers to GET from that place on.
    Head(usize),
    /// A conditional request, with the two answers to GET from that place on.
    Condition(usize),
    /// A request with the full environ and a usual path.
    Full(usize),
}

/// A request to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// A path with its query, as it is typed.
    pub url: String,
    /// Header fields.
    pub fields: Vec<(String, String)>,
    /// The content and its type, if there is any.
    pub content: Option<(String, Vec<u8>)>,
    /// Which variables it comes with.
    pub variant: Variant,
    /// What is special about it, in words.
    pub remark: &'static str,
    /// What its answer is compared with.
    pub pair: Option<Pair>,
}

impl Asked {
    /// A request without content.
    #[must_use]
    pub fn new(method: &str, url: &str) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            ..Self::default()
        }
    }

    /// With a header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// With content.
    #[must_use]
    pub fn sending(self, media_type: &str, content: impl Into<Vec<u8>>) -> Self {
        Self {
            content: Some((media_type.into(), content.into())),
            ..self
        }
    }

    /// With these variables.
    #[must_use]
    pub fn of(self, variant: Variant) -> Self {
        Self { variant, ..self }
    }

    /// With what is special about it.
    #[must_use]
    pub fn remarked(self, remark: &'static str) -> Self {
        Self { remark, ..self }
    }

    /// With what its answer is compared with.
    #[must_use]
    pub fn against(self, pair: Pair) -> Self {
        Self {
            pair: Some(pair),
            ..self
        }
    }

    /// As findings name it: `GET /?a=1, with Range`.
    #[must_use]
    pub fn line(&self) -> String {
        let remark = if self.remark.is_empty() {
            String::new()
        } else {
            format!(" ({})", self.remark)
        };
        format!("{} {}{remark}", self.method, self.url)
    }

    /// Whether it changes nothing (RFC 9110, section 9.2.1).
    #[must_use]
    pub fn is_safe(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }
}
