"""The engine: a loop over a stack of nodes. It yields events and touches nothing.

No database, no Flask, no clock, no thread: given a definition, an object and a
cursor it says, event by event, what happens. Who drives it remembers, and may
throw an error into it at a yielded event whose outcome cannot be kept: the
engine then goes on as if the task had raised it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import Any

from .. import errors
from ..definition.node import Leaf, Node, Place, in_branch, variables_of
from ..definition.workflow import Definition
from ..states import (
    Aborted,
    Event,
    Failed,
    Finished,
    InputAsked,
    Jumped,
    Started,
    TaskFinished,
    TaskRetried,
    TaskSkipped,
)
from .cursor import (
    AFTER,
    ASKING,
    BEFORE,
    BROKE,
    ENDED,
    FAILED,
    PASSING,
    Cursor,
    branch_cursors,
    encode,
    keeps_answers,
    located,
    move,
    named,
    nodes_of,
    previous,
)
from .handle import WorkflowEngine
from .wishes import (
    caught,
    count_jump,
    finishes,
    granted,
    not_for_conditions,
    postponed,
    restarted,
)


class Machine:
    """Runs one object through one definition, once."""

    def __init__(
        self,
        definition: Definition,
        obj: Any,
        eng: WorkflowEngine,
        cursor: Cursor,
        again: Callable[[BaseException], bool] | None = None,
        limit: Callable[[Leaf], AbstractContextManager[None]] | None = None,
        failures: int = 0,
    ) -> None:
        self.definition = definition
        self._again = again  # says of an error that it is none of the task's
        self._limit = limit  # keeps a task within its time
        self._failures = failures  # of the task that the object stands at
        self.obj = obj
        self.eng = eng
        self._cursor = cursor
        self._frames: list[list[Any]] = []
        self._nodes: list[Node] = []
        self._mode = AFTER
        self._place: Place | None = None
        self._encoded: str | None = None
        #: The task at work when the run was left, if one was.
        self._left: Place | None = None

    def cursor(self) -> str | None:
        """Return the cursor as JSON, as it is at the event just yielded."""
        if self._frames:  # at the end there are none: the last place stays
            self._cursor.frames, self._cursor.mode = self._frames, self._mode
            self._encoded = encode(
                self.definition, self._place, self._cursor, self._nodes
            )
        return self._encoded

    @property
    def place(self) -> Place | None:
        """The task, or pattern, at which the object stands; ``None`` at the start."""
        return self._place

    def branches(self) -> list[str]:
        """Return where the branches begin of the block that the object now waits in."""
        return branch_cursors(self.definition, self._frames)

    def run(self, start_point: str = "continue_next") -> Iterator[Event]:
        """Yield events until the object ends, halts, waits or fails.

        :raises DefinitionChanged: if the place of the object cannot be found.
        :raises WorkflowDefinitionError: if ``task:<name>`` names no task.
        """
        skipped = self._take_up(start_point)
        obj, eng, event = self.obj, self.eng, None
        try:
            yield Started(start_point)
            if skipped is not None:
                self._mode = AFTER
                yield TaskSkipped(skipped)
            while event is None or isinstance(event, (Jumped, TaskRetried)):
                eng._task = event = None
                eng._answers = []
                try:
                    leaf = self._next()
                except (Exception, errors.Control) as error:
                    event = self._unanswered(error)
                    yield event
                    continue
                if leaf is None:
                    yield Finished()
                    return
                self._place, self._mode = leaf, AFTER
                eng._begin(leaf, self._cursor.answers)
                try:
                    if leaf.timeout is None or self._limit is None:
                        leaf.call(obj, eng)
                    else:
                        with self._limit(leaf):
                            leaf.call(obj, eng)
                    self._failures, self._cursor.answers = 0, []
                    yield TaskFinished(leaf, leaf.ends)
                    if leaf.ends:  # inside, so that a refusal here is the task's
                        yield Finished()
                        return
                except Exception as error:
                    event = self._failed(leaf, error)
                    yield event
                except errors.Control as wish:
                    event = yield from self._asked(leaf, wish)
        finally:
            self._leave()

    def _asked(self, leaf: Leaf, wish: errors.Control) -> Generator[Event, None, Event]:
        """Yield what comes of a wish, or of an error thrown in because of it."""
        restarts = self._cursor.restarts
        frames = [frame.copy() for frame in self._frames]
        event = self._granted(leaf, wish)
        try:
            yield event
        except Exception as error:
            self._put_back(leaf, frames, restarts)
            event = self._failed(leaf, error)
            yield event
        return event

    # --- going on ----------------------------------------------------------------

    def _next(self) -> Leaf | None:
        """Move to the next task and return it; ``None`` at the end."""
        frames, nodes = self._frames, self._nodes
        if self._mode != AFTER and (first := self._depart()) is not None:
            return first
        while frames:
            frame, node = frames[-1], nodes[-1]
            index, memo = node.next(frame[0], frame[1], self.obj, self.eng)
            if index is None:
                if in_branch(frame[1]):  # a branch ends with its list
                    frames[:], nodes[:] = [], []
                    return None
                frames.pop()
                nodes.pop()
                if node.shows:
                    self._show_variables()
                continue
            frame[0], frame[1] = index, memo
            if node.shows:
                self._show_variables()
            child = node.children[index]
            if child.is_leaf:
                return child  # type: ignore[return-value]
            frames.append([None, None])
            nodes.append(child)  # type: ignore[arg-type]
        return None

    def _depart(self) -> Leaf | None:
        """Do what the last task asked for; return the task that comes of it."""
        mode, self._mode = self._mode, AFTER
        if mode == BEFORE:
            assert isinstance(self._place, Leaf)
            return self._place
        if mode not in (BROKE, ENDED):
            return None
        self._frames.pop()
        body = self._nodes.pop()
        leaf = None
        if mode == BROKE and body.path and self._nodes[-1].repeats:
            loop, frame = self._nodes[-1], self._frames[-1]
            frame[0], frame[1] = loop.broken(frame[1])
            if frame[0] is None:
                self._frames.pop()
                self._nodes.pop()
            else:
                leaf = loop.children[frame[0]]
        self._show_variables()
        return leaf if isinstance(leaf, Leaf) else None

    def _show_variables(self) -> None:
        self.eng._show(variables_of(self._nodes, self._frames))

    # --- taking up ---------------------------------------------------------------

    def _take_up(self, start_point: str) -> Place | None:
        """Put the frames where the start point says; return a task passed over."""
        cursor = self._cursor
        place = located(self.definition, cursor, start_point)
        skipped: Place | None = None
        if place is None:
            if start_point.startswith("task:"):
                self._go_to(named(self.definition, start_point[5:]))
            else:
                self._go_to(None)
        elif start_point == "restart_first":
            self._go_to(place)
        elif start_point == "continue_next":
            skipped = self._pass(place)
        elif start_point == "resume":
            self._set(place, BEFORE if cursor.mode == FAILED else cursor.mode)
            skipped = place if cursor.mode == PASSING else None
        elif start_point == "restart_task":
            again = ASKING if cursor.mode == ASKING else BEFORE
            self._set(place, again if isinstance(place, Leaf) else ASKING)
        elif start_point == "restart_prev":
            self._go_to(previous(self.definition, place, cursor))
        else:
            self._go_to(named(self.definition, start_point[5:]))
        if not keeps_answers(start_point, cursor.mode):
            cursor.answers = []
        self._join()
        return skipped

    def _leave(self) -> None:
        """Outside of a task there is no object at work, and no variable of a loop."""
        eng = self.eng
        if eng._frames is self._frames:
            self._left = eng._task
            eng._show({})
            eng._object = eng._task = None
            eng._frames, eng._nodes = [], []

    def _join(self) -> None:
        eng = self.eng
        eng._object, eng._frames, eng._nodes = self.obj, self._frames, self._nodes
        self._show_variables()

    def _pass(self, place: Place) -> Place | None:
        """Stand after the place; return it if it had failed."""
        mode = self._cursor.mode
        if mode in (BEFORE, BROKE, ENDED):
            self._set(place, mode)
            return None
        if mode == ASKING:
            self._cursor.frames.pop()
        self._set(place, AFTER if mode == AFTER else PASSING)
        return place if mode != AFTER else None

    def _set(self, place: Place, mode: str) -> None:
        """Take the cursor's frames, and the nodes that they lead through."""
        self._place, self._mode = place, mode
        frames = self._cursor.frames
        self._frames[:] = [list(frame) for frame in frames]
        self._nodes[:] = nodes_of(self.definition, frames)
        if mode == ASKING and len(frames) == len(place.path):
            assert isinstance(place, Node)
            self._frames.append([None, None])
            self._nodes.append(place)

    def _go_to(self, place: Place | None) -> None:
        """Stand before a place; before everything for ``None``."""
        if place is None:
            self._frames[:], self._nodes[:] = [[None, None]], [self.definition.root]
            self._place, self._mode = None, AFTER
            return
        move(self.definition, self._cursor, place)
        self._set(place, BEFORE if isinstance(place, Leaf) else ASKING)

    # --- what a task asked -------------------------------------------------------

    def _granted(self, leaf: Leaf, wish: errors.Control) -> Event:
        self._failures = 0
        event = granted(leaf, wish)
        if finishes(event):
            self._cursor.answers = []
        elif isinstance(event, InputAsked):
            self._mode = BEFORE
            self._forget_node()
        if isinstance(event, Aborted):
            self._mode = FAILED
        if event is not None:
            return event
        try:
            return self._jumped(leaf, wish)
        except errors.WorkflowsError as error:
            return self._failed(leaf, error)

    def _jumped(self, leaf: Leaf, wish: errors.Control) -> Event:
        if isinstance(wish, errors.BreakFromThisLoop):
            self._mode = BROKE
            return Jumped(leaf, "out of the list")
        if isinstance(wish, errors.RestartFrom):
            self._restart(leaf, wish.start_point)
            return Jumped(leaf, wish.start_point)
        assert isinstance(wish, errors.JumpCall)
        frame, node = self._frames[-1], self._nodes[-1]
        target = max(leaf.path[-1] + wish.offset, 0)
        if wish.offset <= 0:
            count_jump(frame, self.eng.max_rounds)
        if target >= len(node.children):
            self._mode = ENDED
            return Jumped(leaf, "the end of the list")
        frame[0] = target
        child = node.children[target]
        self._cursor.frames = self._frames.copy()
        self._set(child, BEFORE if isinstance(child, Leaf) else ASKING)
        return Jumped(leaf, child.label)

    def _restart(self, leaf: Leaf, start_point: str) -> None:
        self._cursor.frames = [list(frame) for frame in self._frames]
        place = restarted(self.definition, self._cursor, leaf, start_point)
        if place is not None:
            self._go_to(place)
            self._show_variables()

    def _put_back(self, leaf: Leaf, frames: list[list[Any]], restarts: int) -> None:
        """Stand at the task again, whose outcome could not be kept."""
        self._cursor.frames, self._cursor.restarts = frames, restarts
        self._set(leaf, AFTER)
        self._show_variables()

    # --- what went wrong ---------------------------------------------------------

    def _unanswered(self, error: BaseException) -> Event:
        """Return what comes of an error in a condition; a wish is an error there."""
        node, frame = self._nodes[-1], self._frames[-1]
        asked = node.asked(frame[0])
        return self._failed(node, not_for_conditions(asked, error), asked)

    def _failed(
        self, place: Place, error: BaseException, told: Place | None = None
    ) -> Event:
        """Stand at what failed, or before it to try again.

        :param told: what is said to have failed in its stead.
        """
        if isinstance(place, Leaf):
            self._cursor.answers = self.eng._answers
            self._forget_node()
        if self._again is not None and self._again(error):
            self._place = place
            self._mode = BEFORE if isinstance(place, Leaf) else ASKING
            return TaskRetried(place, error)
        if (later := postponed(place, error, self._failures + 1)) is not None:
            self._failures, self._place, self._mode = later.failures, place, BEFORE
            return later
        depth, memo, error = caught(self._nodes, self._frames, error)
        if depth < 0:
            return self._stopped(told or place, error)
        del self._frames[depth + 1 :], self._nodes[depth + 1 :]
        self._frames[depth], self._cursor.answers = [None, memo], []
        self._place, self._mode = self._nodes[depth], ASKING
        self._show_variables()
        return TaskRetried(place, error)

    def _forget_node(self) -> None:
        """Undo what a node of a graph noted while it was at work."""
        self._frames[-1][1] = self._nodes[-1].undone(self._frames[-1][1])

    def _stopped(self, place: Place, error: BaseException) -> Event:
        self._place = place
        self._mode = FAILED if isinstance(place, Leaf) else ASKING
        return Failed(place, error)

    def interrupted(self, error: BaseException) -> Event:
        """Return the failure of the task at work, because the process is to end."""
        return self._stopped(self._left or self._nodes[-1], error)
