"""Requests answered by a restored image: against CGIHandler, and against a program in C that does
nothing but print the same answer."""

import os
import shutil
import subprocess

import needs
from contest import (
    PATH,
    Contestant,
    Failed,
    cgi_environment,
    cgihandler,
    check_answer,
    interleave,
    run,
)
from place import pip_environment
from rows import Row, Target
from times import MILLISECOND, module

# Of all applications' answers.
ENDINGS = (b"hello", b"</html>")
# No request's.
OUTSIDE = {"PATH": PATH}
AGAINST_CGIHANDLER = {"hello": 12, "flask": 40, "django": 40}
AGAINST_C = {"hello": Target(3), "flask": None, "django": Target(10)}


def restored_requests(place, rounds):
    """One GET to end-of-file, the check that the image still holds included."""
    errors = place.root / "errors"
    cache = place.root / "images"
    shutil.rmtree(cache, ignore_errors=True)

    def measure(contestant):
        done = run(contestant, errors)
        check_answer(contestant, done.output.rstrip(), ENDINGS)
        check_restored(errors)
        return done.end_of_file / MILLISECOND

    rows = []
    for name, factor in AGAINST_CGIHANDLER.items():
        restored = with_image(place, module(name), cache, ["--warm-up", "/"])
        in_c = in_c_program(place, restored, run(restored, errors).output)
        contestants = [restored, cgihandler(place, module(name)), in_c]
        mine, theirs, floor = interleave(contestants, rounds["restored"], measure, warm_ups=2)
        title = "restored, to end-of-file"
        target = Target(1 / factor)
        rows.append(Row(name, title, "ms", mine, "CGIHandler", theirs, target))
        rows.append(Row(name, title, "ms", mine, "static C", floor, AGAINST_C[name]))

    make_trac_site(place)
    for title, factor, warm_up in [("at once", 3, []), ("warmed up", 8, ["--warm-up", "/"])]:
        restored = with_image(place, "trac_hello", cache, warm_up)
        contestants = [restored, cgihandler(place, "trac_hello")]
        mine, theirs = interleave(contestants, rounds["trac"], measure, warm_ups=2)
        title = f"restored, {title}, to end-of-file"
        rows.append(Row("trac", title, "ms", mine, "CGIHandler", theirs, Target(1 / factor)))
    return rows


def check_restored(errors):
    """What the launcher logs when it has to do without the image is no answer from it."""
    log = errors.read_text(errors="replace")
    if "answered without an image" in log:
        raise Failed(log)


def make_trac_site(place):
    """The environment that the application for Trac answers from."""
    site = place.apps / "trac-site"
    if not site.exists():
        command = [place.venv / "bin" / "trac-admin", site, "initenv", "Bench", "sqlite:db/trac.db"]
        subprocess.run(command, env=pip_environment(), stdout=subprocess.DEVNULL, check=True)


def with_image(place, application, cache, options):
    """The program answering from an image of the application, which is made here."""
    contestant = launched(place, application, " ".join(["--cache-dir", str(cache), *options]))
    make = making(place, contestant)
    subprocess.run(make, env=OUTSIDE, check=True)
    ask_often(contestant, place.root / "errors")
    subprocess.run(make, env=OUTSIDE, check=True)
    return contestant


def ask_often(contestant, errors):
    """The twenty requests after which a making learns which memory they write to."""
    for _ in range(20):
        run(contestant, errors)


def launched(place, application, options, **request):
    """The program started by the application's `#!` line."""
    script = place.apps / f"{application}-image.cgi"
    source = place.application(application).read_text().split("\n", 1)[1]
    script.write_text(f"#!{place.program} --image --venv {place.venv} {options}\n{source}")
    script.chmod(0o755)
    return Contestant("wsgi-cgi --image", (script,), cgi_environment(script, **request))


def making(place, contestant, *options):
    """The command that makes the image of what is to be started."""
    return [place.program, "image", "make", *options, *contestant.command]


def in_c_program(place, other, answer):
    """A static program that prints these bytes, in the environment of another contestant."""
    source = place.root / "floor.c"
    bytes_in_c = ",".join(str(byte) for byte in answer)
    source.write_text(
        "#include <unistd.h>\n"
        f"static const char answer[] = {{{bytes_in_c}}};\n"
        "int main(void) { return write(1, answer, sizeof answer) != sizeof answer; }\n"
    )
    program = place.root / "bin" / "floor"
    command = [needs.find("cc"), "-O2", "-static", "-o", program, source]
    subprocess.run(command, check=True, env={"PATH": os.environ["PATH"]})
    return Contestant("static C", (program,), other.environment)
