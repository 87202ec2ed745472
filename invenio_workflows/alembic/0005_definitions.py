"""The definitions that processes know, or have known; who runs which code.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workflows_0005"
down_revision = "workflows_0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.Text().with_variant(postgresql.JSON(), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "workflows_definition",
        sa.Column("id", BIG, primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("schema", JSON, nullable=False),
        sa.Column("fingerprint", sa.String(16), nullable=False),
        sa.Column("first_seen", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
        sa.Column("removed", TIME),
        sa.UniqueConstraint("name", name="uq_workflows_definition_name"),
        sqlite_autoincrement=True,
    )
    op.add_column("workflows_worker", sa.Column("code", JSON))


def downgrade() -> None:
    op.drop_column("workflows_worker", "code")
    op.drop_table("workflows_definition")
