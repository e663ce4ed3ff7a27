//! What was decided: flags, `WSGI_CGI_*` variables and the script's own metadata become one
//! [`Config`]. Precedence: flag, environment, script, default.

mod app;
mod record;
mod script;
mod words;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::cli::{self, CgiOptions};
use exchange::{AUTO, MetaVariables};

pub use app::{App, Callable, Source};
pub use record::Record;
pub use script::ScriptOptions;

/// The settings of one exchange.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which application.
    pub app: App,
    /// The Python that was named, if any.
    pub python: Option<PathBuf>,
    /// The virtual environment that was named, if any.
    pub venv: Option<PathBuf>,
    /// Further folders for modules, in order.
    pub python_path: Vec<PathBuf>,
    /// The folder to work in.
    pub chdir: Option<PathBuf>,
    /// Replaces the server's SCRIPT_NAME: empty, or with a slash in front and none at the end; or
    /// what it is to be told by (`exchange::AUTO`).
    pub script_name: Option<Vec<u8>>,
    /// How long the request may take.
    pub timeout: Option<Duration>,
    /// Whether the client sees tracebacks.
    pub debug: bool,
    /// The error log, where it is not standard error.
    pub log: Option<PathBuf>,
    /// Whether the response is a whole HTTP one, whatever the script is called.
    pub nph: bool,
    /// Which requests are kept, if any are.
    pub record: Option<Record>,
    /// The folder that was named for what is worth keeping.
    pub cache_dir: Option<PathBuf>,
    /// Whether requests are answered from an image.
    pub image: bool,
    /// How long an image is used, in seconds.
    pub max_age: u64,
    /// How many requests are answered from an image.
    pub max_restores: u64,
    /// What goes through the application before an image is made.
    pub warm_up: Option<String>,
    /// Files that an image rests on besides those that loading looks at.
    pub watch: Vec<PathBuf>,
}

/// The options that have a twin in the environment.
const TWINS: [&str; 20] = [
    "APP",
    "PYTHON",
    "VENV",
    "PYTHON_PATH",
    "CHDIR",
    "SCRIPT_NAME",
    "TIMEOUT",
    "DEBUG",
    "LOG",
    "NPH",
    "RECORD",
    "RECORD_FILES",
    "RECORD_BYTES",
    "RECORD_SECRETS",
    "IMAGE",
    "CACHE_DIR",
    "MAX_AGE",
    "MAX_RESTORES",
    "WARM_UP",
    "WATCH",
];

/// What no option says, as it is about which file is asked for options (`script_names`).
const OF_THE_ACTION: &str = "SCRIPTS";

/// The hash seed and whatever else is an image's own changes with it: a day.
const MAX_AGE: u64 = 24 * 60 * 60;

impl Config {
    /// Decides, in the stated precedence.
    ///
    /// # Errors
    /// For a script that cannot be read, a value that means nothing, and a name that is unknown.
    #[expect(
        clippy::too_many_lines,
        reason = "a table, a line or two for each option"
    )]
    pub fn decide(
        flags: impl Into<CgiOptions>,
        environment: &MetaVariables,
        app: App,
    ) -> Result<Self> {
        let CgiOptions {
            shared: flags,
            nph,
            record,
            record_files,
            record_bytes,
            record_secrets,
            images,
        } = flags.into();
        refuse_unknown(environment)?;
        let script = match &app.source {
            Source::File(path) => ScriptOptions::read(path)?,
            Source::Module(_) | Source::PasteDeploy { .. } => ScriptOptions::default(),
        };
        let twin = |name: &str| {
            let value = environment.get_redirected(&format!("WSGI_CGI_{name}"))?;
            Some(OsString::from_vec(value.to_vec()))
        };
        let path = |flag: Option<PathBuf>, name, script: Option<PathBuf>| {
            flag.or_else(|| twin(name).map(PathBuf::from)).or(script)
        };
        let switch = |flag: bool, name: &str, script: Option<bool>| -> Result<bool> {
            let twin = twin(name)
                .map(|value| parse_switch(name, &value))
                .transpose()?;
            Ok(flag || twin.or(script).unwrap_or(false))
        };
        let number = |name: &str| -> Result<Option<u64>> {
            twin(name)
                .map(|value| parse_number(name, &value))
                .transpose()
        };
        let seconds = match (flags.timeout, twin("TIMEOUT")) {
            (Some(seconds), _) => Some(seconds),
            (None, Some(value)) => Some(
                cli::parse_seconds(&value.to_string_lossy())
                    .map_err(anyhow::Error::msg)
                    .with_context(|| format!("WSGI_CGI_TIMEOUT=`{}`", value.display()))?,
            ),
            (None, None) => script.timeout,
        };
        let python_path = if flags.python_path.is_empty() {
            twin("PYTHON_PATH")
                .map(|value| std::env::split_paths(&value).collect())
                .unwrap_or(script.python_path)
        } else {
            flags.python_path
        };
        // Relative to the working directory as the server set it, whatever --chdir says.
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        Ok(Self {
            app: app.absolute(),
            python: path(flags.python, "PYTHON", script.python).map(absolute),
            venv: path(flags.venv, "VENV", script.venv).map(absolute),
            python_path: python_path.into_iter().map(absolute).collect(),
            chdir: path(flags.chdir, "CHDIR", script.chdir).map(absolute),
            script_name: flags
                .script_name
                .map(OsString::from)
                .or_else(|| twin("SCRIPT_NAME"))
                .map(OsString::into_vec)
                .or(script.script_name.map(String::into_bytes))
                .map(|path| as_mount(&path)),
            timeout: seconds.map(Duration::from_secs_f64),
            debug: switch(flags.debug, "DEBUG", script.debug)?,
            log: path(flags.log, "LOG", script.log).map(absolute),
            nph: switch(nph, "NPH", script.nph)?,
            image: switch(images.image, "IMAGE", script.image)?,
            cache_dir: path(images.cache_dir, "CACHE_DIR", None),
            max_age: images
                .max_age
                .or(number("MAX_AGE")?)
                .or(script.max_age)
                .unwrap_or(MAX_AGE),
            max_restores: images
                .max_restores
                .or(number("MAX_RESTORES")?)
                .or(script.max_restores)
                .unwrap_or(u64::MAX),
            warm_up: images
                .warm_up
                .or_else(|| Some(twin("WARM_UP")?.to_string_lossy().into_owned()))
                .or(script.warm_up),
            watch: match (images.watch, twin("WATCH")) {
                (flags, _) if !flags.is_empty() => flags,
                (_, Some(twin)) => std::env::split_paths(&twin).collect(),
                _ => script.watch,
            }
            .into_iter()
            .map(absolute)
            .collect(),
            record: match path(record, "RECORD", script.record).map(absolute) {
                None => None,
                Some(folder) => Some(Record {
                    folder,
                    files: record_files
                        .map(u64::from)
                        .or(number("RECORD_FILES")?)
                        .or(script.record_files)
                        .unwrap_or(Record::FILES)
                        .max(1),
                    bytes: record_bytes
                        .or(number("RECORD_BYTES")?)
                        .or(script.record_bytes)
                        .unwrap_or(Record::BYTES),
                    secrets: switch(record_secrets, "RECORD_SECRETS", script.record_secrets)?,
                }),
            },
        })
    }
}

/// Whether the script's name asks for NPH, as RFC 3875, section 5 leaves to the server and every
/// server decides by.
#[must_use]
pub fn is_nph(environment: &MetaVariables) -> bool {
    ["SCRIPT_FILENAME", "SCRIPT_NAME"]
        .iter()
        .filter_map(|name| environment.get(name))
        .any(|path| {
            let path = Path::new(OsStr::from_bytes(path));
            path.file_name()
                .is_some_and(|name| name.as_bytes().starts_with(b"nph-"))
        })
}

fn refuse_unknown(environment: &MetaVariables) -> Result<()> {
    let known = || TWINS.into_iter().chain([OF_THE_ACTION]);
    for (name, _) in environment.iter() {
        if let Some(twin) = name.strip_prefix(b"WSGI_CGI_")
            && !known().any(|known| known.as_bytes() == twin)
        {
            bail!(
                "unknown variable `{}`: the known ones are WSGI_CGI_{}",
                name.escape_ascii(),
                known().collect::<Vec<_>>().join(", WSGI_CGI_")
            );
        }
    }
    Ok(())
}

/// RFC 3875, section 4.1.13: "" or a path with a leading slash; what follows has a slash of its own.
fn as_mount(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|&byte| byte != b'/');
    let path = &path[..end.map_or(0, |last| last + 1)];
    match path {
        [] | [b'/', ..] | AUTO => path.to_vec(),
        _ => [b"/", path].concat(),
    }
}

fn parse_number(name: &str, value: &OsStr) -> Result<u64> {
    match value.to_str().and_then(|text| text.parse().ok()) {
        Some(number) => Ok(number),
        None => bail!("WSGI_CGI_{name}=`{}` is no number", value.display()),
    }
}

fn parse_switch(name: &str, value: &OsStr) -> Result<bool> {
    is_on(value.as_bytes()).with_context(|| {
        let value = value.to_string_lossy().to_ascii_lowercase();
        format!("WSGI_CGI_{name}=`{value}` is neither on nor off")
    })
}

/// What the value of a switch says, if it is one.
#[must_use]
pub fn is_on(value: &[u8]) -> Option<bool> {
    match value.to_ascii_lowercase().as_slice() {
        b"1" | b"true" | b"yes" | b"on" => Some(true),
        b"0" | b"false" | b"no" | b"off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Options;

    fn environment(pairs: &[(&str, &str)]) -> MetaVariables {
        MetaVariables::from_pairs(
            pairs
                .iter()
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())),
        )
    }

    fn decide(flags: Options, pairs: &[(&str, &str)], script: &str) -> Result<Config> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("app.cgi");
        std::fs::write(&file, script).expect("a file");
        Config::decide(flags, &environment(pairs), App::file(file))
    }

    const SCRIPT: &str =
        "#!/usr/local/bin/wsgi-cgi\n# /// script\n# [tool.wsgi-cgi]\n# venv = \"/script\"\n# ///\n";

    #[test]
    fn the_flag_wins_then_the_environment_then_the_script() {
        let flags = Options {
            venv: Some("/flag".into()),
            ..Options::default()
        };
        let pairs = [("REDIRECT_WSGI_CGI_VENV", "/environment")];
        let venv = |config: Result<Config>| config.expect("decided").venv;
        assert_eq!(venv(decide(flags, &pairs, SCRIPT)), Some("/flag".into()));
        assert_eq!(
            venv(decide(Options::default(), &pairs, SCRIPT)),
            Some("/environment".into())
        );
        assert_eq!(
            venv(decide(Options::default(), &[], SCRIPT)),
            Some("/script".into())
        );
        assert_eq!(venv(decide(Options::default(), &[], "")), None);
    }

    #[test]
    fn an_unknown_variable_is_named() {
        let error = decide(Options::default(), &[("WSGI_CGI_VNEV", "x")], "").expect_err("a typo");
        assert!(error.to_string().contains("`WSGI_CGI_VNEV`"), "{error}");
    }

    #[test]
    fn a_mount_is_empty_or_has_its_slash_in_front_only() {
        for (given, expected) in [
            ("/", ""),
            ("/shop", "/shop"),
            ("shop", "/shop"),
            ("/shop/", "/shop"),
            ("//a//b//", "//a//b"),
        ] {
            let config = decide(Options::default(), &[("WSGI_CGI_SCRIPT_NAME", given)], "");
            let mount = config.expect("decided").script_name.expect("given");
            assert_eq!(mount, expected.as_bytes(), "{given}");
        }
    }

    #[test]
    fn a_switch_is_on_or_off() {
        let debug = |value| decide(Options::default(), &[("WSGI_CGI_DEBUG", value)], "");
        assert!(debug("On").expect("on").debug);
        assert!(!debug("0").expect("off").debug);
        assert!(debug("maybe").is_err());
    }

    #[test]
    fn requests_are_kept_where_it_is_said() {
        let record = |pairs: &[(&str, &str)], script| {
            decide(Options::default(), pairs, script).map(|config| config.record)
        };
        assert_eq!(record(&[], "").expect("decided"), None);
        let script =
            "# /// script\n# [tool.wsgi-cgi]\n# record = \"/r\"\n# record-files = 3\n# ///\n";
        let of_script = record(&[("WSGI_CGI_RECORD_BYTES", "9")], script).expect("decided");
        let wanted = Record {
            folder: "/r".into(),
            files: 3,
            bytes: 9,
            secrets: false,
        };
        assert_eq!(of_script, Some(wanted));
        assert!(record(&[("WSGI_CGI_RECORD_FILES", "many")], script).is_err());
    }

    #[test]
    fn a_script_named_nph_is_one() {
        assert!(is_nph(&environment(&[(
            "SCRIPT_NAME",
            "/cgi-bin/nph-stream.cgi"
        )])));
        assert!(!is_nph(&environment(&[(
            "SCRIPT_NAME",
            "/nph-dir/stream.cgi"
        )])));
    }
}
