//! What a customization of Python does (`sitecustomize`, a `.pth` file of an environment) is done while
//! Python starts, before anything of the application is loaded, and is as much a part of the image.

use super::{Row, row};

#[test]
fn customized() {
    super::check(ROWS);
}

/// A module that an environment's path file imports, and what the application then shows.
macro_rules! customized {
    ($id:literal, $code:literal, $show:literal) => {
        row($id, "", $show).files(concat!(
            "\"$PYTHON\" -I -m venv --without-pip .venv; cd .venv/lib/python*/site-packages; \
             echo 'import own' >own.pth; cat >own.py <<'END'\n",
            $code,
            "\nEND"
        ))
    };
}

const ROWS: &[Row] = &[
    customized!("customized-variable", "import os\nos.environ['MARK'] = 'one'", "__import__('os').environ.get('MARK')").restored(),
    customized!("customized-variable-of-c", "import os\nos.putenv('MARK', 'one')", "(__import__('os').environ.get('MARK'), __import__('subprocess').check_output(['printenv', 'MARK']))").restored(),
    customized!("customized-path-variable", "import os\nos.environ['PATH'] += ':/own'", "__import__('os').environ['PATH']").restored(),
    customized!("customized-path-removed", "import os\ndel os.environ['PATH']", "'PATH' in __import__('os').environ"),
    customized!("customized-language", "import os\nos.environ['LC_ALL'] = 'C.UTF-8'", "__import__('os').environ.get('LC_ALL')").restored(),
    customized!("customized-time-zone", "import os, time\nos.environ['TZ'] = 'Asia/Kolkata'\ntime.tzset()", "__import__('time').strftime('%z')").restored(),
    customized!("customized-default-kept", "import os\nos.environ.setdefault('MARK', 'own')", "__import__('os').environ['MARK']").then(&[("MARK", "theirs")]),
    customized!("customized-by-a-request", "import os\nos.environ['MARK'] = os.environ.get('QUERY_STRING', '')", "__import__('os').environ['MARK']").then(&[("QUERY_STRING", "q=2")]),
    customized!("customized-umask", "import os\nos.umask(0o27)", "__import__('os').umask(0)").restored(),
    customized!("customized-folder", "import os\nos.chdir('/usr')", "__import__('os').getcwd()").restored(),
    customized!("customized-signal", "import signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)", "__import__('signal').getsignal(10)").restored(),
    customized!("customized-mask", "import signal as s\ns.pthread_sigmask(s.SIG_BLOCK, [s.SIGUSR1])", "__import__('signal').pthread_sigmask(0, [])").restored(),
    customized!("customized-limit", "import resource as r\nr.setrlimit(r.RLIMIT_CORE, (0, 0))", "__import__('resource').getrlimit(4)").restored(),
    customized!("customized-locale", "import locale\nlocale.setlocale(locale.LC_ALL, 'C.UTF-8')", "__import__('locale').setlocale(0)").restored(),
    customized!("customized-descriptor", "import os\nos.dup2(os.open('/etc/hostname', os.O_RDONLY), 77)", "len(__import__('os').read(77, 1))"),
    customized!("customized-exit", "import atexit, sys\natexit.register(sys.stderr.flush)", "__import__('atexit')._ncallbacks() > 0"),
    customized!("customized-chance", "import os, random, uuid\nMARK = [random.random(), os.urandom(8), uuid.uuid4()]", "[__import__('random').random(), __import__('os').urandom(8), __import__('uuid').uuid4()]").differs().restored(),
    customized!("customized-own-generator", "import random\nR = random.Random()", "[__import__('own').R.random()]").differs(),
    customized!("customized-file", "import os\nhere = os.path.join(os.path.dirname(__file__), 'setting')\nMARK = open(here).read() if os.path.exists(here) else 'none'", "__import__('own').MARK")
        .after("cd .venv/lib/python*/site-packages; echo 2 >setting"),
];
