"""The nodes of a graph: steps, decisions and functions, and how one is run."""

from __future__ import annotations

import copy
import inspect
from typing import Any, ClassVar, Final, TypeAlias

from ..encoding import plain, restored
from ..errors import JumpCall, WorkflowDefinitionError, WorkflowError
from ..schemas import Schema, check_schema, validated
from .flow import given, kept
from .node import Memo, check_task, name_of
from .retry import Retry

#: What ``transition`` returns: the index of an edge, or the name of the node there.
Choice: TypeAlias = "int | str"
#: What a task says of itself.
_TOLD = (
    "__name__",
    "__qualname__",
    "description",
    "hide",
    "branch",
    "retry",
    "timeout",
)
_SHOWN_BY = "workflows/results/default.html"


class _Start:
    """Where a graph begins."""

    def __repr__(self) -> str:
        return "START"

    def __copy__(self) -> _Start:
        return self

    def __deepcopy__(self, memo: Any) -> _Start:
        return self


#: Stands for the beginning of a graph: ``graph = {START: [First], …}``.
START: Final = _Start()


class Step:
    """A node of a graph. A fresh one is made for each time that it is run."""

    #: Whether one without an ``execute`` hands on what it was given.
    hands_on: ClassVar[bool] = False
    #: The object at work.
    obj: Any = None
    #: The run.
    eng: Any = None
    #: What is asked of a person before this runs: a subclass of pydantic.BaseModel.
    UserInputSchema: Any = None
    #: What the person reads above the form.
    question: str = ""
    #: Until when it may be given, what is done then, who is reminded, how many must
    #: give the same, and who may not: as ``eng.ask`` takes them.
    deadline: Any = None
    on_deadline: Any = None
    remind: Any = ()
    votes: Any = None
    four_eyes: Any = None

    def execute(
        self, _input: Any = None, external_input: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Do the work; what is returned is the ``_input`` of the next node.

        :param _input: what the node before returned; the object's data at first.
        :param external_input: what a person gave, a dictionary; empty if nothing was
            asked.
        """
        raise NotImplementedError


class Decision(Step):
    """A node that says which of its edges is taken.

    Without an ``execute`` of its own it hands on what it was given.
    """

    def transition(
        self, _input: Any = None, external_input: Any = None, *args: Any, **kwargs: Any
    ) -> Choice:
        """Return the index of an edge, from 0, or the name of the node there.

        It is asked after ``execute``, and again when that halted and goes on.

        :param result: what ``execute`` returned.
        """
        raise NotImplementedError


class NodeTask:
    """A node of a graph as a task ``f(obj, eng)``.

    :param edges: the names of the nodes that may follow.
    """

    def __init__(self, part: Any, edges: tuple[str, ...] = ()) -> None:
        self.edges = edges
        self.is_step = is_step(part)
        self.kind: Any = type(part) if isinstance(part, Step) else part
        self._part = part
        told = self.kind if self.is_step else part
        for name in _TOLD:
            if (value := getattr(told, name, None)) is not None:
                setattr(self, name, value)
        # What the package says of its own classes says nothing of this node.
        ours = self.is_step and told.__module__.startswith(__package__ or "")
        self.__doc__ = "" if ours else told.__doc__ or ""
        if not self.is_step:
            self.__wrapped__ = part
        self.task_name = node_name(part)
        self.decides = self.is_step and issubclass(self.kind, Decision)
        self.executes = not self.is_step or self.kind.execute is not Step.execute
        taken = _taken(self.kind, "execute") if self.is_step else ()
        self._hears = taken is None or "external_input" in taken
        #: What of what it may know its ``transition`` takes; ``None`` for anything.
        self._takes = _taken(self.kind, "transition") if self.decides else None

    def __call__(self, obj: Any, eng: Any) -> None:
        """Run it on what it is given, and note what it returned and chose."""
        frame = eng._frames[-1]
        memo = frame[1] = eng._nodes[-1].stands_at(frame[1], self.task_name, eng)
        try:
            if self.is_step:
                memo = self._stepped(obj, eng, frame)
            else:
                memo = self._noted(memo, obj, self._part(obj, eng))
        except JumpCall:
            raise WorkflowError(
                f"{self.task_name} is a node of a graph, where there is no next task "
                "to count to; let a Decision choose, or restart_from('task:<name>')."
            ) from None
        frame[1] = memo

    def _stepped(self, obj: Any, eng: Any, frame: list[Any]) -> Memo:
        """Run a fresh step; return the memo with what came of it."""
        step = self.made(obj, eng)
        memo = frame[1] = self.begin(step, obj, eng, frame[1])
        schema = _schema_of(step)
        external = {} if schema is None else self._asked(schema, step, eng, frame)
        if self.executes:
            value = given(memo, self.task_name, obj)
            hears = {"external_input": external} if self._hears else {}
            memo = self._noted(memo, obj, step.execute(value, **hears))
        if self.decides:
            frame[1] = {**frame[1], **memo}  # kept when its transition halts
            memo = {**memo, "to": self._chosen(step, obj, memo, external)}
        return memo

    def _noted(self, memo: Memo, obj: Any, returned: Any) -> Memo:
        """Return the memo with what the node returned, which is shown too."""
        name = self.task_name
        if returned is not None:
            returned = kept(returned, f"what {name} returned")
        _show(obj, name, returned)
        return {**memo, "out": [returned]}

    def begin(self, step: Any, obj: Any, eng: Any, memo: Memo) -> Memo:
        """Do what comes before the step is run; return the memo with which it is."""
        return memo

    def _asked(
        self, schema: Schema, step: Any, eng: Any, frame: list[Any]
    ) -> dict[str, Any]:
        """Return what a person gave; if nobody has, stop here until somebody does.

        A decision that halts is asked for its edge later: so it is noted for it.
        """
        asks = step.question or f"{self.task_name} needs input."
        how = {"deadline": step.deadline, "on_deadline": step.on_deadline}
        how["remind"] = step.remind
        who = {"votes": step.votes, "four_eyes": step.four_eyes}
        made, data = eng._given(schema, asks, who, **how)
        if self.decides:
            frame[1] = {**frame[1], "given": plain(data, "the input")}
        external: dict[str, Any] = made.model_dump()
        return external

    def choose(self, step: Any, obj: Any, memo: Memo) -> str:
        """Return the name of the node that follows, as ``transition`` says.

        :raises WorkflowError: if there is no such edge; naming those that there are.
        """
        schema, external = _schema_of(step), {}
        if schema is not None and "given" in memo:
            external = validated(schema, restored(memo["given"])).model_dump()
        return self._chosen(step, obj, memo, external)

    def _chosen(self, step: Any, obj: Any, memo: Memo, external: dict[str, Any]) -> str:
        name = self.task_name
        value = given(memo, name, obj)
        result = restored(memo["out"][0]) if "out" in memo else value
        more: Any = {"external_input": external, "result": result}
        if self._takes is not None:
            more = {key: more[key] for key in more if key in self._takes}
        chosen = step.transition(value, **more)
        if isinstance(chosen, int) and 0 <= chosen < len(self.edges):
            return self.edges[chosen]
        if isinstance(chosen, str) and chosen in self.edges:
            return chosen
        edges = ", ".join(f"{at} {edge}" for at, edge in enumerate(self.edges))
        raise WorkflowError(
            f"The transition of {name} gave {chosen!r}, which is none of its edges: "
            f"{edges}."
        )

    def made(self, obj: Any, eng: Any) -> Any:
        """Return a fresh step."""
        part = self._part
        step: Any = part() if part is self.kind else copy.copy(part)
        step.obj, step.eng = obj, eng
        return step


def _schema_of(step: Any) -> Schema | None:
    """Return the model by which a step asks, as it is now; ``None`` for none."""
    schema: Schema | None = getattr(step, "UserInputSchema", None)
    return schema if schema is not None and schema.model_fields else None


def is_step(part: Any) -> bool:
    """Say whether this is a step, as a class or as an instance."""
    return issubclass(part if inspect.isclass(part) else type(part), Step)


def node_name(part: Any) -> str:
    """Return the name by which a step or function is known in its graph."""
    if not is_step(part):
        return name_of(part)
    kind = part if inspect.isclass(part) else type(part)
    return str(getattr(part, "task_name", None) or kind.__name__)


def check_step(part: Any) -> None:
    """Refuse what cannot be a node of a graph.

    :raises WorkflowDefinitionError: naming it, and saying what is wrong with it.
    """
    if not is_step(part):
        check_task(part, f"the node {part!r}")
        return
    kind: Any = part if inspect.isclass(part) else type(part)
    name = node_name(part)
    wanted = "transition" if issubclass(kind, Decision) else "execute"
    if getattr(kind, wanted) is getattr(Decision, wanted) and not kind.hands_on:
        raise WorkflowDefinitionError(
            f"the node {name} has no {wanted}(self, _input, external_input); write one."
        )
    for method in ("execute", "transition"):
        if hasattr(kind, method):
            check_task(getattr(kind, method), f"{method} of the node {name}")
    if inspect.isclass(part) and not _needs_nothing(part):
        raise WorkflowDefinitionError(
            f"the node {name} is a class that needs arguments; give an instance."
        )
    if getattr(part, "UserInputSchema", None) is not None:
        check_schema(part.UserInputSchema, f"UserInputSchema of the node {name}")
    retry = getattr(part, "retry", None)
    if retry is not None and not isinstance(retry, Retry):
        raise WorkflowDefinitionError(
            f"retry of the node {name} must be Retry(times=…), not {retry!r}."
        )


def _needs_nothing(kind: Any) -> bool:
    if kind.__init__ is object.__init__ and kind.__new__ is object.__new__:
        return True  # as most do; to read a signature takes a hundred times as long
    try:
        inspect.signature(kind).bind()
    except TypeError:
        return False
    return True


def _taken(kind: Any, method: str) -> frozenset[str] | None:
    """Return the names that a method takes; ``None`` if it takes any."""
    parameters = inspect.signature(getattr(kind, method)).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return None
    return frozenset(
        each.name for each in parameters if each.kind is not each.POSITIONAL_ONLY
    )


def _show(obj: Any, name: str, returned: Any) -> None:
    """Keep what a node returned last, as its memo has it, among the results."""
    results = obj.extra_data.setdefault("_tasks_results", {})
    if returned is None and name not in results:
        return
    listed = [each for each in results.get(name, ()) if not is_returned(each)]
    if returned is not None:
        shown = {"name": name, "result": restored(returned), "template": _SHOWN_BY}
        listed.insert(0, {**shown, "returned": True})
    if listed:
        results[name] = listed
    else:
        results.pop(name, None)


def is_returned(result: Any) -> bool:
    """Say whether a result of a task is what a node of a graph returned."""
    return isinstance(result, dict) and result.get("returned") is True
