"""Requests per second that images of real applications answer behind Apache, beside CGIHandler."""

import copy
import os
import shutil
import subprocess
import time

import real
from apache import CONCURRENCY, apache, requests_per_second, server_user
from contest import Contestant, Failed, interleave
from restored_rate import own_cache
from rows import Row, Target

# How many times CGIHandler's rate each must have.
SITES = {"django_admin": 50, "pyramid_site": 12, "hgweb_site": 12}


def behind_apache(place, rounds):
    """Both sides under the same server, in alternating rounds."""
    venv = real.make_venv(place)
    folder = real.make_sites(place, venv)
    cache = own_cache(place)
    contestants = {name: pair(place, venv, folder, name, cache) for name in SITES}
    if user := server_user():
        for path in folder.rglob("*"):
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    sites = copy.copy(place)
    sites.apps = folder
    rows = []
    with apache(sites) as address:
        for name, least in SITES.items():
            ours, theirs = contestants[name]
            path = real.ASKED[name][0]
            make_image(place, ours)

            def rate(contestant, ours=ours, path=path):
                counts = rounds["restored requests"] if contestant is ours else 12
                return requests_per_second(address, counts, contestant, path)

            mine, other = interleave([ours, theirs], rounds["apache"], rate)
            title = f"Apache, warm images, ab -c {CONCURRENCY}"
            target = Target(least, at_least=True)
            rows.append(Row(name, title, "req/s", mine, "CGIHandler", other, target, True))
    shutil.rmtree(cache, ignore_errors=True)
    return rows


def pair(place, venv, folder, name, cache):
    """The two scripts of a site."""
    path, _ = real.ASKED[name]
    code = (real.SITES / f"{name}.py").read_text()
    first = f"{place.program} --image --cache-dir {cache} --warm-up {path} --venv {venv}"
    theirs = f"{venv}/bin/python3"
    handler = "\nfrom wsgiref.handlers import CGIHandler\n\nCGIHandler().run(application)\n"
    return [
        script(folder / f"{name}-rate.cgi", f"#!{first}\n{code}"),
        script(folder / f"{name}-rate-CGIHandler.cgi", f"#!{theirs}\n{code}{handler}"),
    ]


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)
    return Contestant(path.name, (path,), {"SCRIPT_FILENAME": str(path)})


def make_image(place, contestant):
    """Ahead, for the user that the server runs scripts as."""
    time.sleep(1.1)
    user = server_user()
    as_user = {}
    if user:
        groups = os.getgrouplist(user.pw_name, user.pw_gid)
        as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}
    script = contestant.command[0]
    done = subprocess.run(
        [place.program, "image", "make", script], env={"PATH": os.defpath}, cwd=script.parent,
        capture_output=True, **as_user,
    )  # fmt: skip
    if done.returncode:
        raise Failed(f"{script.name}: {done.stderr.decode(errors='replace')}")
