"""Back to where a form was sent from; never to another site."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request


def safe_next(default: str) -> str:
    """Return the address that the form names as ``next``, if it is one of this site.

    :param default: where to go otherwise.
    """
    wanted = request.form.get("next") or request.args.get("next") or ""
    return wanted if is_here(wanted, request.root_path) else default


def is_here(address: str, root: str = "") -> bool:
    """Say whether an address is a path below the root of this site, and no more.

    What a browser reads otherwise than it stands there is none: ``//host``,
    ``/\\host``, a tab or a line's end anywhere.

    :param root: the path below which the site lies, without a slash at its end.
    """
    if not address.startswith(root.rstrip("/") + "/") or "\\" in address:
        return False
    if address.startswith("//") or any(not c.isprintable() for c in address):
        return False
    parts = urlsplit(address)
    return not (parts.scheme or parts.netloc)
