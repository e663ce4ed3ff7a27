//! Chance: what a new process draws afresh, a restored one does too.

use super::{Row, row};

#[test]
fn chance() {
    super::check(ROWS);
}

/// The expression is drawn from once while loading too.
macro_rules! drawn {
    ($id:literal, $load:expr, $show:literal) => {
        row($id, concat!($load, "\n", $show), $show).differs()
    };
}

/// A C library's function that fills a buffer, if it is installed.
macro_rules! filled {
    ($id:literal, $library:literal, $call:literal) => {
        drawn!(
            $id,
            concat!(
                "import ctypes, os\nbuffer = ctypes.create_string_buffer(16)\ntry: lib = ctypes.CDLL('", $library, "')\n\
                 except OSError: lib = None\ndef draw():\n    ", $call, "\n    return buffer.raw if lib else os.urandom(16)"
            ),
            "[draw()]"
        )
    };
}

pub(super) const ROWS: &[Row] = &[
    drawn!("urandom", "import os", "[os.urandom(16), os.getrandom(16), os.getrandom(16, os.GRND_NONBLOCK)]").restored(),
    drawn!("secrets", "import secrets", "[secrets.token_hex(), secrets.token_urlsafe(), secrets.token_bytes(), secrets.randbelow(1 << 80)]")
        .restored(),
    drawn!("random", "import random", "[random.random(), random.getrandbits(90), random.gauss(0, 1), random.choices(range(99), k=30), \
         random.sample(range(999), 20)]")
        .restored(),
    drawn!("random-functions-kept", "from random import random, shuffle, getrandbits\nl = list(range(200))", "[random(), shuffle(l) or l, getrandbits(99)]")
        .restored(),
    drawn!("system-generator-kept", "import random\ng = random.SystemRandom()", "[g.random(), g.getrandbits(99)]").restored(),
    drawn!("own-generator", "import random\ng = random.Random()", "[g.random(), g.getrandbits(90)]"),
    row("own-generator-not-drawn-from", "import random\ng = random.Random()", "[g.random()]").differs(),
    row("low-level-generator", "import _random\ng = _random.Random(7)", "g.random()"),
    drawn!("generator-seeded-by-the-system", "import os, random\ng = random.Random(os.urandom(16))", "[g.random()]"),
    drawn!("generator-seeded-by-time", "import random, time\ng = random.Random(time.time_ns())", "[g.random()]"),
    drawn!("uuid1", "import uuid", "[uuid.uuid1()]"),
    drawn!("uuid4", "import uuid", "[uuid.uuid4(), uuid.uuid4().int]").restored(),
    drawn!("openssl", "import ssl", "[ssl.RAND_bytes(16), ssl.RAND_bytes(1000)]").restored(),
    drawn!("temporary-names", "import tempfile", "[tempfile.mktemp(), tempfile.NamedTemporaryFile().name]").restored(),
    drawn!("sqlite-in-memory", "import sqlite3\ndb = sqlite3.connect(':memory:')",
        "[db.execute('select random()').fetchone(), db.execute('select hex(randomblob(16))').fetchone()]"),
    drawn!("sqlite-closed", "import sqlite3\ndef draw():\n    db = sqlite3.connect(':memory:')\n    r = db.execute('select random(), \
         hex(randomblob(16))').fetchone()\n    db.close()\n    return r", "[draw()]"),
    drawn!("sqlite-token-column", "import sqlite3\ndb = sqlite3.connect(':memory:')\n\
         db.execute('create table t(a, token default (hex(randomblob(16))))')\ndef draw():\n    \
         db.execute('insert into t(a) values (1)')\n    return db.execute('select token from t order by rowid desc').fetchone()",
        "[draw()]"),
    drawn!("sqlite-file", "import sqlite3\ndef draw():\n    with sqlite3.connect('s.db') as db: return db.execute('select \
         hex(randomblob(16))').fetchone()", "[draw()]"),
    row("device-kept-open", "f = open('/dev/urandom', 'rb')\nf.read(1)", "[f.read(16)]").differs(),
    row("device-unbuffered", "import os\nfd = os.open('/dev/urandom', os.O_RDONLY)\nos.read(fd, 8)", "[os.read(fd, 16)]").differs(),
    drawn!("device-opened-each-time", "", "[open('/dev/urandom', 'rb', 0).read(16)]").restored(),
    drawn!("system-call", "import ctypes\nlibc = ctypes.CDLL(None)\nbuffer = ctypes.create_string_buffer(16)",
        "[(libc.syscall(318, buffer, 16, 0), buffer.raw)]"),
    filled!("c-getrandom", "libc.so.6", "lib.getrandom(buffer, 16, 0)").restored(),
    filled!("c-getentropy", "libc.so.6", "lib.getentropy(buffer, 16)").restored(),
    filled!("c-arc4random", "libc.so.6", "lib.arc4random_buf(buffer, 16) if hasattr(lib, 'arc4random_buf') else lib.getentropy(buffer, 16)")
        .restored(),
    filled!("c-openssl", "libcrypto.so.3", "lib and lib.RAND_bytes(buffer, 16)"),
    filled!("c-openssl-private", "libcrypto.so.3", "lib and lib.RAND_priv_bytes(buffer, 16)"),
    filled!("c-uuid", "libuuid.so.1", "lib and lib.uuid_generate(buffer)"),
    filled!("c-gnutls-nonce", "libgnutls.so.30", "lib and lib.gnutls_rnd(0, buffer, 16)"),
    filled!("c-gnutls-random", "libgnutls.so.30", "lib and lib.gnutls_rnd(1, buffer, 16)"),
    filled!("c-gnutls-key", "libgnutls.so.30", "lib and lib.gnutls_rnd(2, buffer, 16)"),
    filled!("c-gcrypt", "libgcrypt.so.20", "lib and (lib.gcry_check_version(None), lib.gcry_randomize(buffer, 16, 1))"),
    filled!("c-gcrypt-nonce", "libgcrypt.so.20", "lib and (lib.gcry_check_version(None), lib.gcry_create_nonce(buffer, 16))"),
    filled!("c-bsd", "libbsd.so.0", "lib and lib.arc4random_buf(buffer, 16)"),
    drawn!("boundary", "from email.mime.multipart import MIMEMultipart", "[MIMEMultipart().as_string(), __import__('email.utils').utils.make_msgid()]")
        .restored(),
    row("process-key", "import multiprocessing", "[bytes(multiprocessing.current_process().authkey)]").differs(),
    row("child-of-the-restored", "import os, random\ndef draw():\n    r, w = os.pipe()\n    c = os.fork()\n    if c == 0:\n        \
         os.write(w, repr((os.urandom(8), random.random())).encode())\n        os._exit(0)\n    os.waitpid(c, 0)\n    return os.read(r, 200)",
        "[draw(), draw()]")
        .differs()
        .restored(),
    row("thread-of-the-restored", "import random, secrets, threading\ndef draw():\n    l = []\n    \
         t = threading.Thread(target=lambda: l.append((secrets.token_hex(), random.random())))\n    t.start(); t.join()\n    return l",
        "draw()")
        .differs()
        .restored(),
    drawn!("after-a-warm-up", "import os, random, secrets, uuid", "[os.urandom(16), random.random(), secrets.token_hex(), uuid.uuid4()]")
        .options("--warm-up /")
        .restored(),
];
