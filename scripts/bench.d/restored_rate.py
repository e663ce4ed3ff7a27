"""Requests per second that images answer behind Apache: Django beside CGIHandler, hello beside a
program in C that does nothing but print the same answer."""

import os
import re
import shutil
import subprocess
import time
from dataclasses import replace
from functools import partial

from apache import CONCURRENCY, apache, requests_per_second, server_user
from contest import Failed, cgi_environment, cgihandler, interleave, run
from images import wait_for_image
from rows import Row, Target
from snapshots import OUTSIDE, in_c_program, launched
from times import module


def behind_apache(place, rounds):
    """Both sides under the same server, in alternating rounds."""
    with apache(place) as address:
        few = partial(requests_per_second, address, rounds["requests"]["django"])
        many = partial(requests_per_second, address, rounds["restored requests"])
        django = Target(35, at_least=True)
        return [
            row(place, rounds, many, "django", few, "CGIHandler", django),
            row(place, rounds, many, "hello", many, "static C", Target(0.5, at_least=True)),
        ]


def wait_until_learned(cache):
    """Until the image is one that was made after its requests were learned from."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        lists = [path.stat() for path in cache.glob("*.learned")]
        images = [path.stat() for path in cache.glob("*.image")]
        if lists and images and lists[0].st_size > 32 and images[0].st_ctime > lists[0].st_ctime:
            return
        time.sleep(0.1)
    raise Failed("no image that has learned within a minute")


def row(place, rounds, rate, name, others_rate, other, target):
    """The rate of restored requests to one application, beside another program's."""
    cache = own_cache(place)
    restored = launched(place, module(name), f"--cache-dir {cache} --warm-up /")
    rate(restored)
    wait_for_image(cache)
    rate(restored)
    wait_until_learned(cache)
    against = cgihandler(place, module(name)) if other == "CGIHandler" else floor(place, restored)

    def measure(contestant):
        return rate(contestant) if contestant is restored else others_rate(contestant)

    count = restored_requests(place, cache)
    mine, theirs = interleave([restored, against], rounds["apache"], measure)
    count = restored_requests(place, cache) - count
    wanted = rounds["restored requests"] * (rounds["apache"] + 1)
    # Once in a thousand times something of a new process is where the image has to be.
    if count < 0.99 * wanted:
        raise Failed(f"{name}: {count} of {wanted} requests were answered by the image")
    title = f"Apache, images, ab -c {CONCURRENCY}"
    return Row(name, title, "req/s", mine, other, theirs, target, True)


def own_cache(place):
    """An empty folder for images of the user that the scripts run as."""
    cache = place.root / "images-of-apache"
    shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(mode=0o700)
    if user := server_user():
        os.chown(cache, user.pw_uid, user.pw_gid)
    return cache


def floor(place, restored):
    """The program in C as a script of the server."""
    answer = run(restored, place.root / "errors").output
    contestant = in_c_program(place, restored, answer)
    script = place.apps / "floor.cgi"
    shutil.copy(contestant.command[0], script)
    return replace(contestant, environment=cgi_environment(script))


def restored_requests(place, cache):
    """How many requests the image has answered."""
    command = [place.program, "image", "status", "--cache-dir", cache]
    user = server_user()
    as_user = {"user": user.pw_uid, "group": user.pw_gid} if user else {}
    done = subprocess.run(
        command, env=OUTSIDE, stdout=subprocess.PIPE, text=True, check=True, **as_user
    )
    return int(re.search(r"(\d+) requests?", done.stdout)[1])
