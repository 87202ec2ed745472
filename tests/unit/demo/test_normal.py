"""The demo writes each thing in one way."""

from __future__ import annotations

import pytest

from harvest_demo.normal import bad_dates, folded, normal


def test_spaces_are_single_and_empty_texts_are_none():
    record = normal(
        {"title": " Two\n  lines ", "comments": " \n", "authors": [" A, B "]}
    )
    assert record["title"] == "Two lines"
    assert record["comments"] is None
    assert record["authors"] == ["A, B"]


def test_latex_is_left_as_it_is():
    title = r"Erd\H{o}s--R\'enyi graphs with $l_1$ norm"
    assert normal({"title": title})["title"] == title


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("10.1016/J.ACHA.2012.03.009", "10.1016/j.acha.2012.03.009"),
        ("https://doi.org/10.1007/s11277-014", "10.1007/s11277-014"),
        ("doi:10.1000/1.", "10.1000/1"),
        ("10.1000/1 10.1000/2", "10.1000/1"),
        ("in preparation", None),
        (None, None),
    ],
)
def test_a_doi_is_bare_and_lower_case(given: str | None, kept: str | None):
    assert normal({"doi": given})["doi"] == kept


def test_a_date_with_a_time_is_its_day():
    assert normal({"datestamp": "2015-01-16T08:00:00Z"})["datestamp"] == "2015-01-16"


def test_a_date_that_is_none_is_left_and_named():
    record = normal({"datestamp": "2015-01-16", "created": "16 Jan", "updated": None})
    assert record["created"] == "16 Jan"
    assert bad_dates(record) == ["created"]


def test_a_record_without_datestamp_has_a_bad_date():
    assert bad_dates(normal({})) == ["datestamp"]


def test_two_spellings_of_a_title_fold_to_one():
    assert folded("PAC-Bayesian Majority Vote") == folded("Pac–bayesian majority vote.")
    assert folded("Röglin") == folded("RÖGLIN")
    assert folded(None) == ""
