"""What people decided, kept for good; and the walks of those who decide.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workflows_0004"
down_revision = "workflows_0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.Text().with_variant(postgresql.JSON(), "postgresql")
TIME = sa.DateTime(timezone=True)

REFUSED = "what people decided is kept as it is"


def upgrade() -> None:
    op.create_table(
        "workflows_audit",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("created", TIME, nullable=False),
        sa.Column("id_object", sa.BigInteger(), nullable=False),
        sa.Column("id_workflow", sa.String(36)),
        sa.Column("workflow", sa.String(255), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(20), nullable=False),
        sa.Column("action", sa.String(255)),
        sa.Column("value", sa.String(255)),
        sa.Column("reason", sa.Text()),
        sa.Column("form", JSON),
        sa.Column("actor", sa.String(255)),
        sa.Column("origin", sa.String(10), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_workflows_audit_object", "workflows_audit", ["id_object", "id"])
    op.create_table(
        "workflows_walk",
        sa.Column("key", sa.String(43), primary_key=True),
        sa.Column("ids", JSON, nullable=False),
        sa.Column("back", sa.Text(), nullable=False),
        sa.Column("created", TIME, nullable=False),
    )
    op.create_index("ix_workflows_walk_created", "workflows_walk", ["created"])
    _refuse_changes()


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for what in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER workflows_audit_no_{what} BEFORE {what.upper()} ON "
                f"workflows_audit BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION workflows_audit_kept() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER workflows_audit_kept BEFORE UPDATE OR DELETE ON "
        "workflows_audit FOR EACH ROW EXECUTE FUNCTION workflows_audit_kept()"
    )


def downgrade() -> None:
    op.drop_table("workflows_walk")
    op.drop_table("workflows_audit")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION workflows_audit_kept()")
