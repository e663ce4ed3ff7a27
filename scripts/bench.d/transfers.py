"""Large bodies: how fast 1 GiB goes out and comes in, and how much memory that takes.

Each runs in a pipeline with a cheap other end, the same for every contestant: `wc -c` reads what is
sent, `cat` sends what is read."""

import subprocess
import time
from dataclasses import dataclass

from contest import PATH, Contestant, Failed, interleave, pair
from memory import read_report, under_time
from place import GIB
from rows import Row, Target

# A response head is never longer than this, and a body must not be shorter than announced.
LONGEST_HEAD = 4096
TWO_MIB = Target(2048, difference=True)
AS_CAT = Target(0.9, at_least=True)
NOT_MORE = Target(1.0)


@dataclass(frozen=True)
class Transfer:
    """MiB a second and KiB at the most."""

    rate: float
    memory: int


def large_bodies(place, rounds):
    """The rows of all three ways."""
    rows = []
    for way in (file_wrapper_out, generator_out, body_in):
        rows += way(place, rounds["transfer"])
    return rows


def file_wrapper_out(place, rounds):
    """A file through wsgi.file_wrapper, beside `cat`."""
    large, small = place.file("one-gib"), place.file("one-byte")
    cat = Contestant("cat | wc -c", ("cat", large), {"PATH": PATH})
    contestants = pair(place, "file_out", query=f"file={large}") + [cat]
    least = pair(place, "file_out", query=f"file={small}")[0]
    return compare("1 GiB file_wrapper", contestants, least, rounds, lambda c, n: send(place, c, n))


def generator_out(place, rounds):
    """The same length from a generator."""
    contestants = pair(place, "generator_out", query=f"length={GIB}")
    least = pair(place, "generator_out", query="length=1")[0]
    return compare("1 GiB generator", contestants, least, rounds, lambda c, n: send(place, c, n))


def body_in(place, rounds):
    """A POST, read by the application in blocks."""
    contestants = pair(place, "body_in", method="POST", length=GIB)
    least = pair(place, "body_in", method="POST", length=1)[0]
    return compare("1 GiB POST", contestants, least, rounds, lambda c, n: receive(place, c, n))


def compare(part, contestants, least, rounds, transfer):
    """Rates beside each other, and our memory beside CGIHandler's and that of one byte."""
    samples = interleave(contestants, rounds, lambda contestant: transfer(contestant, GIB))
    one_byte = [transfer(least, 1).memory for _ in range(rounds)]
    mine = samples[0]
    rows = []
    for contestant, theirs in zip(contestants[1:], samples[1:]):
        target = AS_CAT if contestant.name.startswith("cat") else None
        rates = [[done.rate for done in side] for side in (mine, theirs)]
        rows.append(Row(part, "rate", "MiB/s", rates[0], contestant.name, rates[1], target, True))
    memory, other = ([done.memory for done in side] for side in samples[:2])
    rows.append(Row(part, "peak memory", "KiB", memory, "1-byte request", one_byte, TWO_MIB))
    rows.append(Row(part, "peak memory", "KiB", memory, "CGIHandler", other, NOT_MORE))
    return rows


def send(place, contestant, length):
    """The contestant's output into `wc -c`."""
    command, report = under_time(place, contestant.command)
    counted, elapsed = pipeline(
        (command, contestant.environment, subprocess.DEVNULL), (["wc", "-c"], {"PATH": PATH})
    )
    excess = int(counted) - length
    if not 0 <= excess <= LONGEST_HEAD:
        raise Failed(f"{contestant.name} sent {counted!r} bytes for a body of {length}")
    return Transfer(length / (1 << 20) / elapsed, read_report(report))


def receive(place, contestant, length):
    """The file into the contestant's input."""
    file = place.file("one-gib" if length == GIB else "one-byte")
    command, report = under_time(place, contestant.command)
    answer, elapsed = pipeline(
        (["cat", file], {"PATH": PATH}, subprocess.DEVNULL), (command, contestant.environment)
    )
    if answer.split()[-1:] != [b"%d" % length]:
        raise Failed(f"{contestant.name} counted {answer[-300:]!r} bytes in a body of {length}")
    return Transfer(length / (1 << 20) / elapsed, read_report(report))


def pipeline(writer, reader):
    """Runs `writer | reader`: what the reader printed, and the seconds until both had ended."""
    command, environment, stdin = writer
    started = time.monotonic()
    first = subprocess.Popen(command, env=environment, stdin=stdin, stdout=subprocess.PIPE)
    second = subprocess.Popen(reader[0], env=reader[1], stdin=first.stdout, stdout=subprocess.PIPE)
    # Only the reader may hold the reading end, or the writer never learns that it has gone.
    first.stdout.close()
    output = second.communicate()[0]
    first.wait()
    return output, time.monotonic() - started
