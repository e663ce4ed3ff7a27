"""Lasting conditions: whatever keeps an application from having an image, for a day or for ever, must
not make its requests slower or more expensive than cold ones.

Each condition is measured with many requests, each beside a cold request without images. The CPU time is that
of all processes that a request leaves behind, including the makers of images."""

import ctypes
import os
import shutil
import statistics
import time
import uuid
from dataclasses import dataclass, replace
from typing import Callable

import needs
from contest import Contestant, Failed, cgi_environment, check_answer, run
from rows import Row, Target
from times import MILLISECOND

CPU = Target(1.05)
# Milliseconds.
LATER = Target(2, difference=True)
ROTATED_EACH = 100
SUBREAPER = 36

ANSWER = """
def application(environ, start_response):
    %s
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello\\n"]
"""


@dataclass(frozen=True)
class Condition:
    """What an application does while it is loaded and for each request, and what happens around."""

    name: str
    load: str
    answer: str = "pass"
    # Called with the script's folder and the number of the request, before it.
    before: Callable = lambda folder, number: None
    # The variables, and the words before the script, of a request of that number.
    variables: Callable = lambda number: {}
    words: Callable = lambda number: ()
    # Requests that end badly by themselves.
    ends_badly: Callable = lambda number: False


def rotate(folder, number):
    """What logrotate does at night."""
    if number % ROTATED_EACH == ROTATED_EACH // 2:
        os.replace(folder / "app.log", folder / "app.log.1")
        (folder / "app.log").touch()


def is_burning(number):
    """One of the first, when there is an image."""
    return number == 20


def burning(number):
    """A request that comes to the end of its processor time."""
    return ("/bin/sh", "-c", 'ulimit -t 1; exec "$0"') if is_burning(number) else ()


def in_turn(number):
    """Two boots, which may be those of two machines that share a home."""
    boot = f"../boot-{number % 2}"
    mount = 'mount --bind "$1" /proc/sys/kernel/random/boot_id; hostname "bench-$2"; exec "$0"'
    # The script comes last, and a shell takes what follows its command as $0, $1 and so on.
    shell = f'exec /bin/sh -ec "$1" "$2" {boot} {number % 2}'
    return ("/usr/bin/unshare", "--mount", "--uts", "/bin/sh", "-c", shell, "sh", mount)


CONDITIONS = [
    Condition(
        "log rotated",
        "import logging, logging.handlers\n"
        "handler = logging.handlers.WatchedFileHandler('app.log')\n"
        "logging.getLogger().addHandler(handler)\n"
        "import os\nsize = os.path.getsize('app.log')",
        "logging.warning('asked')",
        before=rotate,
    ),
    Condition(
        "counter read",
        "with open('counter') as f: counted = f.read()",
        "with open('counter', 'a+') as f: f.seek(0); n = int(f.read() or 0); f.truncate(0); f.write(str(n + 1))",
    ),
    Condition("variable differs", "import os", variables=lambda n: {"H2_STREAM_ID": str(n)}),
    Condition(
        "and is read",
        "import os\nstream = os.environ.get('H2_STREAM_ID')",
        variables=lambda n: {"H2_STREAM_ID": str(n)},
    ),
    Condition(
        "all are copied",
        "import os\nown = dict(os.environ)",
        variables=lambda n: {"H2_STREAM_ID": str(n)},
    ),
    Condition(
        "RLIMIT_CPU once",
        "",
        "while environ['PATH_INFO'] == '/burn': pass",
        variables=lambda n: {"PATH_INFO": "/burn"} if is_burning(n) else {},
        words=burning,
        ends_badly=is_burning,
    ),
    Condition("two boots", "", words=in_turn),
    Condition("refused", "import os\nends = os.pipe()"),
]


def conditions(place, rounds):
    """CPU and delay of each, against cold requests."""
    # Makers of images, whose parents have ended, are this process's then.
    if ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0):
        raise needs.Missing("this system cannot wait for orphaned processes (no child subreaper)")
    rows = []
    for condition in CONDITIONS:
        if condition.words is in_turn and os.geteuid() != 0:
            print(f"left out: {condition.name}: only root can fake another boot ID")
            continue
        rows += measured(place, condition, rounds["lasting"])
    return rows


def measured(place, condition, requests):
    """The rows of one condition."""
    root = place.root / "lasting"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for boot in range(2):
        (root / f"boot-{boot}").write_text(f"{uuid.uuid4()}\n")
    ours = script(place, root / "image", condition, f"{place.program} --image --venv {place.venv}")
    cold = script(place, root / "cold", condition, f"{place.program} --venv {place.venv}")
    sides = (ours, cold)
    cpu = [0, 0]
    delays = [[], []]
    for number in range(requests):
        for side, contestant in enumerate(sides):
            done = ask(place, condition, contestant, number)
            if done is not None:
                cpu[side] += done.cpu
                delays[side].append(done.end_of_file / MILLISECOND)
            # Only requests by way of images leave processes behind.
            cpu[0] += reaped(os.WNOHANG)
    cpu[0] += reaped(0)
    a_request = [spent / MILLISECOND / requests for spent in cpu]
    rows = [Row(condition.name, "CPU a request", "ms", [a_request[0]], "cold", [a_request[1]], CPU)]
    for title, of in [("median", statistics.median), ("99th percentile", percentile_99)]:
        mine, theirs = map(of, delays)
        rows.append(Row(condition.name, f"{title} delay", "ms", [mine], "cold", [theirs], LATER))
    return rows


def percentile_99(values):
    """Later than that are one in a hundred."""
    return sorted(values)[min(len(values) - 1, len(values) * 99 // 100)]


def script(place, folder, condition, first):
    """The application in a folder of its own, run by that first line."""
    folder.mkdir()
    for name in ("app.log", "counter"):
        (folder / name).touch()
    file = folder / "app.cgi"
    file.write_text(f"#!{first}\n{condition.load}\n{ANSWER % condition.answer}")
    file.chmod(0o755)
    images = place.root / "lasting" / "images"
    environment = dict(cgi_environment(file), WSGI_CGI_CACHE_DIR=str(images))
    return Contestant(first.split()[0], (file,), environment)


def ask(place, condition, contestant, number):
    """One request; none where it was meant to end badly."""
    folder = contestant.command[0].parent
    os.chdir(folder)
    condition.before(folder, number)
    asked = replace(
        contestant,
        command=(*condition.words(number), *contestant.command),
        environment={**contestant.environment, **condition.variables(number)},
    )
    try:
        done = run(asked, place.root / "errors")
    except Failed:
        if condition.ends_badly(number):
            return None
        raise
    if condition.ends_badly(number):
        raise Failed(f"{condition.name}: the request did not fail as it should")
    check_answer(contestant, done.output)
    return done


def reaped(options):
    """The nanoseconds of CPU of all processes that have ended and were left to this one."""
    cpu = 0
    patience = time.monotonic() + 60
    while time.monotonic() < patience:
        try:
            process, _, usage = os.wait4(-1, options)
        except ChildProcessError:
            break
        if process == 0:
            break
        cpu += int((usage.ru_utime + usage.ru_stime) * 1e9)
    return cpu
