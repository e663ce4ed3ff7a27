"""The conditions of a measurement: versions, machine, date."""

import os
import platform
import subprocess
import time
from pathlib import Path

from place import output_of


def describe(place, repository):
    """A dictionary."""
    version = "import importlib.metadata as m; print(m.version({!r}))"
    packages = {
        package: output_of([place.venv_python, "-c", version.format(package)])
        for package in ("flask", "django", "trac")
    }
    return {
        "program": str(place.program),
        "python": output_of([place.venv_python, "-c", "import sys; print(sys.version.split()[0])"]),
        **packages,
        "system": platform.platform(),
        "processor": processor(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "commit": commit(repository),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def processor():
    """The processor's name, where the kernel tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def commit(repository):
    """The repository's commit, or None where there is no repository."""
    command = ["git", "-C", repository, "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def sentence(described):
    """What matters most of it, in a line."""
    return (
        "Python {python}, Flask {flask}, Django {django}, Trac {trac}, {processors} processors "
        "({processor}), load {load:.2f}".format(**described)
    )
