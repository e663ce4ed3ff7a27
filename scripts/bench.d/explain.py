"""Where one request goes: time, instructions and system calls of each phase, for both sides.

Three commands are run: the application with marks between its phases (marks.py), a small request with
Python's import times, which show where site begins and ends, and the program with --version, which
starts no interpreter. Time is measured in interleaved rounds; the counts do not depend on how busy the
machine is, and are taken once."""

import re
import shutil
import statistics
from collections import Counter
from pathlib import Path

import needs
from contest import Contestant, Failed, interleave, pair, run
from cuts import instructions_between, system_calls_between
from rows import aligned
from times import APPLICATIONS, MILLISECOND, module

PHASES = {
    "loader": "exec, shared libraries, main: the program with --version, as a whole",
    "interpreter": "what is left until the script's first statement, finding the script included",
    "site": "the import of site, as Python's import times have it; wsgi-cgi does its work in the phase before",
    "path search": "finding the spec of each module: built-in, frozen, or on sys.path",
    "reading": "the source's stat, the .pyc opened, read and compared with it",
    "unmarshalling": "the .pyc's bytes made code objects",
    "extensions": "shared libraries of extension modules loaded",
    "module bodies": "module bodies, with the work of import statements outside of the above",
    "garbage": "collections, wherever they happen from the first statement to the way out",
    "gateway": "from the loaded application to its call",
    "call": "the call, the response's blocks and close(), without what is imported meanwhile",
    "way out": "from close() until the process has ended",
}
TOTALS = {
    "sum": "all of these, with what the marks between them cost",
    "unmarked": "the same request without marks; its system calls by name are below each table",
}
MARK = r"getpriority\(PRIO_PROCESS, 0\)"
IMPORT = r'write\(2, "import time: +\d'
IMPORT_LINE = re.compile(r"import time: +\d+ \| +(\d+) \| ( *)(\S+)$", re.MULTILINE)
FIRST_STATEMENT = """\
import os, time; began = time.monotonic_ns(); os.getpriority(os.PRIO_PROCESS, 0)
import marks; marks.start(began)
"""
OURS = "application = marks.called(application)\n"
CGIHANDLER = (
    "from wsgiref.handlers import CGIHandler\nCGIHandler().run(marks.called(application))\n"
)


def tables(place, rounds):
    """A table for each application, as text, one after the other."""
    needs.require("strace", "valgrind")
    shutil.copy(Path(__file__).with_name("marks.py"), place.apps)
    for name in APPLICATIONS:
        sides = [
            Side(place, whole, small, ending)
            for whole, small, ending in zip(
                pair(place, module(name)), pair(place, module("hello")), [OURS, CGIHANDLER]
            )
        ]
        sides.reverse()
        times = interleave(sides, rounds["explain"], Side.times, warm_ups=2)
        yield "\n".join(table(name, sides, [medians(side) for side in times]))
    yield aligned([list(meaning) for meaning in {**PHASES, **TOTALS}.items()], right=set())


class Side:
    """What is run of one side."""

    def __init__(self, place, whole, small, ending):
        self.name = whole.name
        self.errors = place.root / "errors"
        *program, script = whole.command
        marked = script.with_name(f"marked_{script.name}")
        marked.write_text(f"{FIRST_STATEMENT}from {script.stem} import application\n{ending}")
        self.whole = whole
        environment = {**whole.environment, "SCRIPT_FILENAME": str(marked)}
        self.marked = Contestant(whole.name, (*program, marked), environment)
        self.imports = Contestant(
            whole.name, small.command, {**small.environment, "PYTHONPROFILEIMPORTTIME": "1"}
        )
        self.version = Contestant(whole.name, (program[0], "--version"), {})

    def times(self):
        """Milliseconds of each phase, in one round."""
        whole, version = run(self.whole, self.errors), run(self.version, self.errors)
        run(self.imports, self.errors)
        site = site_of(self.errors.read_text(), self.name)[2] / 1e3
        marked = run(self.marked, self.errors)
        phases, stamps = marks_of(self.errors.read_text())
        edges = [marked.started, *stamps, marked.started + marked.exit]
        pieces = [(after - before) / MILLISECOND for before, after in zip(edges, edges[1:])]
        loader = version.exit / MILLISECOND
        return phased(pieces, phases, loader, site, whole.exit / MILLISECOND)

    def instructions(self):
        """Millions of each phase."""
        # Debian's libpython calls the checking variant.
        return self.counted(instructions_between, ["fprintf", "__fprintf_chk"], ["getpriority"])

    def system_calls(self):
        """A Counter for each phase."""
        return self.counted(system_calls_between, IMPORT, MARK)

    def counted(self, count_between, import_mark, mark):
        """Amounts of each phase."""
        [version], _ = count_between(self.version, None)
        [whole], _ = count_between(self.whole, None)
        imports, errors = count_between(self.imports, import_mark)
        begin, end, _ = site_of(errors, self.name)
        site = sum(imports[begin:end], type(whole)())
        pieces, errors = count_between(self.marked, mark)
        return phased(pieces, marks_of(errors)[0], version, site, whole)


def site_of(errors, side):
    """The pieces between import lines that site begins and ends with, and its microseconds; nothing where Python was
    started without it, as wsgi-cgi does.

    A line is printed when a module has been imported, after those of what it imports itself."""
    lines = IMPORT_LINE.findall(errors)
    begin = 0
    for end, (cumulative, indent, name) in enumerate(lines):
        if not indent:
            if name == "site":
                return begin, end + 1, int(cumulative)
            begin = end + 1
    if side == "wsgi-cgi":
        return 0, 0, 0
    raise Failed("Python did not report the import time of site")


def marks_of(errors):
    """The phases in the order in which they began, and when."""
    marks = re.findall(r"^mark (\d+) (.*)", errors, re.MULTILINE)
    if not marks:
        raise Failed(f"no marks: {errors[-500:]}")
    return [phase for _, phase in marks], [int(stamp) for stamp, _ in marks]


def phased(pieces, phases, loader, site, whole):
    """Amounts by phase; the first piece is all that goes before the script."""
    start, *pieces = pieces
    # What is imported on the way out makes marks that were not reported any more.
    phases = phases + phases[-1:] * (len(pieces) - len(phases))
    zero = type(start)()
    amounts = {phase: zero for phase in [*PHASES, "marks"]}
    for phase, piece in zip(phases, pieces):
        amounts[phase] = amounts[phase] + piece
    amounts.update({"loader": loader, "site": site, "interpreter": start - loader - site})
    del amounts["marks"]
    amounts["sum"] = sum(amounts.values(), zero)
    amounts["unmarked"] = whole
    return amounts


def medians(rounds):
    """Of each phase."""
    return {phase: statistics.median(times[phase] for times in rounds) for phase in rounds[0]}


def table(name, sides, times):
    """Lines: each phase of both sides, and the system calls by name."""
    instructions = [side.instructions() for side in sides]
    calls = [side.system_calls() for side in sides]
    names = [cell for side in sides for cell in (side.name, "", "", "")]
    lines = [[name, *names], ["", *(["ms", "M instr.", "calls", "failed"] * len(sides))]]
    for phase in times[0]:
        cells = [phase]
        for time, million, called in zip(times, instructions, calls):
            failed = sum(number for (_, fails), number in called[phase].items() if fails)
            total = sum(called[phase].values())
            cells += [f"{time[phase]:.2f}", f"{million[phase]:.2f}", f"{total}", f"{failed}"]
        lines.append(cells)
    yield aligned(lines, right=set(range(1, len(lines[0]))))
    for side, called in zip(sides, calls):
        yield f"{side.name}: {by_name(called['unmarked'])}"


def by_name(called, most=8):
    """The most frequent system calls, and how many of them failed."""
    names = Counter()
    for (name, _), number in called.items():
        names[name] += number
    shown = []
    for name, number in names.most_common(most):
        failed = called[name, True]
        shown.append(f"{name} {number}" + (f" ({failed} failed)" if failed else ""))
    return ", ".join(shown)
