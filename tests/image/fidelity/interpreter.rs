//! The state of Python and of the C library: it lies in memory, and is there as loading left it.

use super::{Row, row};

#[test]
fn the_interpreter() {
    super::check(ROWS);
}

/// A virtual environment of the script's own, with a line that is run whenever its Python starts.
macro_rules! customized {
    ($id:literal, $line:literal, $show:literal) => {
        row($id, "", $show).files(concat!(
            "\"$PYTHON\" -m venv --without-pip venv\nprintf '%s\\n' \"",
            $line,
            "\" >\"$(echo venv/lib/python*/site-packages)/own.pth\""
        ))
    };
}

const MODE: &[(&str, &str)] = &[("MODE", "b")];

pub(super) const ROWS: &[Row] = &[
    customized!("customized", "import sys; sys.own = 7", "__import__('sys').own").restored(),
    customized!("customized-umask", "import os; os.umask(0o71)", "oct(__import__('os').umask(0))").restored(),
    customized!("customized-by-a-variable", "import os, sys; sys.own = os.environ.get('MODE')", "__import__('sys').own")
        .first(MODE)
        .then(MODE),
    customized!("customized-by-no-variable", "import os, sys; sys.own = os.environ.get('MODE')", "__import__('sys').own")
        .then(MODE),
    customized!("customized-by-a-missing-variable", "import os, sys; sys.own = os.getenv('MODE')", "__import__('sys').own")
        .restored(),
    row("main-thread", "import threading", "(threading.main_thread().native_id == threading.get_native_id(), \
         threading.main_thread().ident == threading.get_ident(), threading.active_count())")
        .restored(),
    row("native-id-is-the-process", "import os, threading", "threading.main_thread().native_id == os.getpid()")
        .restored(),
    row("multiprocessing-pid", "import multiprocessing as m, os\nm.current_process().pid",
        "(m.current_process().pid == os.getpid(), m.parent_process())")
        .restored(),
    row("ended-thread", "import threading\nt = threading.Thread(target=int)\nt.start()\nt.join()",
        "(t.is_alive(), threading.active_count())")
        .restored(),
    row("thread-local", "import threading\nlocal = threading.local()\nlocal.value = 7", "local.value").restored(),
    row("context-variable", "import contextvars\nv = contextvars.ContextVar('v')\nv.set(7)", "v.get('none')")
        .restored(),
    row("decimal-context", "import decimal\ndecimal.getcontext().prec = 5", "str(decimal.Decimal(1) / 3)")
        .restored(),
    row("recursion-limit", "import sys\nsys.setrecursionlimit(4321)", "sys.getrecursionlimit()").restored(),
    row("switch-interval", "import sys\nsys.setswitchinterval(0.25)", "sys.getswitchinterval()").restored(),
    row("digits", "import sys\nif hasattr(sys, 'set_int_max_str_digits'): sys.set_int_max_str_digits(0)",
        "len(str(10 ** 5000))")
        .restored(),
    row("collector", "import gc\ngc.disable()\ngc.set_threshold(9, 8, 7)", "(gc.isenabled(), gc.get_threshold()[0])")
        .restored(),
    row("frozen-objects", "import gc\ngc.collect()\ngc.freeze()", "gc.get_freeze_count() > 100").restored(),
    row("warning-filters", "import warnings\nwarnings.simplefilter('error', UserWarning)", "warnings.filters[0]")
        .restored(),
    row("tracing", "import sys\ncalls = []\nsys.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name))",
        "(sys.getprofile() is not None, 'application' in calls)"),
    row("trace", "import sys\nsys.settrace(lambda *_: None)", "sys.gettrace() is not None"),
    row("exception-hook", "import sys\nsys.excepthook = lambda *_: None", "sys.excepthook is sys.__excepthook__")
        .restored(),
    row("audit-hook", "import sys\nevents = []\nsys.addaudithook(lambda event, _: events.append(event))",
        "(sys.audit('my.event'), events[-1])"),
    row("finalizer", "import weakref\nclass Thing: pass\nthing, gone = Thing(), []\n\
         f = weakref.finalize(thing, gone.append, 'gone')", "(f.alive, globals().pop('thing', None) is None, gone)")
        .restored(),
    row("weak-reference", "import weakref\nclass Thing: pass\nthing = Thing()\nweak = weakref.ref(thing)",
        "weak() is thing")
        .restored(),
    row("at-exit", "import atexit, sys\natexit.register(lambda: open('ended', 'a').write('.'))",
        "len(set(open('ended').read())) if __import__('os').path.exists('ended') else 1"),
    row("locale", "import locale\nlocale.setlocale(locale.LC_ALL, 'C.UTF-8')", "locale.setlocale(locale.LC_ALL)")
        .restored(),
    row("time-zone-set", "import os, time\nos.environ['TZ'] = 'XYZ-5'\ntime.tzset()",
        "(time.tzname, time.localtime(0).tm_hour, os.environ['TZ'])")
        .restored(),
    row("standard-streams", "import os, sys",
        "([os.isatty(n) for n in range(3)], [s.fileno() if s else s for s in (sys.__stdin__, sys.__stdout__, sys.__stderr__)])"),
    row("replaced-stream", "import io, sys\nsys.stdout = io.StringIO()\nprint('loaded')", "sys.stdout.getvalue()"),
    row("terminal-size", "import shutil, os\nshutil.get_terminal_size()",
        "(shutil.get_terminal_size(), [os.get_inheritable(n) for n in range(3)])"),
    row("descriptors", "import os", "sorted(os.listdir('/proc/self/fd'))").restored(),
    row("arguments", "import sys", "(sys.argv, sys.path[0] == sys.argv[0].rpartition('/')[0], len(sys.path))[1:]").restored(),
    row("identity", "import os, sys", "(__name__, os.path.basename(__file__), os.path.basename(sys.argv[0]), \
         sys.executable, sys.prefix, sys.flags, sys.path[1:])")
        .restored(),
    row("modules", "import sys", "sorted(sys.modules)").restored(),
    row("logging", "import logging\nlogging.basicConfig(filename='app.log', level='INFO')\nlogging.info('loaded')",
        "(logging.info('asked'), open('app.log').read().splitlines()[-1])")
        .restored(),
    row("logging-process", "import logging, os\nlogging.raiseExceptions = False",
        "logging.LogRecord('a', 1, 'p', 1, 'm', (), None).process == os.getpid()")
        .restored(),
    row("c-random-numbers", "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.rand()", "libc.rand()").restored(),
    row("seeded-random-numbers", "import random\nrandom.seed(7)", "random.random()"),
    row("seeded-generator", "import random\ng = random.Random(7)\ng.random()", "g.random()").restored(),
    row("cached-calls", "import functools\n@functools.lru_cache(None)\ndef f(n): return n * n\nf(7)",
        "(f(7), f.cache_info().hits)")
        .restored(),
    row("monotonic-clock", "import time\nT = time.monotonic()", "0 < time.monotonic() - T < 300").restored(),
    row("interned-and-deep", "import sys\nd = None\nfor n in range(5000): d = [d]\nsys.intern('a word')",
        "(sys.getrefcount(d) < 5, sys.intern('a word'))")
        .restored(),
    row("generator-half-way", "def g():\n    yield 1\n    yield 2\nhalf = g()\nnext(half)", "next(half, 'over')")
        .restored(),
    row("coroutine-half-way", "import types\n@types.coroutine\ndef pause(): yield 1\nasync def f():\n    await pause()\n    \
         return 7\nc = f()\nc.send(None)", "[type(e) for e in [None]] and __import__('inspect').getcoroutinestate(c)")
        .restored(),
];
