"""Who may log in, and what they may do there.

A real site has its people already. What the Holding Pen needs of it is in `login.py`:
who it is, and which of the needs `workflows-…` they have.
"""

from __future__ import annotations

import secrets

from flask_login import UserMixin
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.security import check_password_hash, generate_password_hash

from .models import db

MAY = {
    "curator": ("view", "decide", "restart"),
    "administrator": (
        *("view", "start", "decide", "restart"),
        *("edit", "delete", "admin"),
    ),
}
"""What each role may do, in all workflows."""

_NOBODY = generate_password_hash(secrets.token_urlsafe())


class Person(UserMixin, db.Model):  # type: ignore[name-defined, misc]
    """Somebody who may log in. The password itself is not kept."""

    __tablename__ = "demo_person"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str]

    def get_id(self) -> str:
        """Return what decisions and the audit name the person by."""
        return self.name


def person(name: str) -> Person | None:
    """Return who has that name."""
    found: Person | None = db.session.get(Person, name)
    return found


def person_with(name: str, password: str) -> Person | None:
    """Return who has that name and that password.

    It takes as long where nobody has the name, so that it does not tell the names.
    """
    found = person(name)
    kept = found.password_hash if found else _NOBODY
    return found if check_password_hash(kept, password) else None


def with_new_passwords() -> dict[str, str]:
    """Give each of the two people a password by chance; return them by name."""
    given = {role: secrets.token_urlsafe(9) for role in MAY}
    for name, password in given.items():
        db.session.merge(
            Person(name=name, role=name, password_hash=generate_password_hash(password))
        )
    db.session.commit()
    return given
