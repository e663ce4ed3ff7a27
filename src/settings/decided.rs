//! From how the server started this program to the settings of the exchange: which application, with
//! which options. The client has no say in any of it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use clap::error::{ContextKind, ContextValue};

use crate::cli::Cgi;
use crate::config::{self, App, Config};
use crate::invocation::{Evidence, Invocation};
use crate::options::{self, CgiOptions, Invalid, TABLE, Values};
use crate::origins::Origins;
use crate::{action, did_you_mean, split};
use exchange::MetaVariables;

const NO_SCRIPT: &str = "the server named no script: begin the script with the line \
     `#!/path/to/wsgi-cgi`, make this program the server's interpreter or `Action` for scripts, or \
     set WSGI_CGI_APP";

/// What was decided for a request.
#[derive(Debug)]
pub struct Decided {
    /// The settings.
    pub config: Config,
    /// The options that they come from.
    values: Values,
    /// Whether the meta-variables were changed to describe the script, as behind an `Action`.
    pub is_resolved: bool,
}

impl Decided {
    /// Which application, with which settings.
    ///
    /// # Errors
    /// Where no script is named, or an option's value is invalid.
    pub fn of(evidence: &Evidence, meta: &mut MetaVariables) -> Result<Self> {
        let mut is_resolved = false;
        let (options, app) = match evidence.decide(meta) {
            Invocation::HashBang { argument, script } => {
                let cli = parse(
                    hash_bang_options(argument.as_deref(), &script)?,
                    &first_line_of(&script),
                )?;
                if let Some(word) = cli.app {
                    let name = word.to_string_lossy();
                    let meant = did_you_mean::meant(&name, TABLE.map(|row| row.name))
                        .map_or(String::new(), |meant| {
                            format!(": did you mean `--{meant}`?")
                        });
                    bail!(
                        "`{name}` in the `#!` line of `{}` is not an option{meant}",
                        script.display()
                    );
                }
                (cli.options, App::file(script))
            }
            Invocation::Interpreter { arguments } => {
                let last = arguments.last().cloned();
                let cli = parse(arguments, "the server's interpreter setting")?;
                let app = match cli.app {
                    Some(app) if last.as_ref() == Some(&app) => App::parse(&app)?,
                    Some(app) => bail!(
                        "`{}` stands after the script `{}`, where options are not accepted, as web \
                         servers may add words of the client's query there: put it before the script",
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
        let app = app.absolute();
        let values = config::said(options, meta, &app)?;
        Ok(Self::with(app, values, is_resolved))
    }

    fn with(app: App, values: Values, is_resolved: bool) -> Self {
        Self {
            config: Config::of(app, &values),
            values,
            is_resolved,
        }
    }
}

/// The options in a script's first line, understood.
///
/// # Errors
/// Where an option is unknown or its value is invalid.
pub fn first_line_flags(options: Vec<OsString>, script: &Path) -> Result<CgiOptions> {
    Ok(parse(options, &first_line_of(script))?.options)
}

/// The settings from every option that is valid, where each was set, and what is wrong with each that is not: in the
/// script's first line, in the environment, in its own block.
#[must_use]
pub fn valid_settings(
    options: Result<Vec<OsString>>,
    around: &MetaVariables,
    script: &Path,
) -> (Config, Origins, Vec<Invalid>) {
    let (block, mut wrong) = options::valid_options(script);
    let mut understood = |values: Result<Values>| {
        values.unwrap_or_else(|error| {
            wrong.push(error.into());
            Values::default()
        })
    };
    let flags = options.and_then(|options| Ok(parse(options, &first_line_of(script))?.options.0));
    let origins = Origins {
        first_line: understood(flags),
        variables: understood(Values::of_environment(around)),
        block,
    };
    let app = App::file(script.into()).absolute();
    (Config::of(app, &origins.all().absolute()), origins, wrong)
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
    /// This as words for the executor, which does not decide again.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let resolved = if self.is_resolved { RESOLVED } else { AS_GIVEN };
        let mut words = vec![resolved.into()];
        words.extend(self.config.app.words());
        words.extend(self.values.words());
        words
    }

    /// What those words say; the meta-variables become the script's, where they were not.
    ///
    /// # Errors
    /// For words of another version.
    pub fn from_words(words: &[OsString], meta: &mut MetaVariables) -> Result<Self> {
        let Some(([resolved, app @ ..], values)) = words.split_first_chunk::<4>() else {
            bail!(
                "the program wsgi-cgi passed no application to the executor (`_wsgi_cgi.abi3.so`): install both from \
                 the same source"
            );
        };
        let app = App::from_words(app).with_context(|| {
            format!(
                "the executor (`_wsgi_cgi.abi3.so`) does not know `{}`, which the program wsgi-cgi passed to it: \
                 install both from the same source",
                app[0].display()
            )
        })?;
        let values = Values::from_words(values)?;
        let is_resolved = resolved == RESOLVED;
        if is_resolved {
            action::resolve(meta)?;
        }
        Ok(Self::with(app, values, is_resolved))
    }
}

/// Whether the meta-variables are to become the script's.
const RESOLVED: &str = "resolved";
const AS_GIVEN: &str = "as-given";

fn named_app(meta: &MetaVariables) -> Result<Option<App>> {
    let name = meta.get_redirected("WSGI_CGI_APP").map(OsStr::from_bytes);
    name.map(|name| App::parse(name).context("WSGI_CGI_APP"))
        .transpose()
}

/// The options in a script's `#!` line, whose one argument the kernel passes whole.
///
/// # Errors
/// Where the line ends in CR LF, or its quotes do not match.
pub fn hash_bang_options(argument: Option<&OsStr>, script: &Path) -> Result<Vec<OsString>> {
    let Some(argument) = argument else {
        return Ok(Vec::new());
    };
    if argument.as_bytes().ends_with(b"\r") {
        bail!(
            "the `#!` line of `{}` ends in CR LF, a Windows line ending: fix the file with `sed \
             -i 's/\\r$//' {}`",
            script.display(),
            script.display()
        );
    }
    split::split(argument, |name| std::env::var_os(name)).with_context(|| first_line_of(script))
}

fn first_line_of(script: &Path) -> String {
    format!("the `#!` line of `{}`", script.display())
}

/// Understands options that are written in `place`.
fn parse(arguments: Vec<OsString>, place: &str) -> Result<Cgi> {
    let one_hyphen = arguments.iter().find_map(|word| with_two_hyphens(word));
    let command_line = [OsString::from("wsgi-cgi")].into_iter().chain(arguments);
    Cgi::try_parse_from(command_line).map_err(|error| {
        let text = error.to_string();
        let first = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        if error.use_stderr() {
            let meant = match error.get(ContextKind::SuggestedArg) {
                Some(ContextValue::String(meant)) => Some(meant.clone()),
                _ => one_hyphen,
            };
            let meant = meant.map_or(String::new(), |meant| format!(": did you mean `{meant}`?"));
            anyhow!("wrong option in {place}: {first}{meant}")
        } else {
            anyhow!(
                "--help and --version cannot be used in a CGI request: remove them from {place}"
            )
        }
    })
}

/// `--venv` for `-venv`, for which clap's error shows only the first letter.
fn with_two_hyphens(word: &OsStr) -> Option<String> {
    let name = word.to_str()?.strip_prefix('-')?;
    let row = TABLE.into_iter().find(|row| row.name == name)?;
    Some(format!("--{}", row.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_encoding() {
        let pairs = [
            ("WSGI_CGI_APP", "site:create_app()"),
            ("WSGI_CGI_PYTHON_PATH", "/one:/two"),
            ("WSGI_CGI_SCRIPT_NAME", ""),
            ("WSGI_CGI_DEBUG", "on"),
            ("WSGI_CGI_RECORD", "/record"),
        ];
        let mut meta = MetaVariables::from_pairs(
            pairs.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())),
        );
        let evidence = Evidence::new(Vec::new(), "/p/wsgi-cgi".into(), "/p/wsgi-cgi".into());
        let decided = Decided::of(&evidence, &mut meta).expect("decided");
        let arrived = Decided::from_words(&decided.words(), &mut meta).expect("understood");
        // As it is shown: the settings have nothing that could be told apart otherwise.
        assert_eq!(format!("{arrived:?}"), format!("{decided:?}"));
        assert!(arrived.config.record.is_some() && arrived.config.debug);
    }

    #[test]
    fn words_of_another_version_are_refused() {
        let mut meta = MetaVariables::default();
        let words =
            |words: &[&str]| -> Vec<OsString> { words.iter().map(OsString::from).collect() };
        for bad in [
            &[][..],
            &["as-given", "more", "", ""],
            &["as-given", "file", "/a", "", "more=1"],
        ] {
            assert!(
                Decided::from_words(&words(bad), &mut meta).is_err(),
                "{bad:?}"
            );
        }
    }
}
