//! Follows redirects. Each further request is made in a fresh process, as on a server: this process
//! executes the program again, and passes cookies and the like on standard input.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use doors::one_shot::content::Content;
use doors::one_shot::cookies::Jar;
use doors::one_shot::redirect::Next;
use doors::one_shot::url::Url;
use doors::recorded::{self, Recorded};
use doors::terminal::IsSkipped;
use exchange::{MetaVariables, ResponseHead};
use process::handed_on::HandedOn;
use process::report::{self, Exit};
use settings::cli::Request as Typed;

/// As many as curl follows.
const MOST: u32 = 50;

/// The variable that marks a process that follows a redirect.
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
        }
    }

    /// Reads what the process before this one wrote.
    pub(super) fn resume(stdin: File, mount: Vec<u8>) -> Result<Self> {
        let state =
            Recorded::read(stdin).context("WSGI_CGI_HOP is reserved for wsgi-cgi: unset it")?;
        let text = |name| {
            let value = state.get(name).map(String::from_utf8_lossy);
            value.context("WSGI_CGI_HOP is reserved for wsgi-cgi: unset it")
        };
        let url = Url::default().join(&text("url")?)?;
        let mut journey = Self::first(text("method")?.into_owned(), url, mount, None);
        journey.hops = text("hops")?.parse()?;
        for (name, value) in &state.fields {
            if name == b"cookie" {
                journey.jar.restore(value);
            }
        }
        if let Ok(media_type) = text("type") {
            let media_type = media_type.into_owned();
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
        ];
        fields.extend(self.jar.lines().map(|line| (&b"cookie"[..], line)));
        if let Some(content) = &self.content {
            fields.push((b"type", content.media_type().as_bytes().to_vec()));
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

/// What this process was started with, to execute the program again.
#[derive(Debug, Default)]
pub(super) struct Restart {
    /// The method, if it was typed: it is kept.
    method: Option<String>,
    program: PathBuf,
    arguments: Vec<OsString>,
    kept: Option<(OwnedFd, OwnedFd, PathBuf)>,
}

impl Restart {
    /// Duplicates the streams that the exchange replaces, if redirects are to be followed.
    pub(super) fn begin(typed: &Typed, handed_on: &HandedOn) -> Result<Self> {
        if !typed.shown.location {
            return Ok(Self::default());
        }
        let own = |fd| rustix::io::fcntl_dupfd_cloexec(fd, 3);
        Ok(Self {
            method: typed.asked.method.clone(),
            program: handed_on.program.clone(),
            arguments: handed_on.arguments.clone(),
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
        mut journey: Journey,
        head: &ResponseHead,
        environment: &MetaVariables,
    ) -> Option<Exit> {
        let (to, again) = match Next::of(head, &journey.url, &journey.mount) {
            Next::None => return None,
            Next::Elsewhere(word) => {
                report::log(&word);
                return None;
            }
            Next::Follow { url, again } => (url, again),
        };
        for (name, value) in head.headers.iter() {
            if name.eq_ignore_ascii_case(b"set-cookie") {
                journey.jar.store(&journey.url, value);
            }
        }
        journey.url = to;
        journey.hops += 1;
        if !again {
            journey.content = None;
            // As with curl, -X is kept.
            if self.method.is_none() && journey.method != "HEAD" {
                journey.method = "GET".into();
            }
        }
        let error = self.exec(journey, environment).err()?;
        report::log_error(&error.context("cannot follow the redirect"));
        Some(Exit::Failure)
    }

    fn exec(self, journey: Journey, environment: &MetaVariables) -> Result<()> {
        if journey.hops > MOST {
            bail!("{MOST} redirects were followed already");
        }
        let (stdout, stderr, folder) = self
            .kept
            .context("bug in wsgi-cgi: --location was not given")?;
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
