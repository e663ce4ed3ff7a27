//! What is open, running or locked when loading ends: it is so in each process, or there is no image.

use super::{Row, row};

#[test]
fn what_is_open() {
    super::check(ROWS);
}

pub(super) const ROWS: &[Row] = &[
    row(
        "file-position",
        "f = open('data')\nf.readline()",
        "(f.readline(), f.tell())",
    )
    .files("printf 'one\\ntwo\\nthree\\n' >data")
    .restored(),
    row(
        "descriptor-position",
        "import os\nfd = os.open('data', os.O_RDONLY)\nos.read(fd, 3)",
        "(os.read(fd, 3), os.get_inheritable(fd))",
    )
    .files("echo abcdefgh >data")
    .restored(),
    row(
        "inheritable-descriptor",
        "import os\nfd = os.open('data', os.O_RDONLY)\nos.set_inheritable(fd, True)",
        "os.get_inheritable(fd)",
    )
    .files("echo abcdefgh >data"),
    row(
        "shared-position",
        "import os\nfd = os.open('data', os.O_RDONLY)\nother = os.dup(fd)",
        "(os.read(fd, 2), os.read(other, 2))",
    )
    .files("echo abcdefgh >data"),
    row(
        "open-folder",
        "import os\nfd = os.open('data', os.O_RDONLY)",
        "os.listdir(fd)",
    )
    .files("mkdir data; touch data/one"),
    row(
        "open-path",
        "import os\nfd = os.open('data', os.O_PATH)",
        "os.readlink('/proc/self/fd/%d' % fd)[-4:]",
    )
    .files("mkdir data"),
    row(
        "removed-file",
        "import os\nf = open('data')\nos.remove('data') if os.path.exists('keep') else None",
        "f.read()",
    )
    .files("echo text >data"),
    row(
        "locked-file",
        "import fcntl\nf = open('lock', 'a')\nfcntl.flock(f, fcntl.LOCK_SH | fcntl.LOCK_NB)\n\
         import subprocess",
        "subprocess.call(['flock', '-xn', 'lock', 'true'])",
    ),
    row(
        "locked-range",
        "import fcntl, subprocess\nf = open('lock', 'a+')\nfcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\n\
         test = \"import fcntl; fcntl.lockf(open('lock', 'a'), fcntl.LOCK_EX | fcntl.LOCK_NB)\"",
        "subprocess.call(['python3', '-c', test], stderr=subprocess.DEVNULL)",
    ),
    row(
        "log-through-stderr",
        "import os\nlog = open('err.log', 'a')\nos.dup2(log.fileno(), 2)",
        "os.path.samestat(os.fstat(2), os.stat('err.log'))",
    ),
    row(
        "closed-standard-input",
        "import os\nos.close(0)",
        "os.path.exists('/proc/self/fd/0')",
    ),
    row(
        "buffered-and-not-written",
        "f = open('out', 'w')\nf.write('text')",
        "f.tell()",
    ),
    row(
        "rotating-log",
        "import logging, logging.handlers\nh = logging.handlers.RotatingFileHandler('r.log')\n\
         logger = logging.getLogger('r')\nlogger.addHandler(h)\nlogger.warning('loaded')",
        "(logger.warning('asked'), open('r.log').read().splitlines()[-1])",
    ),
    row(
        "pipe",
        "import os\nr, w = os.pipe()\nos.write(w, b'text')",
        "(os.write(w, b'more'), os.read(r, 8))",
    ),
    row(
        "socket-pair",
        "import socket\na, b = socket.socketpair()\na.send(b'text')",
        "b.recv(4)",
    ),
    row(
        "listening-socket",
        "import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()",
        "s.getsockname()[0]",
    ),
    row(
        "closed-socket",
        "import socket\ns = socket.socket()\ns.close()",
        "s.fileno()",
    )
    .restored(),
    row("selector", "import select\ne = select.epoll()", "e.closed"),
    row(
        "memory-file",
        "import os\nfd = os.memfd_create('text')\nos.write(fd, b'text')",
        "os.pread(fd, 9, 0)",
    ),
    row(
        "shared-memory",
        "import mmap\nm = mmap.mmap(-1, 4096)\nm.write(b'text')",
        "m[:4]",
    ),
    row(
        "mapped-for-writing",
        "import mmap\nf = open('data', 'r+b')\nm = mmap.mmap(f.fileno(), 0)\nf.close()",
        "m[:4]",
    )
    .files("echo text >data"),
    row(
        "temporary-file",
        "import tempfile\nt = tempfile.NamedTemporaryFile()\nt.write(b'text')\nt.flush()",
        "open(t.name).read()",
    ),
    row(
        "spooled-file",
        "import tempfile\nt = tempfile.SpooledTemporaryFile()\nt.write(b'text')\nt.seek(0)",
        "t.read()",
    )
    .restored(),
    row(
        "running-child",
        "import subprocess\nc = subprocess.Popen(['cat'], stdin=subprocess.PIPE)",
        "c.poll()",
    ),
    row(
        "child-not-waited-for",
        "import subprocess, time\nc = subprocess.Popen(['sh', '-c', 'exit 3'])\ntime.sleep(.05)",
        "c.wait()",
    ),
    row(
        "ended-child",
        "import subprocess\nc = subprocess.run(['sh', '-c', 'exit 3'])",
        "c.returncode",
    )
    .restored(),
    row(
        "forked-child",
        "import os\nc = os.fork()\nif c == 0: os._exit(3)\nstatus = os.waitpid(c, 0)[1]",
        "os.WEXITSTATUS(status)",
    )
    .restored(),
    row(
        "running-thread",
        "import threading\nt = threading.Thread(target=threading.Event().wait, daemon=True)\nt.start()",
        "t.is_alive()",
    ),
    row(
        "timer-thread",
        "import threading\nt = threading.Timer(600, int)\nt.daemon = True\nt.start()",
        "t.is_alive()",
    ),
    row(
        "pool",
        "from concurrent.futures import ThreadPoolExecutor\np = ThreadPoolExecutor(1)\np.submit(int).result()",
        "p.submit(int, '7').result(5)",
    ),
    row(
        "pool-that-was-shut-down",
        "from concurrent.futures import ThreadPoolExecutor\n\
         with ThreadPoolExecutor(2) as p: r = list(p.map(int, '78'))",
        "r",
    )
    .restored(),
    row(
        "held-lock",
        "import threading\nlock = threading.RLock()\nlock.acquire()",
        "lock.acquire(timeout=1)",
    )
    .restored(),
    row(
        "multiprocessing-lock",
        "import multiprocessing\nlock = multiprocessing.Lock()\nlock.acquire()",
        "lock.acquire(timeout=0)",
    ),
    row(
        "event-loop",
        "import asyncio\nloop = asyncio.new_event_loop()\nloop.run_until_complete(asyncio.sleep(0, 1))",
        "loop.run_until_complete(asyncio.sleep(0, 7))",
    ),
    row(
        "event-loop-that-ended",
        "import asyncio\nasyncio.run(asyncio.sleep(0))",
        "asyncio.run(asyncio.sleep(0, 7))",
    )
    .restored(),
    row(
        "database-file",
        "import sqlite3\ndb = sqlite3.connect('site.db')\ndb.execute('create table if not exists t(a)')",
        "db.execute('select count(*) from t').fetchall()",
    ),
    row(
        "database-in-memory",
        "import sqlite3\ndb = sqlite3.connect(':memory:')\ndb.execute('create table t(a)')\n\
         db.execute('insert into t values (7)')",
        "db.execute('select a from t').fetchall()",
    ),
];
