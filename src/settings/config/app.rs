//! Which application: `FILE[:CALLABLE]`, `MODULE[:CALLABLE]` or `config:FILE.ini[#NAME]`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// An application, named but not yet looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Where it is.
    pub source: Source,
    /// What in there it is, if that was said.
    pub callable: Option<Callable>,
}

/// Where an application is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file of any name.
    File(PathBuf),
    /// A module that the import system finds.
    Module(String),
    /// An application of a PasteDeploy configuration.
    PasteDeploy {
        /// The ini file.
        file: PathBuf,
        /// The section's name; `main` when not given.
        name: Option<String>,
    },
}

/// A dotted name, or a factory call: `create_app()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callable {
    /// The names between the dots.
    pub path: Vec<String>,
    /// Whether the application is what this function returns.
    pub factory: bool,
}

impl App {
    /// The application in a file that is known to be one.
    #[must_use]
    pub fn file(path: PathBuf) -> Self {
        Self {
            source: Source::File(path),
            callable: None,
        }
    }

    /// Parses what was given for APP. What has a `/` or names an existing file is a file.
    ///
    /// # Errors
    /// For what is neither a path nor a module's name.
    pub fn parse(text: &OsStr) -> Result<Self> {
        if let Some(rest) = text.as_bytes().strip_prefix(b"config:") {
            return Ok(Self::paste_deploy(rest));
        }
        if Path::new(text).is_file() {
            return Ok(Self::file(text.into()));
        }
        let (place, callable) = match text.as_bytes().iter().rposition(|&byte| byte == b':') {
            Some(colon) => {
                let (place, callable) = text.as_bytes().split_at(colon);
                (OsStr::from_bytes(place), Callable::parse(&callable[1..]))
            }
            None => (text, None),
        };
        if place.len() < text.len() && callable.is_none() {
            bail!(
                "`{}`: what follows the colon must be a name, a dotted name or a call such as \
                 `create_app()`",
                text.display()
            );
        }
        // Who writes `app.py` means a file, whether it is there or not; `mysite.wsgi` is Django's module.
        let ends_as_a_file = [&b".py"[..], b".cgi"]
            .iter()
            .any(|ending| place.as_bytes().ends_with(ending));
        if ends_as_a_file || place.as_bytes().contains(&b'/') || Path::new(place).is_file() {
            return Ok(Self {
                source: Source::File(place.into()),
                callable,
            });
        }
        match place
            .to_str()
            .filter(|name| name.split('.').all(is_identifier))
        {
            Some(name) => Ok(Self {
                source: Source::Module(name.to_owned()),
                callable,
            }),
            None => bail!(
                "`{}` is neither an existing file nor the name of a module",
                place.display()
            ),
        }
    }

    fn paste_deploy(rest: &[u8]) -> Self {
        let (file, name) = match rest.iter().position(|&byte| byte == b'#') {
            Some(hash) => (
                &rest[..hash],
                Some(String::from_utf8_lossy(&rest[hash + 1..])),
            ),
            None => (rest, None),
        };
        let file = PathBuf::from(OsString::from_vec(file.to_vec()));
        let name = name.map(std::borrow::Cow::into_owned);
        Self {
            source: Source::PasteDeploy { file, name },
            callable: None,
        }
    }

    /// The file or module of the application, as it is named in the log.
    #[must_use]
    pub fn place(&self) -> &OsStr {
        match &self.source {
            Source::File(file) | Source::PasteDeploy { file, .. } => file.as_os_str(),
            Source::Module(name) => OsStr::new(name),
        }
    }

    /// The same with an absolute path, so that it stays right when the working directory changes.
    #[must_use]
    pub fn absolute(mut self) -> Self {
        if let Source::File(path) | Source::PasteDeploy { file: path, .. } = &mut self.source
            && let Ok(absolute) = std::path::absolute(&*path)
        {
            *path = absolute;
        }
        self
    }

    /// As words that are handed from the program to the executor: one encoder, one decoder.
    pub(crate) fn words(&self) -> [OsString; 3] {
        let (kind, place, section) = match &self.source {
            Source::File(path) => ("file", path.as_os_str(), None),
            Source::Module(name) => ("module", OsStr::new(name), None),
            Source::PasteDeploy { file, name } => (
                "config",
                file.as_os_str(),
                name.as_ref().map(|name| format!("#{name}")),
            ),
        };
        let callable = self
            .callable
            .as_ref()
            .map(|callable| format!(":{callable}"));
        let what = callable.or(section).unwrap_or_default();
        [kind.into(), place.to_owned(), what.into()]
    }

    /// What those words say; none where they are of another version.
    pub(crate) fn from_words([kind, place, what]: &[OsString; 3]) -> Option<Self> {
        let path = PathBuf::from(place);
        let what = what.to_str()?;
        let callable = what
            .strip_prefix(':')
            .map(|callable| Callable::parse(callable.as_bytes()));
        let source = match kind.to_str()? {
            "file" => Source::File(path),
            "module" => Source::Module(place.to_str()?.to_owned()),
            "config" => Source::PasteDeploy {
                file: path,
                name: what.strip_prefix('#').map(str::to_owned),
            },
            _ => return None,
        };
        Some(Self {
            source,
            callable: callable.flatten(),
        })
    }

    /// The folder whose `.venv` or `venv` is used, and that comes first on `sys.path`: the file's,
    /// or the working directory.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        match &self.source {
            Source::File(path) | Source::PasteDeploy { file: path, .. } => match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            },
            Source::Module(_) => PathBuf::from("."),
        }
    }
}

impl Callable {
    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let name = text.strip_suffix("()");
        let path: Vec<String> = name.unwrap_or(text).split('.').map(str::to_owned).collect();
        let good = path.iter().all(|part| is_identifier(part));
        good.then_some(Self {
            path,
            factory: name.is_some(),
        })
    }
}

impl fmt::Display for Callable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path.join("."))?;
        f.write_str(if self.factory { "()" } else { "" })
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Module(name) => f.write_str(name),
            Source::PasteDeploy { file, .. } => write!(f, "{}", file.display()),
        }
    }
}

/// Whether Python takes it for a name. (Beyond ASCII, Python's own check has the last word.)
fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|c| c == '_' || c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<App> {
        App::parse(OsStr::new(text))
    }

    #[allow(clippy::unnecessary_wraps, reason = "compared with an optional field")]
    fn callable(path: &[&str], factory: bool) -> Option<Callable> {
        Some(Callable {
            path: path.iter().map(ToString::to_string).collect(),
            factory,
        })
    }

    #[test]
    fn a_slash_makes_a_file_and_a_bare_name_a_module() {
        let app = parse("./site.wsgi:app").expect("a file");
        assert_eq!(app.source, Source::File("./site.wsgi".into()));
        assert_eq!(app.callable, callable(&["app"], false));
        let app = parse("mysite.wsgi:application").expect("a module");
        assert_eq!(app.source, Source::Module("mysite.wsgi".into()));
        assert_eq!(parse("flaskr").expect("a module").callable, None);
        let app = parse("missing.py:app").expect("a file");
        assert_eq!(app.source, Source::File("missing.py".into()));
    }

    #[test]
    fn callables_are_dotted_or_called() {
        let app = parse("m:pkg.obj.attr").expect("dotted");
        assert_eq!(app.callable, callable(&["pkg", "obj", "attr"], false));
        assert_eq!(
            parse("m:create_app()").expect("called").callable,
            callable(&["create_app"], true)
        );
        for bad in ["m:", "m:a-b", "m:f(1)", "m:a..b", "m:1a"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_existing_file_is_a_file_whatever_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let odd = folder.path().join("odd:name");
        std::fs::write(&odd, "").expect("a file");
        assert_eq!(App::parse(odd.as_os_str()).expect("a file"), App::file(odd));
    }

    #[test]
    fn an_app_survives_encoding() {
        for text in [
            "config:/srv/site.ini#main",
            "config:/srv/site.ini",
            "/srv/a#b:app",
            "wsgiref.simple_server:demo_app",
            "site:make.create_app()",
            "/srv/app.py",
        ] {
            let app = parse(text).expect("an application");
            assert_eq!(App::from_words(&app.words()), Some(app), "{text}");
        }
        assert_eq!(
            App::from_words(&["more".into(), "".into(), "".into()]),
            None
        );
    }

    #[test]
    fn a_paste_deploy_configuration_may_name_its_section() {
        let named = parse("config:/srv/site.ini#admin").expect("a configuration");
        let file = PathBuf::from("/srv/site.ini");
        assert_eq!(
            named.source,
            Source::PasteDeploy {
                file: file.clone(),
                name: Some("admin".into())
            }
        );
        assert_eq!(named.folder(), Path::new("/srv"));
        assert_eq!(
            parse("config:/srv/site.ini")
                .expect("a configuration")
                .source,
            Source::PasteDeploy { file, name: None }
        );
    }
}
