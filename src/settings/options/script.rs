//! The options in the script itself: inline script metadata (PEP 723), table `[tool.wsgi-cgi]`.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Result, anyhow};
use toml::{Table, Value};

use super::block::{block_line, quoted};
use super::table::{Kind, Row, TABLE};
use super::values::Values;
use crate::did_you_mean;
use crate::permissions::user;

/// Reads them from the script, which has to be readable anyhow; relative paths are relative to its folder.
///
/// # Errors
/// For a script that is missing or not readable, and a block that is not understood.
pub fn of_script(script: &Path) -> Result<Values> {
    let (values, wrong) = valid_options(script);
    let first = wrong.into_iter().next();
    first.map_or(Ok(values), |invalid| Err(invalid.error))
}

/// Something in the block that is not understood.
#[derive(Debug)]
pub struct Invalid {
    /// What is wrong.
    pub error: anyhow::Error,
    /// The line that mends it, if it is known.
    pub mended: Option<String>,
}

impl From<anyhow::Error> for Invalid {
    fn from(error: anyhow::Error) -> Self {
        Self {
            error,
            mended: None,
        }
    }
}

/// The options that are valid, and what is wrong with each that is not.
#[must_use]
pub fn valid_options(script: &Path) -> (Values, Vec<Invalid>) {
    let text = match fs::read(script) {
        Ok(text) => text,
        Err(error) => return (Values::default(), vec![unreadable(script, &error).into()]),
    };
    // A server may have passed the file name without a folder.
    let path = std::path::absolute(script).unwrap_or_else(|_| script.to_owned());
    let mut values = Values::default();
    let mut wrong = Vec::new();
    let table = match find_block(&text) {
        None => return (values, wrong),
        Some(block) => block.and_then(|block| ours(&block)),
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    match table {
        Ok(table) => {
            for (key, value) in &table {
                if let Err(error) = understand(key, value, folder, &mut values) {
                    wrong.push(error);
                }
            }
        }
        Err(error) => wrong.push(error),
    }
    let name = script.display();
    let named = wrong.into_iter().map(|Invalid { error, mended }| Invalid {
        error: error.context(format!("`{name}`")),
        mended,
    });
    (values, named.collect())
}

/// The table of ours in a block.
fn ours(block: &str) -> Result<Table, Invalid> {
    let mut table: Table = block
        .parse()
        .map_err(|error: toml::de::Error| anyhow!("{}", error.message()))?;
    if let Some(name) = table.keys().find(|name| is_ours(name)) {
        return Err(no_effect(name));
    }
    let tools = table.get_mut("tool").and_then(Value::as_table_mut);
    let Some(tools) = tools else {
        return Ok(Table::new());
    };
    if let Some(name) = tools.keys().find(|name| is_ours(name) && *name != OURS) {
        return Err(no_effect(&format!("tool.{name}")));
    }
    match tools.remove(OURS) {
        None => Ok(Table::new()),
        Some(Value::Table(ours)) => Ok(ours),
        Some(_) => Err(Invalid {
            error: anyhow!(
                "`tool.wsgi-cgi` must be a section: write the line `# [tool.wsgi-cgi]`, and the options below it"
            ),
            mended: Some(TITLE.to_owned()),
        }),
    }
}

/// The first line of our table.
const TITLE: &str = "# [tool.wsgi-cgi]";

fn no_effect(name: &str) -> Invalid {
    Invalid {
        error: anyhow!("[{name}] has no effect: write [tool.wsgi-cgi]"),
        mended: Some(TITLE.to_owned()),
    }
}

const OURS: &str = "wsgi-cgi";

/// Whether it is the table's name in another spelling: `wsgi_cgi`, `WSGI-CGI`, `wsgicgi`.
fn is_ours(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters
        .map(|letter| letter.to_ascii_lowercase())
        .eq("wsgicgi".chars())
}

fn understand(key: &str, value: &Value, folder: &Path, values: &mut Values) -> Result<(), Invalid> {
    let Some(row) = TABLE.into_iter().find(|row| row.name == key) else {
        let known = TABLE.map(|row| row.name);
        let mended = match (did_you_mean::meant(key, known), toml_of(value)) {
            (Some(meant), Some(value)) => format!("# {meant} = {value}"),
            (Some(meant), None) => format!("# {meant} = ..."),
            (None, _) => format!("remove the line `# {key} = ...`"),
        };
        return Err(Invalid {
            error: anyhow!(
                "[tool.wsgi-cgi]: unknown key `{key}`: {}",
                did_you_mean::suggestion(key, &known, "")
            ),
            mended: Some(mended),
        });
    };
    let list = match value {
        Value::Array(list) if row.is_list() => &list[..],
        one => std::slice::from_ref(one),
    };
    for one in list {
        let value = value_of(row, one, folder).map_err(|expected| Invalid {
            error: anyhow!("[tool.wsgi-cgi]: {key} = {}: {expected}", shown(one)),
            mended: meant_by(row, one),
        })?;
        values.push(row, value);
    }
    Ok(())
}

/// The line of an option with the value that was meant: of another type.
fn meant_by(row: &Row, value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        _ => toml_of(value)?,
    };
    let understood = row.understood(text.as_ref()).ok()?;
    block_line(row, std::iter::once(understood.as_os_str())).ok()?
}

/// A simple value as it is written; `None` for others.
fn toml_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(quoted(text)),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(is_on) => Some(is_on.to_string()),
        Value::Array(list) => {
            let list: Option<Vec<String>> = list.iter().map(toml_of).collect();
            Some(format!("[{}]", list?.join(", ")))
        }
        Value::Table(_) | Value::Datetime(_) => None,
    }
}

/// A value about as it was written.
fn shown(value: &Value) -> String {
    toml_of(value).unwrap_or_else(|| match value {
        Value::Datetime(time) => time.to_string(),
        _ => "{...}".into(),
    })
}

fn value_of(row: &Row, value: &Value, folder: &Path) -> Result<OsString, &'static str> {
    let text = match (row.kind, value) {
        (Kind::Switch, Value::Boolean(is_on)) => is_on.to_string(),
        (Kind::Whole(_) | Kind::Seconds, Value::Integer(number)) => number.to_string(),
        (Kind::Seconds, Value::Float(number)) => number.to_string(),
        (Kind::Switch, _) => return Err("true or false is expected"),
        (Kind::Whole(_) | Kind::Seconds, _) => return Err("a number without quotes is expected"),
        (_, Value::String(text)) if row.is_path() => {
            return row.understood(folder.join(text).as_os_str());
        }
        (_, Value::String(text)) => text.clone(),
        _ => return Err("a string in quotes is expected"),
    };
    row.understood(text.as_ref())
}

/// PEP 723: from `# /// script` to `# ///`, each line a comment. `None` without such a block.
pub(super) fn find_block(text: &[u8]) -> Option<Result<String, Invalid>> {
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
            Err(_) => {
                return Some(Err(anyhow!(
                    "the block `# /// script` is not UTF-8: save the script as UTF-8"
                )
                .into()));
            }
        }
        block.push('\n');
    }
    Some(Err(Invalid {
        error: anyhow!("the block `# /// script` has no closing line `# ///`"),
        mended: Some("# ///".to_owned()),
    }))
}

fn unreadable(script: &Path, error: &std::io::Error) -> anyhow::Error {
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
            "{} may not read `{path}`: `chmod a+r` the file and `chmod a+x` the folders above it",
            user()
        ),
        ErrorKind::IsADirectory => anyhow!("`{path}` is a folder: name the file in it"),
        _ => anyhow!("`{path}` cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{NPH, PYTHON_PATH, TIMEOUT, VENV};
    use super::*;

    fn read(text: &str) -> Result<Values> {
        let folder = tempfile::tempdir().expect("a folder");
        let script = folder.path().join("app.cgi");
        fs::write(&script, text).expect("a file");
        of_script(&script)
    }

    fn block(lines: &str) -> String {
        format!("#!/usr/local/bin/wsgi-cgi\n# /// script\n{lines}# ///\nimport x\n")
    }

    #[track_caller]
    fn is_refused(lines: &str, expected: &str) {
        let text = block(&format!("# [tool.wsgi-cgi]\n# {lines}\n"));
        let error = format!("{:#}", read(&text).expect_err("refused"));
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn every_option_may_be_in_the_script() {
        for row in TABLE {
            let value = match row.kind {
                Kind::Switch => "true",
                Kind::Whole(_) | Kind::Seconds => "7",
                Kind::Words | Kind::Paths | Kind::AbsolutePaths => "[\"/a\", \"/b\"]",
                Kind::Text | Kind::Path | Kind::AbsolutePath => "\"/a\"",
            };
            let text = block(&format!("# [tool.wsgi-cgi]\n# {} = {value}\n", row.name));
            let values = read(&text).expect("understood");
            let wanted = match row.kind {
                Kind::Switch => "on",
                Kind::Whole(_) | Kind::Seconds => "7",
                _ => "/a",
            };
            assert_eq!(values.text(row), Some(wanted.into()), "{}", row.name);
        }
    }

    #[test]
    fn several_options_beside_other_metadata() {
        let options = read(&block(
            "# dependencies = [\"flask\"]\n#\n# [tool.wsgi-cgi]\n# venv = \"/v\"\n\
             # python-path = [\"/a\", \"/b\"]\n# timeout = 2.5\n# nph = false\n",
        ))
        .expect("understood");
        assert_eq!(options.path(&VENV), Some("/v".into()));
        assert_eq!(
            options.paths(&PYTHON_PATH),
            [Path::new("/a"), Path::new("/b")]
        );
        assert_eq!(options.seconds(&TIMEOUT), Some(2.5));
        assert!(options.has(&NPH) && !options.is_on(&NPH));
    }

    #[test]
    fn relative_paths_are_relative_to_the_script() {
        let options =
            read(&block("# [tool.wsgi-cgi]\n# venv = \"../venv\"\n")).expect("understood");
        let venv = options.path(&VENV).expect("given");
        assert!(
            venv.is_absolute() && venv.ends_with("../venv"),
            "{}",
            venv.display()
        );
    }

    #[test]
    fn an_invalid_value_is_named() {
        is_refused("vnev = \"x\"", "`vnev`: did you mean `venv`?");
        is_refused("script_name = \"/\"", "did you mean `script-name`?");
        is_refused("colour = 1", "`colour`: the known ones are python, ");
        is_refused("timeout = 0", "timeout = 0: a positive number");
        is_refused(
            "timeout = \"3\"",
            "timeout = \"3\": a number without quotes",
        );
        is_refused("debug = \"on\"", "true or false");
        is_refused("venv = 3", "a string in quotes");
        is_refused("python-path = [3]", "a string in quotes");
        is_refused("record-files = 0", "a whole number of 1 or more");
    }

    #[test]
    fn the_line_that_mends_an_invalid_value_is_known() {
        for (written, mended) in [
            ("vnev = \"x\"", Some("# venv = \"x\"")),
            (
                "python_path = [\"a\", \"b\"]",
                Some("# python-path = [\"a\", \"b\"]"),
            ),
            ("colour = 1", Some("remove the line `# colour = ...`")),
            ("timeout = \"3\"", Some("# timeout = 3")),
            ("debug = \"on\"", Some("# debug = true")),
            ("venv = 3", Some("# venv = \"3\"")),
            ("timeout = 0", None),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let script = folder.path().join("app.cgi");
            fs::write(&script, block(&format!("# [tool.wsgi-cgi]\n# {written}\n")))
                .expect("a file");
            let (_, wrong) = valid_options(&script);
            let found: Vec<_> = wrong
                .iter()
                .map(|invalid| invalid.mended.as_deref())
                .collect();
            assert_eq!(found, [mended], "{written}");
        }
    }

    #[test]
    fn a_misspelt_name_of_our_table_is_an_error() {
        for (written, said) in [
            (
                "[tool.wsgi_cgi]",
                "[tool.wsgi_cgi] has no effect: write [tool.wsgi-cgi]",
            ),
            ("[wsgi-cgi]", "[wsgi-cgi] has no effect"),
        ] {
            let text = block(&format!("# {written}\n# timeout = 3\n"));
            let error = format!("{:#}", read(&text).expect_err("refused"));
            assert!(error.contains(said), "{error}");
        }
        let others = block("# [tool.uwsgi]\n# timeout = 3\n");
        assert_eq!(read(&others).expect("fine"), Values::default());
    }

    #[test]
    fn a_script_without_a_block_has_no_options() {
        assert_eq!(read("print(1)\n").expect("fine"), Values::default());
        assert_eq!(
            read("x = '# /// script'\n").expect("fine"),
            Values::default()
        );
    }

    #[test]
    fn a_block_without_an_end_is_an_error() {
        let error = read("# /// script\n# [tool.wsgi-cgi]\nimport x\n").expect_err("no end");
        assert!(
            format!("{error:#}").contains("has no closing line"),
            "{error:#}"
        );
    }
}
