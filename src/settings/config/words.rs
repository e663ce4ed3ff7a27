//! The settings of an exchange as words of a command line, for the executor: they are decided once, by the
//! program. One encoder, one decoder.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{App, Callable, Config, Record, Source};

impl Config {
    /// The settings as words, `name=value` or a name alone.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let mut to = Words(Vec::new());
        match &self.app.source {
            Source::File(file) => to.value("file", file),
            Source::Module(name) => to.value("module", name),
            Source::PasteDeploy { file, name } => {
                to.value("paste", file);
                to.option("paste-name", name.as_ref());
            }
        }
        if let Some(callable) = &self.app.callable {
            to.value("callable", callable.path.join("."));
            to.switch("factory", callable.factory);
        }
        to.option("python", self.python.as_ref());
        to.option("venv", self.venv.as_ref());
        for folder in &self.python_path {
            to.value("python-path", folder);
        }
        to.option("chdir", self.chdir.as_ref());
        to.option(
            "script-name",
            self.script_name.as_deref().map(OsStr::from_bytes),
        );
        to.number("timeout", self.timeout.map(|timeout| timeout.as_nanos()));
        to.switch("debug", self.debug);
        to.option("log", self.log.as_ref());
        to.switch("nph", self.nph);
        if let Some(record) = &self.record {
            to.value("record", &record.folder);
            to.number("record-files", Some(record.files));
            to.number("record-bytes", Some(record.bytes));
            to.switch("record-secrets", record.secrets);
        }
        to.option("cache-dir", self.cache_dir.as_ref());
        to.switch("image", self.image);
        to.number("max-age", Some(self.max_age));
        to.number("max-restores", Some(self.max_restores));
        to.option("warm-up", self.warm_up.as_ref());
        for file in &self.watch {
            to.value("watch", file);
        }
        to.0
    }

    /// What those words say.
    ///
    /// # Errors
    /// For words of another version.
    pub fn from_words(words: &[OsString]) -> Result<Self> {
        let mut from = Read(words.iter().map(|word| split(word)).collect());
        let source = match (from.path("file"), from.text("module"), from.path("paste")) {
            (Some(file), ..) => Source::File(file),
            (_, Some(module), _) => Source::Module(module),
            (_, _, Some(file)) => Source::PasteDeploy {
                file,
                name: from.text("paste-name"),
            },
            _ => bail!("the program hands on no application"),
        };
        let callable = from.text("callable").map(|path| Callable {
            path: path.split('.').map(str::to_owned).collect(),
            factory: from.switch("factory"),
        });
        let config = Self {
            app: App { source, callable },
            python: from.path("python"),
            venv: from.path("venv"),
            python_path: from.paths("python-path"),
            chdir: from.path("chdir"),
            script_name: from.value("script-name").map(OsString::into_vec),
            timeout: from.number("timeout")?.map(Duration::from_nanos),
            debug: from.switch("debug"),
            log: from.path("log"),
            nph: from.switch("nph"),
            record: match from.path("record") {
                Some(folder) => Some(Record {
                    folder,
                    files: from.number("record-files")?.unwrap_or(Record::FILES),
                    bytes: from.number("record-bytes")?.unwrap_or(Record::BYTES),
                    secrets: from.switch("record-secrets"),
                }),
                None => None,
            },
            cache_dir: from.path("cache-dir"),
            image: from.switch("image"),
            max_age: from.number("max-age")?.context("max-age")?,
            max_restores: from.number("max-restores")?.context("max-restores")?,
            warm_up: from.text("warm-up"),
            watch: from.paths("watch"),
        };
        match from.0.first() {
            None => Ok(config),
            Some((name, _)) => bail!("the program hands on `{}`", name.display()),
        }
    }
}

struct Words(Vec<OsString>);

impl Words {
    fn switch(&mut self, name: &str, is_on: bool) {
        if is_on {
            self.0.push(name.into());
        }
    }

    fn value(&mut self, name: &str, value: impl AsRef<OsStr>) {
        let mut word = OsString::from(name);
        word.push("=");
        word.push(value);
        self.0.push(word);
    }

    fn option(&mut self, name: &str, value: Option<impl AsRef<OsStr>>) {
        if let Some(value) = value {
            self.value(name, value);
        }
    }

    fn number(&mut self, name: &str, value: Option<impl ToString>) {
        self.option(name, value.map(|value| value.to_string()));
    }
}

fn split(word: &OsStr) -> (&OsStr, &OsStr) {
    let bytes = word.as_bytes();
    match bytes.iter().position(|&byte| byte == b'=') {
        Some(equals) => (
            OsStr::from_bytes(&bytes[..equals]),
            OsStr::from_bytes(&bytes[equals + 1..]),
        ),
        None => (word, OsStr::new("")),
    }
}

/// What was not asked for yet.
struct Read<'a>(Vec<(&'a OsStr, &'a OsStr)>);

impl Read<'_> {
    fn value(&mut self, name: &str) -> Option<OsString> {
        let place = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(place).1.to_owned())
    }

    fn switch(&mut self, name: &str) -> bool {
        self.value(name).is_some()
    }

    fn path(&mut self, name: &str) -> Option<PathBuf> {
        self.value(name).map(PathBuf::from)
    }

    fn paths(&mut self, name: &str) -> Vec<PathBuf> {
        std::iter::from_fn(|| self.path(name)).collect()
    }

    fn text(&mut self, name: &str) -> Option<String> {
        Some(self.value(name)?.to_string_lossy().into_owned())
    }

    fn number(&mut self, name: &str) -> Result<Option<u64>> {
        let value = self.text(name);
        let number = value.map(|value| value.parse().with_context(|| name.to_owned()));
        number.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exchange::MetaVariables;

    use crate::cli::CgiOptions;

    fn plain(app: App) -> Config {
        let none = MetaVariables::default();
        Config::decide(CgiOptions::default(), &none, app).expect("decided")
    }

    /// As it is shown: the settings have nothing that could be told apart otherwise.
    #[track_caller]
    fn arrives(config: &Config) {
        let arrived = Config::from_words(&config.words()).expect("understood");
        assert_eq!(format!("{arrived:?}"), format!("{config:?}"));
    }

    #[test]
    fn the_settings_arrive() {
        let app = |text: &str| App::parse(text.as_ref()).expect("an application");
        let least = plain(app("wsgiref.simple_server:demo_app"));
        arrives(&least);
        arrives(&plain(app("module:site.create_app()")));
        let all = Config {
            app: App {
                source: Source::PasteDeploy {
                    file: OsStr::from_bytes(b"/srv/=\xff.ini").into(),
                    name: Some("main".into()),
                },
                callable: None,
            },
            python: Some("/usr/bin/python3".into()),
            venv: Some("/srv/a=b".into()),
            python_path: vec!["/one".into(), "/two".into()],
            chdir: Some("/srv".into()),
            script_name: Some(Vec::new()),
            timeout: Some(Duration::from_secs_f64(0.25)),
            debug: true,
            log: Some("/log".into()),
            nph: true,
            record: Some(Record {
                folder: "/record".into(),
                files: 3,
                bytes: 0,
                secrets: true,
            }),
            cache_dir: Some("/cache".into()),
            image: true,
            max_age: 7,
            max_restores: u64::MAX,
            warm_up: Some("/?a=b".into()),
            watch: vec!["/watched".into()],
        };
        arrives(&all);
    }

    #[test]
    fn what_is_unknown_is_refused() {
        let mut words = plain(App::file("/dev/null".into())).words();
        words.push("more=1".into());
        let error = Config::from_words(&words).expect_err("refused").to_string();
        assert!(error.contains("`more`"), "{error}");
    }
}
