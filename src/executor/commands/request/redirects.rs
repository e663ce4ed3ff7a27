//! Follows redirects. Each further request is made in a fresh process, as on a server: this process
//! executes the program again, and passes cookies and the like on standard input.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use doors::one_shot::content::Content;
use doors::one_shot::cookies::Jar;
use doors::one_shot::redirect::Next;
use doors::one_shot::url::Url;
use doors::recorded::{self, Recorded};
use doors::terminal::{IsSkipped, head_text};
use exchange::{MetaVariables, ResponseHead};
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use settings::cli::Request as Typed;

/// Set in the environment of a process that continues a journey.
const MARK: &str = "WSGI_CGI_HOP";

/// Whether this process follows a redirect; removes the mark.
pub(super) fn take_mark(environment: &mut MetaVariables) -> bool {
    let is_marked = environment.get(MARK).is_some();
    environment.remove(MARK);
    is_marked
}

/// A request, with what was collected while redirects led to it.
#[derive(Debug)]
pub(super) struct Journey {
    pub(super) method: String,
    pub(super) url: Url,
    /// SCRIPT_NAME.
    pub(super) mount: Vec<u8>,
    pub(super) jar: Jar,
    pub(super) content: Option<Content>,
    /// How many redirects were followed.
    pub(super) hops: u32,
    /// The URL of the previous request.
    pub(super) from: Option<String>,
    /// User name and password.
    pub(super) user: Option<Vec<u8>>,
    /// How long the previous requests took.
    pub(super) spent: Duration,
    /// The bytes of the heads of their responses.
    pub(super) heads: u64,
}

impl Journey {
    pub(super) fn first(
        method: String,
        url: Url,
        mount: Vec<u8>,
        content: Option<Content>,
    ) -> Self {
        Self {
            method,
            url,
            mount,
            jar: Jar::default(),
            content,
            hops: 0,
            from: None,
            user: None,
            spent: Duration::ZERO,
            heads: 0,
        }
    }

    /// Keeps the cookies that a response sets.
    pub(super) fn remember(&mut self, head: &ResponseHead) {
        for (name, value) in head.headers.iter() {
            if name.eq_ignore_ascii_case(b"set-cookie") {
                self.jar.store(&self.url, value);
            }
        }
    }

    /// The next request, after a redirect to `url`; `again` is whether the method and content are sent again.
    fn next(&self, url: Url, again: bool, is_typed: IsTyped) -> Result<Self> {
        let user = url.user().filter(|_| !is_typed.user).map(<[u8]>::to_vec);
        let mut next = Self {
            method: self.method.clone(),
            url,
            mount: self.mount.clone(),
            jar: self.jar.clone(),
            content: None,
            hops: self.hops + 1,
            from: Some(self.url.to_string()),
            user: user.or_else(|| self.user.clone()),
            spent: self.spent,
            heads: self.heads,
        };
        if again {
            next.content = self.content.as_ref().map(Content::again).transpose()?;
        } else if !is_typed.method && self.method != "HEAD" {
            next.method = "GET".into();
        }
        Ok(next)
    }

    /// Continues the journey of the previous process.
    pub(super) fn resume(stdin: File, mount: Vec<u8>) -> Result<Self> {
        let state =
            Recorded::read(stdin).context("WSGI_CGI_HOP is reserved for wsgi-cgi: unset it")?;
        let text = |name| {
            let value = state.get(name).map(String::from_utf8_lossy);
            value.context("WSGI_CGI_HOP is reserved for wsgi-cgi: unset it")
        };
        let url = Url::default().join_as_is(&text("url")?)?;
        let mut journey = Self::first(text("method")?.into_owned(), url, mount, None);
        journey.hops = text("hops")?.parse()?;
        journey.from = text("from").ok().map(Cow::into_owned);
        journey.user = state.get("user").map(<[u8]>::to_vec);
        journey.spent = Duration::from_nanos(text("spent")?.parse()?);
        journey.heads = text("heads")?.parse()?;
        for (name, value) in &state.fields {
            match name.as_slice() {
                b"cookie" => journey.jar.restore(value, &journey.url, true),
                b"cookies" => journey.jar.add_typed(value),
                _ => {}
            }
        }
        let media_type = text("type").ok().map(Cow::into_owned);
        if state.get("content").is_some() {
            journey.content = Some(Content::rest_of(state.content, media_type)?);
        }
        Ok(journey)
    }

    /// Writes what [`resume`](Self::resume) reads.
    fn write(self) -> Result<File> {
        let mut fields = vec![
            (&b"url"[..], self.url.to_string().into_bytes()),
            (b"method", self.method.into_bytes()),
            (b"hops", self.hops.to_string().into_bytes()),
            (b"spent", self.spent.as_nanos().to_string().into_bytes()),
            (b"heads", self.heads.to_string().into_bytes()),
            (b"cookies", self.jar.typed().to_vec()),
        ];
        fields.extend(self.jar.lines().map(|line| (&b"cookie"[..], line)));
        fields.extend(self.from.map(|from| (&b"from"[..], from.into_bytes())));
        fields.extend(self.user.map(|user| (&b"user"[..], user)));
        if let Some(content) = &self.content {
            fields.push((b"content", Vec::new()));
            let media_type = content.media_type();
            fields.extend(media_type.map(|media_type| (&b"type"[..], media_type.into())));
        }
        let fields = fields.iter().map(|(name, value)| (*name, value.as_slice()));
        let mut file = tempfile::tempfile()?;
        file.write_all(&recorded::head(&[], fields))?;
        if let Some(content) = self.content {
            std::io::copy(&mut content.into_source()?, &mut file)?;
        }
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}

/// Whether a response is a redirect that is followed, so that its content is not shown.
pub(super) fn is_followed(journey: Option<&Journey>) -> IsSkipped {
    let place = journey.map(|journey| (journey.url.clone(), journey.mount.clone()));
    Box::new(move |head| {
        place
            .as_ref()
            .is_some_and(|(url, mount)| matches!(Next::of(head, url, mount), Next::Follow { .. }))
    })
}

/// What was typed, and is not changed by a redirect.
#[derive(Clone, Copy, Debug, Default)]
struct IsTyped {
    method: bool,
    user: bool,
}

/// What this process was started with, to execute the program again.
#[derive(Debug, Default)]
pub(super) struct Restart {
    is_typed: IsTyped,
    /// How many may be followed.
    most: Option<u32>,
    program: PathBuf,
    arguments: Vec<OsString>,
    kept: Option<(OwnedFd, OwnedFd, PathBuf)>,
}

impl Restart {
    /// Duplicates the streams that the exchange replaces, if redirects are to be followed.
    pub(super) fn begin(
        typed: &Typed,
        command_line: Vec<OsString>,
        handed_on: &HandedOn,
    ) -> Result<Self> {
        if !typed.shown.location {
            return Ok(Self::default());
        }
        let own = |fd| rustix::io::fcntl_dupfd_cloexec(fd, 3);
        Ok(Self {
            is_typed: IsTyped {
                method: typed.asked.method.is_some(),
                user: typed.asked.user.is_some(),
            },
            most: u32::try_from(typed.shown.max_redirs).ok(),
            program: handed_on.program.clone(),
            arguments: command_line,
            kept: Some((
                own(rustix::stdio::stdout())?,
                own(rustix::stdio::stderr())?,
                std::env::current_dir()?,
            )),
        })
    }

    /// Follows the redirect in the response; returns only if there is none or if it fails.
    pub(super) fn follow_redirect(
        self,
        journey: &Journey,
        head: &ResponseHead,
        took: Duration,
        environment: &MetaVariables,
    ) -> Option<Exit> {
        self.kept.as_ref()?;
        let (to, again) = match Next::of(head, &journey.url, &journey.mount) {
            Next::None => return None,
            Next::Elsewhere(word) => {
                report::log(&word);
                return None;
            }
            Next::Follow { url, again } => (url, again),
        };
        if let Some(most) = self.most.filter(|most| journey.hops >= *most) {
            report::log(&format!(
                "the redirect was not followed: there were already {most} (--max-redirs)"
            ));
            return Some(Exit::TooManyRedirects);
        }
        // As in curl, -T is kept except after "See Other"; a method that was typed is always kept.
        let uploaded = journey
            .content
            .as_ref()
            .filter(|content| content.media_type().is_none());
        let is_sent_again = again || uploaded.is_some() && head.status.code() != 303;
        let followed = journey
            .next(to, is_sent_again, self.is_typed)
            .and_then(|mut next| {
                next.spent += took;
                next.heads += head_text(head, false).len() as u64;
                self.exec(next, environment)
            });
        let error = followed.err()?;
        report::log_error(&error.context("cannot follow the redirect"));
        Some(Exit::Failure)
    }

    fn exec(self, journey: Journey, environment: &MetaVariables) -> Result<()> {
        let (stdout, stderr, folder) = self
            .kept
            .context("bug in wsgi-cgi: not ready for a redirect")?;
        let pairs = environment.iter().map(|(name, value)| {
            (
                std::ffi::OsStr::from_bytes(name),
                std::ffi::OsStr::from_bytes(value),
            )
        });
        let error = Command::new(&self.program)
            .arg0("wsgi-cgi")
            .args(&self.arguments)
            .env_clear()
            .envs(pairs)
            .env(MARK, "1")
            .current_dir(folder)
            .stdin(journey.write()?)
            .stdout(stdout)
            .stderr(stderr)
            .exec();
        Err(error.into())
    }
}
