"""Instructions and system calls: what stays the same when the machine is too busy for times."""

import subprocess
import tempfile
from pathlib import Path

import needs
from contest import Failed, check_answer, interleave, pair
from rows import Row, Target
from times import APPLICATIONS, module

CALLS_OF_DJANGO = Target(0.8)


def instructions_and_calls(place, rounds):
    """Both counts of one GET, for each application."""
    needs.require("strace")
    count_instructions, tool = instruction_counter()
    rows = []
    for name in APPLICATIONS:
        for title, unit, count in [
            (f"instructions ({tool})", "million", count_instructions),
            ("system calls", "calls", system_calls),
        ]:
            contestants = pair(place, module(name))
            # Counts need no warm machine, and valgrind takes its time.
            mine, theirs = interleave(contestants, rounds["counts"], count, warm_ups=0)
            target = CALLS_OF_DJANGO if (name, unit) == ("django", "calls") else None
            rows.append(Row(name, title, unit, mine, "CGIHandler", theirs, target))
    return rows


def instruction_counter():
    """The processor's counter where perf may read it, else valgrind's."""
    perf = needs.find("perf")
    if perf:
        trial = [perf, "stat", "-x,", "-e", "instructions:u", "true"]
        done = subprocess.run(trial, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.stdout.partition(",")[0].isdigit():
            return instructions_by_perf, "perf"
    needs.require("valgrind")
    return instructions_by_callgrind, "callgrind"


def callgrind(*options):
    """The beginning of a command line."""
    return [needs.find("valgrind"), "--tool=callgrind", *options]


def instructions_by_perf(contestant):
    """Millions of user-mode instructions, by the processor's count."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        perf = [needs.find("perf"), "stat", "-x,", "-e", "instructions:u", "-o", report]
        answer(contestant, perf)
        lines = [line for line in report.read_text().splitlines() if "instructions" in line]
    return int(lines[0].partition(",")[0]) / 1e6


def instructions_by_callgrind(contestant):
    """Millions of instructions, of the process and of what it forked."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--callgrind-out-file=/dev/null", f"--log-file={folder}/%p"]
        answer(contestant, callgrind(*options))
        logs = "".join(log.read_text() for log in Path(folder).iterdir())
    collected = [line for line in logs.splitlines() if "Collected :" in line]
    if not collected:
        raise Failed(f"valgrind counted nothing: {logs[-500:]}")
    return sum(int(line.split()[-1]) for line in collected) / 1e6


def system_calls(contestant):
    """The number of system calls, of the process and of its children."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        answer(contestant, [needs.find("strace"), "-f", "-c", "-o", report])
        total = report.read_text().splitlines()[-1].split()
    return int(total[3])


def answer(contestant, prefix):
    """Runs the contestant under another program, checks that it still answers where it is given a
    request, and gives what it wrote to standard error."""
    done = subprocess.run(
        [*prefix, *contestant.command],
        env=contestant.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if done.returncode:
        raise Failed(f"{contestant.name} under {prefix[0]}: {done.stderr[-1000:]!r}")
    if "GATEWAY_INTERFACE" in contestant.environment:
        check_answer(contestant, done.stdout)
    return done.stderr.decode(errors="replace")
