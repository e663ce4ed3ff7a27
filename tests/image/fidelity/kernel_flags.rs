//! Flags, masks, timers and modes of a process that loading may set, most of them by `prctl`.

use super::{Row, row};

#[test]
fn flags_of_the_process() {
    super::check(ROWS);
}

/// Sets one of the flags of `prctl` and reads it by its value.
macro_rules! flag {
    ($id:literal, $set:literal, $get:literal) => {
        row(
            $id,
            concat!(
                "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.prctl(",
                $set,
                ")"
            ),
            concat!("libc.prctl(", $get, ")"),
        )
    };
}

pub(super) const ROWS: &[Row] = &[
    flag!("no-new-privileges", "38, 1, 0, 0, 0", "39, 0, 0, 0, 0"),
    flag!("dumpable", "4, 0, 0, 0, 0", "3, 0, 0, 0, 0"),
    flag!("keep-capabilities", "8, 1, 0, 0, 0", "7, 0, 0, 0, 0"),
    flag!("timer-slack", "29, 100000, 0, 0, 0", "30, 0, 0, 0, 0"),
    flag!("no-huge-pages", "41, 1, 0, 0, 0", "42, 0, 0, 0, 0"),
    flag!("machine-check", "33, 1, 1, 0, 0", "34, 0, 0, 0, 0"),
    flag!("speculation", "53, 0, 4, 0, 0", "52, 0, 0, 0, 0"),
    flag!("capability-dropped", "24, 23, 0, 0, 0", "23, 23, 0, 0, 0"),
    flag!("secure-bits", "28, 1, 0, 0, 0", "27, 0, 0, 0, 0"),
    row(
        "name-of-its-own",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.prctl(15, b'my site', 0, 0, 0)",
        "open('/proc/self/comm').read()",
    ),
    row(
        "subreaper",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.prctl(36, 1, 0, 0, 0)\nis_one = ctypes.c_int()",
        "(libc.prctl(37, ctypes.byref(is_one), 0, 0, 0), is_one.value)",
    ),
    row(
        "signal-at-the-parents-death",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.prctl(1, 15, 0, 0, 0)\nsignal = ctypes.c_int()",
        "(libc.prctl(2, ctypes.byref(signal), 0, 0, 0), signal.value)",
    ),
    row(
        "personality",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.personality(0x0040000)",
        "libc.personality(ctypes.c_ulong(0xffffffff))",
    ),
    row(
        "seccomp",
        "import ctypes\nlibc = ctypes.CDLL(None)\nallow = ctypes.create_string_buffer(bytes([6, 0, 0, 0, 0, 0, \
         0xff, 0x7f]), 8)\nclass Filter(ctypes.Structure): _fields_ = [('n', ctypes.c_ushort), \
         ('at', ctypes.c_void_p)]\nf = Filter(1, ctypes.addressof(allow))\n\
         libc.prctl(38, 1, 0, 0, 0)\nlibc.prctl(22, 2, ctypes.byref(f), 0, 0)",
        "[line for line in open('/proc/self/status') if line.startswith('Seccomp')]",
    ),
    row(
        "signal-mask",
        "import signal as s\ns.pthread_sigmask(s.SIG_BLOCK, [s.SIGUSR1])",
        "sorted(s.pthread_sigmask(s.SIG_BLOCK, []))",
    ),
    row(
        "signal-mask-undone",
        "import signal as s\ns.pthread_sigmask(s.SIG_BLOCK, [s.SIGUSR1])\n\
         s.pthread_sigmask(s.SIG_UNBLOCK, [s.SIGUSR1])",
        "sorted(s.pthread_sigmask(s.SIG_BLOCK, []))",
    )
    .restored(),
    row(
        "signal-pending",
        "import os, signal as s\ns.pthread_sigmask(s.SIG_BLOCK, [s.SIGUSR1])\n\
         os.kill(os.getpid(), s.SIGUSR1)",
        "s.sigpending()",
    ),
    row(
        "signal-handler",
        "import os, signal as s\nseen = []\ns.signal(s.SIGUSR1, lambda *_: seen.append('seen'))",
        "(os.kill(os.getpid(), s.SIGUSR1), seen)",
    )
    .restored(),
    row(
        "signal-ignored",
        "import signal as s\ns.signal(s.SIGHUP, s.SIG_IGN)",
        "([line for line in open('/proc/self/status') if line.startswith('SigIgn')], \
         s.getsignal(s.SIGHUP) == s.SIG_IGN)",
    )
    .restored(),
    row(
        "child-signal-ignored",
        "import signal as s, subprocess\ns.signal(s.SIGCHLD, s.SIG_IGN)",
        "subprocess.call(['sh', '-c', 'exit 3'])",
    ),
    row(
        "alarm",
        "import signal as s\ns.alarm(100)",
        "s.alarm(0) > 0",
    ),
    row(
        "interval-timer",
        "import signal as s\ns.setitimer(s.ITIMER_VIRTUAL, 100)",
        "s.getitimer(s.ITIMER_VIRTUAL)[0] > 0",
    ),
    row(
        "fault-handler",
        "import faulthandler\nfaulthandler.enable()",
        "faulthandler.is_enabled()",
    ),
    row(
        "rounding-mode",
        "import ctypes\nlibm = ctypes.CDLL('libm.so.6')\nlibm.fesetround(0x800)\none = 1.0",
        "(libm.fegetround(), one / 3)",
    ),
    row(
        "flush-to-zero",
        "import ctypes, platform\nlibm = ctypes.CDLL('libm.so.6')\nsmall = 2.5e-308\n\
         environment = (ctypes.c_uint * 8)()\nif platform.machine() == 'x86_64':\n    \
         libm.fegetenv(environment)\n    environment[7] |= 0x8040\n    libm.fesetenv(environment)",
        "small / 4",
    ),
    row(
        "memory-locked",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.mlockall(1)",
        "[line for line in open('/proc/self/status') if line.startswith('VmLck')][0].split()[1] != '0'",
    ),
];
