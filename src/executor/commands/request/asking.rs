//! Makes a request from the command line: the meta-variables that a server would set, and a file with
//! the content.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine;

use super::journey::Journey;
use super::program_variables;
use doors::one_shot::content::Content;
use doors::one_shot::server::Server;
use doors::one_shot::url::Url;
use doors::one_shot::{self, Fields};
use doors::recorded::Recorded;
use exchange::{AUTO, MetaVariables};
use process::report;
use settings::cli::{As, Request as Typed};
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
        let (mut meta, source, journey) = match &self.typed.asked.replay {
            Some(file) => {
                let (meta, source) = recorded(file, self.environment)?;
                (meta, source, None)
            }
            None => self.make(stdin)?,
        };
        // Also where a server's environment takes the place of the shell's.
        let variables = self.typed.env.variables()?.into_iter();
        meta.surround(&MetaVariables::from_pairs(
            variables.map(|(name, value)| (name.into_bytes(), value.into_bytes())),
        ));
        for pair in &self.typed.asked.set {
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
        let server = server(self.typed.asked.server);
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
            headers: self.fields(&journey)?,
            url: journey.url.clone(),
            mount: journey.mount.clone(),
            content: journey.content.as_ref().map(Content::again).transpose()?,
            script,
        };
        let mut meta = request.meta(server)?;
        if server.keeps_environment() {
            meta.surround(self.environment);
        }
        let journey = self.typed.shown.location.then_some(journey);
        Ok((meta, source.into(), journey))
    }

    /// The request as it was typed.
    fn first(&self, mut stdin: File, mount: Vec<u8>) -> Result<Journey> {
        let asked = &self.typed.asked;
        let content = if let Some(text) = &asked.json {
            Some(Content::data(&[text], "application/json", &mut stdin)?)
        } else if !asked.form.is_empty() {
            let boundary = format!("wsgi-cgi-{}", report::error_id());
            Some(Content::form(&asked.form, &boundary, &mut stdin)?)
        } else if !asked.data.is_empty() {
            let form = "application/x-www-form-urlencoded";
            Some(Content::data(&asked.data, form, &mut stdin)?)
        } else {
            None
        };
        let method = match (&asked.method, &content) {
            (Some(method), _) => method,
            (None, _) if asked.head => "HEAD",
            (None, Some(_)) => "POST",
            (None, None) => "GET",
        };
        let url = match &self.typed.url {
            Some(text) => Url::default().join(text)?.mounted(&mount),
            None if mount.is_empty() => Url::default(),
            None => Url::default().at(&mount),
        };
        let mut journey = Journey::first(method.to_owned(), url, mount, content);
        for cookies in &asked.cookie {
            if !cookies.as_bytes().contains(&b'=') {
                bail!("`-b {}`: expected NAME=VALUE", cookies.display());
            }
            journey.jar.add_typed(cookies.as_bytes());
        }
        Ok(journey)
    }

    /// What a client sends by itself, unless it was typed, and what was typed.
    fn fields(&self, journey: &Journey) -> Result<Fields> {
        let asked = &self.typed.asked;
        let accept = if asked.json.is_some() {
            "application/json"
        } else {
            "*/*"
        };
        let mut fields: Fields = [
            ("Host", journey.url.authority()),
            (
                "User-Agent",
                format!("wsgi-cgi/{}", env!("CARGO_PKG_VERSION")),
            ),
            ("Accept", accept.to_owned()),
        ]
        .map(|(name, value)| (name.as_bytes().to_vec(), value.into_bytes()))
        .to_vec();
        if let Some(user) = &asked.user {
            let mut user = user.as_bytes().to_vec();
            if !user.contains(&b':') {
                user.push(b':');
            }
            let code = base64::engine::general_purpose::STANDARD.encode(user);
            fields.push((b"Authorization".to_vec(), format!("Basic {code}").into()));
        }
        let typed: Vec<_> = asked.headers.iter().map(field).collect::<Result<_>>()?;
        fields.retain(|(name, _)| {
            let is_same = |(other, _): &(Vec<u8>, _)| other.eq_ignore_ascii_case(name);
            !typed.iter().any(is_same)
        });
        fields.extend(
            typed
                .into_iter()
                .filter_map(|(name, value)| value.map(|value| (name, value))),
        );
        if let Some(cookies) = journey.jar.header(&journey.url) {
            fields.push((b"Cookie".to_vec(), cookies));
        }
        Ok(fields)
    }
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
        .context("cannot read the size of its content")?;
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

/// `Name: value`, `Name;` for an empty value, `Name:` for no such header at all.
fn field(text: &OsString) -> Result<(Vec<u8>, Option<Vec<u8>>)> {
    let bytes = text.clone().into_vec();
    Ok(match bytes.iter().position(|&byte| byte == b':') {
        Some(colon) => {
            let value = bytes[colon + 1..].trim_ascii();
            (
                bytes[..colon].to_vec(),
                (!value.is_empty()).then(|| value.to_vec()),
            )
        }
        None => match bytes.strip_suffix(b";") {
            Some(name) => (name.to_vec(), Some(Vec::new())),
            None => bail!(
                "`-H {}`: `Name: value` is expected (`Name:` leaves a usual header out, `Name;` sends \
                 an empty one)",
                text.display()
            ),
        },
    })
}
