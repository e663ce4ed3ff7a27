"""Real applications as people install them: what the whole process costs, cold and from images.

Each is in a virtual environment of its own kind, beside Trac's, Mercurial's and Django's own
data, and answers its first page."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from contest import Contestant, Failed, cgi_environment, interleave, run
from place import compile_all, output_of, pip_environment
from rows import Row
from snapshots import ask_often
from times import MILLISECOND

SITES = Path(__file__).parent / "real"
PACKAGES = [
    "bottle==0.13.4", "dash==4.4.1", "django==5.2.19", "flask==3.1.3", "flask-sqlalchemy==3.1.1",
    "markdown==3.9", "mercurial==7.2.4", "paste==3.10.1", "pastedeploy==3.1.0", "pyramid==2.1", "setuptools<81", "sqlalchemy==2.0.44", "trac==1.6",
    "legacy-cgi; python_version >= '3.13'",
]  # fmt: skip
# What is asked for, and what the answer has in it.
ASKED = {
    "bottle_script": ("/", b"<li>one</li>"),
    "flask_sqlite": ("/", b"<li>one</li>"),
    "flask_sqlalchemy_site": ("/", b"<li>one</li>"),
    "django_admin": ("/admin/login/", b"Django administration"),
    "paste_site": ("/", b"hello"),
    "pyramid_site": ("/", b"hello"),
    "hgweb_site": ("/", b"Mercurial"),
    "dash_site": ("/", b"_dash"),
    "wiki_site": ("/Front", b"<h1>Front</h1>"),
    "trac_site": ("/wiki", b"Trac"),
}
NOTES = "create table notes (id integer primary key, text text); insert into notes (text) values ('one')"
PAGES = "create table pages (name text primary key, text text); insert into pages values ('Front', '# Front')"


def whole_processes(place, rounds):
    """CPU and time of whole processes against CGIHandler's: cold, from an image, warmed up."""
    venv = make_venv(place)
    folder = make_sites(place, venv)
    # An image is of a script and the folder that it is started in, which is its own in a server too.
    os.chdir(folder)
    rows = []
    for name, (path, expected) in ASKED.items():
        sides = [side(place, venv, folder, name, path, way) for way in WAYS]
        errors = place.root / "errors"

        def measure(contestant, expected=expected, name=name):
            done = run(contestant, errors)
            if expected not in done.output:
                raise Failed(f"{contestant.name}: {name} answered {done.output[:300]!r}")
            return done

        *ours, theirs = interleave(sides, rounds["real"], measure, warm_ups=3)
        for way, mine in zip(WAYS, ours):
            for what, unit, of in MEASURES:
                samples = [[of(one) for one in side] for side in (mine, theirs)]
                rows.append(Row(name, f"{what}, {way}", unit, samples[0], "CGIHandler", samples[1]))
    return rows


WAYS = ["cold", "image", "image, warm", "CGIHandler"]
MEASURES = [
    ("CPU to exit", "ms", lambda done: done.cpu / MILLISECOND),
    ("to end-of-file", "ms", lambda done: done.end_of_file / MILLISECOND),
    ("to exit", "ms", lambda done: done.exit / MILLISECOND),
]


def side(place, venv, folder, name, path, way):
    """One way to run a site; images are made ahead."""
    script = folder / f"{name}-{way.replace(', ', '-')}.cgi"
    code = (SITES / f"{name}.py").read_text()
    options = {"image": " --image", "image, warm": f" --image --warm-up {path}"}.get(way, "")
    first = f"{place.program}{options} --venv {venv}"
    if way == "CGIHandler":
        first = venv / "bin" / "python3"
    if way == "CGIHandler" and "CGIHandler" not in code:
        code += "\nfrom wsgiref.handlers import CGIHandler\n\nCGIHandler().run(application)\n"
    script.write_text(f"#!{first}\n{code}")
    script.chmod(0o755)
    environment = cgi_environment(script) | {"PATH_INFO": path, "HOME": str(folder)}
    environment["WSGI_CGI_CACHE_DIR"] = str(folder / "images")
    if "image" in way:
        # A file that was written a moment ago may still change for all that its time says.
        time.sleep(1.1)
        outside = {name: environment[name] for name in ["PATH", "HOME", "WSGI_CGI_CACHE_DIR"]}
        make(place, script, outside)
        ask_often(Contestant(way, (script,), environment), place.root / "errors")
        make(place, script, outside)
    if way == "CGIHandler":
        del environment["WSGI_CGI_CACHE_DIR"]
    return Contestant(way, (script,), environment)


def make(place, script, environment):
    """Makes an image; what stands in the way is printed."""
    command = [place.program, "image", "make", script]
    made = subprocess.run(command, env=environment, capture_output=True)
    if made.returncode or made.stderr:
        print(f"{script.name}: {made.stderr.decode(errors='replace').strip()}", file=sys.stderr)


def make_venv(place):
    """A venv with all of the packages; an existing one is kept."""
    version = output_of([place.python, "-c", "import platform; print(platform.python_version())"])
    venv = place.root / f"real-{version}"
    done = venv / "bench-made-with"
    if not done.exists() or done.read_text() != "\n".join(PACKAGES):
        print(f"making {venv}", flush=True)
        subprocess.run([place.python, "-m", "venv", "--clear", venv], check=True)
        pip = [venv / "bin" / "python3", "-m", "pip", "install", "-q", *PACKAGES]
        subprocess.run(pip, env=pip_environment(), check=True)
        compile_all(venv / "bin" / "python3", venv / "lib")
        done.write_text("\n".join(PACKAGES))
    return venv


def make_sites(place, venv):
    """Their data: a database, a repository, a project of Django's and one of Trac's."""
    folder = place.root / "real-sites"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    environment = pip_environment() | {"HOME": str(folder), "HGRCPATH": ""}

    def do(*command, cwd=folder):
        subprocess.run(
            [venv / "bin" / command[0], *command[1:]],
            cwd=cwd, env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    base = f"import sqlite3; sqlite3.connect('base.db').executescript({NOTES + '; ' + PAGES!r})"
    do("python3", "-c", base)
    (folder / "pages").mkdir()
    (folder / "pages" / "index.html").write_text("hello\n")
    shutil.copy(SITES / "paste_site.ini", folder)
    do("hg", "init", "repository")
    (folder / "repository" / "file").write_text("text\n")
    do("hg", "commit", "-A", "-u", "bench", "-m", "first", cwd=folder / "repository")
    do("django-admin", "startproject", "mysite", ".")
    do("python3", "manage.py", "migrate")
    do("trac-admin", "trac", "initenv", "bench", "sqlite:db/trac.db")
    return folder
