//! The process as the kernel knows it: what loading sets is as it was set when a request is
//! answered, or there is no image.

use super::{Row, row};

#[test]
fn the_process() {
    super::check(ROWS);
}

pub(super) const ROWS: &[Row] = &[
    row("umask", "import os\nos.umask(0o077)", "os.umask(0o077)").restored(),
    row(
        "umask-of-a-file",
        "import os\nos.umask(0o027)",
        "os.stat(os.open('made', os.O_CREAT, 0o666)).st_mode",
    )
    .restored(),
    row(
        "chdir",
        "import os\nos.chdir('data')",
        "os.path.basename(os.getcwd())",
    )
    .files("mkdir data")
    .restored(),
    row(
        "chdir-and-open",
        "import os\nos.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data'))",
        "open('page').read()",
    )
    .files("mkdir data; echo a page >data/page")
    .restored(),
    row(
        "chdir-and-back",
        "import os\nos.chdir('data')\nos.chdir('..')",
        "os.path.exists('data')",
    )
    .files("mkdir data")
    .restored(),
    row(
        "fchdir",
        "import os\nplace = os.open('data', os.O_RDONLY)\nos.fchdir(place)\nos.close(place)",
        "os.path.basename(os.getcwd())",
    )
    .files("mkdir data"),
    row(
        "chdir-through-a-link",
        "import os\nos.chdir('current')",
        "open('n').read()",
    )
    .files("mkdir 1 2; echo 1 >1/n; echo two >2/n; ln -s 1 current")
    .after("ln -sfn 2 current"),
    row(
        "rlimit-core",
        "import resource as r\nr.setrlimit(r.RLIMIT_CORE, (0, 0))",
        "r.getrlimit(r.RLIMIT_CORE)",
    ),
    row(
        "rlimit-nofile",
        "import resource as r\nr.setrlimit(r.RLIMIT_NOFILE, (200, 300))",
        "r.getrlimit(r.RLIMIT_NOFILE)",
    ),
    row(
        "rlimit-as",
        "import resource as r\nr.setrlimit(r.RLIMIT_AS, (3 << 40, r.RLIM_INFINITY))",
        "r.getrlimit(r.RLIMIT_AS)",
    ),
    row(
        "rlimit-cpu",
        "import resource as r\nr.setrlimit(r.RLIMIT_CPU, (50, 60))",
        "r.getrlimit(r.RLIMIT_CPU)",
    ),
    row(
        "rlimit-fsize",
        "import resource as r\nr.setrlimit(r.RLIMIT_FSIZE, (1 << 40, 1 << 40))",
        "r.getrlimit(r.RLIMIT_FSIZE)",
    ),
    row(
        "rlimits-unchanged",
        "import resource as r\nr.getrlimit(r.RLIMIT_NOFILE)",
        "[r.getrlimit(which) for which in range(16)]",
    )
    .restored(),
    row("nice", "import os\nos.nice(3)", "os.nice(0)"),
    row(
        "priority",
        "import os\nos.setpriority(os.PRIO_PROCESS, 0, 5)",
        "os.getpriority(os.PRIO_PROCESS, 0)",
    ),
    row(
        "affinity",
        "import os\nos.sched_setaffinity(0, [max(os.sched_getaffinity(0))])",
        "os.sched_getaffinity(0)",
    ),
    row(
        "scheduler",
        "import os\nos.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
        "os.sched_getscheduler(0)",
    ),
    row(
        "io-priority",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.syscall(251, 1, 0, 3 << 13)",
        "libc.syscall(252, 1, 0)",
    ),
    row(
        "process-group",
        "import os\nos.setpgid(0, 0)",
        "os.getpgrp() == os.getpid()",
    ),
    row(
        "session",
        "import os\ntry: os.setsid()\nexcept OSError: pass",
        "os.getsid(0) == os.getpid()",
    ),
    row(
        "groups",
        "import os\ntry: os.setgroups([4])\nexcept OSError: pass",
        "os.getgroups()",
    ),
    row(
        "effective-user",
        "import os\ntry: os.seteuid(65534)\nexcept OSError: pass",
        "(os.getuid(), os.geteuid())",
    ),
    row(
        "effective-group",
        "import os\ntry: os.setegid(65534)\nexcept OSError: pass",
        "os.getresgid()",
    ),
    row(
        "root-folder",
        "import os\ntry: os.chroot('root')\nexcept OSError: pass",
        "os.path.exists('/only-here')",
    )
    .files("mkdir root; touch root/only-here"),
    row(
        "host-name-of-its-own",
        "import ctypes, socket\nlibc = ctypes.CDLL(None)\n\
         if libc.unshare(0x04000000) == 0: socket.sethostname('elsewhere')",
        "socket.gethostname()",
    ),
    row(
        "out-of-memory-score",
        "open('/proc/self/oom_score_adj', 'w').write('500')",
        "open('/proc/self/oom_score_adj').read()",
    ),
    row(
        "core-dump-filter",
        "open('/proc/self/coredump_filter', 'w').write('0x1')",
        "open('/proc/self/coredump_filter').read()",
    ),
    row("name", "", "open('/proc/self/comm').read()").restored(),
    row(
        "status",
        "import os",
        "[line for line in open('/proc/self/status') if line.split(':')[0] in ('Umask', 'Threads', \
         'SigPnd', 'SigBlk', 'SigIgn', 'SigCgt', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', \
         'NoNewPrivs', 'Seccomp', 'TracerPid', 'CoreDumping', 'Cpus_allowed')]",
    )
    .restored(),
];
