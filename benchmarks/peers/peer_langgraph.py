"""LangGraph: a sequence of five nodes, a thread for each object, ``SqliteSaver``.

As its documentation of persistence has it, with ``durability="sync"``: a checkpoint is
written before the next node begins.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from line import TASKS, arguments, serve, settle, timed


class State(TypedDict):
    """The fields of a record."""

    title: str
    authors: list[dict[str, Any]]
    abstract: str
    categories: list[str]
    identifiers: dict[str, str]
    step: int


def _node(number: int) -> tuple[str, Callable[[State], dict[str, int]]]:
    def node(state: State) -> dict[str, int]:
        return {"step": number}

    return f"step_{number}", node


def main() -> None:
    """Compile the graph, and run rounds until the input ends."""
    options = arguments(__doc__)
    path = options.url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path, check_same_thread=False)
    settle(connection)
    nodes = [_node(number) for number in range(1, TASKS + 1)]
    builder = StateGraph(State).add_sequence(nodes)
    builder.add_edge(START, nodes[0][0])
    five = builder.compile(checkpointer=SqliteSaver(connection))

    def work(records: list[Any]) -> None:
        for record in records:
            thread = {"configurable": {"thread_id": str(uuid.uuid4())}}
            done = five.invoke(record, thread, durability="sync")
        assert done["step"] == TASKS

    packages = ["langgraph", "langgraph-checkpoint", "langgraph-checkpoint-sqlite"]
    serve(timed(work, options), options, packages)
    connection.close()


if __name__ == "__main__":
    main()
