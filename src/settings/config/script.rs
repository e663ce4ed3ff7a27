//! The script's own settings: inline script metadata (PEP 723), table `[tool.wsgi-cgi]`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

/// What a script may say about itself; relative paths are relative to its folder.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ScriptOptions {
    pub(super) python: Option<PathBuf>,
    pub(super) venv: Option<PathBuf>,
    pub(super) python_path: Vec<PathBuf>,
    pub(super) chdir: Option<PathBuf>,
    pub(super) script_name: Option<String>,
    pub(super) timeout: Option<f64>,
    pub(super) debug: Option<bool>,
    pub(super) log: Option<PathBuf>,
    pub(super) nph: Option<bool>,
    pub(super) record: Option<PathBuf>,
    pub(super) record_files: Option<u64>,
    pub(super) record_bytes: Option<u64>,
    pub(super) record_secrets: Option<bool>,
    /// Whether requests are answered from an image.
    pub image: Option<bool>,
    pub(super) max_age: Option<u64>,
    pub(super) max_restores: Option<u64>,
    pub(super) warm_up: Option<String>,
    pub(super) watch: Vec<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    tool: Tools,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tools {
    #[serde(rename = "wsgi-cgi")]
    wsgi_cgi: Option<ScriptOptions>,
}

impl ScriptOptions {
    /// Reads them from the script, which has to be readable anyhow.
    ///
    /// # Errors
    /// For a script that is missing or not readable, and a block that is not understood.
    pub fn read(script: &Path) -> Result<Self> {
        let text = match fs::read(script) {
            Ok(text) => text,
            Err(error) => return Err(unreadable(script, &error)),
        };
        let Some(block) = find_block(&text) else {
            return Ok(Self::default());
        };
        let block = block.with_context(|| format!("`{}`", script.display()))?;
        let metadata: Metadata = toml::from_str(&block).map_err(|error| {
            anyhow!(
                "`{}`: [tool.wsgi-cgi]: {}",
                script.display(),
                error.message()
            )
        })?;
        let mut options = metadata.tool.wsgi_cgi.unwrap_or_default();
        if options
            .timeout
            .is_some_and(|seconds| !(seconds > 0.0 && seconds <= 1e9))
        {
            bail!(
                "`{}`: [tool.wsgi-cgi]: timeout must be a positive number",
                script.display()
            );
        }
        let folder = script.parent().unwrap_or(Path::new(""));
        for path in [
            &mut options.python,
            &mut options.venv,
            &mut options.chdir,
            &mut options.log,
            &mut options.record,
        ]
        .into_iter()
        .flatten()
        {
            *path = folder.join(&path);
        }
        for path in options.python_path.iter_mut().chain(&mut options.watch) {
            *path = folder.join(&path);
        }
        Ok(options)
    }
}

/// PEP 723: from `# /// script` to `# ///`, each line a comment. `None` without such a block.
fn find_block(text: &[u8]) -> Option<Result<String>> {
    const START: &[u8] = b"# /// script";
    let start = memchr::memmem::find_iter(text, START).find(|&start| {
        let after = text.get(start + START.len()).copied();
        (start == 0 || text[start - 1] == b'\n') && matches!(after, None | Some(b'\n' | b'\r'))
    })?;
    let mut block = String::new();
    for line in text[start..].split(|&byte| byte == b'\n').skip(1) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let content = match line {
            b"# ///" => return Some(Ok(block)),
            b"#" => b"",
            [b'#', b' ', content @ ..] => content,
            _ => break,
        };
        match std::str::from_utf8(content) {
            Ok(content) => block.push_str(content),
            Err(_) => return Some(Err(anyhow!("the script metadata is not UTF-8"))),
        }
        block.push('\n');
    }
    Some(Err(anyhow!(
        "the block that begins with `# /// script` is not ended by `# ///`"
    )))
}

fn unreadable(script: &Path, error: &std::io::Error) -> anyhow::Error {
    let user = rustix::process::geteuid().as_raw();
    let path = script.display();
    match error.kind() {
        ErrorKind::NotFound => {
            let folder = std::env::current_dir().unwrap_or_default();
            anyhow!(
                "there is no file `{path}` (working directory `{}`)",
                folder.display()
            )
        }
        ErrorKind::PermissionDenied => anyhow!(
            "user {user} may not read `{path}`: `chmod a+r` the file and `chmod a+x` the folders \
             above it"
        ),
        ErrorKind::IsADirectory => anyhow!("`{path}` is a folder: name the file in it"),
        _ => anyhow!("`{path}` cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ScriptOptions> {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("app.cgi");
        fs::write(&script, text).expect("a file");
        ScriptOptions::read(&script)
    }

    fn block(lines: &str) -> String {
        format!("#!/usr/local/bin/wsgi-cgi\n# /// script\n{lines}# ///\nimport x\n")
    }

    #[test]
    fn every_option_may_be_in_the_script() {
        let options = read(&block(
            "# dependencies = [\"flask\"]\n#\n# [tool.wsgi-cgi]\n# venv = \"/v\"\n\
             # python-path = [\"/a\", \"/b\"]\n# chdir = \"/c\"\n# script-name = \"/s\"\n\
             # timeout = 2.5\n# debug = true\n# log = \"/l\"\n# nph = false\n",
        ))
        .expect("understood");
        assert_eq!(options.venv, Some("/v".into()));
        assert_eq!(options.python_path, [Path::new("/a"), Path::new("/b")]);
        assert_eq!(options.timeout, Some(2.5));
        assert_eq!(options.nph, Some(false));
    }

    #[test]
    fn relative_paths_are_relative_to_the_script() {
        let options =
            read(&block("# [tool.wsgi-cgi]\n# venv = \"../venv\"\n")).expect("understood");
        let venv = options.venv.expect("given");
        assert!(
            venv.is_absolute() && venv.ends_with("../venv"),
            "{}",
            venv.display()
        );
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = read(&block("# [tool.wsgi-cgi]\n# vnev = \"x\"\n")).expect_err("a typo");
        assert!(error.to_string().contains("`vnev`"), "{error}");
    }

    #[test]
    fn a_script_without_a_block_says_nothing() {
        assert!(read("print(1)\n").expect("fine").venv.is_none());
        assert!(read("x = '# /// script'\n").expect("fine").venv.is_none());
    }

    #[test]
    fn a_block_without_an_end_is_an_error() {
        let error = read("# /// script\n# [tool.wsgi-cgi]\nimport x\n").expect_err("no end");
        assert!(format!("{error:#}").contains("is not ended"), "{error:#}");
    }
}
