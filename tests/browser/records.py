"""Workflows like those of a library, and records in every state of them."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from invenio_workflows import InvenioWorkflows
from invenio_workflows.actions.core import Action
from invenio_workflows.api import resolve, start, start_delayed
from invenio_workflows.definitions import WorkflowBase
from invenio_workflows.errors import WorkflowError
from invenio_workflows.patterns import PARALLEL

TITLES = (
    "Search for heavy neutral leptons in decays of W bosons at 13 TeV",
    "A measurement of the muon anomalous magnetic moment to 0.20 ppm",
    "Über die Anzahl der Lösungen einer Gleichung vierten Grades",
    "Black hole entropy from near-horizon microstates",
    "Quantum error correction below the surface code threshold",
    "Observation of a pentaquark candidate in the J/ψp channel",
    "The large-scale structure of space-time, revisited",
    "Neutrino masses and mixings: a status report",
    "Étude de la désintégration rare B⁰ → K*⁰μ⁺μ⁻",
    "Lattice QCD at the physical pion mass: the hadronic vacuum polarisation and "
    "what it says about the tension between dispersive evaluations and experiment",
    "Gravitational waves from a binary neutron star inspiral",
    "Gauge theories of the strong, weak and electromagnetic interactions",
)
CONCERNS = (
    "It may be a copy: 92 % of its words are in #17",
    "Its score is 4 of 10: too low to publish by itself",
    "No affiliation of any author is known",
    "It is about nuclear theory; is it for us?",
)


class Choose(Action):
    """Picks one of what was found; it is not decided from a row."""

    name = "choose"
    title = "Which one is it?"


def check(obj: Any, eng: Any) -> None:
    """Normalise the record."""
    score = len(obj.data["title"]) % 10
    obj.extra_data["score"] = score
    obj.data["checked"] = True
    obj.log.info("Checked: %s points", score)
    result = {"score": score, "reasons": ["a known journal", "two references"]}
    obj.add_task_result("score", result)


def ask(obj: Any, eng: Any) -> None:
    """Ask a curator."""
    said = ("needs_reason", "reasons", "votes", "veto")
    more = {key: obj.data[key] for key in said if key in obj.data}
    asks = obj.data.get("asks") or CONCERNS[obj.id % 4]
    eng.halt(asks, action="approval", **more)


def choose(obj: Any, eng: Any) -> None:
    """Ask which of the authors it is."""
    eng.halt("Three authors have this name.", action="choose")


def publish(obj: Any, eng: Any) -> None:
    """Publish what was accepted."""
    obj.data["published"] = obj.extra_data.get("approved")


def fetch(obj: Any, eng: Any) -> None:
    """Fetch the record from its source."""
    if obj.data.get("broken"):
        raise ConnectionError("The source answers 503 Service Unavailable")


def rest(obj: Any, eng: Any) -> None:
    """Wait until the source may be asked again."""
    eng.wait("The source asks for a pause", seconds=3600)


class Described(WorkflowBase):
    """What lists say of a record."""

    hidden_fields = ("contact.email",)

    @staticmethod
    def get_title(obj: Any) -> str:
        return str(obj.data["title"])

    @staticmethod
    def get_description(obj: Any) -> str:
        return ", ".join(obj.data.get("authors", ()))

    @staticmethod
    def get_additional(obj: Any) -> Markup:
        score = obj.extra_data.get("score")
        return (
            Markup("<b>{}</b> of 10").format(score) if score is not None else Markup()
        )

    @staticmethod
    def formatter(obj: Any, **kwargs: Any) -> Markup:
        page = "<h3>{}</h3><p>{}</p>"
        return Markup(page).format(obj.data["title"], obj.data.get("abstract", ""))


class Article(Described):
    workflow = [check, ask, publish]


class Authors(Described):
    workflow = [check, choose]


class Harvest(Described):
    workflow = [fetch, check]


class Slow(Described):
    workflow = [check, rest, publish]


class Sides(Described):
    workflow = [check, PARALLEL([ask], [check]), publish]


def register(ext: InvenioWorkflows) -> None:
    """Register the workflows and the action."""
    for each in (Article, Authors, Harvest, Slow, Sides):
        ext.register_workflow(each.__name__.lower(), each)
    ext.register_action("choose", Choose())


def data(n: int, **more: Any) -> dict[str, Any]:
    """Return a record, another one for each number."""
    return {
        "title": TITLES[n % len(TITLES)] + (f" ({n})" if n >= len(TITLES) else ""),
        "authors": ["Curie, Marie", "Noether, Emmy", "Bose, S. N."][: 1 + n % 3],
        "abstract": "We report what was seen, and what was not. " * (1 + n % 4),
        "identifiers": {"doi": f"10.1103/PhysRevD.{n}.01", "arxiv": f"2311.{n:05}"},
        "contact": {"email": f"author{n}@example.org", "name": "An author"},
        "references": [{"number": i, "raw": f"Ref. {i}"} for i in range(n % 7)],
        **more,
    }


def halted(*records: dict[str, Any]) -> list[int]:
    """Run records to where a curator is asked; return their numbers."""
    return [each.id for each in start("article", list(records)).halted_objects]


def fill() -> None:
    """Make some sixty records, in every group."""
    ids = halted(*(data(n) for n in range(34)))
    for oid in ids[:8]:
        resolve(oid, None, {"value": "accept"}, "2", None, True, origin="page")
    start("authors", [data(n) for n in range(34, 38)])
    for n in range(38, 44):
        try:
            start("harvest", data(n, broken=True), stop_on_error=True)
        except WorkflowError:
            pass
    start("harvest", [data(n) for n in range(44, 54)])
    start("slow", [data(n) for n in range(54, 58)])
    start("sides", [data(n) for n in range(58, 60)])
    start_delayed("article", [data(n) for n in range(60, 63)])
