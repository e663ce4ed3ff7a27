//! Files that C looked at, past all that Python knows of.

use super::{Row, row};

#[test]
fn files_looked_at_by_c() {
    super::check(ROWS);
}

/// What a function of libc finds, before the file, the folder and the link are others.
macro_rules! by_c {
    ($id:literal, $load:literal) => {
        by_c!($id, "None", $load)
    };
    ($id:literal, $library:literal, $load:literal) => {
        row(
            $id,
            concat!(
                "import ctypes, os\nlibc = ctypes.CDLL(", $library, ")\n\
                 for name in 'fopen opendir readdir realpath mmap fdopendir freopen canonicalize_file_name'.split():\n    \
                 getattr(libc, name).restype = ctypes.c_void_p\n\
                 p, buffer, M = ctypes.c_void_p, ctypes.create_string_buffer(4096), None\n\
                 def text(f):\n    if not f: return 'none'\n    \
                 line = bytes(libc.fgets(buffer, 99, p(f)) and buffer.value)\n    libc.fclose(p(f))\n    return line\n\
                 def names(d):\n    n = 0\n    if not d: return 'none'\n    while libc.readdir(p(d)): n += 1\n    \
                 libc.closedir(p(d))\n    return n\n",
                $load
            ),
            "M",
        )
        .files("echo 1 >n; mkdir d.d; touch d.d/a; ln -s d.d l.d")
        .after("echo two >n; touch d.d/b; mkdir e.d; ln -sfn e.d l.d; touch new; chmod 755 n; mkdir newd.d")
    };
}

pub(super) const ROWS: &[Row] = &[
    by_c!("c-fopen", "M = text(libc.fopen(b'n', b'r'))").restored(),
    by_c!("c-fopen64", "libc.fopen64.restype = p\nM = text(libc.fopen64(b'n', b'r'))"),
    by_c!("c-fopen-missing", "M = text(libc.fopen(b'new', b'r'))"),
    by_c!("c-fopen-absolute", "M = text(libc.fopen(os.path.abspath('n').encode(), b'r'))"),
    by_c!("c-freopen", "f = libc.fopen(b'/dev/null', b'r')\nM = text(libc.freopen(b'n', b'r', p(f)))"),
    by_c!("c-open", "fd = libc.open(b'n', 0)\nM = os.read(fd, 9)\nos.close(fd)").restored(),
    by_c!("c-open64", "fd = libc.open64(b'n', 0)\nM = os.read(fd, 9)\nos.close(fd)"),
    by_c!("c-open-missing", "M = libc.open(b'new', 0) >= 0 and 'there'"),
    by_c!("c-openat", "fd = libc.openat(-100, b'n', 0)\nM = os.read(fd, 9)\nos.close(fd)"),
    by_c!("c-openat-folder", "d = os.open('d.d', 0)\nM = libc.openat(d, b'b', 0) >= 0 and 'there'\nos.close(d)"),
    by_c!("c-open-creating", "fd = libc.open(b'n', os.O_RDWR | os.O_CREAT, 0o644)\nM = os.read(fd, 9)\nos.close(fd)"),
    by_c!("c-stat", "libc.stat(b'n', buffer)\nM = buffer.raw[48:56]"),
    by_c!("c-stat-missing", "M = libc.stat(b'new', buffer)"),
    by_c!("c-stat64", "libc.stat64(b'n', buffer)\nM = buffer.raw[48:56]"),
    by_c!("c-xstat", "M = libc.__xstat(1, b'new', buffer)"),
    by_c!("c-lstat", "M = libc.lstat(b'new', buffer)"),
    by_c!("c-fstatat", "libc.fstatat(-100, b'n', buffer, 0)\nM = buffer.raw[48:56]"),
    by_c!("c-statx", "libc.statx(-100, b'n', 0, 0xfff, buffer)\nM = buffer.raw[40:48]"),
    by_c!("c-access", "M = libc.access(b'new', 0)"),
    by_c!("c-access-executable", "M = libc.access(b'n', 1)"),
    by_c!("c-faccessat", "M = libc.faccessat(-100, b'new', 0, 0)"),
    by_c!("c-euidaccess", "M = libc.euidaccess(b'new', 0)"),
    by_c!("c-readlink", "libc.readlink(b'l.d', buffer, 99)\nM = buffer.value"),
    by_c!("c-readlinkat", "libc.readlinkat(-100, b'l.d', buffer, 99)\nM = buffer.value"),
    by_c!("c-realpath", "libc.realpath(b'l.d', buffer)\nM = buffer.value[-3:]"),
    by_c!("c-realpath-missing", "M = libc.realpath(b'new', buffer) is not None"),
    by_c!("c-canonical", "M = ctypes.string_at(libc.canonicalize_file_name(b'l.d'))[-3:]"),
    by_c!("c-opendir", "M = names(libc.opendir(b'd.d'))"),
    by_c!("c-opendir-missing", "M = names(libc.opendir(b'newd.d'))"),
    by_c!("c-fdopendir", "M = names(libc.fdopendir(os.open('d.d', 0)))"),
    by_c!("c-scandir", "l = p()\nM = libc.scandir(b'd.d', ctypes.byref(l), None, None)"),
    by_c!("c-scandirat", "l = p()\nM = libc.scandirat(-100, b'd.d', ctypes.byref(l), None, None)"),
    by_c!("c-glob", "g = (ctypes.c_size_t * 20)()\nM = (libc.glob(b'd.d/*', 0, None, g), g[0])"),
    by_c!("c-ftw", "seen = []\nf = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, p, ctypes.c_int)(lambda n, *_: seen.append(n) or 0)\n\
         libc.ftw(b'd.d', f, 5)\nM = sorted(seen)"),
    by_c!("c-nftw", "seen = []\nf = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, p, ctypes.c_int, p)(lambda n, *_: seen.append(n) or 0)\n\
         libc.nftw(b'd.d', f, 5, 0)\nM = sorted(seen)"),
    by_c!("c-fts", "libc.fts_open.restype = libc.fts_read.restype = p\na = (ctypes.c_char_p * 2)(b'd.d', None)\n\
         f = libc.fts_open(a, 16, None)\nM = 0\nwhile libc.fts_read(p(f)): M += 1\nlibc.fts_close(p(f))"),
    by_c!("c-chdir-and-fopen", "here = os.getcwd()\nlibc.chdir(b'l.d')\nM = libc.access(b'a', 0)\nos.chdir(here)"),
    by_c!("c-mapped", "fd = libc.open(b'n', 0)\nat = libc.mmap(None, ctypes.c_size_t(4096), 1, 2, fd, ctypes.c_long(0))\n\
         M = ctypes.string_at(at, 2)\nos.close(fd)"),
    by_c!("c-raw-openat", "fd = libc.syscall(257, -100, b'n', 0)\nM = os.read(fd, 9)\nos.close(fd)"),
    by_c!("c-raw-open", "fd = libc.syscall(2, b'n', 0)\nM = os.read(fd, 9)\nos.close(fd)"),
    by_c!("c-raw-stat", "libc.syscall(4, b'n', buffer)\nM = buffer.raw[48:56]"),
    by_c!("c-raw-access", "M = libc.syscall(21, b'new', 0)"),
    by_c!("c-raw-statx", "M = libc.syscall(332, -100, b'new', 0, 0xfff, buffer)"),
    by_c!("c-raw-openat2", "how = (ctypes.c_uint64 * 3)()\nM = libc.syscall(437, -100, b'new', how, 24) >= 0"),
    by_c!("c-raw-readlink", "libc.syscall(89, b'l.d', buffer, 99)\nM = buffer.value"),
    by_c!("c-own-handle-fopen", "'libc.so.6'", "M = text(libc.fopen(b'n', b'r'))"),
    by_c!("c-own-handle-open", "'libc.so.6'", "fd = libc.open(b'n', 0)\nM = os.read(fd, 9)\nos.close(fd)"),
    by_c!("c-own-handle-access", "'libc.so.6'", "M = libc.access(b'new', 0)"),
    by_c!("c-own-handle-stat", "'libc.so.6'", "libc.stat(b'n', buffer)\nM = buffer.raw[48:56]"),
    by_c!("c-own-handle-opendir", "'libc.so.6'", "M = names(libc.opendir(b'd.d'))"),
    by_c!("c-in-a-thread", "import threading\ndef run():\n    global M\n    M = text(libc.fopen(b'n', b'r'))\n\
         t = threading.Thread(target=run)\nt.start(); t.join()"),
    by_c!("c-statvfs-and-stat", "libc.statvfs(b'd.d', buffer)\nM = libc.stat(b'newd.d', buffer)"),
    by_c!("c-fopen-closing-on-exec", "libc.fopen.restype = p\nf = libc.fopen(b'n', b're')\nM = text(f)"),
    by_c!("c-library-missing", "try: ctypes.CDLL('./new'); M = 'there'\nexcept OSError as e: M = 'cannot open' in str(e)"),
    by_c!("c-xattr", "M = libc.getxattr(b'new', b'user.x', buffer, 9) == -1 and ctypes.get_errno() or libc.access(b'new', 0)"),
    row("c-reader", "import ctypes\nlibc = ctypes.CDLL(None); libc.fopen.restype = ctypes.c_void_p\nf = libc.fopen(b'n.txt', b'r'); \
         buffer = ctypes.create_string_buffer(9); libc.fgets(buffer, 9, ctypes.c_void_p(f)); libc.fclose(ctypes.c_void_p(f)); N = buffer.value", "N")
        .files("echo 1 >n.txt").after("echo 22 >n.txt").restored(),
];
