"""The pen in its site: the site's admin, its languages, its proxy, its templates."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import flask_admin
import pytest
from flask_admin import Admin, BaseView, expose
from flask_wtf import CSRFProtect
from people import PEN, PenSite, texts
from sites import Site
from werkzeug.middleware.proxy_fix import ProxyFix

from invenio_workflows import InvenioWorkflows, start
from invenio_workflows.errors import ConfigurationError


def ask(obj: Any, eng: Any) -> None:
    eng.halt("Is it ours?", action="approval")


class Books(BaseView):  # type: ignore[misc]
    """A view of the site's own."""

    @expose("/")
    def index(self) -> str:
        page: str = self.render("admin/master.html")
        return page


class Secret(Books):
    """One that nobody may open."""

    def is_accessible(self) -> bool:
        return False


class Broken(Books):
    """One that fails when it is asked."""

    def is_accessible(self) -> bool:
        raise RuntimeError("no idea")


def make_admin(*args: Any) -> Any:
    admin = Admin(*args, name="The site")
    admin.add_view(Books(name="Books", endpoint="books"))
    admin.add_view(Secret(name="Secret", endpoint="secret"))
    admin.add_view(Books(name="Loans", endpoint="loans", category="More"))
    return admin


@pytest.fixture
def pen(sqlite_ready_url: str) -> Iterator[PenSite]:
    site = PenSite(sqlite_ready_url, tables=False, WORKFLOWS_LOCAL_THREADS=0)
    site.register("review", ask)
    with site.app.app_context():
        start("review", [{}])
    yield site
    site.close()


def menu(page: Any) -> list[str]:
    nav = page.text.partition('class="hp-site"')[2].partition("</nav>")[0]
    return [texts(each) for each in re.findall(r"<a .*?</a>", nav, re.DOTALL)]


# --- the site's admin -----------------------------------------------------------------


def test_without_an_admin_the_pages_stand_alone(pen: PenSite) -> None:
    page = pen.browser("admin").get("/")
    assert page.status_code == 200
    assert menu(page) == []


def test_an_admin_of_the_site_has_the_pen_in_its_menu(pen: PenSite) -> None:
    pen.ext.init_admin(make_admin(pen.app))
    check_admin(pen)


def test_the_admin_may_get_its_application_later(pen: PenSite) -> None:
    admin = make_admin()
    pen.ext.init_admin(admin)
    admin.init_app(pen.app)
    check_admin(pen)


def test_the_admin_may_be_given_before_there_is_an_application(
    sqlite_ready_url: str,
) -> None:
    ext = InvenioWorkflows()
    admin = make_admin()
    ext.init_admin(admin)
    app = flask.Flask("site")
    app.config.update(SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=sqlite_ready_url)
    ext.init_app(app)
    admin.init_app(app)
    assert app.test_client().get(f"{PEN}/").status_code == 401
    assert app.test_client().get("/admin/books/").status_code == 200


def test_an_admin_without_the_pen_leaves_it_where_it_is(pen: PenSite) -> None:
    make_admin(pen.app)
    assert pen.browser("admin").get("/").status_code == 200
    page = pen.app.test_client().get("/admin/books/")
    assert "Holding Pen" not in page.text


def check_admin(pen: PenSite) -> None:
    admin, viewer, nobody = map(pen.browser, ("admin", "viewer", "nobody"))
    for who in (admin, viewer):
        theirs = who.client.get("/admin/books/", headers=who.headers)
        assert f'href="{PEN}/"' in theirs.text
        ours = who.get("/")
        assert menu(ours) == ["Home", "Books", "Loans"]
        assert "Secret" not in ours.text
    hidden = nobody.client.get("/admin/books/", headers=nobody.headers)
    assert PEN not in hidden.text
    assert nobody.get("/").status_code == 403


def test_an_entry_of_the_menu_that_fails_is_left_out(
    pen: PenSite, caplog: pytest.LogCaptureFixture
) -> None:
    admin = make_admin(pen.app)
    admin.add_view(Broken(name="Broken", endpoint="broken"))
    pen.ext.init_admin(admin)
    page = pen.browser("admin").get("/")
    assert menu(page) == ["Home", "Books", "Loans"]
    assert "Broken" in caplog.text


class Untold:
    """A name as Flask-Babel makes it where it is installed and not initialised."""

    def __init__(self, *args: str) -> None:
        self._args = args

    def __str__(self) -> str:
        raise KeyError("babel")

    __repr__ = __str__


def test_a_name_of_the_menu_that_nobody_can_translate_is_said_as_it_is(
    pen: PenSite,
) -> None:
    """As Flask-Admin's own “Home” is, beside a Flask-Babel that is not initialised."""
    admin = make_admin(pen.app)
    admin.add_view(Books(name=Untold("Journals"), endpoint="journals"))
    admin.add_view(Broken(name=Untold(), endpoint="broken"))
    pen.ext.init_admin(admin)
    page = pen.browser("admin").get("/")
    assert menu(page) == ["Home", "Books", "Loans", "Journals"]


def test_without_the_extra_there_is_no_pen_and_no_error(
    sqlite_ready_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.metadata import EntryPoint

    def load(self: EntryPoint) -> Any:
        raise ModuleNotFoundError("No module named 'flask_admin'", name="flask_admin")

    real = EntryPoint.load
    monkeypatch.setattr(
        EntryPoint,
        "load",
        lambda self: load(self) if self.extras == ["admin"] else real(self),
    )
    site = Site(sqlite_ready_url, tables=False)
    assert site.app.test_client().get(f"{PEN}/").status_code == 404
    with pytest.raises(ConfigurationError, match="admin"):
        site.ext.init_admin(make_admin())
    site.close()


# --- languages ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8", "fr", "À traiter"),
        ("de, en;q=0.5", "en", "Need action"),
        ("xx", "en", "Need action"),
        ("", "en", "Need action"),
        ("fr;q=0.1, en", "en", "Need action"),
    ],
)
def test_the_browser_says_the_language(
    pen: PenSite, asked: str, code: str, words: str
) -> None:
    page = pen.browser("admin").get("/", headers={"Accept-Language": asked})
    assert f'<html lang="{code}">' in page.text
    assert words in texts(page.text)


def test_flask_babel_chooses_only_where_it_is_initialised(
    pen: PenSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Locale:
        language = "fr"

    class Babel:
        @staticmethod
        def get_locale() -> Any:
            if "babel" not in flask.current_app.extensions:
                raise KeyError("babel")
            return Locale

    monkeypatch.setitem(sys.modules, "flask_babel", Babel)
    browser = pen.browser("admin")
    english = {"Accept-Language": "en"}
    assert '<html lang="en">' in browser.get("/", headers=english).text
    pen.app.extensions["babel"] = object()
    assert '<html lang="fr">' in browser.get("/", headers=english).text


# --- the site around it ---------------------------------------------------------------


def test_every_address_lies_below_the_path_of_a_proxy(pen: PenSite) -> None:
    pen.app.wsgi_app = ProxyFix(pen.app.wsgi_app, x_prefix=1)  # type: ignore[method-assign]
    pen.ext.init_admin(make_admin(pen.app))
    below = {"X-Forwarded-Prefix": "/repository"}
    browser = pen.browser("admin")
    theirs = browser.client.get("/admin/books/", headers=browser.headers)
    assert (
        'href="/admin/books/"' in theirs.text
    )  # the first request came past the proxy
    browser.headers |= below
    for path in ("/", "/?q=x", "/start", "/?group=all", "/1"):
        page = browser.get(path)
        addresses = re.findall(r'(?:href|src|action|data-src)="([^"#]+)"', page.text)
        assert addresses
        ours = [each for each in addresses if not each.startswith("?")]
        assert [each for each in ours if not each.startswith("/repository/")] == []
    anonymous = pen.browser().get("/", headers=below)
    assert (
        anonymous.location
        == "/repository/login?next=%2Frepository%2Fadmin%2Fholdingpen%2F"
    )


def test_a_site_replaces_the_base_template(
    sqlite_ready_url: str, tmp_path: Path
) -> None:
    site = PenSite(
        sqlite_ready_url, tables=False, WORKFLOWS_BASE_TEMPLATE="of_the_site.html"
    )
    site.app.template_folder = str(tmp_path)
    (tmp_path / "of_the_site.html").write_text(
        "<title>{% block title %}{% endblock %}</title>"
        "Ours {% block main %}{% endblock %}"
    )
    site.register("review", ask)
    for path in ("/", "/start", f"/{10**6}"):
        page = site.browser("admin").get(path)
        assert "Ours" in page.text
        assert "<h1" in page.text
    site.close()


def test_a_site_replaces_a_template_by_a_file_of_its_name(
    pen: PenSite, tmp_path: Path
) -> None:
    pen.app.template_folder = str(tmp_path)
    folder = tmp_path / "workflows" / "actions"
    folder.mkdir(parents=True)
    (folder / "approval_mini.html").write_text("Decide {{ obj.id }}!")
    assert "Decide 1!" in pen.browser("admin").get("/").text


@pytest.mark.parametrize("token", [True, False])
def test_a_site_that_guards_all_its_forms_guards_ours_too(
    pen: PenSite, token: bool
) -> None:
    CSRFProtect(pen.app)
    browser = pen.browser("admin")
    page = browser.get("/")
    form = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.text))
    if not token:
        del form["csrf_token"]
    answer = browser.open("POST", "/1/resolve", data={**form, "value": "accept"})
    assert answer.status_code == (303 if token else 400)


@pytest.mark.parametrize("guarded", [True, False])
def test_the_site_may_name_the_field_of_the_token(pen: PenSite, guarded: bool) -> None:
    pen.app.config["WTF_CSRF_FIELD_NAME"] = "proof"
    if guarded:
        CSRFProtect(pen.app)
    browser = pen.browser("admin")
    for path, to, own in (
        ("/1", "/1/comment", {"text": "Hm"}),
        ("/start", "/start/run", {"workflow": "review", "data": "{}"}),
        ("/", "/1/resolve", {"value": "accept"}),
    ):
        page = browser.get(path).text
        form = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page)) | own
        assert "csrf_token" not in form
        proof = form.pop("proof")
        for refused in ({}, {"csrf_token": proof}):
            answer = browser.open("POST", to, data={**form, **refused})
            assert answer.status_code == 400, to
        given: dict[str, Any] = {"data": {**form, "proof": proof}}
        if to == "/1/comment":
            given = {"data": form, "headers": {"X-CSRF-Token": proof}}
        assert browser.open("POST", to, **given).status_code == 303, to


def test_the_pages_of_the_site_are_not_ours_to_guard(pen: PenSite) -> None:
    page = pen.app.test_client().get("/login")
    assert "Content-Security-Policy" not in page.headers
    assert pen.app.test_client().get("/nowhere").status_code == 404


def test_the_version_of_the_admin_is_one_that_we_know() -> None:
    assert flask_admin.__version__.split(".")[0] in ("1", "2")
