"""Requests per second through nginx over SCGI, and what many requests leave behind in the listener."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import needs
from apache import end, free_port, wait_for
from contest import Failed, interleave
from images import wait_for_image
from rows import Row, Target
from serving import requests_per_second
from times import module

WORKERS = "4"
MANY = 10_000
CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {root}/pid;
error_log {root}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; uwsgi_temp_path {root}/uwsgi;
    fastcgi_temp_path {root}/fastcgi; scgi_temp_path {root}/scgi;
    server {{
        listen 127.0.0.1:{port};
        include /etc/nginx/scgi_params;
        location /preload {{ scgi_pass unix:{root}/preload; }}
        location /image {{ scgi_pass unix:{root}/image; }}
        location /django {{ scgi_pass unix:{root}/django; }}
        location /gunicorn {{ proxy_pass http://unix:{root}/gunicorn; }}
        location /cgihandler {{
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME {script};
            fastcgi_pass unix:{root}/fcgiwrap;
        }}
    }}
}}
"""


def behind_nginx(place, rounds):
    """Each against its kin under the same nginx, in alternating rounds; then many requests."""
    root = Path(tempfile.mkdtemp(prefix="scgi-", dir=place.root))
    root.chmod(0o755)
    hello, django = place.application(module("hello")), place.application(module("django"))
    serve = partial(listener, place, root)
    cache = root / "images"
    cache.mkdir(mode=0o700)
    image = ["--image", "--cache-dir", cache, "--warm-up", "/"]
    try:
        with ExitStack() as stack:
            preloaded = stack.enter_context(serve("preload", hello, ["--preload"]))
            restored = stack.enter_context(serve("image", hello, image))
            stack.enter_context(serve("django", django, image))
            stack.enter_context(gunicorn(place, root, hello))
            stack.enter_context(fcgiwrap(root))
            script = place.cgihandler_script(module("django"))
            address = stack.enter_context(nginx(root, script))
            for path in ("image", "django"):
                subprocess.run(["curl", "-sS", "-o", os.devnull, f"http://{address}/{path}"], check=True)
            wait_for_image(cache, 2)
            compared = [
                ("hello", "--preload", "preload", "gunicorn, sync", "gunicorn", 0.5),
                ("django", "--image", "django", "fcgiwrap, CGIHandler", "cgihandler", 20),
            ]
            rows = []
            for name, option, mine, other, theirs, target in compared:
                sides = [(f"http://{address}/{path}", True) for path in (mine, theirs)]
                measure = partial(requests_per_second, rounds["wrk"])
                ours, others = interleave(sides, rounds["serve"], measure)
                title = f"nginx, SCGI {option}, wrk -c 8"
                row = Row(name, title, "req/s", ours, other, others, Target(target, at_least=True), True)
                rows.append(row)
            for path, process in (("preload", preloaded), ("image", restored)):
                many(address, path, process)
            return rows
    finally:
        shutil.rmtree(root, ignore_errors=True)


def many(address, path, process):
    """Sends many requests, and says what they left in the listener."""
    ask(address, path, MANY // 10)
    before = state(process)
    ask(address, path, MANY)
    time.sleep(1)
    after = state(process)
    if after[0] > before[0] + 1024 or after[1] > before[1] or after[2]:
        raise Failed(f"{path}: of {MANY} requests something is left: {before} -> {after}")
    print(
        f"{path}: {MANY} requests at once by 16, none failed; memory {before[0]} -> {after[0]} kB, "
        f"descriptors {before[1]} -> {after[1]}, zombies {after[2]}",
        flush=True,
    )


def ask(address, path, requests):
    """One run of `ab`, in which none may fail."""
    command = [needs.find("ab"), "-q", "-l", "-c", "16", "-n", str(requests), f"http://{address}/{path}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    complete = re.search(r"^Complete requests:\s+(\d+)", done.stdout, re.MULTILINE)
    failed = re.search(r"^(Failed|Non-2xx).*:\s+[1-9].*", done.stdout, re.MULTILINE)
    if failed or not complete or int(complete[1]) != requests:
        raise Failed(f"{path}: {failed[0] if failed else done.stdout}")


def state(process):
    """Private memory in kB, open descriptors, and children that nobody has asked."""
    folder = Path(f"/proc/{process.pid}")
    memory = re.search(r"Private_Dirty:\s+(\d+)", (folder / "smaps_rollup").read_text())
    children = (folder / "task" / str(process.pid) / "children").read_text().split()
    states = [Path(f"/proc/{child}/stat") for child in children]
    zombies = sum(") Z " in stat.read_text() for stat in states if stat.exists())
    return int(memory[1]), len(list((folder / "fd").iterdir())), zombies


@contextmanager
def running(command, root, socket):
    """A process of our own that listens at a socket in that folder, ended by its id."""
    with open(root / "output", "ab") as output:
        process = subprocess.Popen(command, cwd=root, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 20
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{command[0]} does not start: {(root / 'output').read_text()[-1500:]}")
            time.sleep(0.05)
        socket.chmod(0o666)
        yield process
    finally:
        end(process)


def listener(place, root, name, script, options):
    """`serve --scgi` with as many workers as gunicorn has."""
    command = [place.program, "serve", "--scgi", root / name, "--jobs", WORKERS, "--venv", place.venv]
    return running([*command, "--script-name", f"/{name}", *options, script], root, root / name)


def gunicorn(place, root, script):
    """gunicorn's sync workers, with the same Python."""
    command = [place.venv_python, "-m", "gunicorn", "-w", WORKERS, "-b", f"unix:{root}/gunicorn"]
    chdir = ["--chdir", script.parent, f"{script.stem}:application"]
    return running([*command, *chdir], root, root / "gunicorn")


def fcgiwrap(root):
    """fcgiwrap with as many processes."""
    command = [needs.find("fcgiwrap"), "-c", WORKERS, "-s", f"unix:{root}/fcgiwrap"]
    return running(command, root, root / "fcgiwrap")


@contextmanager
def nginx(root, script):
    """nginx before all of them; gives its address."""
    port = free_port()
    configuration = root / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(root=root, port=port, script=script))
    with open(root / "output", "ab") as output:
        server = subprocess.Popen(
            [needs.find("nginx"), "-e", "stderr", "-c", configuration], stdout=output, stderr=output
        )
    try:
        wait_for(server, port)
        yield f"127.0.0.1:{port}"
    finally:
        end(server)
