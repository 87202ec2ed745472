"""An action: a form comes in, and what is to become of the object goes out.

An action shows itself too: it names a template and what the template is given. It
knows no web framework, so that it can be tried without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from .voting import Choice, Poll, poll

#: A template's name and its context.
Shown: TypeAlias = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person decided.

    :param value: the decision in a word, for history.
    :param start_point: where the object goes on; ``None`` to leave it halted.
    :param reason: why, in the person's words.
    :param told: what the audit keeps in place of the form, which may hold secrets.
    :param answer: what the task that asked is given when it runs again.
    """

    value: str
    start_point: str | None = "continue_next"
    reason: str = ""
    told: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None


class Action:
    """What a halted object asks of a person. Register an instance under a name.

    Its templates are ``workflows/actions/<name>_mini.html``, ``_side.html`` and
    ``_main.html``, its script ``static/workflows/actions/<name>.js``. All may be left
    out; a site overrides ours by files of the same name. They are found by that name
    where the methods here are not overridden, or leave out a place.
    """

    #: The name by which ``eng.halt(action=…)`` asks for it.
    name: ClassVar[str] = ""
    #: What a person reads.
    title: ClassVar[str] = ""
    #: Whether a list's row is all that :meth:`render_mini` looks at: that is quicker
    #: than to read the object.
    mini_of_row: ClassVar[bool] = False
    #: The four-eyes principle: who may not answer it, see :data:`NOT_BY`; ``True`` is
    #: ``"submitter"``. A halt may say it for itself: ``eng.halt(…, four_eyes=True)``.
    four_eyes: bool | str | Iterable[str] = ()

    #: How many persons must give the same answer before it counts. A halt may say
    #: another number: ``eng.halt(…, votes=2)``.
    votes: int = 1
    #: Answers of which one is enough, however many votes the others need.
    veto: tuple[str, ...] = ()

    def render_mini(self, obj: Any) -> Shown | None:
        """Return template and context of the quick decision in a list's row.

        :param obj: the object; with :attr:`mini_of_row` the row of the list, which has
            its ``id``, ``revision``, ``title`` and ``message``, and in ``rules`` what
            the halt itself says of ``votes``, ``needs_reason`` and ``four_eyes``.
        :return: ``None`` for an action that is not decided from a list.
        """
        return None

    def render(self, obj: Any) -> dict[str, Shown]:
        """Return template and context of the places on the record's page.

        :return: ``side``, the form beside the record, and ``main``, what is shown
            above its data; either may be left out.
        """
        return {
            "side": (f"workflows/actions/{self.name}_side.html", {}),
            "main": (f"workflows/actions/{self.name}_main.html", {}),
        }

    def check(
        self, obj: Any, form: Mapping[str, Any], payload: Mapping[str, Any]
    ) -> None:
        """Refuse, at the halt, an answer that is to be given at its deadline.

        Changes nothing: nobody has answered yet.

        :param payload: what else the halt gives the action.
        :raises ValueError: if :meth:`resolve` would never take it.
        """

    def expire(self, obj: Any, form: Mapping[str, Any]) -> Resolution:
        """Give the answer of a halt whose deadline has passed; see :meth:`resolve`."""
        return self.resolve(obj, form, None)

    def resolve(self, obj: Any, form: Mapping[str, Any], actor: Any) -> Resolution:
        """Change the object as the answer says, and return what becomes of it.

        The object is kept with the decision in one commit, or not at all.

        :param form: the answer; every value from outside, so trust none of it.
        :param actor: who answers; ``None`` if that is not known.
        :raises ValueError: with a sentence for the person, if the form is not valid.
        """
        raise TypeError(f"{type(self).__name__} does not say how to resolve.")

    # --- answers of several persons ---------------------------------------------------

    def poll(self, obj: Any) -> Poll:
        """Return how many must answer alike, without the votes that there are.

        :raises ValueError: if what the halt says of it cannot be.
        """
        payload = obj.extra_data.get("_payload")
        said = payload if isinstance(payload, dict) else {}
        return poll(said.get("votes", self.votes), said.get("veto", self.veto))

    def choice(self, obj: Any, form: Mapping[str, Any], actor: Any) -> Choice:
        """Return what a person votes for, and change nothing.

        It is asked where more than one vote is needed. The vote that decides is given
        to :meth:`resolve`.

        :raises ValueError: with a sentence for the person, if the form is not valid.
        """
        raise TypeError(
            f"{type(self).__name__} does not say which votes are alike; it needs a "
            "method choice(obj, form, actor), or no votes."
        )


#: Who may be kept from answering: who submitted the object, and who edited its data.
NOT_BY = ("submitter", "editors")


def four_eyes(action: Any, payload: Any) -> tuple[str, ...]:
    """Return who may not answer: some of :data:`NOT_BY`, mostly nobody.

    :param action: the action that is asked for; ``None`` for what a halt says alone.
    :param payload: what the halt gives the action; what it says goes before.
    :raises ValueError: if there is no such rule.
    """
    said = getattr(action, "four_eyes", ())
    if isinstance(payload, Mapping) and "four_eyes" in payload:
        said = payload["four_eyes"]
    if isinstance(said, bool) or said is None:
        return NOT_BY[:1] if said else ()
    given = [said] if isinstance(said, str) else said
    if not isinstance(given, Iterable) or set(given) - set(NOT_BY):
        raise ValueError(
            f"four_eyes is True, or some of {', '.join(NOT_BY)}, not {said!r}."
        )
    return tuple(each for each in NOT_BY if each in given)
