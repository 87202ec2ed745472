"""The list: what waits for a person, and everything else that was started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from flask import abort, jsonify, render_template, request, url_for
from markupsafe import Markup

from ..groups import Group
from ..proxies import current_workflows
from ..store.idle import idle
from ..store.look import Look
from ..store.wanted import Count, Page, Wanted
from .display import group_label, plain, span
from .facets import Facet, facets
from .flask_wtf import csrf_field, csrf_token
from .links import Link, age_label, counted, list_url, owner_label
from .permissions import may_somewhere, user_id, workflows_for
from .query import free_text
from .rows import Votes, drawn
from .texts import _, language, ngettext, speaking
from .urls import MOST_CHARACTERS, SIZES, SORT, ListState
from .wanting import Asked, Person, asked


def index() -> Any:
    """The list page."""
    must_look()
    with current_workflows.store.transactions.held():
        look = current_workflows.lists.look(Wanted(()))
        names = workflows_for("view", [each.workflow for each in look.counters])
        who = Person(names, user_id())
        ask, page = _page(look, ListState.read(request.args), who)
        groups = _groups(look)
        view = _view(ask, page, groups, facets(ask, look.facets()))
        # Of a search, or of one's own, the groups count these, not what waits.
        view["stalled"] = None if look.is_sampled else _stalled(groups)
        view["total"] = counted(look.count())
        view["arrivals"] = None if ask.state.after else _poll(ask, look.mark())
    return render_template("workflows/holdingpen/list.html", **view)


def _page(look: Look, state: ListState, who: Person) -> tuple[Asked, Page]:
    """Return a page; the first one where there is no such place, or no such order."""
    for each in (state, state.changed()):
        ask = asked(each, who)
        look.wanted = ask.wanted
        with suppress(ValueError):
            return ask, look.page()
    ask = asked(state.changed(sort=SORT), who)
    look.wanted = ask.wanted
    return ask, look.page()


def arrivals() -> Any:
    """Say how many records came to a list since it was shown; cheap to ask again.

    A browser that knows the answer already gets 304, from a single look at the newest.
    """
    must_look()
    ask = asked_for()
    lists = current_workflows.lists
    before = request.args.get("mark", "")[:MOST_CHARACTERS]
    answer = jsonify()
    state = f"{language()} {before} {lists.mark(ask.wanted)}"
    answer.set_etag(sha256(state.encode()).hexdigest()[:32])
    if answer.make_conditional(request).status_code == 304:
        return answer
    try:
        count = lists.newer(ask.wanted, before)
    except ValueError:
        count = Count(0)
    said = ngettext("{count} new", "{count} new", count.number, count=counted(count))
    text = said if count.number else ""
    answer.set_data(jsonify(count=count.number, text=text).get_data())
    return answer


def _groups(look: Look) -> dict[Group, Count]:
    """Return the counts of the groups; that of the one that is shown to its end."""
    groups = look.groups()
    wanted = look.wanted.groups
    if len(wanted) == 1 and not groups[wanted[0]].exact:
        groups[wanted[0]] = look.count()
    return groups


def may_look() -> bool:
    """Say whether this person may see any record at all."""
    return may_somewhere("view")


def must_look() -> None:
    """Refuse those who may not see any record.

    :raises werkzeug.exceptions.Forbidden: saying so.
    """
    if not may_look():
        abort(403, _("You may not see any records."))


def person() -> Person:
    """Return who looks."""
    return Person(workflows_for("view"), user_id())


def asked_for() -> Asked:
    """Return what the address of this request asks for."""
    return asked(ListState.read(request.args), person())


def _rows(ask: Asked, page: Page, votes: Votes) -> Markup:
    """Return the rows of a page.

    :param votes: what persons have answered where several must answer alike.
    """
    tail = urlencode(ask.state.pairs("after") or [("from", "list")])
    context = {
        "_": speaking(language()),
        "ngettext": ngettext,
        "lang": language(),
        "csrf_field": csrf_field(),
        "csrf_token": cache(csrf_token),  # once for all the rows
        "back": list_url(ask.state),
        "tail": f"?{tail}",  # what the address of each record ends in
    }
    return drawn(page.rows, context, votes)


def _view(
    ask: Asked, page: Page, groups: dict[Group, Count], sides: list[Facet]
) -> dict[str, Any]:
    state = ask.state
    here = groups_of(ask.wanted.groups, groups)
    # Those who see some workflows learn of no others by what these are sorted by.
    beside = current_workflows.lists.beside(page.rows)
    orders = list(_orders(state, beside.sort_keys))
    return {
        "state": state,
        "faults": [_(fault.message, **fault.values) for fault in ask.query.faults],
        "tabs": list(_tabs(ask, groups)),
        "chips": list(_chips(ask)),
        "facets": sides,
        "rows": _rows(ask, page, beside.votes) if page.rows else "",
        "page": page,
        "first": list_url(state.changed()),
        "next": page.next and list_url(state.changed(after=page.next)),
        "previous": page.previous and list_url(state.changed(after=page.previous)),
        "heading": _heading(ask),
        "orders": orders,
        "order": next((each.label for each in orders if each.chosen), ""),
        "sizes": list(_sizes(state)),
        "exports": list(_exports(state)),
        "empty": None if page.rows else _empty(ask),
        "elsewhere": _elsewhere(here, groups_of((), groups)),
        "cleared": list_url(state.cleared()),
        "everywhere": list_url(state.in_group(None)),
        "may_start": may_somewhere("start"),
        "may_audit": may_somewhere("admin"),
        "span": span,
    }


def groups_of(wanted: tuple[Group, ...], groups: dict[Group, Count]) -> Count:
    """Return how many records there are in these groups; in all if there are none."""
    found = [groups[group] for group in wanted or tuple(Group) if group in groups]
    return Count(sum(c.number for c in found), all(c.exact for c in found))


def _heading(ask: Asked) -> str:
    """Return what the list shows, in words for its title."""
    return ", ".join(map(group_label, ask.wanted.groups)) or _("Records")


def _elsewhere(here: Count, everywhere: Count) -> str:
    return counted(everywhere) if everywhere.number > here.number else ""


def _poll(ask: Asked, mark: str) -> str:
    """Return the address that says what came since a mark was taken."""
    return url_for("holdingpen.arrivals", **ask.state.args(), mark=mark)


def _sizes(state: ListState) -> Iterator[Link]:
    for size in SIZES:
        yield Link(str(size), list_url(state.changed(size=size)), size == state.size)


def _exports(state: ListState) -> Iterator[Link]:
    args = state.changed().args()
    for form, label in (("csv", "CSV"), ("jsonl", _("JSON lines"))):
        yield Link(label, url_for("holdingpen.export", form=form, **args), name="file")


def _tabs(ask: Asked, groups: dict[Group, Count]) -> Iterator[Link]:
    wanted = ask.wanted.groups
    for group in Group:
        yield Link(
            group_label(group),
            list_url(ask.state.in_group(group)),
            wanted == (group,),
            counted(groups.get(group)),
            str(group),
        )
    yield Link(group_label(None), list_url(ask.state.in_group(None)), not wanted)


def _chips(ask: Asked) -> Iterator[Link]:
    """Yield each filter that is on, with the address of the list without it."""
    state = ask.state
    if len(state.groups) > 1:  # one of them is a tab
        for group in state.groups:
            left = tuple(each for each in state.groups if each is not group)
            yield Link(group_label(group), list_url(state.changed(groups=left)))
    for facet, label in (
        ("workflows", _("workflow")),
        ("actions", _("action")),
        ("types", _("type")),
        ("owners", _("owner")),
    ):
        for value in getattr(state, facet):
            text = owner_label(value) if facet == "owners" else plain(value, 80)
            yield Link(_chip(label, text), list_url(state.toggled(facet, value)))
    if state.age:
        label = _chip(_("age"), age_label(state.age))
        yield Link(label, list_url(state.changed(age=None)))
    understood = [part for part in ask.query.parts if part.understood]
    for part in understood:
        yield Link(part.text, list_url(state.without_part(part)))
    words = free_text(state.text, ask.query.parts)
    if words:
        kept = " ".join(part.text for part in ask.query.parts)
        yield Link(_("“{words}”", words=words), list_url(state.changed(text=kept)))


def _chip(name: str, value: str) -> str:
    return _("{name}: {value}", name=name, value=value)


def _orders(state: ListState, keys: list[str]) -> Iterator[Link]:
    names = {
        "updated": _("Latest update"),
        "least_updated": _("Oldest update"),
        "newest": _("Newest"),
        "oldest": _("Oldest"),
        "title": _("Title, A–Z"),
        "-title": _("Title, Z–A"),
        "deadline": _("Deadline, the soonest first"),
        "-deadline": _("Deadline, the latest first"),
    }
    for key in dict.fromkeys([*keys, state.sort.removeprefix("-")]):
        if key in names:
            continue
        names |= {key: f"{key} ↑", f"-{key}": f"{key} ↓"}
    for sort, label in names.items():
        yield Link(label, list_url(state.changed(sort=sort)), sort == state.sort)


def _empty(ask: Asked) -> str:
    """Return why there is nothing: what the page then says depends on it."""
    if ask.state.after:
        return "passed"
    if list(_chips(ask)):
        return "nothing"
    return "done" if ask.wanted.groups == (Group.NEED_ACTION,) else "empty"


@dataclass(frozen=True, slots=True)
class Stalled:
    """No worker has run for so long, and what begins one."""

    seconds: float
    command: str


def _stalled(groups: dict[Group, Count]) -> Stalled | None:
    """Return for how long no worker has run, though something waits for one."""
    waiting = groups.get(Group.IN_PROCESS)
    if waiting is None or not waiting.number:
        return None
    seconds = idle(current_workflows.store.transactions)
    if seconds is None:
        return None
    kind = current_workflows.settings.worker
    return Stalled(seconds, _BEGINS.get(kind, "flask workflows worker"))


#: What begins a worker, where it is not our own command.
_BEGINS = {
    "celery": "celery -A YOUR.MODULE.celery_app worker",
    "rq": "flask workflows rq-worker",
}


ROUTES: Any = (
    ("/", index, ("GET",)),
    ("/arrivals", arrivals, ("GET",)),
)
