//! Makes a request from the command line: the meta-variables that a server would set, and a file with
//! the content.

use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::redirects::Journey;
use super::{fields, program_variables};
use doors::one_shot::content::Content;
use doors::one_shot::server::Server;
use doors::one_shot::url::{self, Url};
use doors::one_shot::{self, Refused, data, form};
use doors::recorded::Recorded;
use exchange::{AUTO, MetaVariables};
use process::report;
use process::terminal::Terminal;
use settings::cli::{As, Kind, Piece, Request as Typed};
use settings::config::{Config, Source};

/// What a request is made from.
pub(super) struct Asking<'a> {
    pub(super) typed: &'a Typed,
    pub(super) config: &'a Config,
    pub(super) environment: &'a MetaVariables,
    /// Whether this process follows a redirect.
    pub(super) is_hop: bool,
}

impl Asking<'_> {
    /// The meta-variables, the content, and what is needed to follow a redirect.
    pub(super) fn ask(&self, stdin: File) -> Result<(MetaVariables, OwnedFd, Option<Journey>)> {
        let (mut meta, source, journey) = match &self.typed.stead.replay {
            Some(file) => {
                let (meta, source) = recorded(file, self.environment)?;
                (meta, source, None)
            }
            None => self.make(stdin)?,
        };
        // Also where a server's environment takes the place of the shell's.
        let variables = self.typed.env.variables()?.into_iter();
        meta.add_environment(&MetaVariables::from_pairs(
            variables.map(|(name, value)| (name.into_bytes(), value.into_bytes())),
        ));
        for pair in &self.typed.stead.set {
            let pair = pair.as_bytes();
            let equals = pair
                .iter()
                .position(|&byte| byte == b'=')
                .filter(|&at| at > 0);
            let name = equals.and_then(|at| std::str::from_utf8(&pair[..at]).ok());
            let Some((name, at)) = name.zip(equals) else {
                bail!("`--set {}`: expected NAME=VALUE", pair.escape_ascii());
            };
            meta.set(name, &pair[at + 1..]);
        }
        Ok((meta, source, journey))
    }

    fn make(&self, stdin: File) -> Result<(MetaVariables, OwnedFd, Option<Journey>)> {
        let server = server(self.typed.stead.server);
        let script = script_of(self.config);
        let mount = match &self.config.script_name {
            Some(path) if path != AUTO => path.clone(),
            _ => server.mount(&script),
        };
        let journey = if self.is_hop {
            Journey::resume(stdin, mount)?
        } else {
            self.first(stdin, mount)?
        };
        let source = match &journey.content {
            Some(content) => content.again()?.into_source()?,
            None => File::open("/dev/null")?,
        };
        let request = one_shot::Typed {
            method: journey.method.clone(),
            headers: fields::of(&self.typed.asked, &journey)?,
            url: journey.url.clone(),
            mount: journey.mount.clone(),
            content: journey.content.as_ref().map(Content::again).transpose()?,
            script,
        };
        let mut meta = request.meta(server)?;
        if server.keeps_environment() {
            meta.add_environment(self.environment);
        }
        if self.typed.asked.http10 {
            meta.set("SERVER_PROTOCOL", "HTTP/1.0");
        }
        Ok((meta, source.into(), Some(journey)))
    }

    /// The request as it was typed.
    fn first(&self, mut stdin: File, mount: Vec<u8>) -> Result<Journey> {
        let asked = &self.typed.asked;
        let pieces = &asked.pieces.0;
        let url = self.url(&mount, &mut stdin)?;
        let content = if let Some(file) = &asked.upload {
            Some(Content::upload(file, &mut stdin)?)
        } else if asked.get || pieces.is_empty() {
            None
        } else if pieces.iter().any(|piece| piece.kind.is_part()) {
            // The same form as curl's, so that applications treat both alike.
            let boundary = format!("{:-<24}{}", "", report::error_id());
            Some(form::content(pieces, &boundary, &mut stdin)?)
        } else {
            Some(data::content(pieces, &mut stdin)?)
        };
        if asked.head && content.is_some() {
            bail!("-I (HEAD) cannot be combined with content: leave out one of them");
        }
        let method = match (&asked.method, &content) {
            (Some(method), _) => method,
            (None, _) if asked.head => "HEAD",
            (None, Some(_)) if asked.upload.is_some() => "PUT",
            (None, Some(_)) => "POST",
            (None, None) => "GET",
        };
        let mut journey = Journey::first(method.to_owned(), url, mount, content);
        for cookies in &asked.cookie {
            self.add_cookies(cookies, &mut journey)?;
        }
        journey.user = match &asked.user {
            Some(typed) => Some(user(typed)?),
            None => journey.url.user().map(<[u8]>::to_vec),
        };
        Ok(journey)
    }

    fn url(&self, mount: &[u8], stdin: &mut File) -> Result<Url> {
        let asked = &self.typed.asked;
        let mut url = match self.typed.url() {
            Some(text) => {
                let text = if asked.globoff {
                    text.to_owned()
                } else {
                    url::without_escapes(text)
                };
                let base = Url::default();
                let url = if asked.path_as_is {
                    base.join_as_is(&text)?
                } else {
                    base.join(&text)?
                };
                url.mounted(mount)
            }
            None if mount.is_empty() => Url::default(),
            None => Url::default().at(mount),
        };
        if let Some(name) = asked.upload.as_deref().filter(|name| *name != "-") {
            let name = Path::new(name).file_name().unwrap_or_default();
            url = url.with_file_name(name.as_bytes());
        }
        let mut query = Vec::new();
        if asked.get {
            data::write(&asked.pieces.0, &mut query, stdin)?;
        }
        for text in &asked.url_query {
            if !query.is_empty() {
                query.push(b'&');
            }
            let (kind, text) = match text.as_bytes() {
                // It is already encoded.
                [b'+', text @ ..] => (Kind::Raw, OsStr::from_bytes(text)),
                _ => (Kind::UrlEncode, text.as_os_str()),
            };
            let text = text.to_owned();
            data::write(&[Piece { kind, text }], &mut query, stdin)?;
        }
        if !query.is_empty() {
            url = url.with_query(&query);
        }
        Ok(url)
    }

    /// Adds cookies: `a=1; b=2`, or the name of a file with cookies.
    fn add_cookies(&self, text: &OsStr, journey: &mut Journey) -> Result<()> {
        let asked = &self.typed.asked;
        if text.as_bytes().contains(&b'=') {
            journey.jar.add_typed(text.as_bytes());
        } else if !text.is_empty() {
            let unreadable = || Refused::Unreadable(text.to_owned());
            let file = match std::fs::read(text) {
                Ok(file) => file,
                // The file that -c writes afterwards need not exist yet.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if asked.cookie_jar.as_deref() != Some(Path::new(text)) {
                        report::log(&format!(
                            "`-b {}`: the file does not exist, so no cookies were read; to send a \
                             cookie, write NAME=VALUE",
                            text.display()
                        ));
                    }
                    return Ok(());
                }
                Err(error) => return Err(error).with_context(unreadable),
            };
            let with_session = !asked.junk_session_cookies;
            journey.jar.restore(&file, &journey.url, with_session);
        }
        Ok(())
    }
}

/// `USER:PASSWORD`; asks for the password if it was not typed.
fn user(typed: &OsStr) -> Result<Vec<u8>> {
    let user = typed.as_bytes();
    if user.contains(&b':') {
        return Ok(user.to_vec());
    }
    let shown = typed.display();
    let question = format!("Password of `{shown}`: ");
    let password = Terminal::open()
        .and_then(|terminal| terminal.ask(&question))
        .with_context(|| {
            format!("`-u {shown}`: cannot ask for the password; use `-u {shown}:PASSWORD`")
        })?;
    Ok([user, b":", &password].concat())
}

/// The file that a server would name as the script.
pub(in super::super) fn script_of(config: &Config) -> PathBuf {
    match &config.app.source {
        Source::File(path) | Source::PasteDeploy { file: path, .. } => path.clone(),
        Source::Module(name) => {
            let folder = config.app.folder();
            std::path::absolute(folder).unwrap_or_default().join(name)
        }
    }
}

/// `POST /path?query`, for `--verbose`.
pub(super) fn line(meta: &MetaVariables, journey: Option<&Journey>) -> String {
    let text = |name| String::from_utf8_lossy(meta.get(name).unwrap_or_default()).into_owned();
    let target = text("SCRIPT_NAME") + &text("PATH_INFO");
    let query = match text("QUERY_STRING") {
        query if query.is_empty() => query,
        query => format!("?{query}"),
    };
    let hop = match journey.map_or(0, |journey| journey.hops) {
        0 => String::new(),
        hop => format!(", redirect {hop}"),
    };
    format!("{} {target}{query}{hop}", text("REQUEST_METHOD"))
}

/// A recorded request: its variables become the environment, except those that change how programs run.
pub(in super::super) fn recorded(
    file: &Path,
    environment: &MetaVariables,
) -> Result<(MetaVariables, OwnedFd)> {
    let mut recorded = Recorded::open(file)?;
    let mut meta = recorded.meta();
    program_variables::keep_own_values(&mut meta, environment, &format!("`{}`", file.display()));
    if meta.get("REQUEST_METHOD").is_none() {
        bail!(
            "`{}` is not a recorded request: it has no REQUEST_METHOD",
            file.display()
        );
    }
    for remark in &recorded.remarks {
        report::log(&format!("`{}`: {remark}", file.display()));
    }
    let there = recorded
        .content_length()
        .context("cannot read the size of the recorded content")?;
    let announced = meta.get("CONTENT_LENGTH").unwrap_or_default();
    let announced: Option<u64> = std::str::from_utf8(announced)
        .ok()
        .and_then(|n| n.parse().ok());
    if let Some(announced) = announced.filter(|&announced| announced > there) {
        report::log(&format!(
            "`{}` has only {there} of the {announced} bytes of content",
            file.display()
        ));
    }
    Ok((meta, recorded.content.into()))
}

fn server(named: Option<As>) -> Server {
    match named {
        None => Server::Plain,
        Some(As::Apache) => Server::Apache,
        Some(As::Lighttpd) => Server::Lighttpd,
        Some(As::Fcgiwrap) => Server::Fcgiwrap,
        Some(As::Busybox) => Server::Busybox,
        Some(As::Minimal) => Server::Minimal,
    }
}
