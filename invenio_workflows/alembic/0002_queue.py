"""What an object needs that waits for a worker, for its time or to be cancelled.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "workflows_0002"
down_revision = "workflows_0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)

COLUMNS = {
    "start_point": sa.String(255),
    "queue": sa.String(100),
    "wake_at": TIME,
    "wanted": sa.String(10),
}
NUMBERS = ("rank", "sends", "tries")

#: Name, columns and the condition under which a row is in the index.
INDEXES = (
    ("running", ["id_workflow"], "status = 3"),
    ("queued", ["id_workflow"], "waits_for = 'queue'"),
    ("queue", ["queue", "rank", "id"], "waits_for = 'queue'"),
    ("wake", ["waits_for", "wake_at"], "wake_at IS NOT NULL"),
)


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("workflows_object", sa.Column(name, kind))
    for name in NUMBERS:
        column = sa.Column(
            name, sa.SmallInteger(), nullable=False, server_default=sa.text("0")
        )
        op.add_column("workflows_object", column)
    op.add_column(
        "workflows_run",
        sa.Column(
            "priority", sa.SmallInteger(), nullable=False, server_default=sa.text("0")
        ),
    )
    for name, columns, condition in INDEXES:
        op.create_index(
            f"ix_workflows_object_{name}",
            "workflows_object",
            columns,
            postgresql_where=sa.text(condition),
            sqlite_where=sa.text(condition),
        )


def downgrade() -> None:
    for name, _, _ in INDEXES:
        op.drop_index(f"ix_workflows_object_{name}", "workflows_object")
    for name in (*COLUMNS, *NUMBERS):
        op.drop_column("workflows_object", name)
    op.drop_column("workflows_run", "priority")
