//! The process as the kernel knows it, what is seldom set: C's own variables, registrations, policies,
//! and what the kernel does not tell again.

use super::{Row, row};

#[test]
fn attributes_that_are_rarely_set() {
    super::check(ROWS);
}

/// Calls the C library.
macro_rules! c {
    ($id:literal, $load:literal, $show:literal) => {
        row(
            $id,
            concat!(
                "import ctypes, os, subprocess\nlibc = ctypes.CDLL(None, use_errno=True)\n",
                $load
            ),
            $show,
        )
    };
}

pub(super) const ROWS: &[Row] = &[
    c!(
        "put-in-c-alone",
        "os.putenv('PUT', '1')",
        "(subprocess.getoutput('echo $PUT'), os.environ.get('PUT'))"
    )
    .restored(),
    c!(
        "removed-in-c-alone",
        "os.environ['KEPT'] = '1'\nos.unsetenv('KEPT')",
        "(subprocess.getoutput('echo $KEPT'), os.environ.get('KEPT'))"
    )
    .restored(),
    c!(
        "set-in-c-and-python",
        "os.environ['BOTH'] = '1'\nlibc.setenv(b'BOTH', b'2', 1)",
        "(subprocess.getoutput('echo $BOTH'), os.environ.get('BOTH'))"
    )
    .restored(),
    c!(
        "removed-before-it-is-there",
        "os.unsetenv('HTTP_COOKIE')",
        "subprocess.getoutput('echo $HTTP_COOKIE')"
    )
    .then(&[("HTTP_COOKIE", "id=1")]),
    c!(
        "emptied-in-c",
        "libc.clearenv()",
        "subprocess.getoutput('echo $HTTP_COOKIE')"
    )
    .then(&[("HTTP_COOKIE", "id=1")]),
    c!(
        "memory-barrier",
        "libc.syscall(324, 16, 0, 0)",
        "libc.syscall(324, 8, 0, 0)"
    )
    .restored(),
    c!(
        "memory-policy",
        "libc.syscall(238, 1, None, 0)",
        "(lambda mode: (libc.syscall(239, ctypes.byref(mode), None, 0, 0, 0), mode.value))(ctypes.c_int())"
    ),
    c!(
        "keyring",
        "libc.syscall(250, 1, b'a ring', 0, 0, 0)",
        "'a ring' in subprocess.getoutput('cat /proc/keys')"
    ),
    c!(
        "who-may-observe",
        "libc.prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)",
        "True"
    ),
    c!(
        "guarded-page",
        "libc.mmap.restype = ctypes.c_void_p\n\
         page = libc.mmap(None, ctypes.c_size_t(12288), 3, 0x22, -1, ctypes.c_long(0))\n\
         ctypes.memset(page, 65, 12288)\n\
         libc.madvise(ctypes.c_void_p(page + 4096), ctypes.c_size_t(4096), 102)\n\
         def there(at): return libc.access(ctypes.c_void_p(at), 0) == 0 or ctypes.get_errno() != 14",
        "([there(page + at) for at in (0, 4096, 8192)], ctypes.string_at(page, 3), ctypes.string_at(page + 8192, 3))"
    )
    .restored(),
    c!(
        "file-that-nobody-may-read",
        "libc.mmap.restype = ctypes.c_void_p\nfile = os.open('data', os.O_RDONLY)\n\
         page = libc.mmap(None, ctypes.c_size_t(4096), 0, 2, file, ctypes.c_long(0))\nos.close(file)",
        "(libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(4096), 1), ctypes.string_at(page, 4))"
    )
    .files("echo text >data")
    .restored(),
    c!(
        "protection-key",
        "libc.mmap.restype = ctypes.c_void_p\nkey = libc.pkey_alloc(0, 0)\n\
         page = libc.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0))\n\
         libc.pkey_mprotect(ctypes.c_void_p(page), ctypes.c_size_t(4096), 3, key)",
        "'ProtectionKey:         1' in open('/proc/self/smaps').read()"
    ),
    c!(
        "grows-downwards",
        "libc.mmap(None, ctypes.c_size_t(4096), 3, 0x122, -1, ctypes.c_long(0))",
        "open('/proc/self/smaps').read().count(' gd ') "
    ),
    c!(
        "limit-of-the-stack",
        "import resource as r\nr.setrlimit(r.RLIMIT_STACK, (64 << 20, r.getrlimit(r.RLIMIT_STACK)[1]))",
        "r.getrlimit(r.RLIMIT_STACK)[0]"
    ),
    c!(
        "new-memory-locked",
        "import mmap\nlibc.mlockall(2)",
        "(mmap.mmap(-1, 4096), [line for line in open('/proc/self/status') if line.startswith('VmLck')][0].split()[1] != '0')[1]"
    ),
    c!(
        "standard-error-replaced",
        "new = os.open('log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)\nos.dup2(new, 2)\nos.close(new)",
        "os.path.samestat(os.fstat(2), os.stat('log'))"
    ),
    c!(
        "standard-output-flags",
        "os.set_blocking(0, False)",
        "os.get_blocking(0)"
    ),
    c!(
        "login-user",
        "try: open('/proc/self/loginuid', 'w').write('1')\nexcept OSError: pass",
        "open('/proc/self/loginuid').read()"
    ),
];
