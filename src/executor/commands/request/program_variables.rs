//! Environment variables that change how Python, the dynamic loader, the C library, a shell or this
//! program work. They are not taken from a recorded request, which somebody else may have written.

use exchange::MetaVariables;
use process::report;

const PREFIXES: [&[u8]; 30] = [
    b"AWS_",
    b"BASH_",
    b"CURL_",
    b"DYLD_",
    b"GIT_",
    b"GLIBC_",
    b"JAVA_",
    b"JDK_",
    b"KRB5",
    b"LD_",
    b"LESS",
    b"MALLOC_",
    b"MPL",
    b"NODE_",
    b"NPM_",
    b"ODBC",
    b"OPENSSL_",
    b"PERL",
    b"PG",
    b"PIP_",
    b"PYTHON",
    b"REQUESTS_",
    b"RUBY",
    b"SSH_",
    b"SSL_CERT_",
    b"SUDO_",
    b"WERKZEUG_",
    b"WSGI_CGI_",
    b"XDG_",
    b"_JAVA_",
];

/// Compared in capital letters, as programs read some of them in lower case too.
const ENDINGS: [&[u8]; 5] = [
    b"_PROXY",
    b"_CA_BUNDLE",
    b"_ASKPASS",
    b"_SETTINGS_MODULE",
    b"RC",
];

const NAMES: [&[u8]; 30] = [
    b"PATH",
    b"HOME",
    b"VIRTUAL_ENV",
    b"USER",
    b"LOGNAME",
    b"SHELL",
    b"ENV",
    b"IFS",
    b"CDPATH",
    b"SHELLOPTS",
    b"BASHOPTS",
    b"PS4",
    b"GCONV_PATH",
    b"GETCONF_DIR",
    b"LOCPATH",
    b"NLSPATH",
    b"HOSTALIASES",
    b"LOCALDOMAIN",
    b"RESOLV_HOST_CONF",
    b"RES_OPTIONS",
    b"SSLKEYLOGFILE",
    b"KUBECONFIG",
    b"TZDIR",
    b"TMPDIR",
    b"TEMP",
    b"TMP",
    b"EDITOR",
    b"VISUAL",
    b"PAGER",
    b"BROWSER",
];

fn changes_programs(name: &[u8]) -> bool {
    let mut name = name;
    while let Some(rest) = name.strip_prefix(b"REDIRECT_") {
        name = rest;
    }
    let capital = name.to_ascii_uppercase();
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        // The client's header fields change nothing; `HTTP_PROXY` is removed elsewhere (CVE-2016-5385).
        || (!name.starts_with(b"HTTP_") || capital == b"HTTP_PROXY")
            && ENDINGS.iter().any(|ending| capital.ends_with(ending))
}

/// Variables that every server sets, and settings of this program: that they differ here is not reported.
fn is_usual(name: &[u8]) -> bool {
    let names = [&b"PATH"[..], b"HOME", b"USER", b"LOGNAME", b"SHELL"];
    names.contains(&name) || name.starts_with(b"WSGI_CGI_")
}

/// Replaces the values from the file with those of this process.
pub(super) fn keep_own_values(meta: &mut MetaVariables, environment: &MetaVariables, file: &str) {
    let mut names: Vec<Vec<u8>> = meta.iter().map(|(name, _)| name.to_vec()).collect();
    names.retain(|name| changes_programs(name));
    names.sort_unstable();
    names.dedup();
    let mut others = Vec::new();
    for name in names {
        let text = String::from_utf8_lossy(&name).into_owned();
        let before = meta.value(&name).map(<[u8]>::to_vec);
        let own = environment.value(&name).map(<[u8]>::to_vec);
        if before == own {
            continue;
        }
        meta.remove(&text);
        if let Some(own) = own {
            meta.set(&text, own);
        }
        if !is_usual(&name) {
            others.push(text);
        }
    }
    if !others.is_empty() {
        report::log(&format!(
            "{file}: ignored these variables, which change how programs run: {} (set one with \
             --set NAME=VALUE)",
            others.join(", ")
        ));
    }
}
