"""What lists need: titles, sort keys, text, and counters kept by triggers.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "workflows_0003"
down_revision = "workflows_0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LISTED = "id_parent IS NULL AND (id_fork IS NULL OR status IN (2, 5))"
RESTING = f"{LISTED} AND status <> 3"
KEY = ("workflow", "status", "waits_for", "action", "data_type")
#: Read from the index itself: what is counted, and who may see it.
PLACE, ASKED = ("waits_for", "workflow", "id_user"), ("action", "data_type")

INDEXES = (
    ("list", ["status", "modified", "id", *PLACE], RESTING),
    ("recent", ["modified", "id", "status", *PLACE, *ASKED], LISTED),
    ("newest", ["status", "workflow", "id", "waits_for"], RESTING),
    ("action", ["action", "id"], f"action IS NOT NULL AND {LISTED}"),
    (
        "owner",
        ["id_user", "modified", "id", "status", *PLACE[:2], *ASKED],
        f"id_user <> 0 AND {LISTED}",
    ),
    ("uri", ["uri"], f"uri <> '' AND {LISTED}"),
)


def upgrade() -> None:
    for name, kind in {"title": sa.Text(), "description": sa.Text()}.items():
        op.add_column("workflows_object", sa.Column(name, kind))
    op.add_column("workflows_object", sa.Column("shown_by", sa.Integer()))
    markup = sa.Column(
        "markup", sa.SmallInteger(), nullable=False, server_default=sa.text("0")
    )
    op.add_column("workflows_object", markup)
    op.drop_index("ix_workflows_object_list", "workflows_object")
    for name, columns, condition in INDEXES:
        op.create_index(
            f"ix_workflows_object_{name}",
            "workflows_object",
            columns,
            postgresql_where=sa.text(condition),
            sqlite_where=sa.text(condition),
        )
    _create_sort()
    _create_counters()
    if op.get_bind().dialect.name == "postgresql":
        _create_text(postgresql.TSVECTOR())
        op.create_index(
            "ix_workflows_text_words",
            "workflows_text",
            ["words"],
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        )
        statements = _postgresql()
    else:
        _create_text(sa.Text())
        statements = _sqlite()
    for statement in (*statements, _first_counts()):
        op.get_bind().exec_driver_sql(statement)


def _create_sort() -> None:
    text = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
    op.create_table(
        "workflows_sort",
        sa.Column("id_object", BIG, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("value", text, nullable=False),
    )
    columns = ["name", "value", "id_object"]
    op.create_index("ix_workflows_sort_value", "workflows_sort", columns)


def _create_text(kind: sa.types.TypeEngine) -> None:
    op.create_table(
        "workflows_text",
        sa.Column("id_object", BIG, primary_key=True, autoincrement=False),
        sa.Column("words", kind, nullable=False),
    )


def _create_counters() -> None:
    def key(primary: bool) -> list[sa.Column]:
        return [
            sa.Column(name, kind, primary_key=primary, nullable=False, **more)
            for name, kind, more in (
                ("workflow", sa.String(255), {}),
                ("status", sa.SmallInteger(), {"autoincrement": False}),
                ("waits_for", sa.String(10), {}),
                ("action", sa.String(100), {}),
                ("data_type", sa.String(150), {}),
            )
        ]

    op.create_table(
        "workflows_count",
        *key(True),
        sa.Column("number", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "workflows_count_delta",
        sa.Column("id", BIG, primary_key=True),
        *key(False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
    )


def _listed(row: str) -> str:
    return (
        f"{row}.id_parent IS NULL AND ({row}.id_fork IS NULL OR {row}.status IN (2, 5))"
    )


def _key(row: str) -> str:
    return (
        f"{row}.workflow, {row}.status, coalesce({row}.waits_for, ''), "
        f"coalesce({row}.action, ''), {row}.data_type"
    )


COLUMNS = ", ".join(KEY)
#: An object is counted elsewhere, or no more, when one of these changes.
MOVING = f"{COLUMNS}, id_parent, id_fork"


def _first_counts() -> str:
    key = "workflow, status, coalesce(waits_for, ''), coalesce(action, ''), data_type"
    return (
        f"INSERT INTO workflows_count ({COLUMNS}, number) "
        f"SELECT {key}, count(*) FROM workflows_object WHERE {LISTED} GROUP BY {key}"
    )


def _moved(unlike: str) -> str:
    columns = (*KEY, "id_parent", "id_fork")
    return " OR ".join(f"OLD.{name} {unlike} NEW.{name}" for name in columns)


def _postgresql() -> list[str]:
    """Writers add a row each; the sweep adds them up."""
    insert = f"INSERT INTO workflows_count_delta ({COLUMNS}, number) VALUES"
    on = "FOR EACH ROW WHEN ({}) EXECUTE FUNCTION workflows_{}()"
    event = "CREATE TRIGGER workflows_{} AFTER {} ON workflows_object "
    return [
        f"""CREATE FUNCTION workflows_count_changed() RETURNS trigger AS $$
        BEGIN
            IF TG_OP <> 'INSERT' AND {_listed("OLD")} THEN
                {insert} ({_key("OLD")}, -1);
            END IF;
            IF TG_OP <> 'DELETE' AND {_listed("NEW")} THEN
                {insert} ({_key("NEW")}, 1);
            END IF;
            RETURN NULL;
        END $$ LANGUAGE plpgsql""",
        """CREATE FUNCTION workflows_object_gone() RETURNS trigger AS $$
        BEGIN
            DELETE FROM workflows_text WHERE id_object = OLD.id;
            DELETE FROM workflows_sort WHERE id_object = OLD.id;
            RETURN NULL;
        END $$ LANGUAGE plpgsql""",
        event.format("count_insert", "INSERT")
        + on.format("NEW.id_parent IS NULL", "count_changed"),
        # Of what a checkpoint writes none: it does not even look whether one changed.
        event.format("count_update", f"UPDATE OF {MOVING}")
        + on.format(_moved("IS DISTINCT FROM"), "count_changed"),
        event.format("count_delete", "DELETE")
        + on.format("OLD.id_parent IS NULL", "count_changed"),
        event.format("object_gone", "DELETE")
        + on.format("OLD.id_parent IS NULL", "object_gone"),
    ]


def _sqlite() -> list[str]:
    """One writes at a time, so the counters are true at once."""
    same = (
        "workflow = OLD.workflow AND status = OLD.status "
        "AND waits_for = coalesce(OLD.waits_for, '') "
        "AND action = coalesce(OLD.action, '') AND data_type = OLD.data_type"
    )
    less = f"UPDATE workflows_count SET number = number - 1 WHERE {same}"
    more = (
        f"INSERT INTO workflows_count ({COLUMNS}, number) SELECT {_key('NEW')}, 1 "
        f"WHERE {_listed('NEW')} ON CONFLICT ({COLUMNS}) "
        "DO UPDATE SET number = number + 1"
    )
    on = "ON workflows_object"
    return [
        _trigger("count_insert", f"INSERT {on}", more, when="NEW.id_parent IS NULL"),
        _trigger(
            "count_update",
            f"UPDATE OF {MOVING} {on}",
            f"{less} AND {_listed('OLD')}",
            more,
            when=_moved("IS NOT"),
        ),
        _trigger("count_delete", f"DELETE {on}", less, when=_listed("OLD")),
        _trigger(
            "object_gone",
            f"DELETE {on}",
            "DELETE FROM workflows_text WHERE id_object = OLD.id",
            "DELETE FROM workflows_sort WHERE id_object = OLD.id",
            when="OLD.id_parent IS NULL",
        ),
        *_sqlite_words(),
    ]


def _sqlite_words() -> list[str]:
    """The words of each object, searched through a table of SQLite's own kind."""
    index = "workflows_text_index"
    gone = f"INSERT INTO {index} ({index}, rowid, words) VALUES ('delete', "
    gone += "OLD.id_object, OLD.words)"
    come = f"INSERT INTO {index} (rowid, words) VALUES (NEW.id_object, NEW.words)"
    return [
        f"CREATE VIRTUAL TABLE {index} USING fts5(words, "
        "content='workflows_text', content_rowid='id_object', tokenize='ascii', "
        "prefix='2 3', columnsize=0)",
        _trigger("text_insert", "INSERT ON workflows_text", come),
        _trigger("text_delete", "DELETE ON workflows_text", gone),
        _trigger("text_update", "UPDATE ON workflows_text", gone, come),
    ]


def _trigger(name: str, event: str, *do: str, when: str = "") -> str:
    when = f"WHEN {when} " if when else ""
    return (
        f"CREATE TRIGGER workflows_{name} AFTER {event} {when}BEGIN "
        + "".join(f"{each}; " for each in do)
        + "END"
    )


def downgrade() -> None:
    names = ("count_insert", "count_update", "count_delete", "object_gone")
    for name in names:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"DROP TRIGGER workflows_{name} ON workflows_object")
        else:
            op.execute(f"DROP TRIGGER workflows_{name}")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION workflows_count_changed")
        op.execute("DROP FUNCTION workflows_object_gone")
    else:
        op.execute("DROP TABLE workflows_text_index")
    for name in ("text", "sort", "count", "count_delta"):
        op.drop_table(f"workflows_{name}")
    for name, _, _ in INDEXES:
        op.drop_index(f"ix_workflows_object_{name}", "workflows_object")
    columns = ["status", "modified", "id"]
    op.create_index("ix_workflows_object_list", "workflows_object", columns)
    for name in ("title", "description", "shown_by", "markup"):
        op.drop_column("workflows_object", name)
