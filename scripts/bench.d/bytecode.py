"""Requests of a user who may not write beside the modules, where these are not compiled yet."""

import os
import shutil

from contest import Contestant, cgi_environment, check_answer, interleave, run
from rows import Row, Target
from times import MILLISECOND, module

USER = 65534
UNWRITABLE = Target(0.3)


def unwritable(place, rounds):
    """From the second request on: the first compiles."""
    errors = place.root / "errors"
    here = place.root / "not-compiled"
    shutil.rmtree(here, ignore_errors=True)
    without = shutil.ignore_patterns("__pycache__")
    for name, folder in [("venv", place.venv), ("apps", place.apps)]:
        shutil.copytree(folder, here / name, symlinks=True, ignore=without)
    cache = here / "cache"
    cache.mkdir(mode=0o700)

    def measure(contestant):
        done = run(contestant, errors)
        check_answer(contestant, done.output)
        return done.end_of_file / MILLISECOND

    as_user = command_prefix(here, cache)
    rows = []
    for name in ["flask", "django"]:
        script = here / "apps" / f"{module(name)}.py"
        environment = cgi_environment(script)
        program = (*as_user, place.program, "--venv", here / "venv", "--cache-dir", cache, script)
        cgihandler = (*as_user, here / "venv/bin/python3", script.with_suffix(".cgi"))
        contestants = [
            Contestant("wsgi-cgi", program, environment),
            Contestant("CGIHandler", cgihandler, environment),
        ]
        mine, theirs = interleave(contestants, rounds["bytecode"], measure)
        title = "no writable __pycache__"
        rows.append(Row(name, title, "ms", mine, "CGIHandler", theirs, UNWRITABLE))
    return rows


def command_prefix(folder, cache):
    """What makes both sides a user who may write to the cache and nothing else: for root that is
    another one, and everybody else has the right to write taken away."""
    if os.geteuid() == 0:
        os.chown(cache, USER, USER)
        return ("/usr/bin/setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
    for root, _, _ in os.walk(folder):
        if not root.startswith(str(cache)):
            os.chmod(root, 0o555)
    return ()
