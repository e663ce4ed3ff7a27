//! Variables that loading reads, by Python or by C: what it made of one is for that value alone. What
//! is one server's own is no obstacle.

use super::{Row, row};

#[test]
fn variables_taken_while_loading() {
    super::check(ROWS);
}

const MODE_A: &[(&str, &str)] = &[("MODE", "a")];
const MODE_B: &[(&str, &str)] = &[("MODE", "bb")];

/// A variable that is a, later b, later not there, whichever way loading reads it.
macro_rules! taken {
    ($id:literal, $load:literal) => {
        row($id, concat!("import os\n", $load), "M")
            .first(MODE_A)
            .then(MODE_B)
    };
}

/// What a library takes from a variable while it loads.
macro_rules! of_library {
    ($id:literal, $load:literal, $name:literal, $first:literal, $then:literal) => {
        row($id, $load, "M")
            .first(&[($name, $first)])
            .then(&[($name, $then)])
    };
}

/// What one server sets to the same value each time is what an image rests on.
macro_rules! of_server {
    ($id:literal, $name:literal, $value:literal) => {
        row(
            $id,
            concat!("import os\nM = os.environ.get('", $name, "')"),
            "M",
        )
        .first(&[($name, $value)])
        .then(&[($name, $value)])
        .restored()
    };
}

pub(super) const ROWS: &[Row] = &[
    taken!("taken-by-get", "M = os.environ.get('MODE')"),
    taken!("taken-by-index", "M = os.environ['MODE']"),
    taken!("taken-by-getenv", "M = os.getenv('MODE')"),
    taken!("taken-by-getenvb", "M = os.getenvb(b'MODE')"),
    taken!("taken-as-bytes", "M = os.environb.get(b'MODE')"),
    taken!(
        "taken-by-a-spawned-shell",
        "r, w = os.pipe(); os.set_inheritable(w, True)\nos.spawnl(os.P_WAIT, '/bin/sh', 'sh', '-c', 'echo $MODE >&%d' % w)\nos.close(w); M = os.read(r, 9); os.close(r)"
    ),
    taken!(
        "taken-by-fork-and-exec",
        "r, w = os.pipe(); os.set_inheritable(w, True)\np = os.fork()\n\
        if p == 0: os.execl('/bin/sh', 'sh', '-c', 'echo $MODE >&%d' % w)\nos.waitpid(p, 0); os.close(w); M = os.read(r, 9); os.close(r)"
    ),
    taken!(
        "taken-by-a-fork",
        "r, w = os.pipe()\np = os.fork()\n\
        if p == 0: os.write(w, os.environ.get('MODE', 'none').encode()); os._exit(0)\nos.waitpid(p, 0); os.close(w); M = os.read(r, 9); os.close(r)"
    ),
    taken!(
        "taken-by-c-system",
        "import ctypes\nctypes.CDLL(None).system(b'echo $MODE >out')\nM = open('out').read()"
    ),
    taken!(
        "taken-by-posix-spawn",
        "p = os.posix_spawn('/bin/sh', ['sh', '-c', 'echo $MODE >out'], os.environ)\nos.waitpid(p, 0)\nM = open('out').read()"
    ),
    taken!(
        "taken-by-libc-itself",
        "import ctypes\nc = ctypes.CDLL('libc.so.6'); c.getenv.restype = ctypes.c_char_p\nM = c.getenv(b'MODE')"
    ),
    taken!("taken-by-pop", "M = os.environ.pop('MODE')"),
    taken!(
        "taken-by-setdefault",
        "M = os.environ.setdefault('MODE', 'none')"
    ),
    taken!(
        "taken-by-posix",
        "import posix\nM = posix.environ.get(b'MODE')"
    ),
    taken!("taken-by-name", "M = 'MODE' in os.environ"),
    taken!(
        "taken-by-expansion",
        "M = os.path.expandvars('${MODE} $MODE')"
    ),
    taken!("taken-by-formatting", "M = '%(MODE)s' % os.environ"),
    taken!(
        "taken-by-template",
        "import string\nM = string.Template('$MODE').substitute(os.environ)"
    ),
    taken!(
        "taken-by-a-loop",
        "M = [v for k, v in os.environ.items() if k == 'MODE']"
    ),
    taken!(
        "taken-by-chain",
        "import collections\nM = collections.ChainMap({}, os.environ)['MODE']"
    ),
    taken!(
        "taken-by-c",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.getenv.restype = ctypes.c_char_p\nM = libc.getenv(b'MODE')"
    ),
    taken!(
        "taken-by-secure-getenv",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.secure_getenv.restype = ctypes.c_char_p\n\
         M = libc.secure_getenv(b'MODE')"
    ),
    taken!(
        "taken-by-c-pointer",
        "import ctypes\ne = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')\n\
         n = 0; M = None\nwhile e[n]:\n    if e[n].startswith(b'MODE='): M = e[n]\n    n += 1"
    ),
    taken!(
        "taken-by-a-child",
        "import subprocess\nM = subprocess.check_output('echo $MODE', shell=True)"
    ),
    taken!(
        "taken-from-proc",
        "M = [v for v in open('/proc/self/environ').read().split('\\0') if v.startswith('MODE=')]"
    ),
    row(
        "taken-and-gone",
        "import os\nM = os.environ.get('MODE', 'none')",
        "M",
    )
    .first(MODE_A),
    row(
        "taken-and-new",
        "import os\nM = os.environ.get('MODE', 'none')",
        "M",
    )
    .then(MODE_B),
    row(
        "taken-and-the-same",
        "import os\nM = os.environ['MODE']",
        "(M, os.environ['MODE'])",
    )
    .first(MODE_A)
    .then(MODE_A)
    .restored(),
    row(
        "deleted-and-new",
        "import os\nM = os.environ.pop('MODE', 'none')",
        "(M, 'MODE' in os.environ)",
    )
    .then(MODE_B),
    row(
        "visitor-taken",
        "import os\nM = os.environ.get('REMOTE_USER')",
        "M",
    )
    .first(&[("REMOTE_USER", "ada")])
    .then(&[("REMOTE_USER", "bob")]),
    row(
        "cookie-taken",
        "import os\nM = os.environ.get('HTTP_COOKIE')",
        "M",
    )
    .first(&[("HTTP_COOKIE", "a=1")])
    .then(&[("HTTP_COOKIE", "b=2")]),
    row(
        "query-taken",
        "import os\nM = os.environ.get('QUERY_STRING')",
        "M",
    )
    .first(&[("QUERY_STRING", "a=1")])
    .then(&[("QUERY_STRING", "b=2")]),
    of_server!("server-software", "SERVER_SOFTWARE", "Apache/2.4"),
    of_server!("gateway-interface", "GATEWAY_INTERFACE", "CGI/1.1"),
    of_server!("document-root", "DOCUMENT_ROOT", "/srv/www"),
    of_server!("server-admin", "SERVER_ADMIN", "root@example.org"),
    of_server!("set-by-the-administrator", "SITE_MODE", "fast"),
    row(
        "server-software-changed",
        "import os\nM = os.environ.get('SERVER_SOFTWARE')",
        "M",
    )
    .first(&[("SERVER_SOFTWARE", "Apache/2.4")])
    .then(&[("SERVER_SOFTWARE", "nginx")]),
    row(
        "document-root-changed",
        "import os\nM = os.environ.get('DOCUMENT_ROOT')",
        "M",
    )
    .first(&[("DOCUMENT_ROOT", "/srv/a")])
    .then(&[("DOCUMENT_ROOT", "/srv/b")]),
    of_library!(
        "home",
        "import os\nM = os.path.expanduser('~')",
        "HOME",
        "/home/a",
        "/home/bb"
    ),
    of_library!(
        "home-by-pathlib",
        "import pathlib\nM = pathlib.Path.home()",
        "HOME",
        "/home/a",
        "/home/bb"
    ),
    of_library!(
        "user",
        "import getpass\nM = getpass.getuser()",
        "USER",
        "ada",
        "bob"
    ),
    of_library!(
        "path-of-programs",
        "import shutil\nM = shutil.which('sh')",
        "PATH",
        "/usr/bin:/bin",
        "/nowhere:/bin"
    ),
    of_library!(
        "search-path",
        "import os\nM = os.get_exec_path()",
        "PATH",
        "/usr/bin",
        "/bin"
    ),
    of_library!(
        "temporary-folder",
        "import tempfile\nM = tempfile.gettempdir()",
        "TMPDIR",
        "/tmp",
        "/var/tmp"
    ),
    of_library!(
        "proxies",
        "import urllib.request\nM = urllib.request.getproxies()",
        "https_proxy",
        "http://a",
        "http://bb"
    ),
    of_library!(
        "certificates-named",
        "import ssl\nM = ssl.get_default_verify_paths().cafile",
        "SSL_CERT_FILE",
        "/etc/passwd",
        "/etc/group"
    ),
    of_library!(
        "language",
        "import locale\nM = locale.setlocale(locale.LC_CTYPE, '')",
        "LC_ALL",
        "C",
        "C.UTF-8"
    ),
    of_library!(
        "languages-of-gettext",
        "import gettext\nM = gettext.find('x') or __import__('os').environ.get('LANGUAGE')",
        "LANGUAGE",
        "de",
        "fr"
    ),
    of_library!(
        "time-zone",
        "import time\nM = (time.tzname, time.localtime(0).tm_hour)",
        "TZ",
        "AAA-3",
        "BBB-5"
    ),
    of_library!(
        "columns",
        "import shutil\nM = shutil.get_terminal_size()",
        "COLUMNS",
        "77",
        "99"
    ),
    of_library!(
        "warnings",
        "import warnings\nM = len(warnings.filters), warnings.filters[0][0]",
        "PYTHONWARNINGS",
        "error",
        "ignore"
    ),
    of_library!(
        "python-path",
        "import sys\nM = '/opt/b' in sys.path",
        "PYTHONPATH",
        "/opt/a",
        "/opt/b"
    ),
    of_library!(
        "hash-seed",
        "M = hash('a word')",
        "PYTHONHASHSEED",
        "1",
        "2"
    ),
    of_library!(
        "optimized",
        "import sys\nM = sys.flags.optimize",
        "PYTHONOPTIMIZE",
        "1",
        "2"
    ),
    of_library!(
        "debug-of-asyncio",
        "import asyncio.coroutines\nM = asyncio.coroutines._is_debug_mode()",
        "PYTHONASYNCIODEBUG",
        "1",
        ""
    ),
    of_library!(
        "time-zone-files",
        "import zoneinfo\nM = zoneinfo.TZPATH",
        "PYTHONTZPATH",
        "/srv/a",
        "/srv/b"
    ),
    row(
        "time-zone-when-asked",
        "import time",
        "(time.tzname, time.localtime(0).tm_hour)",
    )
    .first(&[("TZ", "AAA-3")])
    .then(&[("TZ", "BBB-5")]),
    row(
        "home-when-asked",
        "import os, pathlib",
        "(os.path.expanduser('~'), pathlib.Path.home())",
    )
    .first(&[("HOME", "/home/a")])
    .then(&[("HOME", "/home/bb")])
    .restored(),
];
