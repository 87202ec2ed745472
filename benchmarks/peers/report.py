"""What is printed: figures, ratios, and what they were measured with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from statistics import median
from typing import Any

from benchmarks.measure import Table

OURS = ("us, 100 a start", "us, 1 a start")

#: How many times as long a task of the peer is to take, by table and peer.
BARS = {("sqlite", "DBOS"): 8, ("postgresql", "DBOS"): 4}


def report(place: str, table: Table, abouts: Mapping[str, dict[str, Any]]) -> str:
    """Return the table of one database, its ratios and its bars."""
    heads = "".join(f"   × {name} (min … max)" for name in OURS)
    lines = ["", table.title]
    lines.append(f"  {'':18}{'µs a task (min … max)':>30}  tasks/s  commits{heads}")
    for name, figures in table.seconds.items():
        commits = abouts[name]["commits"]
        lines.append(
            f"  {name:18}{_three([f * 1e6 for f in figures], 0):>30}"
            f" {1 / median(figures):8,.0f}"
            f"  {'–' if commits is None else format(commits, '.2f'):>7}"
            + "".join(f"   {_against(table, name, us):>29}" for us in OURS).rstrip()
        )
    for (where, peer), bar in BARS.items():
        if where == place and peer in table.seconds:
            for us in OURS:
                times = median(ratios(table, peer, us))
                word = "reached" if times >= bar else "MISSED"
                lines.append(f"  bar: {peer} ≥ {bar}× {us}: {times:.1f}× {word}")
    lines.append("  Commits are those of an object (5 tasks), counted in the warm-up.")
    return "\n".join(lines)


def ratios(table: Table, name: str, us: str) -> list[float]:
    """Return how many times our time a contender took, round by round."""
    return dataclasses.replace(table, floor=us).ratios(name)


def versions(abouts: Mapping[str, dict[str, Any]]) -> str:
    """Return what ran, and the settings of its connections as they were read back."""
    names: dict[str, list[str]] = {}
    for name, about in abouts.items():
        names.setdefault(_held(about), []).append(name)
    return "\n".join(f"  {'; '.join(names[held])}:\n    {held}" for held in names)


def _held(about: dict[str, Any]) -> str:
    lines = [", ".join(f"{name} {value}" for name, value in about["versions"].items())]
    settings = (
        ", ".join(f"{k}={v}" for k, v in one.items()) for one in about["settings"]
    )
    return "\n    ".join(lines + sorted(set(settings)))


def _against(table: Table, name: str, us: str) -> str:
    return "" if name == us else _three(ratios(table, name, us), 2) + "×"


def _three(figures: list[float], digits: int) -> str:
    three = min(figures), median(figures), max(figures)
    low, mid, high = (f"{figure:.{digits}f}" for figure in three)
    return f"{mid} ({low} … {high})"
