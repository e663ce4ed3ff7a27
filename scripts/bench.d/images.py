"""The costs of an image: for the request that finds none, for its maker, and in memory."""

import shutil
import subprocess
import time
from contextlib import contextmanager

from contest import Contestant, Failed, check_answer, interleave, ours, run
from rows import Row, Target
from snapshots import OUTSIDE, launched, making
from times import APPLICATIONS, MILLISECOND, module

# Milliseconds that a request without an image may take longer than one by the program.
MISS = Target(2, difference=True)
MAKING = Target(2.5)
PRIVATE = Target(0.5)


def costs(place, rounds):
    """The launcher's first request, the making of an image, and the memory of what is restored."""
    return [*misses(place, rounds), *makers(place, rounds), *private_memory(place, rounds)]


def misses(place, rounds):
    """A request that finds no image, and has one made when its answer has ended."""
    errors = place.root / "errors"
    cache = place.root / "images"
    launcher = launched(place, "hello", f"--cache-dir {cache}")

    def measure(contestant):
        shutil.rmtree(cache, ignore_errors=True)
        done = run(contestant, errors)
        check_answer(contestant, done.output)
        if contestant is launcher:
            wait_for_image(cache)
        return done.end_of_file / MILLISECOND

    mine, theirs = interleave([launcher, ours(place, "hello")], rounds["misses"], measure)
    return [Row("hello", "without an image yet", "ms", mine, "wsgi-cgi", theirs, MISS)]


def wait_for_image(cache, count=1):
    """Returns when the processes that make so many have ended their work."""
    deadline = time.monotonic() + 60
    while len(list(cache.glob("*.image"))) < count:
        if time.monotonic() > deadline:
            raise Failed(f"no image was made in {cache}")
        time.sleep(0.01)


def makers(place, rounds):
    """`image make`, its trial of the image included."""
    errors = place.root / "errors"
    cache = place.root / "images"

    def measure(contestant):
        shutil.rmtree(cache, ignore_errors=True)
        done = run(contestant, errors)
        return done.exit / MILLISECOND

    rows = []
    for name in APPLICATIONS:
        launcher = launched(place, module(name), f"--cache-dir {cache}")
        maker = Contestant("image make", tuple(making(place, launcher)), OUTSIDE)
        cold = ours(place, module(name))
        mine, theirs = interleave([maker, cold], rounds["makers"], measure)
        rows.append(Row(name, "making an image", "ms", mine, "one request", theirs, MAKING))
    return rows


def private_memory(place, rounds):
    """What a request takes from the machine while another of its kind is being answered: what no
    other process has too."""
    cache = place.root / "images"
    shutil.rmtree(cache, ignore_errors=True)
    application = "django_waiting"
    request = {"method": "POST", "length": 1}
    restored = launched(place, application, f"--cache-dir {cache}", **request)
    warm_up = making(place, restored, "--warm-up", "/")
    subprocess.run(warm_up, env=OUTSIDE, check=True)
    cold = ours(place, application, **request)

    def measure(contestant):
        with answering(contestant), answering(contestant) as measured:
            with open(f"/proc/{measured.pid}/smaps_rollup") as lines:
                sizes = [line.split()[1] for line in lines if line.startswith("Private_")]
        return sum(map(int, sizes))

    mine, theirs = interleave([restored, cold], rounds["memory"], measure)
    return [Row("django", "private memory, restored", "KiB", mine, "wsgi-cgi", theirs, PRIVATE)]


@contextmanager
def answering(contestant):
    """A request whose answer is made and whose content has not come."""
    child = subprocess.Popen(
        [str(word) for word in contestant.command],
        env=contestant.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    head = b""
    while not head.endswith(b"hello"):
        block = child.stdout.read1()
        if not block:
            raise Failed(f"{contestant.name} answered {head!r}")
        head += block
    yield child
    child.communicate(b"x")
    if child.returncode:
        raise Failed(f"{contestant.name} ended with {child.returncode}")
