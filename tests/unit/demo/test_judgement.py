"""The demo's score is a sum with reasons, and it says what it cannot decide."""

from __future__ import annotations

from typing import Any

import pytest

from harvest_demo.judgement import ENOUGH, concerns, score

PLAIN = {
    "identifier": "oai:arXiv.org:1",
    "datestamp": "2015-01-16",
    "title": "A title",
    "authors": ["Song, Guohui"],
    "categories": ["cs.DS"],
    "doi": None,
    "journal_ref": None,
    "comments": None,
}


def judged(**changes: Any) -> tuple[int, list[str], list[str]]:
    record = {**PLAIN, **changes}
    points, reasons = score(record)
    return points, reasons, concerns(record, points, reasons)


def test_a_plain_record_of_the_field_needs_nobody():
    points, reasons, found = judged()
    assert points == ENOUGH and found == []
    assert reasons == ["2 for the primary category cs.DS", "1 for one author"]


def test_every_point_has_its_reason():
    points, reasons, _ = judged(
        doi="10.1/x", journal_ref="J. 1", comments="To appear", authors=["A", "B"]
    )
    assert points == sum(int(reason.split()[0]) for reason in reasons) == 7
    assert reasons[1:] == [
        "1 for 2 authors",
        "2 for a DOI",
        "1 for a journal reference",
        "1 for the comment “To appear”",
    ]


def test_a_record_of_another_field_is_asked_about_unless_something_speaks_for_it():
    _, _, found = judged(categories=["stat.ML", "cs.LG"])
    assert found == [
        "Its score is 2 of the 3 needed "
        "(1 for a cross-listing in cs.LG, 1 for one author)."
    ]
    assert judged(categories=["stat.ML", "cs.LG"], doi="10.1/x")[2] == []


@pytest.mark.parametrize(
    ("comments", "said"),
    [
        ("This paper has been withdrawn", "withdrawn"),
        ("arXiv admin note: substantial text overlap with arXiv:1", "Overlaps"),
        ("This article supersedes arXiv:1301.6111", "Replaces"),
        ("PhD dissertation, May 2014", "thesis"),
        ("Master's thesis", "thesis"),
    ],
)
def test_a_telling_comment_is_quoted_to_the_person(comments: str, said: str):
    (found,) = judged(comments=comments)[2]
    assert said in found and comments in found


def test_what_is_missing_is_named():
    found = judged(title=None, authors=[], categories=[], datestamp=None)[2]
    assert found == [
        "It has no datestamp.",
        "It has no title.",
        "It has no authors.",
        "Its score is 0 of the 3 needed (nothing speaks for it).",
    ]


def test_a_date_that_is_none_is_shown():
    assert judged(created="16 Jan")[2] == ["Its created is no date: 16 Jan."]
