//! The environment that an application looks into when it answers: it is this request's, whatever
//! loading did with it. Every image here is caused by a request.

use super::{Row, row};

#[test]
fn the_environment() {
    super::check(ROWS);
}

const COOKIE: &[(&str, &str)] = &[("HTTP_COOKIE", "id=1")];
const ADA: &[(&str, &str)] = &[("REMOTE_USER", "ada")];
const BOB: &[(&str, &str)] = &[("REMOTE_USER", "bob")];
const APP: &[(&str, &str)] = &[("APP_MODE", "a")];
const THREADS: &[(&str, &str)] = &[("OMP_NUM_THREADS", "3")];
const TOKEN: &[(&str, &str)] = &[("OIDC_access_token", "first"), ("SECRET_TOKEN", "first")];
const OTHER_TOKEN: &[(&str, &str)] = &[("OIDC_access_token", "later"), ("SECRET_TOKEN", "later")];

/// Every variable that a child process sees, and every one that Python does.
macro_rules! both {
    ($id:literal, $load:literal) => {
        row(
            $id,
            concat!("import os, subprocess\n", $load),
            "(sorted(line for line in subprocess.check_output(['/usr/bin/env', '-0'], text=True, errors='replace').split('\\0') \
             if not line.startswith(('SCRIPT_FILENAME', 'WSGI_CGI_', '_='))), \
             sorted((k, v) for k, v in os.environ.items() if k != 'SCRIPT_FILENAME' and 'WSGI_CGI_' not in k))",
        )
        .first(TOKEN)
        .then(OTHER_TOKEN)
    };
}

pub(super) const ROWS: &[Row] = &[
    both!("env-untouched", "").restored(),
    both!("env-added", "os.environ['ADDED'] = '1'").restored(),
    both!("env-replaced", "os.environ['PATH'] = '/bin:/usr/bin'").restored(),
    both!(
        "env-default-set",
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site.settings')"
    )
    .restored(),
    both!(
        "env-default-of-what-is-there",
        "os.environ.setdefault('SECRET_TOKEN', 'none')"
    ),
    both!("env-updated", "os.environ.update(A='1', B='2')"),
    both!("env-in-place-union", "os.environ |= {'A': '1'}"),
    both!("env-popped", "os.environ.pop('SECRET_TOKEN', None)"),
    both!("env-popped-and-absent", "os.environ.pop('NEVER_SET', None)"),
    both!(
        "env-deleted",
        "if 'SECRET_TOKEN' in os.environ: del os.environ['SECRET_TOKEN']"
    ),
    both!(
        "env-deleted-in-try",
        "try: del os.environ['SECRET_TOKEN']\nexcept KeyError: pass"
    ),
    both!(
        "env-scrubbed",
        "for n in list(os.environ):\n    if n not in ('PATH', 'LANG', 'HOME'): del os.environ[n]"
    ),
    both!(
        "env-scrubbed-by-prefix",
        "for n in [n for n in os.environ if n.startswith(('OIDC_', 'HTTP_'))]: os.environ.pop(n)"
    ),
    both!("env-cleared", "os.environ.clear()"),
    both!(
        "env-cleared-and-set",
        "path = os.environ['PATH']\nos.environ.clear()\nos.environ['PATH'] = path"
    ),
    both!("env-replaced-whole", "os.environ = {'PATH': '/bin'}"),
    both!("env-popitem", "while os.environ: os.environ.popitem()"),
    both!(
        "env-bytes-set",
        "os.environb[b'ADDED'] = b'\\xff'\nos.environb.pop(b'SECRET_TOKEN', None)"
    ),
    both!("env-putenv", "os.putenv('PUT', '1')"),
    both!("env-unsetenv", "os.unsetenv('SECRET_TOKEN')"),
    both!(
        "env-c-setenv",
        "import ctypes\nctypes.CDLL(None).setenv(b'BY_C', b'1', 1)"
    ),
    both!(
        "env-c-unsetenv",
        "import ctypes\nctypes.CDLL(None).unsetenv(b'SECRET_TOKEN')"
    ),
    both!(
        "env-c-clearenv",
        "import ctypes\nctypes.CDLL(None).clearenv()"
    ),
    both!("env-posix", "import posix\nposix.environ[b'ADDED'] = b'1'"),
    both!(
        "env-for-children-changed-and-back",
        "old = os.environ.get('PATH')\nos.environ['PATH'] = '/x'\nos.environ['PATH'] = old"
    )
    .restored(),
    row(
        "scrubbed",
        "import os, subprocess\nfor name in list(os.environ):\n    \
         if name not in ('PATH', 'LANG', 'HOME'): del os.environ[name]",
        "subprocess.check_output('echo $HTTP_COOKIE', shell=True)",
    )
    .then(COOKIE),
    row(
        "copied",
        "import os\nE = dict(os.environ)",
        "E.get('REMOTE_USER')",
    )
    .then(ADA),
    row(
        "copied-by-method",
        "import os\nE = os.environ.copy()",
        "E.get('REMOTE_USER')",
    )
    .first(BOB)
    .then(ADA),
    row(
        "copied-by-unpacking",
        "import os\nE = {**os.environ}",
        "E.get('REMOTE_USER')",
    )
    .then(ADA),
    row(
        "copied-by-union",
        "import os\nE = os.environ | {}",
        "E.get('REMOTE_USER')",
    )
    .then(ADA),
    row(
        "copied-items",
        "import os\nE = list(os.environ.items())",
        "dict(E).get('REMOTE_USER')",
    )
    .first(BOB)
    .then(ADA),
    row(
        "copied-names",
        "import os\nE = sorted(os.environ)",
        "'REMOTE_USER' in E",
    )
    .then(ADA),
    row(
        "copied-values",
        "import os\nE = list(os.environ.values())",
        "'ada' in E",
    )
    .then(ADA),
    row(
        "copied-bytes",
        "import os\nE = dict(os.environb)",
        "E.get(b'REMOTE_USER')",
    )
    .then(ADA),
    row("copied-length", "import os\nE = len(os.environ)", "E").then(ADA),
    row(
        "copied-posix",
        "import posix\nE = dict(posix.environ)",
        "E.get(b'REMOTE_USER')",
    )
    .then(ADA),
    row(
        "copied-deep",
        "import copy, os\nE = copy.deepcopy(dict(os.environ))",
        "E.get('REMOTE_USER')",
    )
    .then(ADA),
    row(
        "copied-as-text",
        "import os\nE = repr(os.environ)",
        "'ada' in E",
    )
    .then(ADA),
    row(
        "copied-for-children",
        "import os\nE = {k: v for k, v in os.environ.items() if k.startswith('REMOTE_')}",
        "E",
    )
    .then(ADA),
    row("compared", "import os\nE = os.environ == {}", "E").then(ADA),
    row(
        "names-in-a-set",
        "import os\nE = 'REMOTE_USER' in set(os.environ)",
        "E",
    )
    .then(ADA),
    row(
        "names-in-a-dictionary",
        "import os\nE = 'REMOTE_USER' in dict.fromkeys(os.environ)",
        "E",
    )
    .then(ADA),
    row(
        "names-in-a-list",
        "import os\nE = 'REMOTE_USER' in list(os.environ)",
        "E",
    )
    .then(ADA),
    row(
        "names-compared",
        "import os\nE = any(n == 'REMOTE_USER' for n in os.environ)",
        "E",
    )
    .then(ADA),
    row(
        "names-without-their-beginning",
        "import os\nE = sorted(n[7:] for n in os.environ if n[:7] == 'REMOTE_')",
        "E",
    )
    .then(ADA),
    row(
        "names-in-lower-case",
        "import os\nE = 'remote_user' in [n.lower() for n in os.environ]",
        "E",
    )
    .then(ADA),
    row(
        "names-joined",
        "import os\nE = ' '.join(sorted(os.environ))",
        "'REMOTE_USER' in E.split()",
    )
    .then(ADA),
    row(
        "names-counted-by-beginning",
        "import os\nE = sum(n.startswith('REMOTE_') for n in os.environ)",
        "E",
    )
    .then(ADA),
    row(
        "names-split",
        "import os\nE = [n.split('_')[0] for n in os.environ]",
        "'REMOTE' in E",
    )
    .then(ADA),
    row(
        "names-by-beginning-of-ones-own",
        "import os\nE = [n for n in os.environ if n.startswith('APP_')]",
        "E",
    )
    .first(APP)
    .then(APP)
    .restored(),
    row(
        "threads-not-asked-for",
        "import os",
        "(os.environ.get('OMP_NUM_THREADS'), 'OPENBLAS_NUM_THREADS' in os.environ)",
    )
    .then(ADA)
    .restored(),
    row(
        "threads-looked-at",
        "import os\nE = os.environ.get('OMP_NUM_THREADS', 'all')",
        "E",
    )
    .then(ADA),
    row(
        "threads-asked-for",
        "import os\nE = os.environ.get('OMP_NUM_THREADS', 'all')",
        "(E, os.environ['OMP_NUM_THREADS'])",
    )
    .first(THREADS)
    .then(THREADS),
    row(
        "same-object",
        "import os\nfrom os import environ, getenv",
        "(environ.get('REMOTE_USER'), getenv('REMOTE_USER'))",
    )
    .first(BOB)
    .then(ADA)
    .restored(),
    row(
        "view-kept",
        "import os\nV = os.environ.items()",
        "dict(V).get('REMOTE_USER')",
    )
    .first(BOB)
    .then(ADA),
    row(
        "posix-when-asked",
        "import posix",
        "posix.environ.get(b'REMOTE_USER')",
    )
    .first(BOB)
    .then(ADA),
    row(
        "c-getenv-when-asked",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.getenv.restype = ctypes.c_char_p",
        "libc.getenv(b'REMOTE_USER')",
    )
    .first(BOB)
    .then(ADA)
    .restored(),
    row(
        "gone-with-its-request",
        "import os",
        "[n for n in ('OIDC_access_token', 'SECRET_TOKEN') if n in os.environ]",
    )
    .first(TOKEN)
    .restored(),
    row(
        "environ-of-the-request",
        "",
        "sorted((k, v) for k, v in environ.items() if type(v) is str \
         and k != 'SCRIPT_FILENAME' and 'WSGI_CGI_' not in k)",
    )
    .first(TOKEN)
    .then(ADA)
    .restored(),
];
