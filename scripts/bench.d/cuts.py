"""System calls and instructions of a run, cut into pieces wherever it makes a mark."""

import re
import tempfile
from collections import Counter
from pathlib import Path

import needs
from contest import Failed
from counts import answer, callgrind

# `1234 openat(AT_FDCWD, "...", O_RDONLY) = -1 ENOENT (...)`; an interrupted call has two lines.
CALL = re.compile(r"\d+ +(\w+)\(.*?(= -1 E\w+.*)?$")


def system_calls_between(contestant, mark):
    """A Counter for each piece, of (name, whether it failed); `mark` is a pattern of a line.

    The marks themselves are not counted. Also gives what was written to standard error."""
    pieces = [Counter()]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        strace = [needs.find("strace"), "-f", "-qq", "-e", "signal=none", "-o", report]
        errors = answer(contestant, strace)
        for line in report.read_text(errors="replace").splitlines():
            if mark and re.search(mark, line):
                pieces.append(Counter())
            elif call := CALL.match(line):
                pieces[-1][call[1], bool(call[2])] += 1
    return pieces, errors


def instructions_between(contestant, functions):
    """Millions for each piece; a call of one of these C functions is a mark."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        options = ["--dump-line=no", f"--callgrind-out-file={output}", f"--log-file={folder}/log"]
        marks = [f"--dump-before={function}" for function in functions or []]
        errors = answer(contestant, callgrind(*options, *marks))
        # output.1, output.2, ...: what went before each mark; output: what went after the last.
        dumps = sorted(output.parent.glob("output.*"), key=lambda dump: int(dump.suffix[1:]))
        pieces = [instructions_in(dump) for dump in [*dumps, output]]
    return pieces, errors


def instructions_in(dump):
    """Millions, as the head of a dump says."""
    with open(dump) as lines:
        for line in lines:
            if line.startswith(("summary:", "totals:")):
                return int(line.split()[1]) / 1e6
    raise Failed(f"callgrind counted nothing: {dump.name}")
