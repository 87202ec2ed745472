"""The wiring: settings, registries, database and store of an application."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from flask import Flask, current_app, has_app_context

from . import api, signals
from .actions.core import Action
from .calls import Worker
from .catalogue import Catalogue
from .checkpoint import EventLine, RunInfo
from .config import Settings
from .decisions import Decision
from .definition.workflow import Definition
from .encoding import dumps
from .errors import ActionNotFound, ConfigurationError
from .objects import WorkflowObject
from .output import stand_in
from .port import check, kept_line
from .processors import Processor, processors
from .proxies import EXTENSION
from .registry import Registry, installed, plugin, plugins
from .sourcecode import Source
from .states import ObjectStatus
from .store.migrations import current
from .store.parts import Parts
from .store.restore import start_over

_logger = logging.getLogger(__name__)


class State(Parts):
    """What one application has: the target of ``current_workflows``."""

    def __init__(self, app: Flask) -> None:
        settings = Settings.read(app.config)
        if settings.capture_output:
            stand_in()
        super().__init__(
            app,
            settings,
            lambda name: self.catalogue.get(name),
            lambda: self.catalogue.code(),
            lambda obj: check(obj, settings),
        )
        #: What looks like a setting and is none, and what may have been meant.
        self.unknown_settings = Settings.unknown(app.config)
        #: Whether what is delayed may begin threads; a command ends too soon for it.
        self.embeds = True
        #: The Celery app that was given, if one was.
        self.celery: Any = None
        #: The pages that are installed, by their name.
        self.pages: dict[str, Any] = {}
        self._app = app
        self.actions: Registry[Action] = Registry("action", _no_action)
        self.catalogue = Catalogue(settings.packages, self.limits, self._known)

    @cached_property
    def worker(self) -> Worker:
        """The worker that performs what is delayed.

        :raises ConfigurationError: if no worker has the name that is configured.
        """
        make = plugin("invenio_workflows.workers", self.settings.worker, "worker")
        worker: Worker = make(self._app)
        return worker

    def init_celery(self, celery_app: Any) -> None:
        """Use this Celery app for what is delayed."""
        self.celery = celery_app

    def init_admin(self, admin: Any) -> None:
        """Add our pages to a site's Flask-Admin.

        :raises ConfigurationError: if no pages are installed.
        """
        if not self.pages:
            raise ConfigurationError(
                "There are no pages to add: install invenio-workflows[admin]."
            )
        for page in self.pages.values():
            page.init_admin(admin)

    # --- definitions --------------------------------------------------------------

    @property
    def workflows(self) -> Registry[Any]:
        """What is registered in this process, by name."""
        return self.catalogue.workflows

    def register_workflow(self, name: str, source: Any, replace: bool = False) -> None:
        """Compile, check and register a workflow; see :meth:`.Catalogue.register`."""
        self.catalogue.register(name, source, replace)

    def register_action(self, name: str, action: Any, replace: bool = False) -> None:
        """Register an action: an :class:`Action`, or its class."""
        made = action() if isinstance(action, type) else action
        if not callable(getattr(made, "resolve", None)):
            raise ConfigurationError(
                f"The action {name!r} needs a method resolve(obj, form, actor)."
            )
        self.actions.register(name, made, replace)

    def definition(self, name: str) -> Definition:
        """Return the compiled workflow of this name; see :class:`.Catalogue`."""
        return self.catalogue.definition(name)

    def reload(self, files: dict[str, Source], changed: Iterable[str]) -> None:
        """Load modules anew; see :meth:`.Catalogue.reload`."""
        rooted = [self._app, *self._app.extensions.values()]
        self.catalogue.reload(
            files,
            changed,
            lambda thing: (
                hasattr(type(thing), "init_app")  # an extension of Flask
                or any(thing is each for each in rooted)
            ),
        )
        self.presence.renew()

    def _known(self, name: str) -> tuple[str, dict[str, Any]]:
        """Return what other processes know of a workflow that is not in this one."""
        known = self.known.find(name)
        if known is None:
            return "", {}
        if known.removed is not None:
            when = known.removed.isoformat(" ", "minutes")[:16]
            removed = {"removed": known.removed.isoformat()}
            return f"It has been removed since {when} UTC.", removed
        when = known.first_seen.isoformat(" ", "minutes")[:16]
        told = (
            f"It has been known to a worker since {when} UTC, but not in this process."
        )
        return told, {}

    def load(self) -> None:
        """Fill the registries: from packages, then from entry points."""
        self.catalogue.load()
        for name, action in plugins("invenio_workflows.actions"):
            self.register_action(name, action)
        self.processors: Registry[Processor] = processors(self.settings.data_processors)

    def load_pages(self) -> None:
        """Give the application the pages whose extra is installed."""
        for name, make in installed("invenio_workflows.pages"):
            self.pages[name] = make(self._app, self)

    # --- what an object asks ------------------------------------------------------

    def verb(self, name: str) -> Any:
        """Return a verb of the api by its name."""
        return getattr(api, name)

    def save(
        self,
        obj: WorkflowObject,
        status: ObjectStatus | None = None,
        task_counter: list[int] | None = None,
        event: EventLine | None = None,
    ) -> None:
        """Keep a document; see :meth:`WorkflowObject.save`."""
        cursor = None
        if task_counter is not None:
            cursor = self._cursor_at(obj, task_counter)
        self.keeper.save(obj, status, cursor, event)
        signals.send(signals.workflow_object_saved, obj)

    def _cursor_at(self, obj: WorkflowObject, path: list[int]) -> str:
        name = obj.get_workflow_name()
        if name is None:
            raise ConfigurationError(
                f"{obj!r} belongs to no workflow, so it has no tasks."
            )
        definition = self.definition(name)
        try:
            place = definition.place(path)
        except IndexError:
            raise ValueError(f"{name!r} has no task at {path}.") from None
        return dumps(
            {
                "mode": "after",
                "place": list(place.identity),
                "definition": definition.fingerprint,
                "frames": [[index, None] for index in path],
            }
        )

    def start_over(self, run: RunInfo) -> WorkflowObject | None:
        """Give a run's objects what their snapshots kept, and claim the first."""
        return start_over(self.store, run)

    def delete(
        self,
        obj: WorkflowObject | int | str,
        decision: Decision | None = None,
        revision: int | None = None,
    ) -> None:
        """Delete an object; see :func:`.api.delete`."""
        oid = obj.id if isinstance(obj, WorkflowObject) else obj
        found = self.queries.query().one_by_id(oid)
        gone = self.keeper.delete(found.id, decision, revision)
        signals.send(signals.workflow_object_deleted, gone)

    def keep_line(self, obj: WorkflowObject, level: int, text: str) -> None:
        """Keep a log line of an object that no worker holds."""
        line = kept_line(self.settings, level, text, obj.id, obj.id_workflow)
        if line is not None and obj.id is not None:
            self.store.keep_lines([line])

    def task_info(self, obj: WorkflowObject) -> dict[str, Any] | str:
        """Return what is known of the task that an object stands at."""
        name = obj.get_workflow_name()
        if name not in self.workflows or not obj.get_current_task():
            return ""
        try:
            place = self.definition(str(name)).place(obj.get_current_task())
        except IndexError:
            return ""
        return {
            "name": place.name,
            "nicename": getattr(place, "description", place.label),
            "doc": getattr(place, "doc", ""),
            "parameters": getattr(place, "parameters", []),
        }

    def formatted(self, obj: WorkflowObject, of: str | None) -> Any:
        """Return what the workflow's ``formatter`` makes of an object."""
        name = obj.get_workflow_name()
        if name not in self.workflows:
            return ""
        formatter = self.definition(str(name)).hook("formatter")
        if formatter is None:
            return ""
        of = of or self.settings.holding_pen_default_output_format
        try:
            return formatter(obj, of=of)
        except Exception:
            _logger.exception("The formatter of %s failed for %r.", name, obj)
            return ""


class InvenioWorkflows:
    """The extension: ``InvenioWorkflows(app)``, or ``init_app(app)`` later.

    Reads every ``WORKFLOWS_*`` setting of :mod:`invenio_workflows.config`.
    """

    def __init__(self, app: Flask | None = None) -> None:
        self._app: Flask | None = None
        self._pending: list[tuple[str, tuple[Any, ...]]] = []
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Give an application its workflows.

        :raises ConfigurationError: if a setting, an entry point or the database
            cannot be used, or the app has workflows already.
        :raises WorkflowDefinitionError: if a workflow is broken.
        """
        if EXTENSION in app.extensions:
            raise ConfigurationError(
                "This application has workflows already; call init_app() once."
            )
        state = State(app)
        state.load()
        state.load_pages()
        for verb, arguments in self._pending:
            getattr(state, verb)(*arguments)
        app.extensions[EXTENSION] = state
        self._app = app
        if state.settings.worker == "celery":
            _ = state.worker  # a process of Celery must know the task when it begins

    @property
    def state(self) -> State:
        """What the current application has; outside of one, the one initialised last.

        :raises ConfigurationError: if no application was initialised.
        """
        app = self._app
        if has_app_context() and EXTENSION in current_app.extensions:
            app = current_app._get_current_object()  # type: ignore[attr-defined]
        if app is None:
            raise ConfigurationError("Call init_app(app) first.")
        found: State = app.extensions[EXTENSION]
        return found

    @property
    def db(self) -> Any:
        """The database in use: the app's Flask-SQLAlchemy, or ours."""
        return self.state.db

    @property
    def engine(self) -> Any:
        """SQLAlchemy's engine of the database that holds our tables."""
        return self.state.engine

    def create_all(self) -> None:
        """Make or upgrade the tables; any number of times, by several processes."""
        self.state.create_all()

    def is_current(self) -> bool:
        """Say whether the tables are there and of this release."""
        have, want = current(self.engine)
        return have == want

    def register_workflow(self, name: str, cls: Any, replace: bool = False) -> None:
        """Register a workflow; before ``init_app`` too.

        :raises WorkflowDefinitionError: naming the part that cannot be used.
        :raises ConfigurationError: if the name is taken and ``replace`` is false.
        """
        self._do("register_workflow", name, cls, replace)

    def register_action(self, name: str, action: Any, replace: bool = False) -> None:
        """Register an action; before ``init_app`` too."""
        self._do("register_action", name, action, replace)

    def init_celery(self, celery_app: Any) -> None:
        """Use this Celery app with the worker ``celery``; before ``init_app`` too.

        It is not needed for one that is ``app.extensions["celery"]``.
        """
        self._do("init_celery", celery_app)

    def init_admin(self, admin: Any) -> None:
        """Add the Holding Pen to the site's Flask-Admin; before ``init_app`` too.

        The pen is at ``/admin/holdingpen/`` without it; this adds the entry to that
        admin's menu, and shows that menu on our pages.

        :raises ConfigurationError: if the extra ``admin`` is not installed.
        """
        self._do("init_admin", admin)

    def _do(self, verb: str, *arguments: Any) -> None:
        if self._app is None:
            self._pending.append((verb, arguments))
        else:
            getattr(self.state, verb)(*arguments)


def _no_action(message: str, name: str) -> ActionNotFound:
    return ActionNotFound(message)
