"""``eng.ask``: a task that needs values of a person gets them when it runs again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from .. import errors
from ..deadlines import deadline_of
from ..schemas import address_of, check_schema, json_schema, validated
from ..states import INPUT
from .run import Run

T = TypeVar("T", bound=BaseModel)


class Asking:
    """The part of the handle that asks a person for values."""

    _run: Run
    _object: Any
    _task: Any
    #: What people gave to the task at work, and how often it asked by which model.
    _answers: list[dict[str, Any]]
    _asked: dict[str, int] | None

    def ask(
        self,
        schema: type[T],
        question: str = "",
        *,
        votes: int = 1,
        deadline: timedelta | float | datetime | None = None,
        on_deadline: str | Mapping[str, Any] | None = None,
        remind: Iterable[timedelta | float] = (),
        four_eyes: bool | str | Iterable[str] | None = None,
    ) -> T:
        """Return what a person gave; until somebody has, stop here.

        What the task changed is undone, and it runs again from its beginning when the
        answer is there: each ``ask`` in it then gets its own, by the name of the model
        and the order. So ask first, and do the work after it. The answers are kept
        until the task has finished: it is not asked again after a failure.

        :param schema: a subclass of :class:`pydantic.BaseModel`.
        :param question: what the person reads above the form.
        :param votes: so many persons must give the same values; 1: one answer is it.
        :param deadline: until when it may be given; it, ``on_deadline`` and ``remind``
            are as those of :meth:`halt`. An answer is the values by their names.
        :param four_eyes: who may not give it; see :attr:`.actions.Action.four_eyes`.
        :return: an instance of it.
        :raises WorkflowDefinitionError: if it is none.
        :raises ValueError: if these do not fit together, or the model.
        """
        how = {"deadline": deadline, "on_deadline": on_deadline, "remind": remind}
        who = {"votes": None if votes == 1 else votes, "four_eyes": four_eyes}
        return self._given(schema, question, who, **how)[0]

    def _given(
        self, schema: type[T], question: str, who: Mapping[str, Any], **how: Any
    ) -> tuple[T, dict[str, Any]]:
        """Return what a person gave as the model has it, and as it came.

        :param who: how many must give it, and who may not; as the action has it.
        :param how: until when it may be given, as :func:`.deadline_of` takes it.
        """
        if self._object is None:
            raise errors.WorkflowError("eng.ask() is for a task, and none is at work.")
        check_schema(schema, "What eng.ask() is given")
        name, counts = schema.__name__, self._asked or {}
        number = counts.get(name, 0)
        self._asked = {**counts, name: number + 1}
        given = [each for each in self._answers if each["name"] == name]
        refused: list[dict[str, Any]] = []
        if number < len(given):
            data = given[number]["data"]
            try:
                return cast(T, validated(schema, data)), data
            except errors.InputNotValid as error:
                refused = error.errors
            self._answers.remove(given[number])
        asks: dict[str, Any] = {
            "name": name,
            "of": address_of(schema),
            "schema": json_schema(schema),
        }
        if refused:
            asks["errors"] = refused
        asks |= {key: value for key, value in who.items() if value is not None}
        limit = self._run.check_halt(
            *(self._task, self._object, INPUT, deadline_of(**how), asks)
        )
        raise errors.InputRequired(str(question), INPUT, limit, **asks)
