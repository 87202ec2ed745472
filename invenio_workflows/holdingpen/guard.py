"""Who comes in, and what every answer carries: asked before and after each page."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.exceptions import HTTPException

from ..errors import (
    DatabaseUnavailable,
    IllegalMove,
    ObjectNotFound,
    WorkflowDefinitionError,
    WorkflowNotFound,
    WorkflowsError,
)
from ..proxies import current_workflows
from .display import number
from .flask_login import login_url
from .flask_wtf import has_token
from .permissions import is_known
from .refusals import told
from .texts import _
from .tree import visible

_logger = logging.getLogger(__name__)

#: Methods that change nothing.
SAFE = ("GET", "HEAD", "OPTIONS")
#: What a browser keeps to ask whether it is still so; it is a count, and no page.
_ASKED_AGAIN = ("holdingpen.arrivals",)
POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)


def watch(blueprint: Blueprint) -> None:
    """Put every route of the blueprint under guard."""
    blueprint.before_request(_let_in)
    blueprint.after_request(_harden)
    blueprint.after_app_request(_harden_nowhere)
    blueprint.register_error_handler(HTTPException, _refused)
    blueprint.register_error_handler(WorkflowsError, _our_error)


def wants_json() -> bool:
    """Say whether a program asks, not a person who is to see a page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"


def _let_in() -> Any:
    if request.endpoint == "holdingpen.static":
        return None
    if request.method not in SAFE:
        _check_size()
        if _is_foreign() or not has_token():
            abort(400, _not_yours())
    if is_known():
        return None
    to = login_url(_after_login())
    if to is None or wants_json():
        abort(401)
    return redirect(to)


def _after_login() -> str:
    """Return where to go on: what was to be sent is a draft on its record's page."""
    if request.method in SAFE:
        return _rooted(request.full_path.rstrip("?"))
    oid = (request.view_args or {}).get("oid")
    if oid is None:
        return url_for("holdingpen.index")
    return url_for("holdingpen.record", oid=oid)


def _check_size() -> None:
    """Refuse what is too large before any of it is read."""
    most: int = current_workflows.settings.max_upload_size
    if "Transfer-Encoding" in request.headers:
        abort(411)
    if (request.content_length or 0) > most:
        abort(413, _("This is too large; {n} bytes at most.", n=number(most)))


def _is_foreign() -> bool:
    """Say whether the browser says that another site made it send this.

    Its token may be right: planted in the session by a cookie of a neighbour's site.
    """
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return site not in ("same-origin", "none")


def _not_yours() -> str:
    """Return what to tell a person whose form is of no page of this session."""
    if is_known():
        return _("This page is too old, or not yours. Load it again, then decide.")
    return _("You are not logged in. Log in, load the page again, then decide.")


def _rooted(path: str) -> str:
    return request.root_path.rstrip("/") + path


def _harden(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    if request.endpoint != "holdingpen.static":
        cached = "no-cache" if request.endpoint in _ASKED_AGAIN else "no-store"
        headers.setdefault("Cache-Control", f"private, {cached}")
        response.vary.update(["Accept", "Accept-Language", "Cookie"])
    return response


def _harden_nowhere(response: Response) -> Response:
    """Harden what answers below our path where no page of ours is, or not so."""
    nowhere = request.routing_exception is not None
    return _harden(response) if nowhere and _is_below(request.path) else response


def _is_below(path: str) -> bool:
    return path.startswith(url_for("holdingpen.index").removeprefix(request.root_path))


def _our_error(error: WorkflowsError) -> Any:
    if isinstance(error, ObjectNotFound | WorkflowNotFound):
        return page_of_error(404, _("There is no such record, or you may not see it."))
    if isinstance(error, IllegalMove | WorkflowDefinitionError):
        return page_of_error(409, told(error))
    if isinstance(error, DatabaseUnavailable):
        _logger.error("%s", error)
        return page_of_error(503, _("The database cannot be reached. Try again soon."))
    raise error


def _refused(error: HTTPException) -> Any:
    if error.code is None or error.response is not None or error.code < 400:
        return error
    answer = page_of_error(error.code, _sentence(error))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            answer[0].headers.setdefault(name, value)
    return answer


def page_of_error(
    code: int, message: str, typed: Sequence[tuple[str, str]] = ()
) -> tuple[Response, int]:
    """Return an answer that says in a sentence what is wrong.

    :param typed: what the person had typed, where no record is there to hold it.
    """
    message = visible(message, 2000)
    if wants_json():
        return jsonify(error=message), code
    page = render_template(
        "workflows/holdingpen/error.html",
        code=code,
        message=message,
        hint=_hint(code),
        typed=typed,
        record=_record(code),
        way_back=code not in (401, 403) or request.endpoint != "holdingpen.index",
        login=login_url(_after_login()) if code == 400 and not is_known() else None,
    )
    return Response(page), code


def _sentence(error: HTTPException) -> str:
    known = {
        401: _("Log in to see the Holding Pen."),
        403: _("You are not permitted to do this."),
        404: _("There is no such record, or you may not see it."),
        405: _("This address takes no such request."),
    }
    ours = error.description != type(error).description and error.description
    return ours or known.get(error.code or 0) or error.description or error.name


def _record(code: int) -> str | None:
    """Return the address of the record about which something was refused."""
    oid = (request.view_args or {}).get("oid")
    if oid is None or code not in (400, 409, 413) or request.method in SAFE:
        return None
    return url_for("holdingpen.record", oid=oid)


def _hint(code: int) -> str:
    """Return what to do about it."""
    return {
        403: _("Ask who administers this site for the permission."),
        413: _(
            "Nothing was changed, and nothing of it was kept but your draft, as it was "
            "kept while you typed. Choose a smaller file, or give less at once."
        ),
        409: _("Load the record again to see what changed, then decide."),
    }.get(code, "")
