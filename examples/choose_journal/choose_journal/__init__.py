"""Which journal is it? An action for the Holding Pen, as a site would write it."""

from typing import Any

from flask import Blueprint

from invenio_workflows.actions import Action, Resolution

#: ``app.register_blueprint(blueprint)`` lets the pen find our templates and script.
blueprint = Blueprint(
    "choose_journal",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/choose_journal/static",
)


class ChooseJournal(Action):
    """Asks which of some journals a record is for.

    ``eng.halt("Which one?", action="choose_journal", journals=["PRL", "JHEP"])``
    """

    name = "choose_journal"
    title = "Choose a journal"

    def render_mini(self, obj: Any) -> Any:
        """Offer the first two journals in the row of a list."""
        context = {"journals": _journals(obj)[:2]}
        return "workflows/actions/choose_journal_mini.html", context

    def render(self, obj: Any) -> Any:
        """Offer all of them beside the record, and say above its data what they are."""
        context = {"journals": _journals(obj)}
        return {
            "side": ("workflows/actions/choose_journal_side.html", context),
            "main": ("workflows/actions/choose_journal_main.html", context),
        }

    def resolve(self, obj: Any, form: Any, actor: Any) -> Resolution:
        """Keep the journal, and go on with the next task."""
        journal = form.get("value")
        if journal not in _journals(obj):
            raise ValueError("Choose one of the journals.")
        obj.data["journal"] = journal
        return Resolution(journal, reason=str(form.get("reason") or ""))


def _journals(obj: Any) -> list[str]:
    payload = obj.extra_data.get("_payload") or {}
    return [str(journal) for journal in payload.get("journals", ())]
