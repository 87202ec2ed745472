"""An action: a form comes in, and what is to become of the object goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person decided.

    :param value: the decision in a word, for history.
    :param start_point: where the object goes on; ``None`` to leave it halted.
    :param reason: why, in the person's words.
    """

    value: str
    start_point: str | None = "continue_next"
    reason: str = ""


class Action:
    """What a halted object asks of a person. Register an instance under a name."""

    #: The name by which ``eng.halt(action=…)`` asks for it.
    name: ClassVar[str] = ""
    #: What a person reads.
    title: ClassVar[str] = ""

    def resolve(self, obj: Any, form: Mapping[str, Any], actor: Any) -> Resolution:
        """Change the object as the answer says, and return what becomes of it.

        The object is kept with the decision in one commit, or not at all.

        :param form: the answer; every value from outside, so trust none of it.
        :param actor: who answers; ``None`` if that is not known.
        :raises ValueError: with a sentence for the person, if the form is not valid.
        """
        raise TypeError(f"{type(self).__name__} does not say how to resolve.")
