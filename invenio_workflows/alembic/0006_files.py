"""Files that people give, and what they have typed into a form and not sent.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workflows_0006"
down_revision = "workflows_0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.Text().with_variant(postgresql.JSON(), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "workflows_file",
        sa.Column("id", sa.String(22), primary_key=True),
        _object("fk_workflows_file_object"),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("media_type", sa.String(127), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("person", sa.String(255)),
        sa.Column("kept", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("created", TIME, nullable=False),
    )
    op.create_index("ix_workflows_file_object", "workflows_file", ["id_object"])
    op.create_index("ix_workflows_file_created", "workflows_file", ["kept", "created"])
    op.create_table(
        "workflows_file_part",
        sa.Column("id_file", sa.String(22), primary_key=True),
        sa.Column("n", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("id_object", BIG, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_index(
        "ix_workflows_file_part_object", "workflows_file_part", ["id_object"]
    )
    op.create_table(
        "workflows_draft",
        _object("fk_workflows_draft_object", primary_key=True, autoincrement=False),
        sa.Column("person", sa.String(255), primary_key=True),
        sa.Column("halt", sa.String(100), nullable=False),
        sa.Column("form", JSON, nullable=False),
        sa.Column("modified", TIME, nullable=False),
    )
    op.create_index("ix_workflows_draft_modified", "workflows_draft", ["modified"])


def _object(name: str, **more: object) -> sa.Column[int]:
    return sa.Column(
        "id_object",
        BIG,
        sa.ForeignKey("workflows_object.id", name=name, ondelete="CASCADE"),
        nullable=False,
        **more,
    )


def downgrade() -> None:
    for table in ("workflows_draft", "workflows_file_part", "workflows_file"):
        op.drop_table(table)
