#!/usr/bin/env python3
"""A hundred requests that are answered from one image draw a hundred different random numbers.

draws.py PROGRAMS: the folder with wsgi-cgi and its executor. Every source is drawn from while the
application is loaded too. Exits with 1, and says why, where two draws are alike or a request is
cold."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

REQUESTS = 100
SOURCES = ["os.urandom(16).hex()", "os.getrandom(16).hex()", "secrets.token_hex()", "uuid.uuid4()"]
SCRIPT = """#!%s/wsgi-cgi --image
import os, secrets, uuid
def draw(): return [%s]
draw()
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%%s\\n" %% one).encode() for one in draw()]
"""


def main(programs):
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "app.cgi")
        script.write_text(SCRIPT % (programs, ", ".join(SOURCES)))
        script.chmod(0o755)
        around = {"PATH": "/usr/bin:/bin", "WSGI_CGI_CACHE_DIR": folder + "/images"}
        make = [programs / "wsgi-cgi", "image", "make", script]
        subprocess.run(make, env=around, check=True)
        request = dict(around, GATEWAY_INTERFACE="CGI/1.1", REQUEST_METHOD="GET", PATH_INFO="/")
        drawn = [answer(script, request) for _ in range(REQUESTS)]
    for source, values in zip(SOURCES, zip(*drawn)):
        print(f"{source}: {len(set(values))} different in {len(values)} restored requests")
        if len(set(values)) != REQUESTS:
            sys.exit("draws: these are not random")


def answer(script, request):
    """What one restored request drew."""
    done = subprocess.run(
        [script], env=request, cwd=script.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    lines = done.stdout.replace("\r\n", "\n").partition("\n\n")[2].split()
    if done.returncode or done.stderr or len(lines) != len(SOURCES):
        sys.exit(f"draws: a request was not answered from the image: {done.stderr}{done.stdout}")
    return lines


if __name__ == "__main__":
    # The version that matters is in the log.
    print(os.confstr("CS_GNU_LIBC_VERSION"), "Linux", os.uname().release, "Python", sys.version.split()[0])
    main(Path(sys.argv[1]).absolute())
