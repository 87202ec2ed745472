"""Checks of definitions that are known, edited and removed, with real processes.

Each test says which check of the inventory it is: 3, 5, 15 and 16 are about this. W7
is a row of it, about those who watch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import Redis
from sites import Site
from written import BIN, WSGI, Process, Written, until

from invenio_workflows import WorkflowObject, order_workflow_execution
from invenio_workflows.api import start_delayed
from invenio_workflows.states import ObjectStatus

STEPS = """
    import os
    import time
    from pathlib import Path

    from invenio_workflows import Step

    MARK = "old"

    class First(Step):
        def execute(self, _input=None, external_input=None):
            return [f"first {MARK}"]

    class Second(Step):
        def execute(self, _input=None, external_input=None):
            if self.obj.extra_data.get("halts") and not self.obj.extra_data.get("was"):
                self.obj.extra_data["was"] = True
                self.eng.halt("?")
            gate = self.obj.extra_data.get("gate")
            while gate and not Path(os.environ["MYSITE_DIRECTORY"], gate).exists():
                time.sleep(0.02)
            return [*(_input or []), f"second {MARK}"]

    class Third(Step):
        def execute(self, _input=None, external_input=None):
            self.obj.data = [*(_input or []), f"third {MARK}"]
"""

LETTER = """
    from invenio_workflows import START

    from ..steps import First, Second, Third

    class letter:
        \"\"\"Three steps.\"\"\"
        title = "A letter"
        graph = {START: [First], First: [Second], Second: [Third], Third: []}
"""

OTHER = """
    def nothing(obj, eng):
        pass

    class other:
        workflow = [nothing]
"""

INTERVAL = 0.5
WATCH = ("--watch", "--interval", str(INTERVAL))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Written]]:
    made: list[Written] = []

    def make(url: str, *args: str) -> Written:
        made.append(Written(tmp_path / "code", url, *args))
        made[-1].write("steps.py", STEPS)
        made[-1].write("workflows/letter.py", LETTER)
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def here(database_url: str) -> Iterator[Site]:
    """A process that sends, and has only the names of the workflows."""
    site = Site(database_url, WORKFLOWS_LOCAL_THREADS=0)
    for name in ("letter", "other", "broken"):
        site.register(name, lambda obj, eng: None)
    with site.app.app_context():
        yield site
    site.close()


@pytest.fixture
def mysite(make: Callable[..., Written], here: Site, database_url: str) -> Written:
    return make(database_url)


def worker(mysite: Written, *words: str) -> Process:
    begun = mysite.begin("worker", "-c", "2", *words)
    begun.says("Ctrl-C or SIGTERM")
    return begun


def ordered(name: str = "letter", **extra: Any) -> int:
    """Delay an object; return its id."""
    obj = WorkflowObject(None)
    obj.extra_data.update(extra)
    start_delayed(name, [obj])
    oid: int = obj.id
    return oid


def rests(oid: int) -> WorkflowObject:
    """Wait until nothing moves an object."""

    def look() -> WorkflowObject | None:
        obj = WorkflowObject.get(oid)
        return None if obj.waits_for or obj.status.name == "RUNNING" else obj

    found: WorkflowObject = until(look, f"the object {oid} rests")
    return found


def done(oid: int) -> list[str]:
    """The tasks of an object that are done."""
    history = WorkflowObject.get(oid).history()
    return [event.task for event in history if event.kind == "TaskFinished"]


def marked(*marks: str) -> list[str]:
    words = ("first", "second", "third")
    return [f"{word} {mark}" for word, mark in zip(words, marks, strict=True)]


def edit(mysite: Written, mark: str) -> None:
    """Edit the module of the steps, and no other."""
    mysite.write("steps.py", STEPS.replace('"old"', f'"{mark}"'))


# --- check 3: a graph is checked when it is registered --------------------------------


def test_check_3_sync_names_the_node_that_is_wrong(mysite: Written) -> None:
    graph = "{START: [First], First: [Second, Third], Second: [], Third: []}"
    mysite.write("workflows/other.py", OTHER)
    mysite.write(
        "workflows/broken.py",
        f"""
        from invenio_workflows import START
        from ..steps import First, Second, Third

        class broken:
            graph = {graph}
        """,
    )
    mysite.write("workflows/worse.py", "import nowhere_at_all")
    done = mysite.flask("definitions", "sync")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stdout.startswith("created 2, updated 0, removed 0"), done.stdout
    assert "broken" in done.stderr and "First" in done.stderr
    assert "mysite.workflows.worse: ModuleNotFoundError" in done.stderr
    refused = mysite.flask("list")
    assert refused.returncode and "nowhere_at_all" in refused.stderr, "as before"


def test_check_3_what_is_broken_is_not_removed(mysite: Written) -> None:
    mysite.write("workflows/other.py", OTHER)
    assert mysite.flask("definitions", "sync").returncode == 0
    for text in ("(", "class other:\n    workflow = [1]\n"):
        mysite.write("workflows/other.py", text)
        done = mysite.flask("definitions", "sync")
        assert done.returncode == 1
        assert done.stdout.startswith("created 0, updated 0, removed 0"), done.stdout
        assert "other" in done.stderr
    mysite.remove("workflows/other.py")
    assert "removed 1" in mysite.flask("definitions", "sync").stdout


# --- check 5: a definition that is edited under a running process ---------------------


def test_check_5_only_the_steps_are_edited_and_all_three_run(
    mysite: Written, here: Site
) -> None:
    """Where identity of classes decided, a run ended as done after 2 of 3 steps."""
    begun = worker(mysite, *WATCH)
    assert rests(ordered()).data == marked("old", "old", "old")
    asleep = rests(ordered(halts=True))
    assert asleep.status == ObjectStatus.HALTED
    edit(mysite, "new")
    begun.says("has taken in the new code of mysite.steps")
    assert rests(ordered()).data == marked("new", "new", "new")
    asleep.continue_workflow("restart_task", delayed=True)
    woken = rests(asleep.id)
    assert (woken.status, woken.data) == (
        ObjectStatus.COMPLETED,
        marked("old", "new", "new"),
    )
    assert begun.log.count("taken in") == 1


def test_check_5_what_is_moved_ends_with_the_code_that_it_began_with(
    mysite: Written, here: Site
) -> None:
    begun = worker(mysite, *WATCH)
    moved = ordered(gate="gate")
    until(lambda: WorkflowObject.get(moved).status.name == "RUNNING", "it is moved")
    edit(mysite, "new")
    begun.says("waits: an object is being moved")
    assert rests(ordered()).data == marked("old", "old", "old"), "others go on"
    (mysite.directory / "gate").touch()
    assert rests(moved).data == marked("old", "old", "old")
    begun.says("has taken in the new code of mysite.steps")
    assert rests(ordered()).data == marked("new", "new", "new")


def test_check_5_where_orphans_are_refused_the_old_code_goes_on(
    make: Callable[..., Written], sqlite_url: str
) -> None:
    site = Site(sqlite_url, WORKFLOWS_LOCAL_THREADS=0)
    site.register("letter", lambda obj, eng: None)
    mysite = make(sqlite_url)
    refuses = "WORKFLOWS_REFUSE_ORPHANS=True,\n        WORKFLOWS_LOCAL"
    mysite.write("wsgi.py", WSGI.replace("WORKFLOWS_LOCAL", refuses))
    with site.app.app_context():
        begun = worker(mysite, *WATCH)
        asleep = rests(ordered(halts=True))
        renamed = STEPS.replace("class Second", "class Other")
        mysite.write("steps.py", renamed)
        mysite.write("workflows/letter.py", LETTER.replace("Second", "Other"))
        begun.says("WORKFLOWS_REFUSE_ORPHANS is set")
        assert f"Object {asleep.id}: The workflow 'letter' was edited" in begun.log
        assert rests(ordered()).data == marked("old", "old", "old")
        checked = mysite.flask("definitions", "check")
        assert checked.returncode == 1
        assert checked.stderr.startswith(f"Orphaned: Object {asleep.id}: ")
        mysite.write("steps.py", STEPS.replace('"old"', '"new"'))
        mysite.write("workflows/letter.py", f"{LETTER}\n    # edited")
        begun.says("has taken in the new code")
        assert rests(ordered()).data == marked("new", "new", "new")
    site.close()


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("steps.py", "class First(", "steps.py, line 1"),
        ("steps.py", "raise RuntimeError('no')", "RuntimeError: no"),
        (
            "workflows/letter.py",
            LETTER.replace("Third: []", "Third: [1]"),
            "Workflow 'letter'",
        ),
        ("workflows/twice.py", OTHER, "holds no workflow"),
    ],
    ids=["syntax", "import", "refused", "no workflow"],
)
def test_check_5_what_is_broken_is_refused_and_the_old_code_goes_on(
    mysite: Written, here: Site, path: str, text: str, why: str
) -> None:
    begun = worker(mysite, *WATCH)
    mysite.write(path, text)
    begun.says("goes on with the code that it has")
    assert why in begun.log and "Traceback" not in begun.log, begun.log
    assert rests(ordered()).data == marked("old", "old", "old")
    edit(mysite, "new")  # first: taken in with what is mended after it, never after it
    mysite.write("workflows/letter.py", LETTER)
    if path == "workflows/twice.py":
        mysite.remove(path)
    begun.says("has taken in the new code")
    assert rests(ordered()).data == marked("new", "new", "new")


def test_check_5_a_module_on_which_the_application_hangs_is_not_loaded_anew(
    make: Callable[..., Written], sqlite_url: str
) -> None:
    site = Site(sqlite_url, WORKFLOWS_LOCAL_THREADS=0)
    site.register("letter", lambda obj, eng: None)
    mysite = make(sqlite_url)
    wired = "from flask_wtf import CSRFProtect\n\nprotect = CSRFProtect()\n"
    mysite.write("wiring.py", wired)
    mysite.write(
        "steps.py",
        STEPS.replace("from pathlib", "from .wiring import protect\n    from pathlib"),
    )
    with site.app.app_context():
        begun = worker(mysite, *WATCH)
        mysite.write("wiring.py", f"{wired}\n# edited\n")
        begun.says("on which the application hangs")
        assert "restart it" in begun.log
        assert rests(ordered()).data == marked("old", "old", "old")
        edit(mysite, "new")  # what is edited beside it waits, too
        hangs = "on which the application hangs"
        until(lambda: begun.log.count(hangs) == 2, "it is said again")
        assert rests(ordered()).data == marked("old", "old", "old")
    site.close()


# --- check 15: sync, and a watch that nothing survives --------------------------------


def test_check_15_sync_watches_and_is_killed_and_begun_again(
    mysite: Written, here: Site
) -> None:
    begun = mysite.begin("definitions", "sync", *WATCH)
    begun.says("created 1, updated 0, removed 0")
    mysite.write("workflows/other.py", OTHER)
    began = time.monotonic()
    begun.says("created  other")
    print(f"seen after {time.monotonic() - began:.2f} seconds, of {2 * INTERVAL}")
    assert [each["name"] for each in mysite.json("definitions", "list")] == [
        "letter",
        "other",
    ]
    begun.kill()
    mysite.remove("workflows/other.py")
    again = mysite.begin("definitions", "sync", *WATCH)
    again.says("removed  other")
    mysite.write("workflows/other.py", "(")
    again.says("Broken: mysite.workflows.other")
    mysite.write("workflows/other.py", OTHER)
    again.says("updated  other, as it is there again")
    # A second one at the same time is no trouble to it.
    second = mysite.begin("definitions", "sync", *WATCH)
    second.says("created 0, updated 0, removed 0")


def test_check_15_a_worker_that_watches_is_killed_and_begun_again(
    mysite: Written, here: Site
) -> None:
    begun = worker(mysite, *WATCH)
    edit(mysite, "new")
    begun.says("has taken in")
    moved = ordered(gate="gate")
    until(lambda: "First" in done(moved), "its first step is done")
    edit(mysite, "newer")
    begun.kill()
    worker(mysite, *WATCH)
    (mysite.directory / "gate").touch()
    assert rests(moved).data == marked("new", "newer", "newer")


# --- check 16: a definition that is removed -------------------------------------------


def test_check_16_a_removed_definition_keeps_its_history_and_comes_back(
    mysite: Written, here: Site
) -> None:
    mysite.write("workflows/other.py", OTHER)
    mysite.flask("definitions", "sync")
    begun = worker(mysite, *WATCH)
    done, asleep, deleted = (rests(ordered(halts=h)) for h in (False, True, True))
    mysite.remove("workflows/letter.py")
    begun.says("has taken in the new code of mysite.workflows.letter")
    assert "removed 1" in mysite.flask("definitions", "sync").stdout
    (row,) = [r for r in mysite.json("definitions", "list") if r["name"] == "letter"]
    assert row["removed"] and row["living"] == 2
    # Nothing of it can be started, neither here nor by the worker that had it.
    refused = mysite.flask("start", "letter")
    assert refused.returncode == 1 and "removed since 20" in refused.stderr
    late = rests(ordered())
    assert late.status == ObjectStatus.ERROR
    assert "removed since 20" in str(late.get_error_message())
    # What there is can be read, listed, saved and deleted.
    (told,) = mysite.json("object", str(done.id))
    assert told["status"] == "COMPLETED" and told["data"] == marked(*["old"] * 3)
    listed = {each["id"] for each in mysite.json("objects", "--status", "halted")}
    assert listed == {asleep.id, deleted.id}
    assert mysite.flask("delete", str(deleted.id), "--yes").returncode == 0
    asleep.save()
    mysite.write("workflows/letter.py", LETTER)
    until(lambda: begun.log.count("has taken in the new code") == 2, "it is back")
    assert mysite.flask("definitions", "sync").returncode == 0
    (back,) = [r for r in mysite.json("definitions", "list") if r["name"] == "letter"]
    told = ("id", "first_seen")
    assert back["removed"] is None and all(back[t] == row[t] for t in told)
    asleep.continue_workflow("restart_task", delayed=True)
    assert rests(asleep.id).status == ObjectStatus.COMPLETED
    again = rests(order_workflow_execution(row["id"]))
    assert again.data == marked("old", "old", "old")


def test_w7_who_has_taken_in_new_code_names_who_has_not(
    make: Callable[..., Written], sqlite_url: str
) -> None:
    site = Site(sqlite_url)
    mysite = make(sqlite_url)
    stays, watches = worker(mysite), worker(mysite, *WATCH)
    told = "SELECT 1 FROM workflows_worker WHERE code IS NOT NULL"
    until(lambda: len(site.rows(told)) == 2, "both say what they have")
    edit(mysite, "new")
    watches.says("has taken in the new code of mysite.steps")
    watches.says("runs old code of letter; restart it.")
    assert f"process {stays.process.pid} on" in watches.log
    (found,) = mysite.json("workers")
    old = {each["pid"]: each["old_code"] for each in found["workers"]}
    assert old == {stays.process.pid: ["letter"], watches.process.pid: []}
    stays.kill()
    worker(mysite)
    until(lambda: len(site.rows(told)) == 2, "the new one, too")
    assert "ok    workers.code" in mysite.flask("doctor").stdout
    site.close()


# --- W7: workers of a task queue ------------------------------------------------------


@pytest.mark.parametrize("kind", ["celery", "rq"])
def test_w7_workers_of_a_task_queue_are_told_to_be_restarted(
    make: Callable[..., Written], sqlite_url: str, redis_server: Redis, kind: str
) -> None:
    site = Site(sqlite_url)
    mysite = make(sqlite_url, kind, redis_server.url)
    if kind == "celery":
        app = ("-A", "mysite.wsgi:celery_app", "worker", "-c", "1", "-l", "INFO")
        quiet = ("--without-gossip", "--without-mingle")
        begun = mysite.run(BIN / "celery", *app, *quiet)
        begun.says(" ready.")
    else:
        begun = mysite.begin("rq-worker")
        begun.says("Ctrl-C or SIGTERM")
    until(lambda: site.rows("SELECT code FROM workflows_worker"), "it says that it is")
    until(lambda: site.rows("SELECT 1 FROM workflows_definition"), "what it knows")
    assert "runs old code" not in mysite.flask("workers").stdout
    edit(mysite, "new")
    sentence = f"process {begun.process.pid} on"
    printed = mysite.flask("workers").stdout
    assert f"The worker {kind}, {sentence}" in printed, printed
    assert "runs old code of letter; restart it." in printed
    told = mysite.flask("doctor").stdout
    assert "warn  workers.code" in told and "runs old code of letter" in told
    assert "runs old code of letter" in mysite.flask("definitions", "sync").stdout
    refused = mysite.flask("worker", "--watch")
    assert refused.returncode == 1 and "when it is restarted" in refused.stderr
    site.close()
