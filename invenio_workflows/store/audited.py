"""The rows of what people decided, as the table has them and as readers get them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .kinds import BigId, Encoded, UTCDateTime
from .models import Base


class AuditRow(Base):
    """What a person decided about an object. It outlives the object."""

    __tablename__ = "workflows_audit"
    __table_args__ = (
        Index("ix_workflows_audit_object", "id_object", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    created: Mapped[datetime] = mapped_column(UTCDateTime)
    #: Without a foreign key: the object may go.
    id_object: Mapped[int] = mapped_column(BigInteger)
    id_workflow: Mapped[str | None] = mapped_column(String(36))
    workflow: Mapped[str] = mapped_column(String(255))
    #: The revision of the object on which it was decided.
    revision: Mapped[int] = mapped_column(Integer)
    verb: Mapped[str] = mapped_column(String(20))
    action: Mapped[str | None] = mapped_column(String(255))
    value: Mapped[str | None] = mapped_column(String(255))
    reason: Mapped[str | None] = mapped_column(Text)
    form: Mapped[Any] = mapped_column(Encoded, nullable=True)
    actor: Mapped[str | None] = mapped_column(String(255))
    origin: Mapped[str] = mapped_column(String(10))


AUDIT: Any = AuditRow.__table__


@dataclass(frozen=True, slots=True)
class Audited:
    """A row of the audit."""

    id: int
    created: datetime
    id_object: int
    id_workflow: str | None
    workflow: str
    revision: int
    verb: str
    action: str | None
    value: str | None
    reason: str | None
    form: Any
    actor: str | None
    origin: str

    @property
    def told(self) -> dict[str, Any]:
        """The row as JSON holds it."""
        return {
            "id": self.id,
            "time": self.created,
            "actor": self.actor,
            "origin": self.origin,
            "object": self.id_object,
            "run": self.id_workflow,
            "workflow": self.workflow or None,
            "revision": self.revision,
            "verb": self.verb,
            "action": self.action,
            "value": self.value,
            "reason": self.reason,
            "form": self.form,
        }
