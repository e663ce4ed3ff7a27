//! `--static`: answers requests for files; the application does not see them.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::SystemTime;

use crate::python;
use doors::server::{Selected, StaticFile, StaticFolder, Validators};
use exchange::{Headers, MetaVariables, Responder, ResponseHead, Status, plain_page};
use process::report::Exit;

/// What the client gets instead of the application's answer.
pub(super) struct Answer {
    head: ResponseHead,
    content: Content,
}

enum Content {
    /// From this offset on, as many bytes as Content-Length says.
    File(File, u64),
    Text(Vec<u8>),
}

impl Answer {
    pub(super) fn not_found() -> Self {
        Self::page(404, "There is nothing here.", &[])
    }

    fn page(code: u16, text: &str, fields: &[(&str, &str)]) -> Self {
        let (mut head, text) = plain_page(code, text);
        add(&mut head, fields);
        Self {
            head,
            content: Content::Text(text),
        }
    }

    /// Sends it, and returns the exit status.
    pub(super) fn send(self, mut responder: Responder) -> Exit {
        responder.set_head(self.head);
        let sent = match &self.content {
            Content::File(file, offset) => responder.file(file.as_fd(), *offset),
            Content::Text(text) => responder.block(text, true).map(drop),
        };
        if sent.and_then(|()| responder.finish()).is_err() {
            responder.abandon();
        }
        Exit::Success
    }
}

/// The answer, if the request is for a file in one of the folders.
pub(super) fn find(folders: &[StaticFolder], meta: &MetaVariables) -> Option<Answer> {
    // The whole path, however it was split: URLs of `--static` begin at the root.
    let path = ["SCRIPT_NAME", "PATH_INFO"].map(|name| meta.get(name).unwrap_or_default());
    let path = path.concat();
    let found = folders.iter().find_map(|folder| folder.find(&path))?;
    if !matches!(meta.get("REQUEST_METHOD"), Some(b"GET" | b"HEAD")) {
        let allow = [("Allow", "GET, HEAD")];
        return Some(Answer::page(
            405,
            "Files can only be read here, with GET or HEAD.",
            &allow,
        ));
    }
    Some(match found {
        StaticFile::Missing => Answer::not_found(),
        StaticFile::NeedsSlash => with_slash(meta),
        StaticFile::Found(file, path) => {
            of_file(file, &path, meta).unwrap_or_else(Answer::not_found)
        }
    })
}

/// A redirect to the URL with a slash at the end of its path.
fn with_slash(meta: &MetaVariables) -> Answer {
    let uri = meta.get("REQUEST_URI").unwrap_or_default();
    let path = uri.split(|&byte| byte == b'?').next().unwrap_or_default();
    // Two slashes at the start would name another host.
    let path = String::from_utf8_lossy(path);
    let location = format!("/{}/", path.trim_matches('/'));
    Answer::page(
        301,
        "This is a folder: its URL ends with a slash.",
        &[("Location", &location)],
    )
}

fn of_file(file: File, path: &Path, meta: &MetaVariables) -> Option<Answer> {
    let about = file.metadata().ok()?;
    let state = Validators::new(about.modified().ok()?, about.len(), SystemTime::now());
    let length = state.length;
    let (code, offset, count) = match state.select(meta) {
        Selected::Whole => (200, 0, length),
        Selected::Part { offset, count } => (206, offset, count),
        Selected::NotModified => (304, 0, 0),
        Selected::PreconditionFailed => {
            return Some(Answer::page(412, "The file has changed.", &[]));
        }
        Selected::Unsatisfiable => {
            let range = format!("bytes */{length}");
            let fields = [("Content-Range", &range[..])];
            return Some(Answer::page(416, "The file has no such range.", &fields));
        }
    };
    let mut fields = vec![
        ("Last-Modified", httpdate::fmt_http_date(state.modified)),
        ("ETag", state.etag),
        ("Accept-Ranges", "bytes".to_owned()),
    ];
    if code != 304 {
        fields.push(("Content-Type", content_type(path)));
        fields.push(("Content-Length", count.to_string()));
    }
    if code == 206 {
        let last = offset + count - 1;
        fields.push(("Content-Range", format!("bytes {offset}-{last}/{length}")));
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    Some(Answer {
        head: head(code, &fields),
        content: Content::File(file, offset),
    })
}

/// A compressed file keeps its own type: with Content-Encoding the client would unpack it.
fn content_type(path: &Path) -> String {
    let (kind, encoding) = python::content_type(&path.to_string_lossy());
    match (kind, encoding.as_deref()) {
        (_, Some("gzip")) => "application/gzip".into(),
        (_, Some(_)) | (None, None) => "application/octet-stream".into(),
        (Some(kind), None) if kind.starts_with("text/") => kind + "; charset=utf-8",
        (Some(kind), None) => kind,
    }
}

fn head(code: u16, fields: &[(&str, &str)]) -> ResponseHead {
    let mut head = ResponseHead {
        status: Status::of(code),
        headers: Headers::default(),
    };
    add(&mut head, fields);
    head
}

fn add(head: &mut ResponseHead, fields: &[(&str, &str)]) {
    for (name, value) in fields {
        // A Location that is not a valid header value is left out; the status remains.
        _ = head.headers.push(name.as_bytes(), value.as_bytes());
    }
}
