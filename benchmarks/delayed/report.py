"""What is printed of delayed work: figures, ratios and bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.measure import Table


@dataclass(frozen=True)
class Bar:
    """What one contender is to reach against another, in time or in objects.

    ``at_most``: so many times as long as the other; ``at_least``: so many times as
    many objects a second. With neither the ratio is told, and nothing asked.
    """

    of: str
    against: str
    at_most: float | None = None
    at_least: float | None = None

    def say(self, table: Table) -> str:
        """Return whether this run reached it, taken round by round."""
        longer = ratios(table, self.of, self.against)
        if self.at_most is None and self.at_least is None:
            return f"  {self.of}: {three(longer)}× the time of {self.against}"
        if self.at_most is not None:
            held, sign, what = median(longer) <= self.at_most, "≤", "the time of"
            bar, times = self.at_most, longer
        else:
            times, bar = [1 / each for each in longer], self.at_least or 0
            held, sign, what = median(times) >= bar, "≥", "the objects/s of"
        return (
            f"  bar: {self.of} {sign} {bar}× {what} {self.against}: "
            f"{three(times)}× {reached(held)}"
        )


def ratios(table: Table, name: str, against: str) -> list[float]:
    """Return how many times as long one took as another, round by round."""
    pairs = zip(table.seconds[name], table.seconds[against], strict=True)
    return [a / b for a, b in pairs]


def throughput(table: Table, bars: Sequence[Bar]) -> str:
    """Return a table of contenders; ``× the floor`` is against the first of them."""
    lines = ["", table.title]
    lines.append(f"  {'':34}{'ms an object (min … max)':>28}  objects/s  × the floor")
    for name, figures in table.seconds.items():
        line = f"  {name:34}{three([f * 1e3 for f in figures]):>28}"
        line += f" {1 / median(figures):10,.0f}"
        if table.floor not in (None, name):
            line += f"  {three(ratios(table, name, str(table.floor)))}×"
        lines.append(line)
    return "\n".join(lines + [bar.say(table) for bar in bars])


def latency(name: str, milliseconds: list[float], bar: float | None) -> str:
    """Return the quantiles of some waits, and whether half were short enough."""
    middle = median(milliseconds)
    late = quantiles(milliseconds, n=10, method="inclusive")[-1]
    line = f"  {name:40} p50 {middle:7.2f}  p90 {late:7.2f}"
    line += f"  max {max(milliseconds):7.2f}"
    if bar is None:
        return line
    return f"{line}   bar: p50 < {bar:g} ms: {reached(middle < bar)}"


def reached(held: bool) -> str:
    """Return the word for a bar."""
    return "reached" if held else "MISSED"


def three(figures: Sequence[float]) -> str:
    """Return median, minimum and maximum."""
    low, mid, high = (f"{f:.2f}" for f in (min(figures), median(figures), max(figures)))
    return f"{mid} ({low} … {high})"
