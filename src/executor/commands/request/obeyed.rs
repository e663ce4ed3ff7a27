//! Variables that Python, the loader of programs, the C library, a shell or this program obey: a file
//! that somebody else may have written has no say in them.

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

/// In capital letters, as some of them are obeyed in either kind.
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

fn is_obeyed(name: &[u8]) -> bool {
    let mut name = name;
    while let Some(rest) = name.strip_prefix(b"REDIRECT_") {
        name = rest;
    }
    let capital = name.to_ascii_uppercase();
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        // The client's own fields are not obeyed: `HTTP_PROXY` is removed elsewhere (CVE-2016-5385).
        || (!name.starts_with(b"HTTP_") || capital == b"HTTP_PROXY")
            && ENDINGS.iter().any(|ending| capital.ends_with(ending))
}

/// What every server gives, or this program was told there: that it is another here needs no word.
fn is_usual(name: &[u8]) -> bool {
    let names = [&b"PATH"[..], b"HOME", b"USER", b"LOGNAME", b"SHELL"];
    names.contains(&name) || name.starts_with(b"WSGI_CGI_")
}

/// Puts this process's own values in the place of those that the file has.
pub(super) fn put_own(meta: &mut MetaVariables, environment: &MetaVariables, file: &str) {
    let mut names: Vec<Vec<u8>> = meta.iter().map(|(name, _)| name.to_vec()).collect();
    names.retain(|name| is_obeyed(name));
    names.sort();
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
            "{file}: not taken from the file, as programs obey them: {} (where one is wanted: --set \
             NAME=VALUE)",
            others.join(", ")
        ));
    }
}
