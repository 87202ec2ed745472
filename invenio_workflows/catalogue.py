"""The workflows that this process can run: found, compiled, checked, known by name.

And loaded anew, when their files have changed: all of them, or none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Protocol

from . import ping
from .definition.facts import Facts, facts_of, modules_of, whereabouts
from .definition.limits import Limit, refuse_another
from .definition.workflow import Definition, compile_workflow
from .discovery import in_package
from .errors import ConfigurationError, WorkflowDefinitionError
from .registry import Registry, plugins
from .sourcecode import (
    Source,
    anew,
    beneath,
    dependents,
    digest,
    made_in,
    sources,
)

GROUP = "invenio_workflows.workflows"


class Limits(Protocol):
    """Who is told how many objects of a workflow may run at once."""

    def set(self, workflow: str, limit: Limit | None) -> None:
        """Keep the limit of a workflow, or that it has none."""

    def all(self) -> Any:
        """Return the limits."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A module that does not import, or a definition that is refused; and why."""

    module: str
    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.module or self.name}: {self.why}"


class CannotReload(Exception):
    """Why the code stays as it is."""


#: Where broken modules and definitions are to be left out and named, not raised.
_leaves_out: ContextVar[bool] = ContextVar("leaves_out", default=False)


@contextmanager
def leaving_out_what_is_broken() -> Iterator[None]:
    """Let applications that are made in the block load as much as they can."""
    token = _leaves_out.set(True)
    try:
        yield
    finally:
        _leaves_out.reset(token)


class Catalogue:
    """The registry of workflows, and what became of them when compiled.

    :param more: what else is known of a name that is not registered: a sentence, and
        what a program may want to know.
    """

    def __init__(
        self,
        packages: list[str],
        limits: Limits,
        more: Callable[[str], tuple[str, dict[str, Any]]],
    ) -> None:
        self.workflows: Registry[Any] = Registry("workflow", WorkflowDefinitionError)
        #: What was left out; nothing but where an application is made to be looked at.
        self.broken: list[Broken] = []
        self._packages = packages
        self._limits = limits
        self._more = more
        self._lenient = _leaves_out.get()
        ours = compile_workflow(ping.NAME, ping.WORKFLOW)
        self._ours = ours
        self._definitions: dict[str, Definition] = {ping.NAME: ours}
        #: What was registered by a call; all else is found where it lies.
        self._given: set[str] = set()
        self._is_reloading = False

    def load(self) -> None:
        """Fill the registry: from packages, then from entry points."""
        self._find(self.workflows)
        for name in self.workflows:
            with self._left_out(name):
                self.definition(name)

    def _find(self, workflows: Registry[Any]) -> None:
        failed = self._failed if self._lenient else None
        for package in self._packages:
            for name, source in in_package(package, failed):
                workflows.register(name, source)
        for name, source in plugins(GROUP, failed):
            workflows.register(name, source)

    def register(self, name: str, source: Any, replace: bool) -> None:
        """Compile, check and register a workflow.

        :raises WorkflowDefinitionError: naming the part that cannot be used.
        :raises ConfigurationError: if the name is taken and ``replace`` is false.
        """
        with self._left_out(name):
            definition = compile_workflow(name, source, self._source)
            refuse_another(definition.limit, self._limits.all())
            again = self._is_reloading and name in self._given
            self.workflows.register(name, source, replace or again)
            self._given.add(name)
            self._define(definition)

    def definition(self, name: str) -> Definition:
        """Return the compiled workflow of this name.

        :raises WorkflowDefinitionError: if there is none; naming those there are, and
            saying what is known of it.
        """
        found = self._definitions.get(name) if isinstance(name, str) else None
        if found is None:
            found = compile_workflow(name, self._registered(name), self._source)
            refuse_another(found.limit, self._limits.all())
            self._define(found)
        return found

    def get(self, name: str) -> Definition | None:
        """Return the compiled workflow of this name, if it is compiled."""
        return self._definitions.get(name)

    def compiled(self) -> list[Definition]:
        """Return the workflows that are registered and well, by name."""
        names = [name for name in self.workflows if name in self._definitions]
        return [self._definitions[name] for name in names]

    def facts(self) -> list[Facts]:
        """Return what is told of each to those who do not have it."""
        return [facts_of(definition) for definition in self.compiled()]

    def _define(self, definition: Definition) -> None:
        self._definitions[definition.name] = definition
        self._limits.set(definition.name, definition.limit)

    def _source(self, name: str) -> Any:
        return self.workflows[name]

    def _registered(self, name: str) -> Any:
        try:
            return self.workflows[name]
        except WorkflowDefinitionError as error:
            sentence, details = self._more(str(name))
            told = f"{error.message} {sentence}".rstrip()
            raise WorkflowDefinitionError(told, str(name), **details) from None

    # --- the files ------------------------------------------------------------------

    def files(self) -> dict[str, Source]:
        """Return the files of which the workflows are made, by their modules."""
        names = {each for found in self.compiled() for each in modules_of(found)}
        return sources([*names, *self._shared()])

    def code(self) -> dict[str, str]:
        """Return a digest of each workflow's code, as it lies in the files now."""
        shared = [name for name in self._shared() if _is_private(name)]
        found = {}
        for definition in self.compiled():
            files = sources([*modules_of(definition), *shared])
            told = digest(files, files)
            found[definition.name] = f"{definition.fingerprint}{told}"
        return found

    def _shared(self) -> list[str]:
        """Return the modules beside which definitions lie, and those themselves."""
        return [
            each for name in self._packages for each in beneath(f"{name}.workflows")
        ]

    def reload(
        self,
        files: dict[str, Source],
        changed: Iterable[str],
        is_rooted: Callable[[object], bool],
    ) -> None:
        """Load modules anew, and all that is made of them; or leave all as it is.

        :param files: all that the workflows are made of, as it was.
        :param changed: those of them whose files changed, came or went.
        :param is_rooted: whether the application hangs on a thing: a module that has
            made one is never loaded anew.
        :raises CannotReload: saying why not.
        """
        rooted = {name: _maker(name, at, is_rooted) for name, at in files.items()}
        rooted = {name: made for name, made in rooted.items() if made}
        for name in sorted({*changed} & rooted.keys()):
            raise CannotReload(
                f"{name} has made {rooted[name]!r}, on which the application hangs"
            )
        names = dependents({**files, **self.files()}, changed, rooted)
        before = {name: self.workflows[name] for name in self.workflows}
        compiled, given = dict(self._definitions), set(self._given)
        self._is_reloading = True
        try:
            with anew(names):
                self._take(*self._remade(names, before))
        except Exception as error:
            self._given = given
            self._take(before, compiled)
            if isinstance(error, CannotReload):
                raise
            raise CannotReload(_why(error)) from error
        finally:
            self._is_reloading = False

    def _take(
        self, workflows: dict[str, Any], definitions: dict[str, Definition]
    ) -> None:
        """Have these, and no others."""
        for name in self._definitions.keys() - definitions.keys():
            self._limits.set(name, None)
        self.workflows.fill(workflows)
        self._definitions = definitions
        for definition in definitions.values():
            self._limits.set(definition.name, definition.limit)

    def _remade(
        self, names: set[str], before: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Definition]]:
        """Return what there is now, compiled and checked, with the modules loaded."""
        workflows: Registry[Any] = Registry("workflow", WorkflowDefinitionError)
        self._find(workflows)
        for name in self._given:
            source = self.workflows[name]
            if name in before and source is before[name]:  # no module gave it anew
                source = self._again(name, names)
            workflows.register(name, source, replace=True)
        made = {ping.NAME: self._ours}
        for name in workflows:
            made[name] = compile_workflow(name, workflows[name], workflows.__getitem__)
            refuse_another(made[name].limit, [each.limit for each in made.values()])
        return {name: workflows[name] for name in workflows}, made

    def _again(self, name: str, names: set[str]) -> Any:
        """Return what was registered by a call, from where it is written now."""
        source = self.workflows[name]
        module, _, path = whereabouts(source).partition(":")
        if not names & {*modules_of(self._definitions[name])}:
            return source
        if module not in names:
            raise CannotReload(
                f"the workflow {name!r} is written in {module or 'a list'}, which is "
                "not loaded anew"
            )
        found: Any = sys.modules.get(module)
        for part in path.split(".") if path else ():
            found = getattr(found, part, None)
        if found is None or type(found) is not type(source):
            raise CannotReload(f"the workflow {name!r} is not at {module}:{path}")
        return found

    # --- what is broken -------------------------------------------------------------

    def _failed(self, module: str, error: Exception) -> None:
        self.broken.append(Broken(module, "", _why(error)))

    @contextmanager
    def _left_out(self, name: str) -> Iterator[None]:
        try:
            yield
        except (WorkflowDefinitionError, ConfigurationError) as error:
            if not self._lenient:
                raise
            self.broken.append(Broken("", name, _why(error)))


def _is_private(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last.startswith("_") or last == "workflows"


def _maker(name: str, source: Source, is_rooted: Callable[[object], bool]) -> str:
    """Return the name of what a module has made and cannot make again."""
    made = (word for word, thing in made_in(name, source) if is_rooted(thing))
    return next(made, "")


def _why(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        place = f"{PurePath(error.filename or '').name}, line {error.lineno}"
        return f"{place}: {error.msg}"
    if isinstance(error, (WorkflowDefinitionError, ConfigurationError)):
        return error.message
    return f"{type(error).__name__}: {error}"
