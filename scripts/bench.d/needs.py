"""The programs that the measurements are made with, installed where that is possible."""

import os
import shutil
import subprocess
from pathlib import Path

# The Debian package of each program.
PACKAGES = {
    "cargo": "cargo",
    "cc": "gcc",
    "time": "time",
    "ab": "apache2-utils",
    "apache2": "apache2",
    "wrk": "wrk",
    "nginx": "nginx-light",
    "fcgiwrap": "fcgiwrap",
    "curl": "curl",
    "strace": "strace",
    "valgrind": "valgrind",
    "perf": "linux-perf",
}
OTHER_NAMES = {"apache2": ["httpd"]}
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"


class Missing(Exception):
    """A sentence that says what to install."""


def find(program):
    """The program's path, looked for in the administrators' folders too, or None."""
    places = os.environ.get("PATH", os.defpath) + ":" + SYSTEM_FOLDERS
    for name in [program, *OTHER_NAMES.get(program, [])]:
        if found := shutil.which(name, path=places):
            return Path(found)
    return None


def require(*programs):
    """Makes sure that all are there: installs them as root on Debian, else says what to install."""
    missing = [program for program in programs if not find(program)]
    if not missing:
        return
    packages = sorted({PACKAGES[program] for program in missing})
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {' '.join(packages)}", flush=True)
        install(packages)
        missing = [program for program in missing if not find(program)]
    if missing:
        raise Missing(
            f"{', '.join(missing)} not found: install the package that brings it "
            f"(Debian and Ubuntu: apt-get install {' '.join(packages)})"
        )


def install(packages):
    """Installs Debian packages."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    for attempt in [["apt-get", "update", "-q"], command]:
        subprocess.run(attempt, env=environment, stdout=subprocess.DEVNULL, check=True)
