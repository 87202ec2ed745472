"""Loops, as nodes. Where a loop stands is in its memo, which is JSON."""

from __future__ import annotations

from typing import Any

from ..encoding import copied, plain, restored
from ..errors import DefinitionChanged, WorkflowDefinitionError, WorkflowError
from .build import children
from .node import Memo, Part, Sequence, Task, check_task, refuse_async
from .patterns import Condition, Pattern, resolved


class Loop(Pattern):
    """A pattern that may run its body many times; the memo begins with the rounds."""

    repeats = True

    def round(self, done: int, eng: Any) -> int:
        """Return the number of the next round.

        :raises WorkflowError: at the ceiling that the definition sets.
        """
        if done >= eng.max_rounds:
            raise WorkflowError(
                f"{self.label} made {done} rounds, the ceiling of this workflow; "
                "set max_rounds on the definition if that is right."
            )
        return done + 1


class WHILE(Loop):
    """Run ``branch`` again and again while ``condition`` holds."""

    def __init__(
        self, condition: Condition, branch: Part, comment: str | None = None
    ) -> None:
        check_task(condition, "the condition of WHILE")
        super().__init__([Sequence(children(branch))], condition, comment)

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if not self.condition(obj, eng):
            return None, None
        return 0, self.round(memo or 0, eng)


class FOR(Loop):
    """Run ``branch`` once for each item.

    :param items: a list, or a function ``f(obj, eng)`` that gives one; it is asked
        once, on entering, and what it gives is kept with the object.
    :param setter: a name, under which the item is seen in ``eng.extra_data``, or a
        function ``f(obj, eng, item)``, run as a task before each round.
    :param cache_data: accepted for old definitions; items are always kept.
    :param order: ``ASC``, or ``DSC`` for last to first.
    """

    loops = True
    shows = True

    def __init__(
        self,
        items: Any,
        setter: Any,
        branch: Part,
        cache_data: bool = True,
        order: str = "ASC",
        comment: str | None = None,
    ) -> None:
        if not callable(items) and not isinstance(items, (list, tuple, range)):
            raise WorkflowDefinitionError(
                f"{type(self).__name__} needs a list, or a function f(obj, eng) that "
                f"gives one, not {items!r}."
            )
        refuse_async(items, f"the list of {type(self).__name__}")
        self.items = items
        self.setter = setter if isinstance(setter, str) else None
        self.backwards = order == "DSC"
        body = children(branch)
        if callable(setter):
            check_task(setter, f"the setter of {type(self).__name__}")
            body.insert(0, _step(setter))
        super().__init__([Sequence(body)], items if callable(items) else None, comment)

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last is None:
            memo = [0, self._kept(obj, eng)]
        done, kept = memo
        if done >= len(self.items if kept is None else kept):
            return None, None
        return 0, [self.round(done, eng), kept]

    def item(self, memo: Memo) -> Any:
        """Return the item of the round that the memo tells of."""
        done, kept = memo
        items = self.items if kept is None else kept
        if done > len(items):
            raise DefinitionChanged(
                f"{self.label} was edited: the object is in its round {done}, and "
                f"there are {len(items)} items now. Restart the object.",
                task=self.name,
            )
        item = items[-done if self.backwards else done - 1]
        # A task that changes its item must not change the definition or the memo.
        return copied(item) if kept is None else restored(item)

    def variables(self, memo: Memo) -> dict[str, Any]:
        if memo is None or not 0 < memo[0] or self.setter is None:
            return {}
        return {self.setter: self.item(memo)}

    def constants(self) -> tuple[Any, ...]:
        return (*super().constants(), self.setter, *["DSC"][: self.backwards])

    def _kept(self, obj: Any, eng: Any) -> list[Any] | None:
        """Return the items to keep; ``None`` where the definition has them."""
        if not callable(self.items):
            return None
        items = list(resolved(self.items, obj, eng))
        kept: list[Any] = plain(items, f"items of {self.label}")
        return kept


class FOREACH(FOR):
    """The ``foreach`` of old releases: the item is the object's data for a round.

    Afterwards the data is what it was before the loop.
    """

    def __init__(
        self, items: Any, savename: str | None, branch: Part, order: str
    ) -> None:
        super().__init__(items, _set_data(savename), branch, order=order)
        restore = Sequence([_restore_data])
        self.children = (*self.children, *restore.children)

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last == 1:
            return None, None
        before = plain(obj.data, "data") if last is None else memo[2]
        index, fresh = super().next(last, memo and memo[:2], obj, eng)
        if index is None:
            return 1, [0, [], before]
        return index, [*fresh, before]

    def broken(self, memo: Memo) -> tuple[int | None, Memo]:
        return 1, [0, [], memo[2]]

    def item(self, memo: Memo) -> Any:
        return super().item(memo[:2])

    def variables(self, memo: Memo) -> dict[str, Any]:
        if not memo or not memo[0]:
            return {}
        state = {"iterator": memo[0] - 1, "value": self.item(memo)}
        return {"_Iterators": {str(list(self.path)): state}}


class SIMPLE_FOR(Loop):
    """The ``simple_for`` of old releases: count, the end included."""

    loops = True
    shows = True

    def __init__(
        self, init: Any, end: Any, step: Any, variable: str | None, branch: Part
    ) -> None:
        self.bounds = (init, end, step)
        self.variable = variable
        super().__init__([Sequence(children(branch))])

    def next(
        self, last: int | None, memo: Memo, obj: Any, eng: Any
    ) -> tuple[int | None, Memo]:
        if last is None:
            value, end, step = (resolved(bound, obj, eng) for bound in self.bounds)
            done = 0
            if step == 0:
                raise WorkflowError(f"{self.label} counts by 0 and would never end.")
        else:
            done, (value, end, step) = memo[0], restored(memo[1:])
            value += step
        if value > end if step > 0 else value < end:
            return None, None
        kept = plain([value, end, step], f"init, end and step of {self.label}")
        return 0, [self.round(done, eng), *kept]

    def variables(self, memo: Memo) -> dict[str, Any]:
        if not memo:
            return {}
        name = self.variable or str(list(self.path))
        return {"_Iterators": {name: restored(memo[1])}}

    def constants(self) -> tuple[Any, ...]:
        return (self.variable,)


def _step(setter: Any) -> Task:
    """Return the hidden task that gives the item of the round to ``setter``."""

    def step(obj: Any, eng: Any) -> None:
        setter(obj, eng, eng.loop_item())

    step.__name__ = getattr(setter, "__name__", "setter")
    step.hide = True  # type: ignore[attr-defined]
    return step


def _set_data(savename: str | None) -> Any:
    def foreach(obj: Any, eng: Any, item: Any) -> None:
        obj.data = item
        if savename is not None:
            obj.extra_data[savename] = copied(item)

    return foreach


def _restore_data(obj: Any, eng: Any) -> None:
    obj.data = restored(eng.loop_memo()[2])


_restore_data.hide = True  # type: ignore[attr-defined]
