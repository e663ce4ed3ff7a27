"""What was measured, what it should be, and how both are shown."""

import statistics
from dataclasses import dataclass, field
from typing import Optional


@dataclass(frozen=True)
class Target:
    """A limit for the ratio, or for the difference of the medians."""

    limit: float
    at_least: bool = False
    difference: bool = False

    def met_by(self, value):
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self):
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"


@dataclass
class Row:
    """One measure of ours beside the same measure of something else."""

    part: str
    measure: str
    unit: str
    ours: list
    against: str
    other: list
    target: Optional[Target] = None
    higher_is_better: bool = field(default=False)

    @property
    def is_difference(self):
        return self.target is not None and self.target.difference

    @property
    def ratios(self):
        """Ours to the other in each round, where the samples were taken in rounds."""
        return [mine / theirs for mine, theirs in zip(self.ours, self.other)]

    @property
    def value(self):
        """What the target limits.

        The median of the rounds' ratios, not the ratio of the medians: on a machine that is fast
        for some rounds and slow for others, the two medians may come from different ones."""
        if self.is_difference:
            return statistics.median(self.ours) - statistics.median(self.other)
        return statistics.median(self.ratios)

    @property
    def spread(self):
        """The middle half of the rounds' ratios: how far to believe the value."""
        if self.is_difference or len(self.ratios) < 4:
            return None
        low, _, high = statistics.quantiles(self.ratios, n=4)
        return low, high

    @property
    def passes(self):
        """Whether the target is met; None where there is none."""
        return None if self.target is None else self.target.met_by(self.value)

    def as_json(self):
        return {
            "part": self.part,
            "measure": self.measure,
            "unit": self.unit,
            "against": self.against,
            "ours": {"median": statistics.median(self.ours), "runs": self.ours},
            "other": {"median": statistics.median(self.other), "runs": self.other},
            "difference" if self.is_difference else "ratio": self.value,
            "middle_half": self.spread,
            "ratio_of_medians": statistics.median(self.ours) / statistics.median(self.other),
            "higher_is_better": self.higher_is_better,
            "target": str(self.target) if self.target else None,
            "pass": self.passes,
        }


HEADINGS = ["", "measure", "ours", "against", "", "ratio", "middle half", "target", "verdict"]


def table(rows):
    """The rows as lines of aligned columns, those of one part together."""
    parts = list(dict.fromkeys(row.part for row in rows))
    lines, part = [HEADINGS], None
    for row in sorted(rows, key=lambda row: parts.index(row.part)):
        # A part is named once, at its first row.
        first, *others = cells(row)
        lines.append(["" if first == part else first, *others])
        part = first
    return aligned(lines, right={2, 3, 5})


def aligned(lines, right):
    """Lines of cells in columns, those whose numbers are in `right` with numbers in them."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    shown = []
    for line in lines:
        cells_of_line = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths))
        ]
        shown.append("  ".join(cells_of_line).rstrip())
    return "\n".join(shown)


def cells(row):
    """One row of the table."""
    low_high = row.spread
    return [
        row.part,
        f"{row.measure}, {row.unit}",
        number(statistics.median(row.ours)),
        number(statistics.median(row.other)),
        row.against,
        f"{row.value:+.0f}" if row.is_difference else f"{row.value:.3f}",
        f"{low_high[0]:.2f} to {low_high[1]:.2f}" if low_high else "",
        str(row.target) if row.target else "",
        {None: "", True: "pass", False: "MISS"}[row.passes],
    ]


def number(value):
    """Three significant digits for the small, whole numbers for the large."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
