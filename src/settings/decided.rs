//! From how the server started this program to the settings of the exchange: which application, with
//! which options. The client has no say in any of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;

use crate::cli::{Cgi, CgiOptions};
use crate::config::{App, Config};
use crate::invocation::{Evidence, Invocation};
use crate::{action, split};
use exchange::MetaVariables;

const NO_SCRIPT: &str = "the server named no script: write `#!/path/to/wsgi-cgi` into the first \
     line of one, make this program the server's interpreter or `Action` for it, or set \
     WSGI_CGI_APP";

/// What was decided for a request.
#[derive(Debug)]
pub struct Decided {
    /// The settings.
    pub config: Config,
    /// Whether the meta-variables are not those that the server gave any more: behind an `Action`
    /// they have become the script's.
    pub is_resolved: bool,
}

impl Decided {
    /// Which application, with which settings.
    ///
    /// # Errors
    /// Where no script is named, or an option means nothing.
    pub fn of(evidence: &Evidence, meta: &mut MetaVariables) -> Result<Self> {
        let mut is_resolved = false;
        let (options, app) = match evidence.decide(meta) {
            Invocation::HashBang { argument, script } => {
                let cli = parse(hash_bang_options(argument.as_deref(), &script)?)?;
                if let Some(word) = cli.app {
                    bail!(
                        "`{}` in the `#!` line of `{}` is no option",
                        word.display(),
                        script.display()
                    );
                }
                (cli.options, App::file(script))
            }
            Invocation::Interpreter { arguments } => {
                let last = arguments.last().cloned();
                let cli = parse(arguments)?;
                let app = match cli.app {
                    Some(app) if last.as_ref() == Some(&app) => App::parse(&app)?,
                    Some(app) => bail!(
                        "`{}` follows the script `{}`: options come before it, what comes after \
                         may be the client's",
                        last.unwrap_or_default().display(),
                        app.display()
                    ),
                    None => named_app(meta)?.context(NO_SCRIPT)?,
                };
                (cli.options, app)
            }
            Invocation::Direct => {
                let app = if let Some(app) = named_app(meta)? {
                    app
                } else {
                    let script = action::resolve(meta)?.context(NO_SCRIPT)?;
                    is_resolved = true;
                    App::file(script)
                };
                (CgiOptions::default(), app)
            }
        };
        Ok(Self {
            config: Config::decide(options, meta, app)?,
            is_resolved,
        })
    }
}

/// The settings of a script that is started with these options, outside of any request.
///
/// # Errors
/// Where an option means nothing.
pub fn of_script(options: Vec<OsString>, around: &MetaVariables, script: &Path) -> Result<Config> {
    Config::decide(parse(options)?.options, around, App::file(script.into()))
}

/// What follows the program's name in a script's first line, as the kernel passes it.
///
/// # Errors
/// Where the script cannot be read.
pub fn first_line_options(script: &Path) -> Result<Vec<OsString>> {
    let text = std::fs::read(script).with_context(|| format!("`{}`", script.display()))?;
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = line.strip_prefix(b"#!").unwrap_or_default().trim_ascii();
    let space = line.iter().position(|&byte| byte == b' ' || byte == b'\t');
    let argument = space.map_or(&b""[..], |space| line[space..].trim_ascii());
    let argument = (!argument.is_empty()).then(|| OsStr::from_bytes(argument));
    hash_bang_options(argument, script)
}

impl Decided {
    /// The same for the executor, which does not decide again.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let mut words = self.config.words();
        if self.is_resolved {
            words.insert(0, RESOLVED.into());
        }
        words
    }

    /// What those words say; the meta-variables become the script's, where they were not.
    ///
    /// # Errors
    /// For words of another version.
    pub fn from_words(words: &[OsString], meta: &mut MetaVariables) -> Result<Self> {
        let (is_resolved, words) = match words {
            [first, rest @ ..] if first == RESOLVED => (true, rest),
            words => (false, words),
        };
        if is_resolved {
            action::resolve(meta)?;
        }
        Ok(Self {
            config: Config::from_words(words)?,
            is_resolved,
        })
    }
}

/// The word that says that the meta-variables are to become the script's.
const RESOLVED: &str = "resolved";

fn named_app(meta: &MetaVariables) -> Result<Option<App>> {
    let name = meta.get_redirected("WSGI_CGI_APP").map(OsStr::from_bytes);
    name.map(|name| App::parse(name).context("WSGI_CGI_APP"))
        .transpose()
}

/// The options in a script's `#!` line, whose one argument the kernel passes whole.
///
/// # Errors
/// Where the line ends as Windows has it, or its quotes do not match.
pub fn hash_bang_options(argument: Option<&OsStr>, script: &Path) -> Result<Vec<OsString>> {
    let Some(argument) = argument else {
        return Ok(Vec::new());
    };
    if argument.as_bytes().ends_with(b"\r") {
        bail!(
            "the `#!` line of `{}` ends in CR LF, as Windows writes it: mend the file with \
             `sed -i 's/\\r$//' {}`",
            script.display(),
            script.display()
        );
    }
    split::split(argument, |name| std::env::var_os(name))
        .with_context(|| format!("the `#!` line of `{}`", script.display()))
}

fn parse(arguments: Vec<OsString>) -> Result<Cgi> {
    let command_line = [OsString::from("wsgi-cgi")].into_iter().chain(arguments);
    Cgi::try_parse_from(command_line).map_err(|error| {
        let text = error.to_string();
        let first = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        if error.use_stderr() {
            anyhow!("the options that the server or the `#!` line gives: {first}")
        } else {
            anyhow!("--help and --version have no place in a request")
        }
    })
}
