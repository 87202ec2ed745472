"""What an object needs that waits: for a worker, its time, an event; and once().

And which workers there are.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workflows_0002"
down_revision = "workflows_0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.Text().with_variant(postgresql.JSON(), "postgresql")
PLACE = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)

COLUMNS = {
    "start_point": sa.String(255),
    "queue": sa.String(100),
    "concurrency_key": sa.String(511),
    "wake_at": TIME,
    "deadline": TIME,
    "wanted": sa.String(10),
    "event_name": sa.String(100),
    "event_key": sa.String(255),
    "progress": JSON,
    "announce_at": TIME,
    "id_fork": BIG,
    "fork": sa.Integer(),
    "branch": sa.SmallInteger(),
    "needs": sa.SmallInteger(),
    "rules": sa.Text(),
    "stands_at": PLACE,
    "stands_since": TIME,
}
NUMBERS = ("rank", "sends", "tries", "reminded")

#: Name, columns and the condition under which a row is in the index.
INDEXES = (
    ("running", ["id_workflow", "status", "id"], "status = 3"),
    ("queued", ["id_workflow", "waits_for"], "waits_for = 'queue'"),
    ("queue", ["queue", "rank", "id"], "waits_for = 'queue'"),
    ("wake", ["waits_for", "wake_at"], "wake_at IS NOT NULL"),
    ("announce", ["announce_at"], "announce_at IS NOT NULL"),
    (
        "deadline",
        ["deadline", "id"],
        "deadline IS NOT NULL AND id_parent IS NULL AND "
        "(id_fork IS NULL OR status IN (2, 5))",
    ),
    ("fork", ["id_fork", "fork"], "id_fork IS NOT NULL"),
    ("event", ["event_name", "event_key"], "event_key IS NOT NULL"),
    (
        "limited",
        ["concurrency_key"],
        "status = 3 AND concurrency_key IS NOT NULL",
    ),
    (
        "limited_queue",
        ["concurrency_key", "wake_at"],
        "waits_for = 'queue' AND concurrency_key IS NOT NULL",
    ),
    (
        "held_back",
        ["concurrency_key", "rank", "id"],
        "waits_for = 'queue' AND concurrency_key IS NOT NULL AND wake_at IS NULL",
    ),
    (
        "place",
        ["workflow", "stands_at", "stands_since", "id", "status", "waits_for"],
        "stands_at IS NOT NULL AND status IN (2, 4, 5)",
    ),
)


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("workflows_object", sa.Column(name, kind))
    for name in NUMBERS:
        column = sa.Column(
            name, sa.SmallInteger(), nullable=False, server_default=sa.text("0")
        )
        op.add_column("workflows_object", column)
    for name in ("priority", "awaited"):
        column = sa.Column(
            name, sa.SmallInteger(), nullable=False, server_default=sa.text("0")
        )
        op.add_column("workflows_run", column)
    for name, columns, condition in INDEXES:
        op.create_index(
            f"ix_workflows_object_{name}",
            "workflows_object",
            columns,
            postgresql_where=sa.text(condition),
            sqlite_where=sa.text(condition),
        )
    _create_kept_event()
    _create_once()
    _create_worker()


def _create_kept_event() -> None:
    op.create_table(
        "workflows_kept_event",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("payload", JSON),
        sa.Column("created", TIME, nullable=False),
    )
    for name, columns in {
        "name": ["name", "key", "id"],
        "created": ["created"],
    }.items():
        op.create_index(
            f"ix_workflows_kept_event_{name}", "workflows_kept_event", columns
        )


def _create_once() -> None:
    op.create_table(
        "workflows_once",
        sa.Column("id_object", BIG, primary_key=True, autoincrement=False),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("result", JSON),
        sa.Column("created", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["id_object"],
            ["workflows_object.id"],
            name="fk_workflows_once_object",
            ondelete="CASCADE",
        ),
    )


def _create_worker() -> None:
    op.create_table(
        "workflows_worker",
        sa.Column("process", sa.String(255), primary_key=True),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("queues", JSON, nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("every", sa.Integer(), nullable=False),
        sa.Column("started", TIME, nullable=False),
        sa.Column("seen", TIME, nullable=False),
    )


def downgrade() -> None:
    for name in ("worker", "once", "kept_event"):
        op.drop_table(f"workflows_{name}")
    for name, _, _ in INDEXES:
        op.drop_index(f"ix_workflows_object_{name}", "workflows_object")
    for name in (*COLUMNS, *NUMBERS):
        op.drop_column("workflows_object", name)
    for name in ("priority", "awaited"):
        op.drop_column("workflows_run", name)
