"""Runs, objects, events and log lines.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workflows_0001"
down_revision = None
branch_labels = ("invenio_workflows",)
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.Text().with_variant(postgresql.JSON(), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_run()
    _create_object()
    _index_object()
    _create_event()
    _create_log()


def downgrade() -> None:
    for name in ("log", "event", "object", "run"):
        op.drop_table(f"workflows_{name}")


def _create_run() -> None:
    op.create_table(
        "workflows_run",
        sa.Column("uuid", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("extra_data", JSON, nullable=False),
        sa.Column("id_user", sa.Integer(), nullable=False),
        sa.Column("stop_on_halt", sa.SmallInteger(), nullable=False),
        sa.Column("stop_on_error", sa.SmallInteger(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.Column("modified", TIME, nullable=False),
        sa.CheckConstraint("status BETWEEN 0 AND 5", name="ck_workflows_run_status"),
        # Rows in the index of their key: a page less to write at each start.
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_workflows_run_status_modified", "workflows_run", ["status", "modified"]
    )


def _create_object() -> None:
    op.create_table(
        "workflows_object",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("id_workflow", sa.String(36)),
        sa.Column("id_parent", BIG),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("waits_for", sa.String(10)),
        sa.Column("data", JSON, nullable=False),
        sa.Column("extra_data", JSON, nullable=False),
        sa.Column("cursor", JSON),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(255)),
        sa.Column("lease_until", TIME),
        sa.Column("in_start", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("workflow", sa.String(255), nullable=False),
        sa.Column("data_type", sa.String(150), nullable=False),
        sa.Column("uri", sa.String(500), nullable=False),
        sa.Column("id_user", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(100)),
        sa.Column("message", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("created", TIME, nullable=False),
        sa.Column("modified", TIME, nullable=False),
        _refers("object_run", "id_workflow", "run.uuid"),
        _refers("object_parent", "id_parent", "object.id"),
        sa.CheckConstraint("status BETWEEN 0 AND 6", name="ck_workflows_object_status"),
        sa.CheckConstraint(
            "waits_for IN ('queue', 'timer', 'event', 'join')",
            name="ck_workflows_object_waits_for",
        ),
        sqlite_autoincrement=True,
    )


def _create_event() -> None:
    op.create_table(
        "workflows_event",
        sa.Column("id_object", BIG, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("id_workflow", sa.String(36)),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("task", sa.String(255)),
        sa.Column("path", sa.String(255)),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("data", JSON),
        sa.Column("extra_data", JSON),
        sa.Column("message", sa.Text()),
        sa.Column("payload", JSON),
        sa.Column("seconds", sa.Float()),
        sa.Column("created", TIME, nullable=False),
    )


def _create_log() -> None:
    op.create_table(
        "workflows_log",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("id_object", BIG),
        sa.Column("id_workflow", sa.String(36)),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("task", sa.String(255)),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created", TIME, nullable=False),
        _refers("log_object", "id_object", "object.id"),
        _refers("log_run", "id_workflow", "run.uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_workflows_log_object", "workflows_log", ["id_object", "id"])
    op.create_index("ix_workflows_log_run", "workflows_log", ["id_workflow", "id"])


def _index_object() -> None:
    for name, columns in {
        "run": ["id_workflow", "position"],
        "list": ["status", "modified", "id"],
    }.items():
        op.create_index(f"ix_workflows_object_{name}", "workflows_object", columns)
    op.create_index(
        "ix_workflows_object_parent",
        "workflows_object",
        ["id_parent"],
        postgresql_where=sa.text("id_parent IS NOT NULL"),
        sqlite_where=sa.text("id_parent IS NOT NULL"),
    )


def _refers(name: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column],
        [f"workflows_{target}"],
        name=f"fk_workflows_{name}",
        ondelete="CASCADE",
    )
