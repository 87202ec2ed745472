"""The way of a record: normalised, recognised, scored, perhaps asked about, published.

Each task is a plain function of the object (one record on its way) and the
engine. `obj.data` is the record; `obj.extra_data` is what was found out about it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from sqlalchemy import or_, select

from harvest_demo import judgement
from harvest_demo.models import Record, Seen, db
from harvest_demo.normal import folded, normal
from invenio_workflows import ObjectStatus, WorkflowObject
from invenio_workflows.definitions import WorkflowBase
from invenio_workflows.patterns import IF, IF_ELSE


def normalise(obj: Any, eng: Any) -> None:
    """Write spaces, identifiers and dates in one way."""
    record = obj.data
    if not isinstance(record, dict) or not record.get("identifier"):
        raise ValueError(
            "This is not a record: it needs at least an 'identifier'. "
            "Records in arXiv's format are read with `-t arxiv`."
        )
    empty = {"deleted": False, "authors": [], "categories": []}
    texts = dict.fromkeys(("title", "doi", "journal_ref", "comments"))
    obj.data = normal({**texts, **empty, **record})


def recognise(obj: Any, eng: Any) -> None:
    """End here what is known already, in this version or a newer one."""
    record = obj.data
    seen = db.session.get(Seen, record["identifier"])
    if seen is not None and seen.id_object != obj.id and not left(seen):
        if seen.datestamp >= (record["datestamp"] or ""):
            known(obj, eng, seen.outcome)
    if record["deleted"] and db.session.get(Record, record["identifier"]) is None:
        remember(obj, "withdrawn", "")
        known(obj, eng, "deleted at the source, and not published here")


def known(obj: Any, eng: Any, why: str) -> None:
    """End this object, count it in what the run shares, go on with the next."""
    obj.extra_data["known"] = why
    eng.add(f"known: {why}")
    eng.skip_token()


def left(seen: Seen) -> bool:
    """Whether it waited, and its object was deleted or cancelled: nobody answers."""
    if seen.outcome != "waiting":
        return False
    waiting = WorkflowObject.query.filter_by(id=seen.id_object).first()
    return waiting is None or waiting.status == ObjectStatus.CANCELLED


def score(obj: Any, eng: Any) -> None:
    """Give points with their reasons, and collect what a person has to decide."""
    record = obj.data
    points, reasons = judgement.score(record)
    if record["deleted"]:
        concerns = ["It was deleted at the source and is published here: withdraw it?"]
    else:
        concerns = judgement.concerns(record, points, reasons)
        concerns += duplicates(record)
    # An answer of an earlier time is none: the object may have been restarted.
    obj.extra_data.update(score=points, concerns=concerns, approved=None)
    obj.add_task_result(
        "score",
        {"score": points, "reasons": reasons, "concerns": concerns},
        "workflows/results/score.html",
    )


def duplicates(record: dict[str, Any]) -> list[str]:
    """Return a sentence for each other record that may be the same work."""
    same_title, same_doi = folded(record["title"]), record["doi"]
    alike = []
    if same_title:
        alike.append(Seen.folded_title == same_title)
    if same_doi:
        alike.append(Seen.doi == same_doi)
    if not alike:
        return []
    others = select(Seen).where(
        or_(*alike),
        Seen.identifier != record["identifier"],
        Seen.outcome.in_(("published", "waiting")),
    )
    return [
        f"It has the same {'DOI' if same_doi and seen.doi == same_doi else 'title'} "
        f"as {seen.identifier} ({seen.outcome})."
        for seen in db.session.scalars(others.order_by(Seen.identifier).limit(5))
    ]


def needs_a_person(obj: Any, eng: Any) -> bool:
    """Whether anything was found that a program cannot decide."""
    return bool(obj.extra_data["concerns"])


REASONS = ["Not of our field", "A thesis, not an article", "A copy of another record"]
"""What a curator may choose from instead of typing."""


def ask(obj: Any, eng: Any) -> None:
    """Stop until a person has said yes or no."""
    obj.extra_data["approved"] = None
    reason = " ".join(obj.extra_data["concerns"])
    remember(obj, "waiting", reason)
    eng.halt(reason, action="approval", reasons=REASONS)


def still_wanted(obj: Any, eng: Any) -> None:
    """End here if a newer version came while this one waited."""
    seen = db.session.get(Seen, obj.data["identifier"])
    if seen is not None and seen.id_object != obj.id:
        known(obj, eng, "a newer version came")


def may_be_published(obj: Any, eng: Any) -> bool:
    """Whether nobody had to be asked, or the answer was yes."""
    approved = obj.extra_data["approved"]
    return not obj.extra_data["concerns"] if approved is None else bool(approved)


def is_deleted(obj: Any, eng: Any) -> bool:
    """Whether the source has deleted the record."""
    return bool(obj.data["deleted"])


def publish(obj: Any, eng: Any) -> None:
    """Put the record, or its new version, where the site shows it."""
    record = obj.data
    db.session.merge(
        Record(
            identifier=record["identifier"],
            title=record["title"] or "",
            score=obj.extra_data["score"],
            record=record,
            id_workflow=str(eng.uuid),
        )
    )
    remember(obj, "published", "")


def withdraw(obj: Any, eng: Any) -> None:
    """Take down what the source has deleted."""
    published = db.session.get(Record, obj.data["identifier"])
    if published is not None:
        db.session.delete(published)
    remember(obj, "withdrawn", "")


def reject(obj: Any, eng: Any) -> None:
    """Remember that a person did not want this version."""
    remember(obj, "rejected", " ".join(obj.extra_data["concerns"]))


def remember(obj: Any, outcome: str, reason: str) -> None:
    """Write down what became of the record, for the next harvest."""
    record = obj.data
    db.session.merge(
        Seen(
            identifier=record["identifier"],
            datestamp=record["datestamp"] or "",
            outcome=outcome,
            reason=reason,
            title=record["title"] or "",
            folded_title=folded(record["title"]),
            doi=record["doi"],
            id_object=obj.id,
        )
    )


class harvest(WorkflowBase):
    """Harvested records: published at once, or after a person looked."""

    title = "Harvest of arXiv"
    object_type = "record"
    formats = ("hd", "text")

    workflow = [
        normalise,
        recognise,
        score,
        IF(needs_a_person, [ask, still_wanted]),
        IF_ELSE(
            may_be_published,
            [IF_ELSE(is_deleted, [withdraw], [publish])],
            [reject],
        ),
    ]

    @staticmethod
    def get_title(obj: Any) -> str:
        """Return the record's title, for lists."""
        return obj.data.get("title") or "Without title"

    @staticmethod
    def get_description(obj: Any) -> str:
        """Return where the record is from and what it is about."""
        record = obj.data
        named = [record.get("identifier"), " ".join(record.get("categories") or ())]
        return " · ".join(part for part in named if part)

    @staticmethod
    def get_additional(obj: Any) -> str:
        """Return what else a row of the list shows."""
        score = obj.extra_data.get("score")
        return "" if score is None else f"score {score}"

    @staticmethod
    def get_search_text(obj: Any) -> str:
        """Return by what the record is found, beside its title and description."""
        record = obj.data
        texts = [record.get(key) for key in ("doi", "journal_ref", "comments")]
        texts += record.get("authors") or ()
        return "\n".join(text for text in texts if text)

    @staticmethod
    def get_sort_data(obj: Any) -> dict[str, Any]:
        """Return by what a list may be sorted."""
        return {
            "score": obj.extra_data.get("score"),
            "datestamp": obj.data.get("datestamp"),
        }

    @staticmethod
    def formatter(obj: Any, of: str = "hd") -> str:
        """Return the record for a person to read: HTML, or text for `of="text"`."""
        present = [(name, value) for name, value in fields(obj.data) if value]
        if of == "text":
            return "\n".join(f"{name}: {value}" for name, value in present)
        rows = Markup("").join(
            Markup("<dt>{}</dt><dd>{}</dd>").format(name, linked(name, value))
            for name, value in present
        )
        return Markup('<dl class="site-record">{}</dl>').format(rows)


def fields(record: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return what of a record is shown, with its name for people."""
    return [
        ("Title", record.get("title")),
        ("Authors", "; ".join(record.get("authors") or ())),
        ("Categories", " ".join(record.get("categories") or ())),
        ("arXiv", record.get("id")),
        ("DOI", record.get("doi")),
        ("Journal", record.get("journal_ref")),
        ("Comments", record.get("comments")),
    ]


def linked(name: str, value: str) -> str:
    """Return an identifier as a link; anything else as it is."""
    home = {"arXiv": "https://arxiv.org/abs/", "DOI": "https://doi.org/"}.get(name)
    if home is None:
        return value
    link = Markup('<a href="{}{}" rel="noreferrer">{}</a>')
    return link.format(home, quote(value, safe="/"), value)
