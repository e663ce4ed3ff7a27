"""One GET answered in four ways, in the same rounds: by CGIHandler, by the program with and without
an image, and by a program in C that does nothing but print the answer."""

import shutil
import statistics

from contest import check_answer, interleave, pair, run
from rows import Row
from snapshots import ENDINGS, check_restored, in_c_program, make_trac_site, with_image
from times import MILLISECOND, module

TITLES = {"hello": "hello", "flask": "Flask", "django": "Django", "trac": "Trac, a wiki page"}
# In the order of the picture and of the table.
WAYS = ["CGIHandler", "wsgi-cgi", "wsgi-cgi --image", "static C"]


def four_ways(place, rounds):
    """The program's two ways against the others, to end-of-file."""
    errors = place.root / "errors"
    cache = place.root / "images"
    shutil.rmtree(cache, ignore_errors=True)
    make_trac_site(place)
    rows = []
    for name, title in TITLES.items():

        def measure(contestant):
            done = run(contestant, errors)
            check_answer(contestant, done.output.rstrip(), ENDINGS)
            check_restored(errors)
            return done.end_of_file / MILLISECOND

        cold, cgihandler = pair(place, module(name))
        image = with_image(place, module(name), cache, ["--warm-up", "/"])
        floor = in_c_program(place, image, run(image, errors).output)
        ways = [cgihandler, cold, image, floor]
        samples = dict(zip(WAYS, interleave(ways, rounds["comparison"], measure, warm_ups=2)))
        rows += [
            Row(title, ours, "ms", samples[ours], other, samples[other])
            for ours in ("wsgi-cgi", "wsgi-cgi --image")
            for other in ("CGIHandler", "static C")
        ]
    return rows


def by_application(rows):
    """The medians in milliseconds: {title: {way: median}}."""
    medians = {}
    for row in rows:
        ways = medians.setdefault(row.part, {})
        ways[row.measure] = statistics.median(row.ours)
        ways[row.against] = statistics.median(row.other)
    return medians


def short(value):
    """Two significant digits, or whole."""
    return f"{value:.0f}" if value >= 10 else f"{value:#.2g}".rstrip(".")


def markdown(rows):
    """The README's table; behind our times, the median of the rounds' ratios to CGIHandler."""
    ratios = {(r.part, r.measure): r.value for r in rows if r.against == "CGIHandler"}
    lines = ["| ms | " + " | ".join(WAYS) + " |", "|---|" + "--:|" * len(WAYS)]
    for title, medians in by_application(rows).items():
        cells = [title]
        for way in WAYS:
            ratio = ratios.get((title, way))
            cells.append(short(medians[way]) + (f" ({short(ratio)})" if ratio else ""))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
