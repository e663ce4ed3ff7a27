"""Requests per second behind Apache's mod_cgid, measured with `ab` on the loopback interface."""

import grp
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import needs
from contest import Failed, interleave, pair
from rows import Row
from times import APPLICATIONS, module

CONCURRENCY = "4"
CONFIGURATION = """\
ServerRoot "{root}"
ServerName localhost
Listen 127.0.0.1:{port}
DefaultRuntimeDir "{root}"
PidFile "{root}/pid"
ErrorLog "{root}/error.log"
{modules}
{user}
ScriptSock "{root}/cgid.sock"
DocumentRoot "{apps}"
<Directory "{apps}">
    AllowOverride None
    Options +ExecCGI
    SetHandler cgi-script
    Require all granted
</Directory>
"""
MODULES = ["mpm_event", "authz_core", "unixd", "cgid"]
MODULE_FOLDERS = ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"]


def behind_apache(place, rounds):
    """Both sides under the same server, in alternating rounds."""
    rows = []
    with apache(place) as address:
        for name in APPLICATIONS:
            measure = partial(requests_per_second, address, rounds["requests"][name])
            mine, theirs = interleave(pair(place, module(name)), rounds["apache"], measure)
            title = f"Apache mod_cgid, ab -c {CONCURRENCY}"
            rows.append(Row(name, title, "req/s", mine, "CGIHandler", theirs, None, True))
    return rows


def requests_per_second(address, requests, contestant, path="/"):
    """One run of `ab` against the contestant's script."""
    url = f"http://{address}/{Path(contestant.environment['SCRIPT_FILENAME']).name}{path}"
    # A page may have another length each time.
    command = [needs.find("ab"), "-q", "-l", "-c", CONCURRENCY, "-n", str(requests), url]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    rate = re.search(r"^Requests per second:\s+([\d.]+)", done.stdout, re.MULTILINE)
    failed = re.search(r"^(Failed|Non-2xx).*:\s+[1-9].*", done.stdout, re.MULTILINE)
    if not rate or failed:
        raise Failed(f"{contestant.name} behind Apache: {failed[0] if failed else done.stdout}")
    return float(rate[1])


@contextmanager
def apache(place):
    """A server of our own in the foreground, ended by its process id; gives its address."""
    root = Path(tempfile.mkdtemp(prefix="apache-", dir=place.root))
    root.chmod(0o755)
    port = free_port()
    configuration = root / "httpd.conf"
    configuration.write_text(
        CONFIGURATION.format(
            root=root, port=port, apps=place.apps, modules=load_modules(), user=user_and_group()
        )
    )
    command = [needs.find("apache2"), "-DFOREGROUND", "-f", configuration]
    with open(root / "output", "wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(server, port)
        yield f"127.0.0.1:{port}"
    except Failed as error:
        raise Failed(f"{error}\n{log_of(root)}") from None
    finally:
        end(server)
        shutil.rmtree(root, ignore_errors=True)


def load_modules():
    """LoadModule lines; what is compiled into the server has no file and needs none."""
    folder = next((Path(f) for f in MODULE_FOLDERS if Path(f).is_dir()), None)
    if folder is None:
        raise Failed("no folder with Apache's modules found")
    files = {module: folder / f"mod_{module}.so" for module in MODULES}
    return "\n".join(
        f'LoadModule {module}_module "{file}"' for module, file in files.items() if file.exists()
    )


def user_and_group():
    """The server's, where it has to be told."""
    user = server_user()
    if user is None:
        return ""
    return f"User {user.pw_name}\nGroup {grp.getgrgid(user.pw_gid).gr_name}"


def server_user():
    """Apache answers no request as root; None where it need not become another user."""
    if os.geteuid() != 0:
        return None
    for name in ("www-data", "apache", "http", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Failed("no user for Apache's workers found")


def free_port():
    """A port that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(server, port):
    """Returns when the server accepts connections."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Failed("the server does not start")


def end(process):
    """Ends a server of our own by its process id, politely first."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def log_of(root):
    """What Apache and the scripts had to say."""
    logs = [root / "output", root / "error.log"]
    return "".join(log.read_text(errors="replace")[-1500:] for log in logs if log.exists())
