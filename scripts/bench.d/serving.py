"""Requests per second of `serve`, measured with `wrk` on the loopback interface."""

import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import needs
from apache import end, free_port, wait_for
from contest import Failed, interleave
from rows import Row, Target
from times import module

CONNECTIONS = "8"
# The standard library's server as its documentation shows it, and a process for each request.
SIMPLE_SERVER = """\
import runpy, socketserver, sys
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
class Server(socketserver.ForkingMixIn, WSGIServer):
    pass
class Handler(WSGIRequestHandler):
    def log_message(self, *_):
        pass
application = runpy.run_path(sys.argv[1])["application"]
make_server("127.0.0.1", int(sys.argv[2]), application, Server, Handler).serve_forever()
"""


def local_server(place, rounds):
    """Each against the standard library's nearest kin, in alternating rounds."""
    rows = []
    root = Path(tempfile.mkdtemp(prefix="serve-", dir=place.root))
    root.chmod(0o755)
    script = place.application(module("hello"))
    program = (place.program, "serve", "--venv", place.venv, script, "--port")
    try:
        cgi_bin = root / "cgi-bin"
        cgi_bin.mkdir()
        cgi_script = shutil.copy(place.cgihandler_script(module("hello")), cgi_bin)
        Path(cgi_script).chmod(0o755)
        # It imports the application from beside it.
        shutil.copy(script, cgi_bin)
        simple = (place.venv_python, "-c", SIMPLE_SERVER, script)
        http_server = (place.venv_python, "-m", "http.server", "--cgi", "--bind", "127.0.0.1")
        for title, ours, name, theirs, path in [
            ("--preload", program, "simple_server, forking", simple, ""),
            ("", program, "http.server --cgi", http_server, f"cgi-bin/{Path(cgi_script).name}"),
        ]:
            with server(ours, [title] if title else [], root) as mine:
                with server(theirs, [], root) as other:
                    sides = [(f"http://{mine}/", True), (f"http://{other}/{path}", False)]
                    measure = partial(requests_per_second, rounds["wrk"])
                    samples = interleave(sides, rounds["serve"], measure)
            measured = f"serve {title}, wrk -c {CONNECTIONS}".replace(" ,", ",")
            target = Target(1.5, at_least=True)
            rows.append(Row("hello", measured, "req/s", samples[0], name, samples[1], target, True))
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return rows


def requests_per_second(seconds, side):
    """One run of `wrk`; an answer that is no 2xx is a failure, and of ours so is a broken
    connection. (http.server --cgi resets some behind its answer.)"""
    url, is_ours = side
    command = [needs.find("wrk"), "-t", "2", "-c", CONNECTIONS, "-d", str(seconds), url]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    rate = re.search(r"^Requests/sec:\s+([\d.]+)", done.stdout, re.MULTILINE)
    failed = re.search("(Non-2xx|Socket errors).*" if is_ours else "Non-2xx.*", done.stdout)
    if not rate or failed or not float(rate[1]):
        raise Failed(f"wrk {url}: {failed[0] if failed else done.stdout}")
    return float(rate[1])


@contextmanager
def server(command, options, root):
    """A server of our own, ended by its process id; gives its address."""
    port = free_port()
    with open(root / "output", "ab") as output:
        process = subprocess.Popen(
            [*command, str(port), *options], cwd=root, stdout=output, stderr=output
        )
    try:
        wait_for(process, port)
        yield f"127.0.0.1:{port}"
    finally:
        end(process)
