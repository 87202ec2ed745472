"""``flask workflows …`` as a person and as a program meet it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sites import Site
from terminals import Terminal

from invenio_workflows import WorkflowObject, api
from invenio_workflows.actions import Action, Resolution
from invenio_workflows.patterns import CHOICE, FOR, IF, IF_ELSE, IF_NOT, TRY, WHILE

UNSEEN = "\x1b[31mred\x1b[0m\nnext\u202e"


def check(obj: Any, eng: Any) -> None:
    """Look at the title."""
    obj.log.info("looked at %s", obj.data["title"])
    if obj.data.get("bad"):
        raise ValueError("no title")


def unsure(obj: Any, eng: Any) -> bool:
    return bool(obj.data.get("unsure"))


def ask(obj: Any, eng: Any) -> None:
    eng.halt(f"Is it {obj.data['title']}?", action="approval")


def publish(obj: Any, eng: Any) -> None:
    obj.data["published"] = obj.extra_data.get("approved", True)


class Review:
    """Review records.

    The second paragraph.
    """

    title = "Review of records"
    workflow = [check, IF(unsure, [ask]), publish]

    @staticmethod
    def get_title(obj: Any) -> str:
        return str(obj.data["title"])


class Shout(Action):
    """Wants a word."""

    def resolve(self, obj: Any, form: Any, actor: Any) -> Resolution:
        if "word" not in form:
            raise ValueError("shout is answered by a word.")
        obj.extra_data["word"] = form["word"]
        return Resolution("shouted")


def set_up(site: Site) -> Terminal:
    site.ext.register_workflow("review", Review)
    site.ext.register_action("shout", Shout)
    return Terminal(site.app)


@pytest.fixture
def flask(make_site: Callable[..., Site], sqlite_ready_url: str) -> Terminal:
    return set_up(make_site(sqlite_ready_url, tables=False))


@pytest.fixture
def either(make_site: Callable[..., Site], ready_url: str) -> Terminal:
    """The same, on each kind of database."""
    return set_up(make_site(ready_url, tables=False))


def records(*items: Any) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


def started(flask: Terminal, *items: Any) -> list[int]:
    """Start the items, and return the ids of their objects."""
    done = flask.run(
        *("start", "review", "-i", "-", "-t", "jsonl", "--keep-going", "--json"),
        input=records(*items),
    )
    uuid = json.loads(done.stdout)["run"]
    found = flask.lines("objects", "--run", uuid)
    return sorted(row["id"] for row in found)


@pytest.fixture
def halted(flask: Terminal) -> int:
    """The id of an object that asks for approval."""
    (oid,) = started(flask, {"title": "One", "unsure": True})
    return oid


# --- list, definitions ---------------------------------------------------------------


def test_the_workflows_are_listed_with_title_and_first_line(flask: Terminal):
    head, row = flask("list").splitlines()
    assert head.split() == ["NAME", "TASKS", "TITLE", "WHAT", "IT", "DOES"]
    assert row == "review  3      Review of records  Review records."
    assert flask.lines("list") == [
        {
            "name": "review",
            "title": "Review of records",
            "doc": "Review records.",
            "tasks": 3,
        }
    ]


def test_a_definition_is_shown_as_a_tree(flask: Terminal):
    assert flask("definitions", "show", "review").splitlines() == [
        "review: Review of records",
        "  Review records.",
        "",
        "  The second paragraph.",
        "",
        "├─ check       Look at the title.",
        "├─ IF(unsure)",
        "│  └─ ask",
        "└─ publish",
    ]


def test_a_definition_is_told_to_programs(flask: Terminal):
    told = flask.json("definitions", "show", "review")
    assert [each.get("task") or each["pattern"] for each in told["workflow"]] == [
        "check",
        "IF",
        "publish",
    ]
    assert told["workflow"][1]["branches"][0]["workflow"][0]["path"] == [1, 0, 0]


def test_a_definition_is_drawn_for_graphviz(flask: Terminal):
    lines = [
        line.strip()
        for line in flask("definitions", "show", "review", "--dot").splitlines()
    ]
    assert lines[0] == 'digraph "review" {' and lines[-1] == "}"
    assert 't1 [label="IF(unsure)", shape=diamond];' in lines
    assert [line for line in lines if "->" in line] == [
        "start -> t0;",
        "t0 -> t1;",
        't1 -> t1_0_0 [label="yes"];',
        "t1_0_0 -> t2;",
        't1 -> t2 [label="no"];',
        "t2 -> end;",
    ]


def test_a_definition_is_drawn_for_mermaid_and_for_programs(flask: Terminal):
    lines = flask("definitions", "show", "review", "--mermaid").splitlines()
    assert lines[0] == "flowchart TD" and '  t1{"IF(unsure)"}' in lines
    assert '  t1 -->|"yes"| t1_0_0' in lines
    told = json.loads(flask("definitions", "show", "review", "--json"))["drawing"]
    drawn = [(point["kind"], point["label"]) for point in told["points"]]
    assert drawn[0] == ("start", "") and ("pattern", "IF(unsure)") in drawn
    assert {"origin": "t1", "target": "t2", "label": "no"} in told["edges"]
    said = flask.refused("definitions", "show", "review", "--mermaid", "--dot", code=2)
    assert said.endswith("Error: Give one of --dot, --mermaid and --json.\n")


def test_every_pattern_is_drawn_with_its_branches(
    make_site: Callable[..., Site], sqlite_ready_url: str
):
    site = make_site(sqlite_ready_url, tables=False)
    site.register(
        "all",
        IF_ELSE(unsure, [ask], []),
        IF_NOT(unsure, publish),
        CHOICE(unsure, (True, ask), ("b", [publish])),
        WHILE(unsure, [FOR([1, 2], "n", [check])]),
        TRY([check], 1, ask),
        [publish, publish],
    )
    flask = Terminal(site.app)
    assert flask("definitions", "show", "all").splitlines()[2:] == [
        "├─ IF_ELSE(unsure)",
        "│  ├─ yes:",
        "│  │  └─ ask",
        "│  └─ no: nothing",
        "├─ IF_NOT(unsure)",
        "│  └─ publish",
        "├─ CHOICE(unsure)",
        "│  ├─ True:",
        "│  │  └─ ask",
        "│  └─ b:",
        "│     └─ publish",
        "├─ WHILE(unsure)",
        "│  └─ FOR(n)",
        "│     └─ check      Look at the title.",
        "├─ TRY",
        "│  ├─ try:",
        "│  │  └─ check      Look at the title.",
        "│  └─ on failure:",
        "│     └─ ask",
        "└─ list",
        "   ├─ publish",
        "   └─ publish",
    ]
    edges = flask("definitions", "show", "all", "--dot")
    assert 't1 -> t1_0_0 [label="no"];' in edges
    assert 't2 -> t2_1_0_0 [label="b"];' in edges
    assert "t3_0_0_0_0 -> t3_0_0;" in edges and 't3_0_0 -> t3 [label="done"];' in edges
    assert 't4 -> t4_1_0 [label="on failure"];' in edges


def test_an_unknown_workflow_is_refused_and_the_known_are_named(flask: Terminal):
    said = "There is no workflow 'nope'. Known: review."
    assert flask.refused("definitions", "show", "nope") == said
    assert flask.refused("start", "nope") == said


# --- start ---------------------------------------------------------------------------


def test_a_start_says_how_many_ended_how_and_what_waits(
    either: Terminal, tmp_path: Path
):
    file = tmp_path / "in.jsonl"
    file.write_text(
        records({"title": "A"}, {"title": "B", "unsure": True}, {"title": "C"})
    )
    done = either.run("start", "review", "-i", file, "--id-user", 7)
    assert (done.exit_code, done.stderr) == (0, "")
    head, *counts, waits = done.stdout.splitlines()
    uuid = head.split()[1]
    assert head == f"Run {uuid} of review: HALTED"
    assert counts == ["  2  Done", "  1  Need action"]
    hint = f"What waits: flask workflows objects --run {uuid} --status halted"
    assert waits == hint
    (row,) = either.lines(*hint.split()[4:])
    assert (row["title"], row["message"]) == ("B", "Is it B?")
    assert either.json("object", row["id"])["id_user"] == 0
    with either.app.app_context():
        assert api.current_workflows.store.run_info(uuid).id_user == 7


def test_a_start_is_told_to_programs(flask: Terminal):
    told = flask.json("start", "review", "-i", "-", input='[{"title": "A"}]')
    assert told.pop("run")
    assert told == {
        "workflow": "review",
        "status": "COMPLETED",
        "objects": {"COMPLETED": 1},
        "branches": 0,
    }


def test_without_input_one_object_with_empty_data_is_started(
    make_site: Callable[..., Site], sqlite_ready_url: str
):
    site = make_site(sqlite_ready_url, tables=False)
    site.register("empty", lambda obj, eng: None)
    flask = Terminal(site.app)
    assert "  1  Done\n" in flask("start", "empty")
    (row,) = flask.lines("objects")
    assert flask.json("object", row["id"])["data"] == {}


def test_a_failure_ends_the_start_and_the_rest_goes_on_by_resume(flask: Terminal):
    items = records({"title": "A", "bad": 1}, {"title": "B"}, {"title": "C"})
    done = flask.run("start", "review", "-i", "-", "-t", "jsonl", input=items)
    assert done.exit_code == 1
    head, *counts, hint = done.stdout.splitlines()
    assert counts == ["  2  New, never ran", "  1  Error"]
    assert done.stderr == (
        "Error: Object 1 failed in task check: ValueError: no title — see: "
        "flask workflows object 1\n"
    )
    uuid = head.split()[1]
    assert hint == f"What never ran goes on by: flask workflows resume {uuid}"
    done = flask.run("resume", uuid)
    assert "  2  Done\n  1  Error\n" in done.stdout and done.exit_code == 1
    assert done.stderr == (
        "Error: 1 object failed; to look at them: flask workflows objects "
        f"--run {uuid} --status error\n"
    )
    assert "no start point 'x'" in flask.refused("resume", uuid, "--from", "x")


def test_what_is_interrupted_says_how_to_go_on(
    make_site: Callable[..., Site], sqlite_ready_url: str
):
    site = make_site(sqlite_ready_url, tables=False)

    def interrupt(obj: Any, eng: Any) -> None:
        raise KeyboardInterrupt

    site.register("slow", interrupt)
    flask = Terminal(site.app)
    done = flask.run("start", "slow", "-i", "-", input="[1, 2]")
    uuid = done.stdout.split()[1]
    assert done.exit_code == 1 and "  1  New, never ran\n" in done.stdout
    assert done.stderr == (
        f"Error: Interrupted. To go on with the rest: flask workflows resume {uuid}\n"
    )
    assert flask.refused("continue", 1, "--from", "restart_task") == (
        "Interrupted. To look at it: flask workflows object 1"
    )


def test_keep_going_runs_the_others_and_the_exit_code_tells(flask: Terminal):
    items = records({"title": "A", "bad": 1}, {"title": "B"})
    done = flask.run(
        *("start", "review", "-i", "-", "-t", "jsonl", "--keep-going"), input=items
    )
    assert done.exit_code == 1
    assert "  1  Done\n  1  Error\n" in done.stdout
    assert done.stderr.startswith("Error: 1 object failed; to look at them: flask ")


def test_a_start_may_stop_at_the_first_halt(flask: Terminal):
    items = records({"title": "A", "unsure": True}, {"title": "B"})
    printed = flask(
        *("start", "review", "-i", "-", "-t", "jsonl", "--stop-on-halt"), input=items
    )
    assert "  1  New, never ran\n  1  Need action\n" in printed


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b'{"a": 1}\n{"a"', "jsonl", "Line 2 is not JSON"),
        (b"\n\xff", "json", "Line 2 is not UTF-8"),
        (b"", "jsonl", "There is no data to start with; give at least one item."),
        (b"[]", "json", "There is no data to start with; give at least one item."),
        (b"[1]", "nope", "no data processor 'nope'. Known: "),
        (b"[1]", "broken", "standard input cannot be read as broken: KeyError('x')"),
    ],
)
def test_bad_input_is_one_sentence_and_starts_nothing(
    make_site: Callable[..., Site],
    sqlite_ready_url: str,
    content: bytes,
    kind: str,
    said: str,
):
    def broken(stream: Any) -> Iterator[Any]:
        yield {"title": "A"}
        raise KeyError("x")

    settings = {"WORKFLOWS_DATA_PROCESSORS": {"broken": broken}}
    site = make_site(sqlite_ready_url, tables=False, **settings)
    flask = set_up(site)
    assert said in flask.refused(
        "start", "review", "-i", "-", "-t", kind, input=content
    )
    assert set(site.counts().values()) == {0}


def test_a_file_that_cannot_be_read_is_named(flask: Terminal, tmp_path: Path):
    assert flask.refused("start", "review", "-i", "nowhere.json") == (
        "nowhere.json cannot be read: No such file or directory."
    )
    assert "Is a directory" in flask.refused("start", "review", "-i", tmp_path)


def test_a_command_that_is_not_written_right_is_a_usage_error(flask: Terminal):
    assert "give -i FILE too" in flask.refused("start", "review", "-t", "json", code=2)
    assert "not in the range" in flask.refused("object", 2**70, code=2)
    assert "one of initial, " in flask.refused("objects", "--status", "x", code=2)
    assert "Give --accept" in flask.refused("resolve", 1, code=2)
    assert "Give --accept" in flask.refused(
        *("resolve", 1, "--accept", "--reject"), code=2
    )
    assert "goes with" in flask.refused(
        *("resolve", 1, "--form", "{}", "--reason", "x"), code=2
    )


def test_a_restart_runs_the_whole_run_again(flask: Terminal, halted: int):
    uuid = flask.json("object", halted)["run"]
    flask("resolve", halted, "--accept")
    assert f"Run {uuid} of review: HALTED\n  1  Need action\n" in flask("restart", uuid)
    assert flask.json("object", halted)["data"] == {"title": "One", "unsure": True}
    assert flask.refused("restart", "nope") == "There is no run 'nope'."


# --- objects, object -----------------------------------------------------------------


def test_objects_are_listed_in_an_aligned_table(flask: Terminal):
    started(
        flask,
        {"title": "A"},
        {"title": "B", "unsure": True},
        {"title": "漢字", "bad": 1},
    )
    head, *rows = flask("objects").splitlines()
    assert head.split() == "ID STATUS WORKFLOW TITLE WHY CHANGED (UTC)".split()
    at = head.index("WHY")
    assert [row[at:].split("  ")[0].strip() for row in rows[1:]] == [
        "approval: Is it B?",
        "",
    ]
    # Each of the two characters takes two cells of a terminal.
    assert rows[0][at - 2 :].startswith("ValueError: no title")
    assert [row.split()[0] for row in rows] == ["5", "3", "1"]


def test_objects_are_found_by_status_workflow_and_run(flask: Terminal):
    one, two = started(flask, {"title": "A"}, {"title": "B", "unsure": True})
    (other,) = started(flask, {"title": "C", "bad": 1})
    run = flask.json("object", other)["run"]

    def ids(*words: str) -> list[int]:
        return [row["id"] for row in flask.lines("objects", *words)]

    assert ids("--status", "halted") == ids("--status", "need ACTION") == [two]
    assert ids("--status", "error", "--status", "completed") == [other, one]
    assert ids("--run", run) == [other]
    assert ids("--workflow", "other") == []
    assert ids("--limit", "1") == [other]
    assert flask("objects", "--workflow", "other") == "No object matches.\n"
    assert flask("objects", "--limit", 2).endswith(
        "… and more; --limit 20 shows them.\n"
    )
    assert flask.refused("objects", "--run", "nope") == "There is no run 'nope'."


def test_titles_and_messages_cannot_harm_the_terminal(flask: Terminal):
    (oid,) = started(flask, {"title": UNSEEN, "unsure": True})
    shown = r"\x1b[31mred\x1b[0m next\u202e"
    for printed in (flask("objects"), flask("object", oid)):
        assert shown in printed
        assert not {"\x1b", "\u202e"} & set(printed)
    assert len(flask("objects").splitlines()) == 2
    (row,) = flask.lines("objects")
    assert row["message"] == f"Is it {UNSEEN}?"


def test_long_cells_are_cut_at_the_width_of_the_terminal(flask: Terminal):
    started(flask, {"title": "long " * 100, "unsure": True})
    head, row = flask("objects").splitlines()
    assert len(row) <= 120 and row.count("…") == 2
    flask.columns = "60"
    head, row = flask("objects").splitlines()
    assert len(row) <= 60 and "Need action" in row
    assert row[-16:].startswith("20") and row[-3] == ":"


def test_a_title_that_fails_is_a_dash_and_a_line_in_the_log(
    flask: Terminal, caplog: pytest.LogCaptureFixture
):
    with flask.app.app_context():
        api.start("review", {"title": "A"})
        obj = WorkflowObject.query.first()
        obj.data = {}
        obj.save()
    assert "review    —" in flask("objects")
    assert flask.lines("objects")[0]["title"] is None
    assert "get_title of review failed for <WorkflowObject 1" in caplog.text


def test_all_that_is_known_of_an_object_is_shown(flask: Terminal, halted: int):
    printed = flask("object", halted)
    assert printed.startswith("Object 1: One\n")
    assert "\n  status      Need action (HALTED)\n" in printed
    assert "\n  asks        approval: Is it One?\n" in printed
    assert '\nData\n  {\n    "title": "One",\n' in printed
    assert "Extra data" not in printed and "_task" not in printed
    assert " INFO check: looked at One\n" in printed
    history = printed.partition("History\n")[2].partition("\n\n")[0].splitlines()[1:]
    assert [line.split()[3] for line in history] == [
        "Started",
        "TaskFinished",
        "Halted",
    ]
    assert printed.endswith(
        "What you may do\n"
        "  flask workflows resolve 1 --accept\n"
        "  flask workflows resolve 1 --reject --reason '…'\n"
    )


def test_an_error_is_shown_last_line_first(flask: Terminal):
    (oid,) = started(flask, {"title": "A", "bad": 1})
    error = flask("object", oid).partition("Error\n")[2].splitlines()
    assert error[0] == "  ValueError: no title"
    assert error[1] == "    Traceback (most recent call last):"
    assert "    ValueError: no title" in error
    told = flask.json("object", oid)["error"]
    assert told["title"] == "ValueError: no title" and "Traceback" in told["traceback"]


def test_an_object_is_told_to_programs(either: Terminal):
    (oid,) = started(either, {"title": "One", "unsure": True})
    told = either.json("object", oid)
    assert (told["id"], told["status"], told["title"]) == (oid, "HALTED", "One")
    assert (told["action"], told["message"]) == ("approval", "Is it One?")
    assert told["data"] == {"title": "One", "unsure": True}
    assert told["extra_data"] == {} and told["position"] == [1, 0, 0]
    kinds = [event["event"] for event in told["history"]]
    assert kinds == ["Started", "TaskFinished", "Halted"]
    assert told["log"][0]["message"] == "looked at One"
    assert told["created"].endswith("+00:00") and told["created"][10] == "T"


def test_an_object_that_is_not_there_is_refused(flask: Terminal):
    for command in ("object", "continue", "cancel", "delete"):
        assert flask.refused(command, 99) == "There is no object 99."
    assert flask.refused("resolve", 99, "--accept") == "There is no object 99."


# --- continue, resolve, cancel, delete -----------------------------------------------


def test_an_answer_goes_on_and_is_remembered_with_who_gave_it(
    either: Terminal, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LOGNAME", "ada")
    (oid,) = started(either, {"title": "One", "unsure": True})
    printed = either("resolve", oid, "--reject", "--reason", "A copy")
    assert printed == f"Object {oid} is Done (COMPLETED) now.\n"
    told = either.json("object", oid)
    assert told["data"]["published"] is False
    assert told["extra_data"] == {"approved": False, "reason": "A copy"}
    assert "approval: reject by ada: A copy" in either("object", oid)
    said = either.refused("resolve", oid, "--accept")
    assert said.startswith(f"Object {oid} is COMPLETED (Done), where resolve is not")


def test_an_answer_to_something_else_is_refused(flask: Terminal, halted: int):
    assert flask.refused("resolve", halted, "--accept", "--action", "shout") == (
        "Object 1 asks for approval, not for shout."
    )
    assert "changed since it was seen" in flask.refused(
        *("resolve", halted, "--accept", "--revision", 1)
    )
    assert "not None" in flask.refused("resolve", halted, "--form", "{}")
    assert flask.refused("resolve", halted, "--form", "{").startswith(
        "--form is not JSON: "
    )
    assert "is a JSON object" in flask.refused("resolve", halted, "--form", "[]")
    assert flask.json("object", halted)["status"] == "HALTED"


def test_another_action_is_answered_by_a_form(
    make_site: Callable[..., Site], sqlite_ready_url: str
):
    site = make_site(sqlite_ready_url, tables=False)
    flask = set_up(site)
    site.register("loud", lambda obj, eng: eng.halt("Say it", action="shout"))
    flask("start", "loud")
    assert "flask workflows resolve 1 --form '{…}'" in flask("object", 1)
    said = flask.refused("resolve", 1, "--form", '{"w": 1}')
    assert said == "shout is answered by a word."
    told = flask.json("resolve", 1, "--form", '{"word": "hey"}')
    assert told["status"] == "COMPLETED"
    assert flask.json("object", 1)["extra_data"] == {"word": "hey"}


def test_an_object_goes_on_where_it_is_told_to(flask: Terminal, halted: int):
    printed = flask("continue", halted, "--from", "restart_task")
    assert printed.splitlines() == [
        "Object 1 is Need action (HALTED) now.",
        "  it asks: approval: Is it One?",
        "  flask workflows resolve 1 --accept",
        "  flask workflows resolve 1 --reject --reason '…'",
    ]
    assert flask("continue", halted) == "Object 1 is Done (COMPLETED) now.\n"
    said = flask.refused("continue", halted)
    assert said.startswith("Object 1 is COMPLETED (Done), where continue_next is not")


@pytest.mark.parametrize("point", ["nonsense", "task:nope", "task:"])
def test_a_start_point_that_is_none_is_refused(
    flask: Terminal, halted: int, point: str
):
    said = flask.refused("continue", halted, "--from", point)
    assert point in said and ("continue_next" in said or "check" in said)
    assert flask.json("object", halted)["status"] == "HALTED"


def test_an_object_that_fails_again_is_told_in_a_sentence(flask: Terminal):
    (oid,) = started(flask, {"title": "A", "bad": 1})
    assert flask.refused("continue", oid, "--from", "restart_task") == (
        "Object 1 failed in task check: ValueError: no title — see: "
        "flask workflows object 1"
    )
    assert flask.json("continue", oid)["status"] == "COMPLETED"


def test_an_object_is_cancelled_once_for_good(flask: Terminal, halted: int):
    assert flask("cancel", halted) == "Object 1 is Cancelled (CANCELLED) now.\n"
    assert "where cancel is not possible" in flask.refused("cancel", halted)


def test_an_object_is_deleted_only_when_that_was_confirmed(
    flask: Terminal, halted: int
):
    done = flask.run("delete", halted, input="n\n")
    assert done.exit_code == 1 and "Delete object 1 (One) with" in done.stderr
    assert flask.run("delete", halted, input="").exit_code == 1
    assert flask.json("object", halted)["id"] == halted
    assert flask("delete", halted, "--yes") == "Object 1 is deleted.\n"
    assert flask.refused("object", halted) == "There is no object 1."


# --- init, doctor, recover -----------------------------------------------------------


def test_init_makes_the_tables_any_number_of_times(
    make_site: Callable[..., Site], database_url: str
):
    flask = set_up(make_site(database_url, tables=False))
    said = flask.refused("objects")
    assert said == (
        "The tables of workflows are not there: run `flask workflows init`."
    )
    doctor = flask.run("doctor")
    assert doctor.exit_code == 1
    assert (
        "fail  tables" in doctor.stdout and "Run flask workflows init" in doctor.stdout
    )
    first, second = flask("init"), flask("init")
    assert first.startswith("The tables are made in ")
    assert "are there already (revision workflows_" in second
    again = flask.json("init")
    assert again["before"] == again["after"]
    assert ":workflows@" not in first and "password" not in first
    assert {check["state"] for check in flask.json("doctor")["checks"]} == {"ok"}


def test_the_doctor_names_what_it_looked_at(either: Terminal):
    printed = either("doctor")
    checks = {line.split()[1]: line for line in printed.splitlines()}
    assert checks["definitions"].endswith("1 compiled: review")
    assert "json, jsonl" in checks["processors"]
    assert checks["database.owner"].endswith("the app has no Flask-SQLAlchemy here")
    assert "there and of this release" in checks["tables"]
    if "sqlite" in checks["database"]:
        assert checks["sqlite.journal_mode"].endswith("WAL")
        assert checks["sqlite.synchronous"].endswith("FULL")
        assert checks["sqlite.foreign_keys"].endswith("ON")


def test_the_doctor_finds_the_faults_of_an_app_s_sqlite(
    make_site: Callable[..., Site], sqlite_url: str
):
    from flask_sqlalchemy import SQLAlchemy
    from sqlalchemy import event

    site = make_site(sqlite_url, db=SQLAlchemy())
    with site.app.app_context():
        engine = site.ext.engine

    @event.listens_for(engine, "connect")
    def careless(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    engine.dispose()
    told = Terminal(site.app).run("doctor", "--json")
    assert told.exit_code == 1
    answer = json.loads(told.stdout)
    states = {check["id"]: check["state"] for check in answer["checks"]}
    assert answer["ok"] is False
    assert states["definitions"] == "warn"
    assert states["sqlite.journal_mode"] == states["sqlite.foreign_keys"] == "warn"
    assert states["sqlite.synchronous"] == "fail"
    assert all(c["do"] for c in answer["checks"] if c["state"] != "ok")


def test_the_doctor_finds_tables_that_were_changed_by_hand(
    make_site: Callable[..., Site], sqlite_ready_url: str
):
    site = make_site(sqlite_ready_url, tables=False)
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_workflows_object_parent")
    done = Terminal(site.app).run("doctor")
    assert done.exit_code == 1
    assert "fail  tables" in done.stdout and "changed them by hand" in done.stdout


def test_the_doctor_names_the_objects_whose_workflow_is_gone(
    make_site: Callable[..., Site], sqlite_ready_url: str
):
    started(
        set_up(make_site(sqlite_ready_url, tables=False)), {"title": "A", "unsure": 1}
    )
    printed = Terminal(make_site(sqlite_ready_url, tables=False).app)("doctor")
    assert "warn  objects.workflows" in printed
    assert "is not registered: review (1 object)" in printed


def left_behind(site: Site, owner: str) -> None:
    """Make the only object look as if a worker held it."""
    with site.ext.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE workflows_object SET status=3, in_start=1, lease_owner="
            + repr(owner)
            + ", lease_until='2999-01-01 00:00:00.000000' WHERE id_parent IS NULL"
        )


def test_what_a_dead_worker_left_is_taken_over(
    make_site: Callable[..., Site], sqlite_ready_url: str
):
    import socket

    from invenio_workflows.store.leases import owner

    site = make_site(sqlite_ready_url, tables=False)
    flask = set_up(site)
    assert flask("recover") == "Nothing to recover: no object is in process.\n"
    started(flask, {"title": "A", "unsure": True})
    here = owner().partition(":")[0]
    left_behind(site, f"{here}:{2**22 + 1}:7:1")
    doctor = flask("doctor")
    assert (
        "warn  objects.running" in doctor and "1 object left by dead workers" in doctor
    )
    assert flask("recover").splitlines() == [
        f"Object 1, left by process {2**22 + 1} on {socket.gethostname()}, was taken "
        "over: it is Done (COMPLETED) now.",
        "1 object taken over.",
    ]


def test_what_another_machine_holds_is_left_alone_and_told(
    make_site: Callable[..., Site], sqlite_ready_url: str
):
    site = make_site(sqlite_ready_url, tables=False)
    flask = set_up(site)
    started(flask, {"title": "A", "unsure": True})
    left_behind(site, "far.away:12:7:1")
    first, second = flask("recover").splitlines()
    assert first.startswith(
        "Object 1 is held by process 12 on far.away: its lease ends"
    )
    assert second.startswith("1 object left alone")
    told, last = flask.lines("recover")
    assert told["taken_over"] is False and told["seconds_left"] > 1e9
    assert last["summary"]["held"] == 1 and last["summary"]["taken"] == 0
    assert "1 object in process" in flask("doctor")


def test_a_database_that_is_away_or_none_of_ours_is_told(
    make_site: Callable[..., Site], tmp_path: Path
):
    away = make_site(f"sqlite:///{tmp_path}/no/where.db", tables=False)
    flask = Terminal(away.app)
    said = "The database cannot be used: unable to open database file"
    assert flask.refused("objects") == said
    doctor = flask.run("doctor")
    assert doctor.exit_code == 1 and "fail  database" in doctor.stdout
    assert said in doctor.stdout


def test_a_file_that_stays_locked_is_told(
    make_site: Callable[..., Site], sqlite_ready_url: str
):
    url = f"{sqlite_ready_url}?timeout=0.1"
    site = make_site(url, tables=False, WORKFLOWS_BUSY_SECONDS=1)
    flask = set_up(site)
    (oid,) = started(flask, {"title": "A", "unsure": True})
    with site.ext.engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        for command in (["cancel", oid], ["init"]):
            said = flask.refused(*command)
            assert said.startswith("The database is locked: another process writes")
        other.rollback()
    assert flask.json("object", oid)["status"] == "HALTED"


def test_a_driver_that_is_not_installed_is_named(make_site: Callable[..., Site]):
    flask = Terminal(make_site("postgresql+pg8000://localhost/x", tables=False).app)
    assert "'pg8000'" in flask.refused("objects")
    assert "'pg8000'" in flask.run("doctor").stdout


# --- as processes --------------------------------------------------------------------

APP = """
from flask import Flask
from invenio_workflows import InvenioWorkflows

class Copy:
    workflow = [lambda obj, eng: obj.data["title"]]

def create_app():
    app = Flask("desk")
    app.config["SQLALCHEMY_DATABASE_URI"] = {url!r}
    InvenioWorkflows(app).register_workflow("copy", Copy)
    return app
"""


@pytest.fixture
def desk(tmp_path: Path, sqlite_ready_url: str) -> Callable[..., Any]:
    """Run a command in a process of its own."""
    (tmp_path / "desk.py").write_text(APP.format(url=sqlite_ready_url))

    def run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flask", "--app", "desk", "workflows", *words]
        return subprocess.run(
            command,
            cwd=tmp_path,
            timeout=60,
            text=True,
            **{"capture_output": True, **options},
        )

    return run


def test_a_pipe_in_and_a_pipe_out_have_no_bar_and_no_colour(desk: Callable[..., Any]):
    done = desk("start", "copy", "-i", "-", input='[{"title": "A"}]')
    assert (done.returncode, done.stderr) == (0, "")
    assert "  1  Done\n" in done.stdout and "\x1b" not in done.stdout
    listed = desk("objects")
    assert "\x1b" not in listed.stdout and listed.stdout.count("\n") == 2


def test_a_failure_in_a_process_is_a_sentence_and_an_exit_code(
    desk: Callable[..., Any],
):
    done = desk("start", "copy", "-i", "-", input="[{}]")
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    assert done.stderr.startswith("Error: Object 1 failed in task <lambda>: KeyError: ")
    assert "see: flask --app desk workflows object 1\n" in done.stderr
    refused = desk("start", "copy", "-i", "-", input="[{")
    assert refused.returncode == 1 and refused.stdout == ""
    assert refused.stderr.startswith("Error: standard input: Line 1 is not JSON: ")
    assert desk("object", "x").returncode == 2


def test_a_terminal_that_knows_latin_alone_is_no_reason_to_fail(
    desk: Callable[..., Any],
):
    env = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = desk("definitions", "show", "copy", env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\\u2514\\u2500 <lambda>\n")


def test_on_a_terminal_a_bar_shows_how_far_it_is(desk: Callable[..., Any]):
    ours, theirs = pty.openpty()
    try:
        done = desk(
            *("start", "copy", "-i", "-"),
            input='[{"title": "A"}, {"title": "B"}]',
            capture_output=False,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        shown = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0 and "  2  Done\n" in done.stdout
    assert "2 objects  [####" in shown and "100%" in shown
