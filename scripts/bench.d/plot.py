"""The comparison as a picture: one SVG with a logarithmic axis, for light and dark backgrounds,
without a script and without a font of its own."""

import math
from xml.sax.saxutils import escape

from comparison import WAYS, by_application, short

WIDTH, LEFT, RIGHT = 760, 150, 80
BAR, GAP, TOP = 18, 26, 74
GROUP = len(WAYS) * BAR + GAP
LEGEND = {
    "CGIHandler": "CGIHandler",
    "wsgi-cgi": "wsgi-cgi",
    "wsgi-cgi --image": "wsgi-cgi --image, from an image",
    "static C": "static C: only prints the answer",
}
STYLE = """
svg { --paper: #ffffff; --ink: #1f2328; --faint: #59636e; --line: #d8dee4;
  --CGIHandler: #8c959f; --wsgi-cgi: #0969da; --wsgi-cgi---image: #1a7f37; --static-C: #d0a215;
  font: 13px system-ui, sans-serif }
@media (prefers-color-scheme: dark) {
  svg { --paper: #0d1117; --ink: #e6edf3; --faint: #9198a1; --line: #30363d;
    --CGIHandler: #6e7681; --wsgi-cgi: #4493f8; --wsgi-cgi---image: #3fb950; --static-C: #d29922 } }
text { fill: var(--ink) }
.title { font-size: 16px; font-weight: 600 }
.faint { fill: var(--faint) }
.value { paint-order: stroke; stroke: var(--paper); stroke-width: 4px }
.name { font-weight: 600; text-anchor: end }
.tick { text-anchor: middle; fill: var(--faint); font-size: 11px }
line { stroke: var(--line) }
"""


def svg(rows, described):
    """The picture's text; what it is true of is said below it."""
    medians = by_application(rows)
    bottom = TOP + len(medians) * GROUP
    height = bottom + 72
    axis = Axis([time for ways in medians.values() for time in ways.values()])
    heading = "One request, milliseconds until its response has ended"
    sentences = [
        f"{title}: " + ", ".join(f"{way} {short(ways[way])} ms" for way in WAYS)
        for title, ways in medians.items()
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="title desc">',
            f'<title id="title">{escape(heading)}</title>',
            f'<desc id="desc">{escape(". ".join(sentences))}.</desc>',
            f"<style>{STYLE}</style>",
            '<rect width="100%" height="100%" style="fill: var(--paper)"/>',
            text(16, 24, heading, "title"),
            *legend(),
            *axis.ticks(bottom),
            *bars(medians, axis),
            text(16, height - 28, "Medians of interleaved runs, logarithmic axis.", "faint"),
            text(16, height - 10, described, "faint"),
            "</svg>\n",
        ]
    )


class Axis:
    """Where a time is, with whole decades at both ends."""

    def __init__(self, times):
        self.first = math.floor(math.log10(min(times)))
        self.last = math.ceil(math.log10(max(times)))

    def place(self, time):
        part = (math.log10(time) - self.first) / (self.last - self.first)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def ticks(self, bottom):
        for decade in range(self.first, self.last + 1):
            x = self.place(10**decade)
            yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>'
            yield text(x, bottom + 16, f"{10.0**decade:g} ms", "tick")


def legend():
    """What the colours mean."""
    x = 16
    for way, meaning in LEGEND.items():
        yield bar(x, 42, 12, 12, way)
        yield text(x + 18, 53, meaning)
        # Fonts differ: roomy enough for a wide one.
        x += 48 + 7 * len(meaning)


def bars(medians, axis):
    """A group for each application, with the value at each bar."""
    for index, (title, ways) in enumerate(medians.items()):
        y = TOP + GAP / 2 + index * GROUP
        yield text(LEFT - 12, y + len(WAYS) * BAR / 2 + 5, title, "name")
        for way in WAYS:
            end = axis.place(ways[way])
            yield bar(LEFT, y + 1, end - LEFT, BAR - 3, way)
            yield text(end + 6, y + BAR - 5, short(ways[way]), "value")
            y += BAR


def bar(x, y, width, height, way):
    """A rectangle in the colour of a way."""
    colour = way.replace(" ", "-")
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" rx="2" '
        f'style="fill: var(--{colour})"/>'
    )


def text(x, y, words, kind=None):
    """One line of text."""
    shown = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{shown}>{escape(words)}</text>'
