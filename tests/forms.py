"""What a browser sends of a form that nobody touched: read from the page's HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Template
from werkzeug.datastructures import MultiDict

import invenio_workflows
from invenio_workflows.holdingpen.form_fields import Field
from invenio_workflows.holdingpen.form_shape import named
from invenio_workflows.holdingpen.texts import _

PACKAGE = Path(invenio_workflows.__file__).parent


@cache
def _page() -> Template:
    loader = FileSystemLoader(PACKAGE / "templates")
    environment = Environment(loader=loader, autoescape=True)
    environment.globals.update(
        _=_,
        number=str,
        obj={"id": 1},
        url_for=lambda endpoint, **values: f"/{endpoint}/{values['oid']}",
    )
    page = (
        '{% from "workflows/holdingpen/_form.html" import field_of %}'
        "<form>{% for each in parts %}{{ field_of(each) }}{% endfor %}</form>"
    )
    return environment.from_string(page)


def html_of(top: Field) -> str:
    """Draw a form with the template of the pen, without any application."""
    parts = top.parts if top.kind == "group" else [top]
    return _page().render(parts=parts)


@dataclass
class _Menu:
    name: str
    first: str | None = None
    chosen: str | None = None


@dataclass
class _Area:
    name: str
    text: list[str] = field(default_factory=list)


class _Form(HTMLParser):
    """Reads as a browser does what would be sent."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sent: MultiDict[str, str] = MultiDict()
        self.menu: _Menu | None = None
        self.area: _Area | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        given = dict(attrs)
        name, value = given.get("name"), given.get("value", "on")
        if tag == "input" and name and given.get("type") != "file":
            ticked = given.get("type") in ("checkbox", "radio")
            if not ticked or "checked" in given:
                self.sent.add(name, value)
        elif tag == "select":
            self.menu = _Menu(str(name))
        elif tag == "option" and self.menu is not None:
            self.menu.first = self.menu.first if self.menu.first is not None else value
            if "selected" in given:
                self.menu.chosen = value
        elif tag == "textarea":
            self.area = _Area(str(name))

    def handle_data(self, data: str) -> None:
        if self.area is not None:
            self.area.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self.menu is not None:
            chosen = self.menu.chosen
            self.sent.add(
                self.menu.name, chosen if chosen is not None else self.menu.first
            )
            self.menu = None
        elif tag == "textarea" and self.area is not None:
            text = "".join(self.area.text).removeprefix("\n")
            self.sent.add(self.area.name, text.replace("\n", "\r\n"))
            self.area = None


def sent_by(html: str) -> MultiDict[str, str]:
    """Return what a browser sends of the forms in a page, untouched, as it is read."""
    form = _Form()
    form.feed(html)
    form.close()
    pairs = form.sent.items(multi=True)
    return MultiDict((named(key), value) for key, value in pairs)
