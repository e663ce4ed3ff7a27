//! What was decided: the options that were said become one [`Config`].

mod app;
mod record;
mod unnamed;

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::options::{self, CgiOptions, Values};
use exchange::{AUTO, MetaVariables};

pub use app::{App, Callable, Source};
pub use record::Record;
pub(crate) use unnamed::find_application;

/// The settings of one exchange.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
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
    /// `exchange::AUTO`, which takes it from the URL.
    pub script_name: Option<Vec<u8>>,
    /// How long the request may take.
    pub timeout: Option<Duration>,
    /// Whether the client sees tracebacks.
    pub debug: bool,
    /// The error log, where it is not standard error.
    pub log: Option<PathBuf>,
    /// Whether each entry of the error log is a JSON object.
    pub json_log: bool,
    /// The access log, if one was set.
    pub access_log: Option<PathBuf>,
    /// Whether the response is a whole HTTP one, whatever the script is called.
    pub nph: bool,
    /// Which requests are kept, if any are.
    pub record: Option<Record>,
    /// The folder for images, if one was named.
    pub cache_dir: Option<PathBuf>,
    /// Whether requests are answered from an image.
    pub image: bool,
    /// How long an image is used, in seconds.
    pub max_age: u64,
    /// How many requests are answered from an image.
    pub max_restores: u64,
    /// Paths that are requested from the application before an image is made.
    pub warm_up: Vec<String>,
    /// Further files that make an image stale when they change.
    pub watch: Vec<PathBuf>,
}

impl Config {
    /// Decides: the flags that were typed, then the environment, then the application's own script.
    ///
    /// # Errors
    /// For a script that cannot be read, an invalid value, and an unknown name.
    pub fn decide(
        flags: impl Into<CgiOptions>,
        environment: &MetaVariables,
        app: App,
    ) -> Result<Self> {
        let app = app.absolute();
        let values = said(flags, environment, &app)?;
        Ok(Self::of(app, &values))
    }

    /// The settings of an application with these options.
    #[must_use]
    pub fn of(app: App, values: &Values) -> Self {
        let path = |row| values.path(row);
        Self {
            app,
            python: path(&options::PYTHON),
            venv: path(&options::VENV),
            python_path: values.paths(&options::PYTHON_PATH),
            chdir: path(&options::CHDIR),
            script_name: values
                .text(&options::SCRIPT_NAME)
                .map(|path| as_mount(&path.into_vec())),
            timeout: values
                .seconds(&options::TIMEOUT)
                .map(Duration::from_secs_f64),
            debug: values.is_on(&options::DEBUG),
            log: path(&options::LOG),
            json_log: values.is_on(&options::JSON_LOG),
            access_log: path(&options::ACCESS_LOG),
            nph: values.is_on(&options::NPH),
            image: values.is_on(&options::IMAGE),
            cache_dir: path(&options::CACHE_DIR),
            max_age: values.whole(&options::MAX_AGE).unwrap_or(u64::MAX),
            max_restores: values.whole(&options::MAX_RESTORES).unwrap_or(u64::MAX),
            warm_up: values.words_of(&options::WARM_UP),
            watch: values.paths(&options::WATCH),
            record: path(&options::RECORD).map(|folder| Record {
                folder,
                files: values.whole(&options::RECORD_FILES).unwrap_or(u64::MAX),
                bytes: values.whole(&options::RECORD_BYTES).unwrap_or(u64::MAX),
                secrets: values.is_on(&options::RECORD_SECRETS),
            }),
        }
    }
}

/// The options of an application, wherever they were said. Paths become absolute in the working
/// directory as the server set it, whatever --chdir says.
///
/// # Errors
/// As [`Config::decide`].
pub(crate) fn said(
    flags: impl Into<CgiOptions>,
    environment: &MetaVariables,
    app: &App,
) -> Result<Values> {
    let flags = flags.into().0;
    let variables = Values::of_environment(environment)?;
    let script = match &app.source {
        Source::File(path) => options::of_script(path)?,
        Source::Module(_) | Source::PasteDeploy { .. } => Values::default(),
    };
    let said = flags.or(variables).or(script);
    Ok(said.for_this_request(environment).absolute())
}

/// Whether the script's name asks for NPH: RFC 3875, section 5 leaves the choice to the server, and every
/// server goes by the name of the file. The URL counts only where the file is not known: a client may have
/// chosen a part of it.
#[must_use]
pub fn is_nph(environment: &MetaVariables) -> bool {
    ["SCRIPT_FILENAME", "SCRIPT_NAME"]
        .iter()
        .find_map(|name| environment.get(name))
        .is_some_and(|path| {
            let path = Path::new(OsStr::from_bytes(path));
            path.file_name()
                .is_some_and(|name| name.as_bytes().starts_with(b"nph-"))
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    use crate::cli::Cgi;
    use clap::Parser as _;

    fn environment(pairs: &[(&str, &str)]) -> MetaVariables {
        MetaVariables::from_pairs(
            pairs
                .iter()
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())),
        )
    }

    fn decide(flags: &[&str], pairs: &[(&str, &str)], keys: &[&str]) -> Result<Config> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("app.cgi");
        let mut script = String::from("# /// script\n# [tool.wsgi-cgi]\n");
        for key in keys {
            _ = writeln!(script, "# {key}");
        }
        std::fs::write(&file, script + "# ///\n").expect("a file");
        let typed = Cgi::try_parse_from([&["wsgi-cgi"], flags].concat())?;
        Config::decide(typed.options, &environment(pairs), App::file(file))
    }

    #[test]
    fn the_flag_wins_then_the_environment_then_the_script() {
        let flag = ["--venv=/flag"];
        let variable = [("REDIRECT_WSGI_CGI_VENV", "/environment")];
        let key = ["venv = \"/script\""];
        let venv = |config: Result<Config>| config.expect("decided").venv;
        assert_eq!(venv(decide(&flag, &variable, &key)), Some("/flag".into()));
        assert_eq!(
            venv(decide(&[], &variable, &key)),
            Some("/environment".into())
        );
        assert_eq!(venv(decide(&[], &[], &key)), Some("/script".into()));
        assert_eq!(venv(decide(&[], &[], &[])), None);
    }

    #[test]
    fn a_variable_can_switch_off_what_the_script_switches_on() {
        let debug = |pairs: &[(&str, &str)]| {
            let config = decide(&[], pairs, &["debug = true"]);
            config.expect("decided").debug
        };
        assert!(debug(&[]));
        assert!(!debug(&[("WSGI_CGI_DEBUG", "off")]));
    }

    #[test]
    fn an_unknown_variable_is_named() {
        let error = decide(&[], &[("WSGI_CGI_VNEV", "x")], &[]).expect_err("a typo");
        assert!(error.to_string().contains("`WSGI_CGI_VNEV`"), "{error}");
    }

    #[test]
    fn an_invalid_variable_is_named_with_its_value() {
        let error = decide(&[], &[("WSGI_CGI_DEBUG", "maybe")], &[]).expect_err("neither");
        assert_eq!(
            error.to_string(),
            "WSGI_CGI_DEBUG=`maybe`: `on` or `off` is expected"
        );
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
            let config = decide(&[], &[("WSGI_CGI_SCRIPT_NAME", given)], &[]);
            let mount = config.expect("decided").script_name.expect("given");
            assert_eq!(mount, expected.as_bytes(), "{given}");
        }
    }

    #[test]
    fn requests_are_kept_where_it_is_said() {
        let record = |pairs: &[(&str, &str)], keys: &[&str]| {
            decide(&[], pairs, keys).map(|config| config.record)
        };
        assert_eq!(record(&[], &[]).expect("decided"), None);
        let keys = ["record = \"/r\"", "record-files = 3"];
        let of_script = record(&[("WSGI_CGI_RECORD_BYTES", "9")], &keys).expect("decided");
        let wanted = Record {
            folder: "/r".into(),
            files: 3,
            bytes: 9,
            secrets: false,
        };
        assert_eq!(of_script, Some(wanted));
        assert!(record(&[("WSGI_CGI_RECORD_FILES", "many")], &keys).is_err());
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
        // An alias, or a web server that does not split the URL.
        assert!(!is_nph(&environment(&[
            ("SCRIPT_NAME", "/nph-shop"),
            ("SCRIPT_FILENAME", "/srv/shop.cgi"),
        ])));
    }
}
