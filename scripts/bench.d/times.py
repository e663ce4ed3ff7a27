"""Small requests: wall time, CPU, peak memory, and the start-up until the application is called."""

from contest import Contestant, check_answer, interleave, pair, run
from memory import peak_memory
from rows import Row, Target

APPLICATIONS = ["hello", "flask", "django"]
END_OF_FILE = CPU = {"hello": Target(0.42), "flask": Target(0.6), "django": Target(0.6)}
NOT_MORE = Target(1.0)
MILLISECOND = 1e6
IN_VENV = "python -c, venv"


def module(name):
    """The file name of an application; flask.py would hide Flask."""
    return name if name == "hello" else f"{name}_hello"


def small_requests(place, rounds):
    """Wall time and CPU of one GET, for each application."""
    errors = place.root / "errors"

    def measure(contestant):
        done = run(contestant, errors)
        check_answer(contestant, done.output)
        return done

    rows = []
    for name in APPLICATIONS:
        contestants = pair(place, module(name))
        samples = interleave(contestants, rounds[name], measure, warm_ups=2)
        for title, attribute, target in [
            ("wall to end-of-file", "end_of_file", END_OF_FILE[name]),
            ("wall to exit", "exit", None),
            ("CPU, whole process", "cpu", CPU[name]),
        ]:
            mine, theirs = (
                [getattr(done, attribute) / MILLISECOND for done in runs] for runs in samples
            )
            rows.append(Row(name, title, "ms", mine, "CGIHandler", theirs, target))
    return rows


def peak_memories(place, rounds):
    """Peak memory of one GET, for each application."""

    def measure(contestant):
        memory, output = peak_memory(place, contestant)
        check_answer(contestant, output)
        return memory

    rows = []
    for name in APPLICATIONS:
        mine, theirs = interleave(pair(place, module(name)), rounds["memory"], measure)
        rows.append(Row(name, "peak memory", "KiB", mine, "CGIHandler", theirs, NOT_MORE))
    return rows


def start_up(place, rounds):
    """Time from the spawn to the application's first statement, against a bare interpreter's."""
    errors = place.root / "errors"
    # Both the application and the one-liner print CLOCK_MONOTONIC as the first thing they do.
    one_liner = "import time; print(time.monotonic_ns())"

    contestants = pair(place, "start")
    # The same environment too, so that only the program differs.
    environment = contestants[0].environment
    for name, python in [(IN_VENV, place.venv_python), ("python -c", place.python)]:
        contestants.append(Contestant(name, (python, "-c", one_liner), environment))

    def measure(contestant):
        done = run(contestant, errors)
        return (int(done.output.split()[-1]) - done.started) / MILLISECOND

    mine, *others = interleave(contestants, rounds["start"], measure, warm_ups=3)
    targets = {IN_VENV: Target(1.15)}
    return [
        Row("start", "to first statement", "ms", mine, other.name, samples, targets.get(other.name))
        for other, samples in zip(contestants[1:], others)
    ]
