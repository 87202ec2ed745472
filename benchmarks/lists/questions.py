"""What people ask of a list, each under a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from invenio_workflows.folding import words
from invenio_workflows.states import Group
from invenio_workflows.store.wanted import Term, Wanted

from .filling import COMMON, PAGES, RARE, SOME, WORKFLOWS

ALL = Wanted(WORKFLOWS, visible=WORKFLOWS)
HALTED = replace(ALL, groups=(Group.NEED_ACTION,))


def term(text: str, phrase: bool = False, prefix: bool = False) -> Term:
    """Return one thing searched for."""
    found = tuple(words(text))
    return Term(found, phrase or len(found) > 1, prefix, text=text)


def searched(text: str, wanted: Wanted = HALTED, **more: bool) -> Wanted:
    """Return the list of those that have the text."""
    return replace(wanted, terms=(*wanted.terms, term(text, **more)))


def questions() -> dict[str, Wanted]:
    """Return every kind of list, facet and search."""
    now = datetime.now(UTC)
    asked = {
        "need action": HALTED,
        "all groups": ALL,
        "newest": replace(HALTED, sort="newest"),
        "oldest, all groups": replace(ALL, sort="oldest"),
        "by title": replace(HALTED, sort="title"),
        "by title, failed": replace(ALL, groups=(Group.FAILED,), sort="-title"),
        "by pages, all groups": replace(ALL, sort=PAGES),
        "by pages, in process": replace(ALL, groups=(Group.IN_PROCESS,), sort=PAGES),
        "500 rows": replace(HALTED, limit=500),
        "a workflow": replace(HALTED, workflows=WORKFLOWS[:1]),
        "an action": replace(HALTED, actions=("input",)),
        "a data type": replace(HALTED, data_types=("hep",)),
        "an owner": replace(HALTED, owners=(7,)),
        "an owner, all groups": replace(ALL, owners=(7,)),
        "older than a year": replace(HALTED, until=now - timedelta(days=365)),
        "of today": replace(HALTED, since=now - timedelta(days=1)),
        "common word": searched(COMMON),
        "common word, all groups": searched(COMMON, ALL),
        "common word, failed": searched(COMMON, replace(ALL, groups=(Group.FAILED,))),
        "common word by title": searched(COMMON, replace(HALTED, sort="title")),
        "some word": searched(SOME),
        "some word, all groups": searched(SOME, ALL),
        "some word, in process": searched(
            SOME, replace(ALL, groups=(Group.IN_PROCESS,))
        ),
        "rare word": searched(RARE),
        "rare word, all groups": searched(RARE, ALL),
        "common and rare word": searched(RARE, searched(COMMON, ALL)),
        "no such word": searched("qqqqqqqqqqqq", ALL),
        "beginning of a word": searched("higg", prefix=True),
        "beginning, two letters": searched("ab", ALL, prefix=True),
        "identifier": searched("arXiv:500.0500123", ALL),
        "beginning of an identifier": searched("arXiv:500.05", ALL, prefix=True),
        "number": searched("500123", ALL),
        "without a word": replace(
            HALTED, terms=(Term((COMMON,), prefix=False, negative=True),)
        ),
    }
    return asked
