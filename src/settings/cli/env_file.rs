//! `--env-file`: variables for the application from a file in the dotenv format, which other tools use too.

mod lines;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};

use crate::passed_on::passed_on;
use exchange::is_request_variable;
use lines::Lines;

/// The files with variables.
#[derive(Debug, Default, Args)]
pub struct EnvOptions {
    /// Set the variables of this file, such as .env, unless they are set already (repeatable)
    #[arg(long = "env-file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub env_files: Vec<PathBuf>,
}

impl EnvOptions {
    /// The variables, in the order of the files. Names of request variables are left out, as they are from the
    /// shell's environment.
    ///
    /// # Errors
    /// For a file that cannot be read, and an invalid line.
    pub fn variables(&self) -> Result<Vec<(String, String)>> {
        let mut variables = Vec::new();
        for file in &self.env_files {
            let shown = file.display();
            let text = fs::read_to_string(file)
                .with_context(|| format!("--env-file: cannot read `{shown}`"))?;
            // Without a final line end, the parser rejects trailing spaces.
            let text = text.trim_start_matches('\u{feff}').to_owned() + "\n";
            let lines = Lines::new(&text);
            let began = lines.began();
            for found in dotenvy::from_read_iter(lines) {
                match found {
                    Ok((name, _)) if is_left_out(&name) => {}
                    Ok((_, value)) if value.contains('\0') => {
                        bail!("--env-file: `{shown}` has a value with a NUL byte")
                    }
                    Ok(variable) => variables.push(variable),
                    Err(error) => bail!("--env-file: `{shown}`{}", place(began.get(), &error)),
                }
            }
        }
        Ok(variables)
    }
}

/// The number of the invalid line, without its content, which may be a secret.
fn place(line: usize, error: &dotenvy::Error) -> String {
    match error {
        dotenvy::Error::LineParse(..) => {
            format!(
                ", line {line}: expected NAME=VALUE, with quotes around a value of several words"
            )
        }
        error => format!(": {error}"),
    }
}

fn is_left_out(name: &str) -> bool {
    name == "GATEWAY_INTERFACE" || is_request_variable(name.as_bytes())
}

passed_on!(struct EnvOptions { env_files });

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(text: &str) -> Result<Vec<(String, String)>> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(".env");
        fs::write(&file, text).expect("written");
        let options = EnvOptions {
            env_files: vec![file],
        };
        options.variables()
    }

    #[test]
    fn lines_are_read_as_by_other_tools() {
        for (line, value) in [
            ("A=1", "1"),
            ("export A=1", "1"),
            ("  A = 1  ", "1"),
            ("A=1 # one", "1"),
            ("A=\"x # y\"", "x # y"),
            ("A='$B \\n'", "$B \\n"),
            ("A=\"a\\nb\"", "a\nb"),
            ("A=\"a\nb\"", "a\nb"),
            ("A=", ""),
            ("A=https://x/?a=b", "https://x/?a=b"),
            ("B=b\nA=${B}c", "bc"),
            ("B=b\nA=\"${B}c\"", "bc"),
            ("word=no\nA=pa$$word$1$", "pa$$word$1$"),
            ("word=no\nA=\"pa$word \\$ \\\" $\"", "pa$word $ \" $"),
            ("A='$x' # it's $5", "$x"),
            ("# don't ${\nA=$x", "$x"),
            ("A=\"a\n$x\nb\"", "a\n$x\nb"),
            ("A=a#$b", "a#$b"),
            ("\u{feff}A=1\r\n", "1"),
        ] {
            let found = variables(line).expect(line);
            let last = found.last().expect(line);
            assert_eq!((&*last.0, &*last.1), ("A", value), "{line}");
        }
        assert!(variables("# none\n\n").expect("nothing").is_empty());
    }

    #[test]
    fn request_variables_are_left_out() {
        let text = "REQUEST_METHOD=GET\nGATEWAY_INTERFACE=CGI/1.1\nHTTP_PROXY=x\nA=1";
        let found = variables(text).expect("variables");
        assert_eq!(found, [("A".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn an_invalid_line_is_reported_without_its_value() {
        for text in [
            "A=1\n\nthe secret\n",
            "A=1\n\nB=the secret\n",
            "A=1\n\nB='secret",
            "# B=a secret\nA='a secret'\nB=a secret\n",
            "A=1\n\nB='secret\nC=2\n",
            "A='1\n2'\nsecret\n",
        ] {
            let error = variables(text).expect_err(text).to_string();
            assert!(error.contains(".env`, line 3: "), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
