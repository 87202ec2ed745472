"""Everything that is remembered of an application: the parts of the store, wired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from ..config import Settings
from ..definition.workflow import Definition
from ..objects import WorkflowObject
from .accept import Acceptor
from .announcing import Announcing
from .audit import Audit
from .concurrency import Limits, Places
from .database import Database
from .definitions import Definitions
from .drafts import Drafts
from .due import DueHalts
from .files import Files
from .keep import Keeper
from .lists import Lists
from .migrations import upgrade
from .notices import Notices
from .presence import Presence
from .prune import Pruner
from .queries import Queries
from .queue import Queue
from .record_queries import RecordQueries
from .recovery import Recovery
from .reindex import Reindexer
from .sql import SQLStore
from .standing import Sleepers
from .transactions import Transactions
from .walks import Walks


class Parts:
    """The parts of the store, each with its subject.

    :param definition_of: gives a workflow of this process by its name.
    :param code: gives a digest of the code of each.
    :param check: encodes a document, or refuses it.
    """

    def __init__(
        self,
        app: Flask,
        settings: Settings,
        definition_of: Callable[[str], Definition | None],
        code: Callable[[], dict[str, str]],
        check: Callable[[WorkflowObject], tuple[str, str]],
    ) -> None:
        self.settings = settings
        self.database = Database(app, settings)
        self.limits = Limits()
        transactions = Transactions(self.database, settings.busy_seconds)
        lease, batch, sweep = (
            *(settings.lease_seconds, settings.batch_size, settings.sweep_seconds),
        )
        self.store = SQLStore(
            transactions, lease, batch, settings.queue_of, definition_of
        )
        # --- what moves
        self.acceptor = Acceptor(self.store, batch, check, self.limits)
        self.keeper = Keeper(self.store, check)
        self.queue = Queue(self.store, settings, self.limits)
        self.places = Places(transactions, settings, self.limits)
        self.recovery = Recovery(self.store)
        self.announcing = Announcing(self.store)
        self.due = DueHalts(transactions, lease)
        self.notices = Notices(transactions)
        self.presence = Presence(transactions, sweep, code)
        # --- what is looked at
        self.queries = Queries(self.store)
        self.records = RecordQueries(self.store)
        self.lists = Lists(self.store)
        self.standing = Sleepers(transactions)
        self.walks = Walks(transactions)
        # --- what is kept beside the objects
        self.audit = Audit(transactions)
        self.drafts = Drafts(transactions)
        self.files = Files(transactions, settings.max_file_size)
        self.known = Definitions(transactions)
        # --- upkeep
        self.reindexer = Reindexer(self.store, batch)
        self.pruner = Pruner(self.store)

    @property
    def db(self) -> Any:
        """The database in use: the app's Flask-SQLAlchemy, or ours."""
        return self.database.db

    @property
    def engine(self) -> Any:
        """SQLAlchemy's engine of the database that holds our tables."""
        return self.database.engine

    def create_all(self) -> None:
        """Make or upgrade the tables; any number of times, by several processes."""
        upgrade(self.engine)
