"""Workflows that have everything, for checks that should not depend on luck."""

from __future__ import annotations

from typing import Any

T = [("task", 1), ("task", 2)]
HALT = ("control", "halt", 3)
BREAK = ("control", "break_current_loop", 4)

CORPUS: dict[str, list[Any]] = {
    "a list": [("task", 1), HALT, ("list", [("task", 2), HALT]), ("task", 5)],
    "if": [("task", 1), ("if", 2, T), ("if_not", 2, T), ("if", 3, [*T, HALT]), *T],
    "if_else": [
        ("if_else", 2, [("task", 1), ("task", 3)], [*T, HALT]),
        ("if_else", 3, [*T, HALT], T),
        *T,
    ],
    "ifs that stay true": [("task", 1), ("if", 101, T), ("if", 103, [*T, HALT]), *T],
    "choices": [
        part
        for number in range(8)
        for part in (("task", number), ("choice", [("task", 8)], [("task", 9), HALT]))
    ],
    "choice": [("task", 2), ("choice", [*T, HALT], [HALT, *T]), *T],
    "while": [("while", 3, [*T, HALT]), ("while", 5, T), *T],
    "for": [("for", 3, "i", "ASC", [*T, HALT]), ("for", 2, "j", "DSC", T), *T],
    "static for": [("for_static", 3, "i", [*T, HALT]), *T],
    "two fors": [
        ("for", 2, "i", "ASC", [("for_static", 3, "i", T), ("for", 2, "j", "DSC", T)])
    ],
    "for with a setter": [("for_set", 3, [*T, HALT]), *T],
    "foreach": [("task", 1), ("foreach", 3, [*T, HALT]), ("task", 2)],
    "foreach broken": [("task", 1), ("foreach", 3, [("task", 2), BREAK]), ("task", 5)],
    "simple_for": [("simple_for", 2, [*T, HALT]), *T],
    "try": [("task", 1), ("try", 2, [("task", 2), ("flaky", 3, 2)], []), *T],
    "try in vain": [("try", 1, [("flaky", 3, 3)], [("task", 4), HALT]), *T],
    "try in for": [("for", 2, "i", "ASC", [("try", 2, [("flaky", 1, 1)], [])]), *T],
    "merge": [("merge", T, [("task", 3)], [("task", 4), HALT]), *T],
    "run_wf": [("run_wf", [("task", 1), HALT, ("task", 2)]), *T],
    "break": [("while", 4, [("task", 1), ("if", 2, [BREAK]), BREAK, *T]), *T],
    "break out of lists": [("list", [("task", 1), BREAK, ("task", 2)]), ("task", 3)],
    "jumps": [("control", "jump_call", 1, 2), ("task", 2), ("task", 3), *T],
    "jumps back": [("task", 1), ("task", 2), ("control", "jump_call", 3, -2), *T],
    "jumps to the end": [("for", 2, "i", "ASC", [("control", "jump_call", 3, 9), *T])],
    "jump to a loop": [("control", "jump_call", 1, 1), ("for", 2, "i", "ASC", T)],
    "restarts": [("task", 1), ("control", "restart_from", 2, "restart_first"), *T],
    "wait": [("if", 3, [("control", "wait", 1), ("task", 2)]), *T],
    "graph": [
        *[
            ("task", 3),
            (
                "graph",
                [
                    ("plain", [1], []),
                    ("function", [2], []),
                    ("think", [3, 0, 4], []),
                    ("halt", [2], []),
                    ("none", [], []),
                ],
            ),
            *T,
        ],
    ],
    "questions": [
        ("question", 1, 2),
        ("for", 2, "i", "ASC", [("question", 2, 1), ("task", 3)]),
        ("try", 2, [("question", 3, 1), ("flaky", 4, 2)], []),
        ("if", 2, [("question", 4, 3)]),
        *[("question", 5, 0), ("question", 6, 1)],
    ],
    "graph of questions": [
        (
            "graph",
            [
                ("input", [1], []),
                ("wonder", [2, 0, 3], []),
                ("list", [0], [("question", 2, 2)]),
                ("input", [], []),
            ],
        ),
    ],
    "graph that asks": [
        (
            "graph",
            [
                ("ask", [1, 2], []),
                ("plain", [2], []),
                ("doubt", [3, 0], []),
                ("fail", [4], []),
                ("plain", [], []),
            ],
        ),
    ],
    "graph that goes back": [
        (
            "graph",
            [
                ("plain", [1], []),
                ("back", [2], []),
                ("again", [3], []),
                ("choose", [1, 4, 0], []),
                ("leave", [0], []),
            ],
        ),
    ],
    "graph with lists": [
        (
            "graph",
            [
                ("plain", [1], []),
                ("list", [2], [*T, HALT, ("for", 2, "i", "ASC", T)]),
                ("choose", [1, 3], []),
                ("list", [], [("graph", [("halt", [], [])])]),
            ],
        ),
    ],
}
