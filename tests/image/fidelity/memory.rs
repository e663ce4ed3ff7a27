//! Memory: what lies in it, whatever its protection, and how the kernel was told to treat it.

use super::{Row, row};

#[test]
fn memory() {
    super::check(ROWS);
}

/// A page of its own that something is done to, after its content was written, and what the kernel
/// says of it. The page is mapped with flags besides `MAP_PRIVATE | MAP_ANONYMOUS`.
macro_rules! page {
    ($id:literal, $flags:literal, $done:literal, $show:literal) => {
        row(
            $id,
            concat!(
                "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.mmap.restype = ctypes.c_void_p\n\
                 size = ctypes.c_size_t(4096)\n\
                 at = libc.mmap(None, size, 3, 0x20 | ", $flags, ", -1, ctypes.c_long(0))\n\
                 page = ctypes.c_void_p(at)\nis_there = at != 2 ** 64 - 1\n\
                 if is_there:\n    ctypes.memmove(page, b'the key', 7)\n    ", $done, "\n\
                 def flags():\n    inside = False\n    for line in open('/proc/self/smaps') if is_there else ():\n        \
                 word = line.split()[0]\n        if '-' in word and not word.endswith(':'):\n            \
                 low, high = (int(part, 16) for part in word.split('-'))\n            \
                 inside = low <= at < high\n        elif inside and word == 'VmFlags:':\n            \
                 return sorted(set(line.split()[1:]) & set('rd wr ex sh wf dp dd dc hg nh mg lo sr rr ar io'.split()))\n\
                 def content():\n    if libc.mprotect(page, size, 1) == 0: return ctypes.string_at(page, 7)\n"
            ),
            $show,
        )
    };
}

pub(super) const ROWS: &[Row] = &[
    page!("no-access", "2", "libc.mprotect(page, size, 0)", "content()").restored(),
    page!("no-access-kept", "2", "libc.mprotect(page, size, 0)", "flags()"),
    page!("only-to-read", "2", "libc.mprotect(page, size, 1)", "(flags(), content())").restored(),
    page!("executable", "2", "libc.mprotect(page, size, 5)", "(flags(), content())"),
    page!("wiped-on-fork", "2", "assert libc.madvise(page, size, 18) == 0", "flags()"),
    page!("droppable", "8", "pass", "flags()"),
    page!("not-for-children", "2", "assert libc.madvise(page, size, 10) == 0", "(flags(), content())"),
    page!("not-dumped", "2", "assert libc.madvise(page, size, 16) == 0", "(flags(), content())"),
    page!("mergeable", "2", "libc.madvise(page, size, 12)", "(flags(), content())"),
    page!("huge-pages-wanted", "2", "libc.madvise(page, size, 14)", "(flags(), content())"),
    page!("no-huge-pages-here", "2", "libc.madvise(page, size, 15)", "(flags(), content())"),
    page!("read-in-order", "2", "libc.madvise(page, size, 2)", "(flags(), content())"),
    page!("read-at-random", "2", "libc.madvise(page, size, 1)", "(flags(), content())"),
    page!("locked", "2", "libc.mlock(page, size)", "(flags(), content())"),
    page!("shared", "1", "pass", "content()"),
    page!("dropped-again", "2", "assert libc.madvise(page, size, 4) == 0", "content()").restored(),
    row("secret-memory", "import ctypes\nlibc = ctypes.CDLL(None)\nfd = libc.syscall(447, 0)\n\
         libc.ftruncate(fd, ctypes.c_long(4096)) if fd >= 0 else 0", "libc.fcntl(fd, 1) >= 0 if fd >= 0 else None"),
    row("large-array", "import array\na = array.array('Q', range(1 << 18))", "(sum(a), len(a))").restored(),
    row("many-objects", "d = {str(n): [n] for n in range(50000)}", "(sum(v[0] for v in d.values()), len(d))").restored(),
    row("zeros", "b = bytearray(1 << 22)\nb[1 << 21] = 7", "(b.count(0), b.index(7))").restored(),
    row("mapped-file", "import mmap\nwith open('data', 'rb') as f: m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)",
        "m[:4]")
        .files("echo text >data")
        .after("echo other >new; mv new data"),
    row("mapped-file-changed-in-place", "import mmap\nwith open('data', 'rb') as f: m = mmap.mmap(f.fileno(), 0, \
         access=mmap.ACCESS_READ)", "m[:4]")
        .files("echo text >data")
        .after("echo more >data"),
    row("mapped-copy", "import mmap\nwith open('data', 'rb') as f: m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY)\n\
         m[0:1] = b'T'", "m[:4]")
        .files("echo text >data"),
    row("program-break", "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.sbrk.restype = ctypes.c_void_p\n\
         old = libc.sbrk(ctypes.c_long(4096))\nctypes.memmove(old, b'the key', 7)", "ctypes.string_at(old, 7)"),
    row("thread-stack-gone", "import threading\nthreading.stack_size(1 << 20)\nt = threading.Thread(target=int)\nt.start()\n\
         t.join()", "threading.stack_size()")
        .restored(),
    row("c-library", "import ctypes\nm = ctypes.CDLL('libm.so.6')\nm.cos.restype = ctypes.c_double\nm.cos(ctypes.c_double(1))",
        "m.cos(ctypes.c_double(1.0))")
        .restored(),
    row("callback", "import ctypes\nkind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)\nf = kind(lambda n: n + 1)", "f(6)"),
];
