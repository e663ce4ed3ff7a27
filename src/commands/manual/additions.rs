//! What a manual page has in addition to the help: variables, files, exit statuses, examples, other pages.

/// The additional texts for one command.
pub(super) struct Additions {
    name: &'static str,
    /// Used when the help has only a title.
    pub(super) description: &'static str,
    /// Whether the options of the table can be given as variables.
    pub(super) obeys_variables: bool,
    pub(super) environment: &'static [(&'static str, &'static str)],
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Used when the help has no paragraph about exit statuses.
    pub(super) statuses: &'static str,
    /// A command, and what it does.
    pub(super) examples: &'static [(&'static str, &'static str)],
    others: &'static [&'static str],
}

type Item = (&'static str, &'static str);

const VIRTUAL_ENV: Item = (
    "VIRTUAL_ENV",
    "The virtual environment whose Python and packages are used if neither `--python` nor `--venv` is given. \
     Activating an environment in a shell sets it.",
);
const CACHE: Item = (
    "XDG_CACHE_HOME, HOME",
    "Where the user's cache is: images and compiled modules are kept there.",
);
const OF_PYTHON: Item = (
    "PYTHONPATH, PYTHONHASHSEED, ...",
    "Python's own variables: see python3(1).",
);

const SCRIPT_BLOCK: Item = (
    "APP",
    "If it is a file, it may hold options in a comment block: the line `# /// script`, the line \
     `# [tool.wsgi-cgi]`, one line for each option, such as `# timeout = 30`, and the closing line `# ///`. \
     Paths are relative to the file.",
);
const VENV: Item = (
    ".venv, venv",
    "The virtual environment that is used by default: beside the application, or one folder above.",
);
const STORE: Item = (
    "~/.cache/wsgi-cgi, /var/cache/wsgi-cgi/UID",
    "Images and compiled modules: in the user's cache, or in a folder named after the user ID, once root has \
     run `install -d -m 1733 /var/cache/wsgi-cgi`. `--cache-dir` sets another folder.",
);
const EXECUTOR: Item = (
    "../lib/wsgi-cgi/_wsgi_cgi.abi3.so",
    "The library that the program loads into Python; also looked for beside the program, and in the packages \
     of the environment that the program was installed in.",
);

const DONE_OR_NOT: &str =
    "0 for success, 1 for a failure (standard error says why), 2 for a wrong command line.";

const PROGRAM: Additions = Additions {
    name: "wsgi-cgi",
    description: "",
    obeys_variables: true,
    environment: &[
        (
            "GATEWAY_INTERFACE, REQUEST_METHOD",
            "Set by a web server. If one of them is set, the program answers a request and does not look for a \
             command on its command line. The other variables of RFC 3875 describe the request.",
        ),
        (
            "WSGI_CGI_APP",
            "The application to run if the program itself, rather than a script, is in the \
             server's cgi-bin.",
        ),
        (
            "WSGI_CGI_SCRIPTS",
            "Patterns, separated by colons, for the names of the scripts that may be run through Apache's `Action`; \
             `*` matches anything. The default is `*.wsgi:*.py`.",
        ),
        VIRTUAL_ENV,
        CACHE,
        OF_PYTHON,
    ],
    files: &[
        (
            "SCRIPT",
            "Its first line names this program: `#!/usr/local/bin/wsgi-cgi`, with options if needed. A comment \
             in it may hold options too: `# /// script`, `# [tool.wsgi-cgi]`, a line such as \
             `# timeout = 30` for each, `# ///`. Paths are relative to the script.",
        ),
        VENV,
        STORE,
        EXECUTOR,
    ],
    statuses: "0 when the application answered; 1 when the answer was an error page or was cut short; 2 for a \
               wrong command line, or without a request; 143 when SIGTERM ended the request.",
    examples: &[
        (
            "wsgi-cgi request app.py /",
            "Show the answer of an application, without a server:",
        ),
        (
            "wsgi-cgi install apache app.py",
            "Write the script for an application, and show the configuration that Apache needs:",
        ),
        (
            "wsgi-cgi doctor /usr/lib/cgi-bin/app.cgi",
            "Find out why a script is not served:",
        ),
        (
            "source <(wsgi-cgi completions bash)",
            "Turn on completions in the current shell (bash):",
        ),
    ],
    others: &["python3(1)"],
};

const COMMANDS: [Additions; 9] = [
    Additions {
        name: "request",
        description: "",
        obeys_variables: true,
        environment: &[VIRTUAL_ENV, OF_PYTHON],
        files: &[
            SCRIPT_BLOCK,
            VENV,
            (
                "DIR/*.request",
                "Requests that `--record` has saved, for `--replay`: text that can be edited by hand, with a line \
                 NAME=VALUE for each variable, an empty line, and the body.",
            ),
        ],
        statuses: "",
        examples: &[
            (
                "wsgi-cgi request app.py /upload -F photo=@me.jpg",
                "Send a form with a file:",
            ),
            (
                "wsgi-cgi request app.py /api --json '{\"a\": 1}' -X PUT -i",
                "Send JSON, and show the head of the answer too:",
            ),
            (
                "wsgi-cgi request --as apache --env app.py",
                "Show the environment that the application would get from Apache:",
            ),
            (
                "wsgi-cgi request --pdb app.py /broken",
                "Open the debugger where an exception was raised:",
            ),
        ],
        others: &["curl(1)", "python3(1)"],
    },
    Additions {
        name: "check",
        description: "",
        obeys_variables: true,
        environment: &[VIRTUAL_ENV, OF_PYTHON],
        files: &[SCRIPT_BLOCK, VENV],
        statuses: "",
        examples: &[
            (
                "wsgi-cgi check --rules",
                "List all rules, with the specification of each:",
            ),
            (
                "wsgi-cgi check --json --safe app.py",
                "Print JSON for another program, and send only requests that change nothing:",
            ),
        ],
        others: &["python3(1)"],
    },
    Additions {
        name: "serve",
        description: "",
        obeys_variables: true,
        environment: &[
            VIRTUAL_ENV,
            OF_PYTHON,
            (
                "LISTEN_FDS, LISTEN_PID",
                "Set by systemd: the program listens on the sockets that systemd passes.",
            ),
            (
                "NOTIFY_SOCKET",
                "Set by systemd, which is notified when the program is ready and when it stops.",
            ),
        ],
        files: &[SCRIPT_BLOCK, VENV, STORE],
        statuses: "0 when Ctrl-C or SIGTERM ended it, 2 when it could not start (a wrong command line, a port in \
                   use, an application that does not exist); 130 when a second Ctrl-C, 143 when a second \
                   SIGTERM ended it before all requests were answered.",
        examples: &[
            (
                "wsgi-cgi serve --port 0 --open app.py",
                "Use any free port, and open the browser:",
            ),
            (
                "wsgi-cgi serve --log-format json app.py",
                "Write the access log as JSON:",
            ),
        ],
        others: &["systemd.socket(5)", "python3(1)"],
    },
    Additions {
        name: "image",
        description: "",
        obeys_variables: true,
        environment: &[CACHE],
        files: &[
            (
                "SCRIPT",
                "A script that asks for images, in its first line (`#!/usr/local/bin/wsgi-cgi --image`) or in its comment \
                 block `# /// script` (`image = true`).",
            ),
            STORE,
        ],
        statuses: DONE_OR_NOT,
        examples: &[
            (
                "wsgi-cgi image make /usr/lib/cgi-bin/app.cgi",
                "Make the image of a script before its first request; run this as the web server's user:",
            ),
            (
                "wsgi-cgi image status --explain /usr/lib/cgi-bin/app.cgi",
                "Show why there is no image, or each step of a restore:",
            ),
            ("wsgi-cgi image drop", "Remove all images of this user:"),
        ],
        others: &[],
    },
    Additions {
        name: "precompile",
        description: "",
        obeys_variables: true,
        environment: &[VIRTUAL_ENV, CACHE, OF_PYTHON],
        files: &[
            SCRIPT_BLOCK,
            (
                "__pycache__",
                "Compiled modules beside their source, if this user may write there.",
            ),
            STORE,
        ],
        statuses: DONE_OR_NOT,
        examples: &[(
            "wsgi-cgi precompile /usr/lib/cgi-bin/app.cgi",
            "Compile all modules that a script loads; run this as the web server's user:",
        )],
        others: &["python3(1)"],
    },
    Additions {
        name: "doctor",
        description: "",
        obeys_variables: false,
        environment: &[CACHE],
        files: &[
            (
                "doctor.cgi",
                "A script that holds only the first line of your own script. Opened in a browser, it \
                 shows doctor's findings as a web page.",
            ),
            (
                ".htdoctor-WORD",
                "A file beside `doctor.cgi`. For a day after you create it, anybody who knows WORD can \
                 open the page (`?token=WORD`).",
            ),
        ],
        statuses: "0 when nothing is wrong, 1 when something is, 2 for a wrong command line.",
        examples: &[
            (
                "wsgi-cgi doctor /usr/lib/cgi-bin/app.cgi",
                "Find out what keeps a script from being served:",
            ),
            (
                "wsgi-cgi doctor --json",
                "Examine only the machine, and print JSON for another program:",
            ),
        ],
        others: &[],
    },
    Additions {
        name: "install",
        description: "",
        obeys_variables: false,
        environment: &[
            (
                "VIRTUAL_ENV",
                "The virtual environment that is written into the script if `--venv` is not given.",
            ),
            ("HOME", "Where `host` looks for the website's folder."),
        ],
        files: &[
            (
                "/usr/lib/cgi-bin, /var/www/cgi-bin, /srv/www/cgi-bin, ...",
                "Where scripts for `apache`, `lighttpd` and `nginx` are written without `--to`.",
            ),
            (
                "~/public_html, ~/www, ~/htdocs, ...",
                "Where `host` writes the script and its `.htaccess` without `--to`.",
            ),
        ],
        statuses: DONE_OR_NOT,
        examples: &[(
            "wsgi-cgi install lighttpd site.py:app --url /shop --config shop.conf",
            "Mount the application at /shop, and write the configuration that lighttpd needs to a file:",
        )],
        others: &["apache2(8)", "lighttpd(8)", "nginx(8)", "fcgiwrap(8)"],
    },
    Additions {
        name: "help",
        description: "Prints the same as `--help`; with `--man`, a manual page such as this one.",
        obeys_variables: false,
        environment: &[("COLUMNS", "The width of the help, 80 at most.")],
        files: &[(
            "share/man/man1",
            "The folder where man(1) looks for these pages, below a prefix such as /usr/local.",
        )],
        statuses: DONE_OR_USAGE,
        examples: &[
            (
                "wsgi-cgi help --man request | man -l -",
                "Read the manual page of a command without installing it:",
            ),
            (
                "wsgi-cgi help --man serve >/usr/local/share/man/man1/wsgi-cgi-serve.1",
                "Install it, so that `man wsgi-cgi-serve` finds it:",
            ),
        ],
        others: &["man(1)"],
    },
    Additions {
        name: "completions",
        description: "Prints a script that makes a shell complete the words of a command line: commands, options, \
                      their values, and file names where these are expected. The script asks this program at \
                      each Tab what can come next, so it stays correct when the program is replaced.",
        obeys_variables: false,
        environment: &[(
            "HOME",
            "Replaces `~` in the program's path, if the path was typed with one.",
        )],
        files: &[
            (
                "/usr/local/share/bash-completion/completions/wsgi-cgi",
                "Where bash looks for the script, if the package bash-completion is installed.",
            ),
            (
                "/usr/local/share/zsh/site-functions/_wsgi-cgi",
                "Where zsh looks for the script.",
            ),
            (
                "~/.config/fish/completions/wsgi-cgi.fish",
                "Where fish looks for the script.",
            ),
        ],
        statuses: DONE_OR_USAGE,
        examples: &[
            (
                "source <(wsgi-cgi completions bash)",
                "For bash, in ~/.bashrc; for zsh, with `zsh` in place of `bash`, in ~/.zshrc below `autoload -U compinit; compinit`:",
            ),
            (
                "wsgi-cgi completions fish >~/.config/fish/completions/wsgi-cgi.fish",
                "For fish:",
            ),
        ],
        others: &["bash(1)", "zshcompsys(1)", "fish(1)"],
    },
];

const DONE_OR_USAGE: &str = "0 when it was printed, 2 for a wrong command line.";

impl Additions {
    /// The texts for the command of that name, or else for the program.
    pub(super) fn of(name: &str) -> Self {
        COMMANDS
            .into_iter()
            .find(|added| added.name == name)
            .unwrap_or(PROGRAM)
    }

    /// All other pages of this program, and related pages.
    pub(super) fn see_also(&self) -> String {
        let ours = COMMANDS.iter().filter(|_| self.name == PROGRAM.name);
        let ours = ours.map(|added| format!("`wsgi-cgi-{}`(1)", added.name));
        let program = (self.name != PROGRAM.name).then(|| "`wsgi-cgi`(1)".to_owned());
        let others = self.others.iter().map(|other| (*other).to_owned());
        program
            .into_iter()
            .chain(ours)
            .chain(others)
            .collect::<Vec<_>>()
            .join(", ")
    }
}
