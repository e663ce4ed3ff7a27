"""The two sides: how each answers one CGI request, and how runs of them are interleaved."""

import os
import signal
import time
from dataclasses import dataclass

# Like Apache's, the environment holds the request and PATH, and nothing of the calling shell.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Contestant:
    """A command and the environment it runs in."""

    name: str
    command: tuple
    environment: dict


@dataclass(frozen=True)
class Run:
    """One run: nanoseconds of wall time until stdout ended and until the exit, and of CPU time."""

    end_of_file: int
    exit: int
    cpu: int
    started: int
    output: bytes


class Failed(Exception):
    """A run that did not answer as it should; its time means nothing."""


def ours(place, application, **request):
    """Our program as an interpreter setting or a `#!` line starts it."""
    script = place.application(application)
    command = (place.program, "--venv", place.venv, script)
    return Contestant("wsgi-cgi", command, cgi_environment(script, **request))


def cgihandler(place, application, **request):
    """The standard library's gateway, with the Python of the venv, as a `#!` line starts it."""
    script = place.cgihandler_script(application)
    return Contestant("CGIHandler", (place.venv_python, script), cgi_environment(script, **request))


def pair(place, application, **request):
    """Both sides for the same request."""
    return [ours(place, application, **request), cgihandler(place, application, **request)]


def cgi_environment(script, method="GET", query="", length=None):
    """The meta-variables of one request."""
    environment = {
        "PATH": PATH,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": f"/{script.name}",
        "SCRIPT_FILENAME": str(script),
        "PATH_INFO": "/",
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "bench",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
    }
    if length is not None:
        environment["CONTENT_LENGTH"] = str(length)
        environment["CONTENT_TYPE"] = "application/octet-stream"
    return environment


def run(contestant, errors):
    """Runs a command to its end, and says when its standard output ended and what it cost."""
    read_end, write_end = os.pipe()
    command = [str(word) for word in contestant.command]
    started = time.monotonic_ns()
    child = os.posix_spawn(
        command[0],
        command,
        contestant.environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, write_end, 1),
            (os.POSIX_SPAWN_OPEN, 2, str(errors), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        ],
        # Python ignores SIGPIPE, and what is ignored stays so in the child.
        setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
    )
    os.close(write_end)
    blocks = []
    while block := os.read(read_end, 1 << 16):
        blocks.append(block)
    end_of_file = time.monotonic_ns()
    _, status, usage = os.wait4(child, 0)
    exited = time.monotonic_ns()
    os.close(read_end)
    output = b"".join(blocks)
    if status:
        raise Failed(
            f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}: "
            f"{output[:300]!r} {errors.read_text(errors='replace')[-1000:]}"
        )
    return Run(
        end_of_file=end_of_file - started,
        exit=exited - started,
        cpu=int((usage.ru_utime + usage.ru_stime) * 1e9),
        started=started,
        output=output,
    )


def check_answer(contestant, output, ending=b"hello\n"):
    """A gateway's answer has to be a whole 200, or there is nothing to compare."""
    # Trac has another spelling.
    if not output.lower().startswith(b"status: 200 ok") or not output.endswith(ending):
        raise Failed(f"{contestant.name} answered {output[:300]!r}")


def interleave(contestants, rounds, measure, warm_ups=1):
    """Runs all in turn, round after round: what slows the machine for a while slows them all.

    Gives a list of `measure(contestant)` for each contestant."""
    for _ in range(warm_ups):
        for contestant in contestants:
            measure(contestant)
    in_rounds = [[measure(contestant) for contestant in contestants] for _ in range(rounds)]
    return [list(samples) for samples in zip(*in_rounds)]
