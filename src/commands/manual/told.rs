//! What a manual page has beyond the help: variables, files, exit statuses, examples, other pages.

/// What is told of one command.
pub(super) struct Told {
    name: &'static str,
    /// Where the help has no more than a title.
    pub(super) description: &'static str,
    /// Whether the options of the table can be given as variables.
    pub(super) obeys_variables: bool,
    pub(super) environment: &'static [(&'static str, &'static str)],
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Where the help has no paragraph on it.
    pub(super) statuses: &'static str,
    /// A command, and what it does.
    pub(super) examples: &'static [(&'static str, &'static str)],
    others: &'static [&'static str],
}

type Item = (&'static str, &'static str);

const VIRTUAL_ENV: Item = (
    "VIRTUAL_ENV",
    "The virtual environment whose Python and packages are used where `--python` and `--venv` name none. A \
     shell sets it that has activated one.",
);
const CACHE: Item = (
    "XDG_CACHE_HOME, HOME",
    "Where the user's own cache is, which keeps images and compiled modules.",
);
const OF_PYTHON: Item = (
    "PYTHONPATH, PYTHONHASHSEED, ...",
    "Python's own variables, as python3(1) has them.",
);

const SCRIPT_BLOCK: Item = (
    "APP",
    "Where it is a file, a comment in it may hold options: `# /// script`, `# [tool.wsgi-cgi]`, a line such as \
     `# timeout = 30` for each, `# ///`. Paths are relative to the file.",
);
const VENV: Item = (
    ".venv, venv",
    "The virtual environment that is used where none is named: beside the application, or one folder above.",
);
const STORE: Item = (
    "~/.cache/wsgi-cgi, /var/cache/wsgi-cgi/UID",
    "Images and compiled modules: in the user's own cache, else in a folder for the number of the user \
     that root has made ready with `install -d -m 1733 /var/cache/wsgi-cgi`. `--cache-dir` names another.",
);
const EXECUTOR: Item = (
    "../lib/wsgi-cgi/_wsgi_cgi.abi3.so",
    "What the program loads into Python; also looked for beside the program, and among the packages of the \
     environment that the program was installed in.",
);

const DONE_OR_NOT: &str = "0 when it was done, 1 when it could not be done (standard error says why), 2 for a wrong command line.";

const PROGRAM: Told = Told {
    name: "wsgi-cgi",
    description: "",
    obeys_variables: true,
    environment: &[
        (
            "GATEWAY_INTERFACE, REQUEST_METHOD",
            "A web server sets them. Where one of them is there, the program answers a request, and nothing of its \
             command line is taken for a command. All other variables of RFC 3875 describe the request.",
        ),
        (
            "WSGI_CGI_APP",
            "The application, where the program itself, not a script, is in the server's cgi-bin.",
        ),
        (
            "WSGI_CGI_SCRIPTS",
            "The names that scripts have behind Apache's `Action`, separated by colons; `*` stands for anything. \
             Otherwise they are `*.wsgi` and `*.py`.",
        ),
        VIRTUAL_ENV,
        CACHE,
        OF_PYTHON,
    ],
    files: &[
        (
            "SCRIPT",
            "Its first line names this program: `#!/usr/local/bin/wsgi-cgi`, with options if need be. A comment \
             in it may hold options too: `# /// script`, `# [tool.wsgi-cgi]`, a line such as \
             `# timeout = 30` for each, `# ///`. Paths are relative to the script.",
        ),
        VENV,
        STORE,
        EXECUTOR,
    ],
    statuses: "0 when the application has answered; 1 when the answer was an error page, or was cut short; 2 \
               for a wrong command line, or where there is no request; 143 when SIGTERM has ended the request.",
    examples: &[
        (
            "wsgi-cgi request app.py /",
            "What an application answers, without a server:",
        ),
        (
            "wsgi-cgi install apache app.py",
            "The script for an application, and what Apache has to be told:",
        ),
        (
            "wsgi-cgi doctor /usr/lib/cgi-bin/app.cgi",
            "Why a script is not served:",
        ),
        (
            "source <(wsgi-cgi completions bash)",
            "Completions for the shell that you sit at:",
        ),
    ],
    others: &["python3(1)"],
};

const COMMANDS: [Told; 9] = [
    Told {
        name: "request",
        description: "",
        obeys_variables: true,
        environment: &[VIRTUAL_ENV, OF_PYTHON],
        files: &[
            SCRIPT_BLOCK,
            VENV,
            (
                "DIR/*.request",
                "Requests that `--record` has kept, for `--replay`: text that can be read and written by hand, a \
                 line NAME=VALUE for each variable, an empty line, the body.",
            ),
        ],
        statuses: "",
        examples: &[
            (
                "wsgi-cgi request app.py /upload -F photo=@me.jpg",
                "A form with a file:",
            ),
            (
                "wsgi-cgi request app.py /api --json '{\"a\": 1}' -X PUT -i",
                "JSON, and the head of the answer too:",
            ),
            (
                "wsgi-cgi request --as apache --env app.py",
                "What the application would see below Apache:",
            ),
            (
                "wsgi-cgi request --pdb app.py /broken",
                "The debugger, where an exception was raised:",
            ),
        ],
        others: &["curl(1)", "python3(1)"],
    },
    Told {
        name: "check",
        description: "",
        obeys_variables: true,
        environment: &[VIRTUAL_ENV, OF_PYTHON],
        files: &[SCRIPT_BLOCK, VENV],
        statuses: "",
        examples: &[
            (
                "wsgi-cgi check --rules",
                "All rules, and where each of them is written:",
            ),
            (
                "wsgi-cgi check --json --safe app.py",
                "For a program, and without a request that may change something:",
            ),
        ],
        others: &["python3(1)"],
    },
    Told {
        name: "serve",
        description: "",
        obeys_variables: true,
        environment: &[
            VIRTUAL_ENV,
            OF_PYTHON,
            (
                "LISTEN_FDS, LISTEN_PID",
                "systemd sets them: the sockets that it hands over are listened at.",
            ),
            (
                "NOTIFY_SOCKET",
                "systemd sets it: it is told when requests are answered, and when no more are.",
            ),
        ],
        files: &[SCRIPT_BLOCK, VENV, STORE],
        statuses: "0 when Ctrl-C or SIGTERM has ended it, 2 where it has not started: a wrong command line, a \
                   port in use, an application that cannot be found; 143 when a second signal ended it before \
                   all was answered.",
        examples: &[
            (
                "wsgi-cgi serve --port 0 --open app.py",
                "At any free port, and shown in the browser:",
            ),
            (
                "wsgi-cgi serve --log-format json app.py",
                "With an access log for programs:",
            ),
        ],
        others: &["systemd.socket(5)", "python3(1)"],
    },
    Told {
        name: "image",
        description: "",
        obeys_variables: true,
        environment: &[CACHE],
        files: &[
            (
                "SCRIPT",
                "Its first line or its block has the option: `#!/usr/local/bin/wsgi-cgi --image`, or `image = \
                 true`.",
            ),
            STORE,
        ],
        statuses: DONE_OR_NOT,
        examples: &[
            (
                "wsgi-cgi image make /usr/lib/cgi-bin/app.cgi",
                "The image of a script, ahead of its first request; as the user of the web server:",
            ),
            (
                "wsgi-cgi image status --explain /usr/lib/cgi-bin/app.cgi",
                "Why there is none, and what it takes to restore one:",
            ),
            (
                "wsgi-cgi image drop",
                "All images of this user are removed:",
            ),
        ],
        others: &[],
    },
    Told {
        name: "precompile",
        description: "",
        obeys_variables: true,
        environment: &[VIRTUAL_ENV, CACHE, OF_PYTHON],
        files: &[
            SCRIPT_BLOCK,
            (
                "__pycache__",
                "Compiled modules beside their source, where this user may write there.",
            ),
            STORE,
        ],
        statuses: DONE_OR_NOT,
        examples: &[(
            "wsgi-cgi precompile /usr/lib/cgi-bin/app.cgi",
            "All modules that a script loads, as the user of the web server:",
        )],
        others: &["python3(1)"],
    },
    Told {
        name: "doctor",
        description: "",
        obeys_variables: false,
        environment: &[CACHE],
        files: &[
            (
                "doctor.cgi",
                "A script whose only line is the first line of yours: the same as a page.",
            ),
            (
                ".htdoctor-WORD",
                "Beside it: who knows the word may see the page, for a day.",
            ),
        ],
        statuses: "0 when nothing is wrong, 1 when something is, 2 for a wrong command line.",
        examples: &[
            (
                "wsgi-cgi doctor /usr/lib/cgi-bin/app.cgi",
                "What keeps a script from being served:",
            ),
            (
                "wsgi-cgi doctor --json",
                "The machine alone, for a program:",
            ),
        ],
        others: &[],
    },
    Told {
        name: "install",
        description: "",
        obeys_variables: false,
        environment: &[
            (
                "VIRTUAL_ENV",
                "The virtual environment that is written into the script, where `--venv` names none.",
            ),
            ("HOME", "Where `host` looks for the folder of the pages."),
        ],
        files: &[
            (
                "/usr/lib/cgi-bin, /var/www/cgi-bin, /srv/www/cgi-bin, ...",
                "Where scripts of `apache`, `lighttpd` and `nginx` are written to without `--to`.",
            ),
            (
                "~/public_html, ~/www, ~/htdocs, ...",
                "Where `host` writes the script without `--to`, and the `.htaccess` that goes with it.",
            ),
        ],
        statuses: DONE_OR_NOT,
        examples: &[(
            "wsgi-cgi install lighttpd site.py:app --url /shop --config shop.conf",
            "The script answers below /shop, and what lighttpd has to be told is in a file:",
        )],
        others: &["apache2(8)", "lighttpd(8)", "nginx(8)", "fcgiwrap(8)"],
    },
    Told {
        name: "help",
        description: "Prints what `--help` prints. With `--man` it is a manual page, such as this one.",
        obeys_variables: false,
        environment: &[("COLUMNS", "How wide the help is, 80 at most.")],
        files: &[(
            "share/man/man1",
            "The folder below a prefix, such as /usr/local, where man(1) looks for these pages.",
        )],
        statuses: DONE_OR_USAGE,
        examples: &[
            (
                "wsgi-cgi help --man request | man -l -",
                "The manual page of a command, where none is installed:",
            ),
            (
                "wsgi-cgi help --man serve >/usr/local/share/man/man1/wsgi-cgi-serve.1",
                "The same as a file that `man wsgi-cgi-serve` finds:",
            ),
        ],
        others: &["man(1)"],
    },
    Told {
        name: "completions",
        description: "Prints what has a shell complete the words of a command line: commands, options, their values, \
                      and names of files where these are expected. The printed text asks this program at each Tab \
                      what can come next, so it stays right when the program is replaced.",
        obeys_variables: false,
        environment: &[(
            "HOME",
            "What `~` is short for, where the program was typed so.",
        )],
        files: &[
            (
                "/usr/local/share/bash-completion/completions/wsgi-cgi",
                "Where bash looks for it, once the package bash-completion is there.",
            ),
            (
                "/usr/local/share/zsh/site-functions/_wsgi-cgi",
                "Where zsh looks for it.",
            ),
            (
                "~/.config/fish/completions/wsgi-cgi.fish",
                "Where fish looks for it.",
            ),
        ],
        statuses: DONE_OR_USAGE,
        examples: &[
            (
                "source <(wsgi-cgi completions bash)",
                "In ~/.bashrc, for bash; with `zsh` in ~/.zshrc, below `autoload -U compinit; compinit`, for zsh:",
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

impl Told {
    /// Of the command of that name, else of the program.
    pub(super) fn of(name: &str) -> Self {
        COMMANDS
            .into_iter()
            .find(|told| told.name == name)
            .unwrap_or(PROGRAM)
    }

    /// All pages but this one, and those of others.
    pub(super) fn see_also(&self) -> String {
        let ours = COMMANDS.iter().filter(|_| self.name == PROGRAM.name);
        let ours = ours.map(|told| format!("`wsgi-cgi-{}`(1)", told.name));
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
