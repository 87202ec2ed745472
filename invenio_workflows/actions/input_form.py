"""Ask a person for values: what a JSON Schema says, checked by a pydantic model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..encoding import copied, dumps
from ..errors import IllegalMove
from ..files import files_in
from ..json_schema import check_json
from ..schemas import Fault, find, json_schema, masked, validated
from ..states import INPUT
from .core import Action, Resolution
from .voting import Choice, sealed


@dataclass(frozen=True, slots=True)
class Asked:
    """What an object asks of a person.

    :param schema: the JSON Schema of the answer, as it was when the object halted.
    :param question: the question, in the words of the author of the task.
    :param name: the name of the model.
    :param halt: the id of the halt; another one each time that the object halts.
    :param errors: what was wrong with an answer that was accepted before and that the
        task then refused, as in :attr:`.errors.InputNotValid.errors`.
    """

    schema: dict[str, Any]
    question: str
    name: str
    halt: str
    errors: list[Fault] = field(default_factory=list)


def asked_of(obj: Any) -> Asked | None:
    """Return what an object asks; ``None`` if it asks for no input."""
    payload = obj.extra_data.get("_payload")
    if obj.get_action() != INPUT or not isinstance(payload, dict):
        return None
    schema = payload.get("schema")
    if not isinstance(schema, dict):
        return None
    return Asked(
        schema=schema,
        question=obj.get_action_message(),
        name=str(payload.get("name") or ""),
        halt=str(payload.get("halt") or ""),
        errors=list(payload.get("errors") or ()),
    )


class InputForm(Action):
    """Takes the values that a task asked for by ``eng.ask`` or ``UserInputSchema``."""

    name: ClassVar[str] = INPUT
    title: ClassVar[str] = "Give input"

    def changed(self, payload: Mapping[str, Any]) -> str:
        """Say what of a question has changed since it was asked; ``""`` for nothing.

        :param payload: that of the halt.
        """
        schema, address = payload.get("schema"), str(payload.get("of") or "")
        if not isinstance(schema, dict):
            return ""
        model = find(address, schema)
        if model is None:  # of a class within a function another process knows nothing
            here = "" if "<locals>" in address else f"There is no {address} any more"
            return here and f"{here}; an answer is checked by what was kept of it."
        if json_schema(model) == schema:
            return ""
        return f"{address} has other fields now than when the question was asked."

    def check(
        self, obj: Any, form: Mapping[str, Any], payload: Mapping[str, Any]
    ) -> None:
        """Refuse values that are left for the deadline, and are not valid.

        :raises InputNotValid: with every field that is not.
        """
        _made(payload, form)

    def resolve(self, obj: Any, form: Mapping[str, Any], actor: Any) -> Resolution:
        """Take the values by their names; the object stays as it is.

        :raises InputNotValid: with every field that is not valid.
        """
        asked, _ = _checked(obj, form)
        return Resolution(
            "given",
            told=masked(asked.schema, form),
            answer={"name": asked.name, "data": dict(form)},
        )

    def choice(self, obj: Any, form: Mapping[str, Any], actor: Any) -> Choice:
        """Vote for these values; alike is what the model makes the same of.

        The others do not read which they are, before they have given theirs.

        :raises InputNotValid: with every field that is not valid.
        """
        asked, made = _checked(obj, form)
        told = masked(asked.schema, form)
        # What the model makes of a secret does not tell it; what came does.
        answer = made if told == form else copied(dict(form))
        for _loc, reference in files_in(asked.schema, answer):
            reference.pop("file", None)  # everybody's copy of a file has its own id
        return Choice(sealed(answer, asked.halt), told=told)


def _checked(obj: Any, form: Mapping[str, Any]) -> tuple[Asked, Any]:
    """Return what the object asks, and what its model makes of the values, as JSON."""
    asked = asked_of(obj)
    if asked is None:
        raise IllegalMove(
            f"Object {obj.id} asks for input, but no task of it said for which; "
            "go on with it by restart_task.",
            code="asks_nothing",
            id_object=obj.id,
        )
    return asked, _made(obj.extra_data["_payload"], form)


def _made(payload: Mapping[str, Any], form: Mapping[str, Any]) -> Any:
    """Return what the model of a question makes of the values, as JSON."""
    model = find(str(payload.get("of") or ""), payload["schema"])
    if model is None:
        check_json(payload["schema"], form)
        return dict(form)
    made = validated(model, form)
    dumps(dict(form), "the input")
    return made.model_dump(mode="json")
