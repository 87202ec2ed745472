"""Rounds in which all contenders take turns, and what they say."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

#: Does its work and returns the seconds that one task took.
Contender = Callable[[], float]


@dataclass
class Table:
    """The seconds a task of each contender, a figure for each round."""

    title: str
    floor: str | None
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def ratios(self, name: str) -> list[float]:
        """Return the ratio against the floor, round by round."""
        if self.floor is None:
            return []
        floors = self.seconds[self.floor]
        return [a / b for a, b in zip(self.seconds[name], floors, strict=True)]

    def as_dict(self) -> dict[str, Any]:
        """Return medians, minima and maxima for machines."""
        rows = {}
        for name, figures in self.seconds.items():
            rows[name] = {"microseconds": _three([f * 1e6 for f in figures])}
            if self.floor is not None:
                rows[name]["ratio"] = _three(self.ratios(name))
        return {"title": self.title, "rows": rows}

    def __str__(self) -> str:
        lines = ["", self.title, f"  {'':24} {'µs a task (min … max)':>28}  tasks/s"]
        for name, figures in self.seconds.items():
            low, mid, high = (f * 1e6 for f in _three(figures).values())
            line = f"  {name:24} {mid:10.2f} ({low:.2f} … {high:.2f})".ljust(56)
            line += f" {1e6 / mid:10,.0f}"
            if self.floor not in (None, name):
                low, mid, high = _three(self.ratios(name)).values()
                line += f"   {mid:.2f}× the {self.floor} ({low:.2f} … {high:.2f})"
            lines.append(line)
        return "\n".join(lines)


def rounds(
    title: str, contenders: dict[str, Contender], number: int, floor: str | None = None
) -> Table:
    """Let the contenders take turns, after a round that does not count."""
    table = Table(title, floor, {name: [] for name in contenders})
    for turn in range(number + 1):
        for name in order(list(contenders), turn):
            gc.collect()  # what the one before left is not the next one's to clear
            seconds = contenders[name]()
            if turn:
                table.seconds[name].append(seconds)
    return table


def order(names: list[str], turn: int) -> list[str]:
    """Return who comes after whom in a round.

    What one leaves behind, such as pages that SQLite is yet to move from its log to
    its file, the next one pays for. So each has each place, and each neighbour, as
    often as the others.
    """
    first = turn % len(names)
    names = names[first:] + names[:first]
    return names[::-1] if turn // len(names) % 2 else names


def _three(figures: list[float]) -> dict[str, float]:
    return {"min": min(figures), "median": median(figures), "max": max(figures)}
