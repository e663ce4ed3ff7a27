"""Peak memory of a command.

Not from wait4 in this process: on exec, the kernel keeps the larger resident set, so the child of a
large process, such as Python, never appears smaller than its parent was. GNU time is small: it starts
the command and waits for it."""

import subprocess

import needs
from contest import Failed


def under_time(place, command):
    """The command run by `time`, and the file that its peak memory is written to."""
    report = place.root / "peak-memory"
    return [needs.find("time"), "-q", "-f", "%M", "-o", report, *command], report


def read_report(report):
    """KiB, from what `time` wrote."""
    return int(report.read_text().split()[-1])


def peak_memory(place, contestant):
    """KiB at the most, and the output, of a command that is given no input."""
    command, report = under_time(place, contestant.command)
    done = subprocess.run(
        command,
        env=contestant.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    if done.returncode:
        raise Failed(f"{contestant.name} ended with {done.returncode}: {done.stderr[-1000:]!r}")
    return read_report(report), done.stdout
