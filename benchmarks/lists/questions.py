"""What people ask of the list in the pen, as the addresses of its pages."""

from __future__ import annotations

from .filling import COMMON, PAGES, RARE, SOME

Asked = dict[str, str]

FAILED, ALL, MOVING = ({"group": name} for name in ("failed", "all", "in_process"))


def questions() -> dict[str, Asked]:
    """Return every kind of list, facet and search; need action where none is said."""
    return {
        "need action": {},
        "all groups": ALL,
        "failed": FAILED,
        "done": {"group": "done"},
        "in process": MOVING,
        "waiting": {"group": "waiting"},
        "newest": {"sort": "newest"},
        "oldest, all groups": ALL | {"sort": "oldest"},
        "by title": {"sort": "title"},
        "by title, failed": FAILED | {"sort": "-title"},
        "by pages, all groups": ALL | {"sort": PAGES},
        "by pages, in process": MOVING | {"sort": PAGES},
        "a workflow": {"workflow": "article"},
        "a workflow, done": {"workflow": "thesis", "group": "done"},
        "an action": {"action": "input"},
        "a data type": {"type": "hep"},
        "an owner": {"owner": "7"},
        "an owner, all groups": ALL | {"owner": "7"},
        "older than a year": {"age": "older"},
        "of today": {"age": "1d"},
        "common word": {"q": COMMON},
        "common word, all groups": ALL | {"q": COMMON},
        "common word, failed": FAILED | {"q": COMMON},
        "common word by title": {"q": COMMON, "sort": "title"},
        "some word": {"q": SOME},
        "some word, all groups": ALL | {"q": SOME},
        "some word, in process": MOVING | {"q": SOME},
        "rare word": {"q": RARE},
        "rare word, all groups": ALL | {"q": RARE},
        "common and rare word": ALL | {"q": f"{COMMON} {RARE}"},
        "no such word": ALL | {"q": "qqqqqqqqqqqq"},
        "a phrase": {"q": f'"{COMMON} {SOME}"'},
        "an identifier": ALL | {"q": "arXiv:500.0500123"},
        "beginning of an identifier": ALL | {"q": '"arXiv:500.05"'},
        "a number": ALL | {"q": "500123"},
        "without a word": {"q": f"-{COMMON}"},
    }
