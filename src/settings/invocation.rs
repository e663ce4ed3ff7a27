//! Who wrote which argument, decided before any is parsed. RFC 3875, section 4.4 lets a server
//! pass the words of an indexed query to the script, so in a CGI request the tail of argv is the
//! client's: php-cgi took it for options and became CVE-2012-1823.
//!
//! The kernel's word comes first (AT_EXECFN names the script of a `#!` line), then the server's
//! (SCRIPT_FILENAME); a client can write neither.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use exchange::MetaVariables;
use percent_encoding::percent_decode;

/// How the server started this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Through the script's `#!` line, which carries at most one argument.
    HashBang {
        /// That argument, not yet split.
        argument: Option<OsString>,
        /// The script, as the kernel got it.
        script: PathBuf,
    },
    /// Through the server's interpreter setting: options, then the script.
    Interpreter {
        /// What stands before the client's words.
        arguments: Vec<OsString>,
    },
    /// The program itself is the CGI script: all of argv comes from the client.
    Direct,
}

/// What the decision depends on besides the meta-variables, in one place so that tests can provide it.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// argv without the program's name.
    pub arguments: Vec<OsString>,
    /// The file that the kernel was asked to execute (AT_EXECFN).
    pub executed: PathBuf,
    /// This very program.
    pub program: PathBuf,
    /// Whether two paths lead to one file.
    pub is_same_file: fn(&Path, &Path) -> bool,
}

impl Evidence {
    /// The evidence about a process with those arguments, where the kernel was asked to execute
    /// `executed` and ran `program`.
    #[must_use]
    pub fn new(arguments: Vec<OsString>, executed: PathBuf, program: PathBuf) -> Self {
        Self {
            arguments,
            executed,
            program,
            is_same_file,
        }
    }

    /// Applies the rule.
    #[must_use]
    pub fn decide(&self, meta: &MetaVariables) -> Invocation {
        if let Some((argument, script)) = self.hash_bang() {
            return Invocation::HashBang { argument, script };
        }
        match script_filename(meta) {
            Some(path) if self.is_this_program(path) => return Invocation::Direct,
            None if meta.get_redirected("WSGI_CGI_APP").is_some() => {
                return Invocation::Direct;
            }
            _ => {}
        }
        // The client's words follow the script, whose name a query may be too.
        let mut arguments = self.arguments.clone();
        if let Some(place) = arguments
            .iter()
            .position(|argument| self.is_the_script(argument, meta))
        {
            arguments.truncate(place + 1);
            return Invocation::Interpreter { arguments };
        }
        let query = meta.get("QUERY_STRING").unwrap_or_default();
        Invocation::Interpreter {
            arguments: without_indexed_words(arguments, query),
        }
    }

    /// The kernel runs `interpreter [argument] script words...` for `script words...`.
    fn hash_bang(&self) -> Option<(Option<OsString>, PathBuf)> {
        let executed = self.executed.as_path();
        if self.is_this_program(executed) {
            return None;
        }
        match self.arguments.as_slice() {
            [first, ..] if first == executed => Some((None, executed.to_owned())),
            [first, second, ..] if second == executed => {
                Some((Some(first.clone()), executed.to_owned()))
            }
            _ => None,
        }
    }

    fn is_the_script(&self, argument: &OsStr, meta: &MetaVariables) -> bool {
        script_filename(meta).is_some_and(|script| {
            argument == script || (self.is_same_file)(Path::new(argument), script)
        })
    }

    fn is_this_program(&self, path: &Path) -> bool {
        // It may have been replaced since it was started, so that its name is another file's.
        (self.is_same_file)(path, &self.program)
            || (self.is_same_file)(path, Path::new("/proc/self/exe"))
    }
}

fn script_filename(meta: &MetaVariables) -> Option<&Path> {
    meta.get("SCRIPT_FILENAME")
        .map(|path| Path::new(OsStr::from_bytes(path)))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| {
        std::fs::metadata(path)
            .map(|file| (file.dev(), file.ino()))
            .ok()
    };
    identity(one).is_some_and(|identity_of_one| Some(identity_of_one) == identity(other))
}

/// Drops from the end of argv the words of an indexed query: one without `=`, split at `+`, each
/// word decoded. Apache also escapes them for a shell, mini_httpd leaves an empty last one out,
/// CPython's server passes all of them as one argument.
fn without_indexed_words(mut arguments: Vec<OsString>, query: &[u8]) -> Vec<OsString> {
    if query.is_empty() || query.contains(&b'=') {
        return arguments;
    }
    let words: Vec<Vec<u8>> = query.split(|&byte| byte == b'+').map(decode).collect();
    let shorter = words.strip_suffix(&[Vec::new()]).unwrap_or(&words);
    let in_one: [Vec<u8>; 1] = [query
        .iter()
        .map(|&b| if b == b'+' { b' ' } else { b })
        .collect()];
    let in_one_decoded = [decode(&in_one[0])];
    for candidate in [&words[..], shorter, &in_one, &in_one_decoded] {
        let Some(start) = arguments.len().checked_sub(candidate.len()) else {
            continue;
        };
        let ends_so = arguments[start..]
            .iter()
            .zip(candidate)
            .all(|(argument, word)| without_escapes(argument.as_bytes()) == without_escapes(word));
        if ends_so && !candidate.is_empty() {
            arguments.truncate(start);
            break;
        }
    }
    arguments
}

/// Percent-decodes a word. As an argument it ends at its first NUL.
fn decode(word: &[u8]) -> Vec<u8> {
    let mut decoded: Vec<u8> = percent_decode(word).collect();
    let end = memchr::memchr(0, &decoded).unwrap_or(decoded.len());
    decoded.truncate(end);
    decoded
}

fn without_escapes(word: &[u8]) -> Vec<u8> {
    word.iter().copied().filter(|&byte| byte != b'\\').collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROGRAM: &str = "/usr/local/bin/wsgi-cgi";
    const SCRIPT: &str = "/srv/cgi-bin/app.cgi";

    fn meta(pairs: &[(&str, &str)]) -> MetaVariables {
        MetaVariables::from_pairs(
            pairs
                .iter()
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())),
        )
    }

    fn decide(executed: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Invocation {
        Evidence {
            arguments: arguments.iter().map(OsString::from).collect(),
            executed: executed.into(),
            program: PROGRAM.into(),
            is_same_file: |one, other| one == other,
        }
        .decide(&meta(variables))
    }

    fn interpreter(arguments: &[&str]) -> Invocation {
        Invocation::Interpreter {
            arguments: arguments.iter().map(OsString::from).collect(),
        }
    }

    /// busybox httpd names the script by its name alone, lighttpd by its path; neither passes words.
    #[test]
    fn a_query_that_names_the_script_is_no_missing_script() {
        let named = ("SCRIPT_FILENAME", SCRIPT);
        for query in [SCRIPT, "%2Fsrv%2Fcgi-bin%2Fapp.cgi", "app.cgi"] {
            let query = ("QUERY_STRING", query);
            assert_eq!(
                decide(PROGRAM, &["--nph", SCRIPT], &[named, query]),
                interpreter(&["--nph", SCRIPT])
            );
            assert_eq!(
                decide(PROGRAM, &["--nph", SCRIPT, SCRIPT], &[named, query]),
                interpreter(&["--nph", SCRIPT])
            );
        }
        // Where the server does not say which file is the script, the words may be the client's.
        let query = ("QUERY_STRING", "%2Fetc%2Fpasswd");
        assert_eq!(
            decide(PROGRAM, &["/etc/passwd"], &[query]),
            interpreter(&[])
        );
    }

    #[test]
    fn a_hash_bang_line_has_one_argument_and_the_rest_is_the_clients() {
        let query = ("QUERY_STRING", "--debug");
        assert_eq!(
            decide(SCRIPT, &["--venv x", SCRIPT, "--debug"], &[query]),
            Invocation::HashBang {
                argument: Some("--venv x".into()),
                script: SCRIPT.into()
            }
        );
        assert_eq!(
            decide(SCRIPT, &[SCRIPT, "--debug"], &[query]),
            Invocation::HashBang {
                argument: None,
                script: SCRIPT.into()
            }
        );
    }

    #[test]
    fn options_of_an_interpreter_setting_count_before_the_script_only() {
        let variables = [
            ("SCRIPT_FILENAME", SCRIPT),
            ("QUERY_STRING", "--version+-c"),
        ];
        assert_eq!(
            decide(PROGRAM, &["--debug", SCRIPT, "--version", "-c"], &variables),
            interpreter(&["--debug", SCRIPT])
        );
        assert_eq!(
            decide(PROGRAM, &[SCRIPT, "not the query's word"], &variables),
            interpreter(&[SCRIPT])
        );
    }

    #[test]
    fn run_directly_argv_is_ignored_whole() {
        let direct = [
            ("SCRIPT_FILENAME", PROGRAM),
            ("QUERY_STRING", "/etc/passwd"),
        ];
        assert_eq!(
            decide(PROGRAM, &["/etc/passwd"], &direct),
            Invocation::Direct
        );
        let named = [("WSGI_CGI_APP", "app.py"), ("QUERY_STRING", "x")];
        assert_eq!(decide(PROGRAM, &["x"], &named), Invocation::Direct);
    }

    #[test]
    fn a_client_that_names_the_program_does_not_make_it_a_script() {
        let direct = [("SCRIPT_FILENAME", PROGRAM), ("QUERY_STRING", PROGRAM)];
        assert_eq!(decide(PROGRAM, &[PROGRAM], &direct), Invocation::Direct);
    }

    #[test]
    fn apache_escapes_the_words_for_a_shell() {
        let variables = [("QUERY_STRING", "--version+-c+%2Fetc%2Fpass%24wd")];
        let arguments = ["app.py", "--version", "-c", "/etc/pass\\$wd"];
        assert_eq!(
            decide(PROGRAM, &arguments, &variables),
            interpreter(&["app.py"])
        );
    }

    #[test]
    fn a_word_ends_at_its_first_nul_as_every_argument_does() {
        let variables = [("QUERY_STRING", "a+--debug%00x")];
        assert_eq!(
            decide(PROGRAM, &["app.py", "a", "--debug"], &variables),
            interpreter(&["app.py"])
        );
    }

    #[test]
    fn mini_httpd_leaves_an_empty_last_word_out_and_cpython_passes_one_argument() {
        assert_eq!(
            decide(PROGRAM, &["app.py", "-d"], &[("QUERY_STRING", "-d+")]),
            interpreter(&["app.py"])
        );
        assert_eq!(
            decide(PROGRAM, &["app.py", "-d -v"], &[("QUERY_STRING", "-d+-v")]),
            interpreter(&["app.py"])
        );
    }

    #[test]
    fn a_query_with_an_equals_sign_is_not_indexed() {
        let variables = [("QUERY_STRING", "a=app.py")];
        assert_eq!(
            decide(PROGRAM, &["app.py"], &variables),
            interpreter(&["app.py"])
        );
    }

    /// The words as each kind of server passes them.
    fn passed(query: &str, server: u8) -> Vec<OsString> {
        let words = query.split('+').map(|word| decode(word.as_bytes()));
        match server {
            0 => words
                .map(|word| OsStr::from_bytes(&word).to_owned())
                .collect(),
            1 => words
                .map(|word| {
                    let escaped = word.iter().flat_map(|&byte| {
                        let special = b"&;`'\"|*?~<>^()[]{}$\\\n".contains(&byte);
                        special.then_some(b'\\').into_iter().chain([byte])
                    });
                    OsStr::from_bytes(&escaped.collect::<Vec<_>>()).to_owned()
                })
                .collect(),
            _ => vec![OsString::from(query.replace('+', " "))],
        }
    }

    proptest! {
        /// No query of a client, however passed, becomes an option or the script.
        #[test]
        fn a_clients_words_are_never_ours(
            query in "([-a-zA-Z0-9/.\\\\$;' _]|%2[dDfF]|%3[dD]|\\+){0,40}",
            server in 0_u8..3,
            named in any::<bool>(),
        ) {
            let mut arguments: Vec<OsString> = vec!["--debug".into(), SCRIPT.into()];
            arguments.extend(if query.is_empty() { vec![] } else { passed(&query, server) });
            let mut pairs = vec![("QUERY_STRING", query.as_str())];
            if named {
                pairs.push(("SCRIPT_FILENAME", SCRIPT));
            }
            let decided = Evidence {
                arguments,
                executed: PROGRAM.into(),
                program: PROGRAM.into(),
                is_same_file: |one, other| one == other,
            }.decide(&meta(&pairs));
            prop_assert_eq!(decided, interpreter(&["--debug", SCRIPT]));
        }
    }
}
