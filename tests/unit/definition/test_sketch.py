"""A drawing of a definition: of any definition, whatever its tasks are called."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from invenio_workflows import START, Decision, task
from invenio_workflows.cli.drawing import dot, mermaid, outline
from invenio_workflows.cli.text import clean
from invenio_workflows.definition.sketch import Group, sketch
from invenio_workflows.definition.workflow import compile_workflow
from invenio_workflows.patterns import (
    CHOICE,
    GRAPH,
    IF,
    IF_ELSE,
    PARALLEL,
    RUN_WF,
    TRY,
    WHILE,
)

#: What breaks out of a label in one language or the other, or is a word of it.
HOSTILE = (
    *('"]', '"; end', "]-->x", "`md`", "**b**", "1. one", "2) two", "- x", "#quot;"),
    *("end", "subgraph", "click a href", "style a:b#c;", "%%{init: {}}%%", "<b>x</b>"),
    *("\\", '\\"', "a\nb", "{x}", "|", "&amp;", "$$x$$", "__init__", "🙂", "→", "#35;"),
)
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=20))

TEXT = r'"(?:[^\W_]|[ ,(?!=/\')]|(?<=\w)_(?=\w)|#\d+;)+"'
KEY = r"(?!end\b|subgraph\b)[a-z][a-z0-9_]*"
MERMAID = re.compile(
    "|".join(
        (
            "flowchart TD",
            rf" +{KEY}\[{TEXT}\]",
            rf" +{KEY}\{{{TEXT}\}}",
            rf" +{KEY}\(\({TEXT}\)\)",
            rf" +{KEY}\(\(\({TEXT}\)\)\)",
            rf" +{KEY}\[/{TEXT}\\\]",
            rf" +{KEY}\[\\{TEXT}/\]",
            rf" +{KEY} -->(?:\|{TEXT}\|)? {KEY}",
            rf" +subgraph {KEY}\[{TEXT}\]",
            " +end",
        )
    )
)
STRING = r'"(?:[^"\\\n]|\\["\\/bfnrtu])*"'
DOT = re.compile(
    "|".join(
        (
            rf"digraph {STRING} \{{",
            r"  node \[shape=box\];",
            rf" +\w+ \[label={STRING}(, shape=\w+)?\];",
            rf" +\w+ \[shape=\w+(, label={STRING})?\];",
            rf" +\w+ -> \w+( \[label={STRING}\])?;",
            rf" +subgraph cluster_\w+ \{{ label={STRING};",
            r" *\}",
        )
    )
)


def named(name: str) -> Any:
    """A task that is called so."""

    @task(name)
    def plain(obj: Any, eng: Any) -> None:
        pass

    return plain


class Choose(Decision):
    def transition(self, _input: Any = None, *args: Any, **kwargs: Any) -> int:
        return 0


def everything(names: list[str]) -> Any:
    """A definition with each shape in it, whose parts are called so."""
    one, two, three = (named(name) for name in names)
    graph = {START: [Choose], Choose: [one, (two, three)], one: [Choose]}
    return [
        one,
        IF(two, [three], comment=names[0]),
        IF_ELSE(one, [two], []),
        CHOICE(one, (names[1], two), (7, [])),
        WHILE(one, [PARALLEL([one], [two, PARALLEL(one, three)])]),
        TRY([one], 1, two),
        RUN_WF([one], comment=names[2]),
        GRAPH(graph, comment=names[1]),
    ]


def unescaped(said: str) -> str:
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), said)


@given(st.lists(NAMES, min_size=3, max_size=3, unique=True))
def test_no_name_breaks_out_of_its_place_in_a_drawing(names: list[str]) -> None:
    try:
        definition = compile_workflow(names[0], everything(names))
    except Exception:  # two nodes of one name
        return
    lines = list(mermaid(definition))
    for line in lines:
        assert MERMAID.fullmatch(line), line
    said = [unescaped(each) for each in re.findall(r'"([^"]*)"', "\n".join(lines))]
    for name in names:
        assert (clean(name) or " ") in said
    assert sum("subgraph" in each.split('"')[0] for each in lines) == sum(
        each.strip() == "end" for each in lines
    )
    for line in dot(definition):
        assert DOT.fullmatch(line), line
    json.dumps(outline(definition))


def test_the_drawings_hold_what_a_strict_reader_takes_and_nothing_else() -> None:
    for line in ('  a["b"c"]', "  a[b]", '  end["x"]', '  a["x#y;"]', '  a["`b`"]'):
        assert not MERMAID.fullmatch(line), line
    assert not DOT.fullmatch('  a [label="b"c"];')


def test_every_line_ends_at_a_point_and_every_point_is_reached() -> None:
    definition = compile_workflow("all", everything(["a", "b", "c"]))
    drawn = sketch(definition)
    keys = [point.key for point in drawn.points]
    assert len(keys) == len(set(keys))
    ends = {edge.origin for edge in drawn.edges} | {e.target for e in drawn.edges}
    assert ends == set(keys)
    groups = {group.key for group in drawn.groups}
    assert {point.group for point in drawn.points} - {None} == groups
    for point in drawn.points:
        if point.path is not None:
            definition.place(point.path)


def test_a_group_holds_what_stands_in_it_and_a_whole_graph_is_none() -> None:
    block = PARALLEL([named("a")], [PARALLEL(named("b"), named("c"))])
    drawn = sketch(compile_workflow("w", [named("first"), block]))
    outer, inner = drawn.groups
    assert (outer.label, outer.inside) == ("PARALLEL, join all", None)
    assert inner.inside == outer.key
    assert [each.label for each in drawn.within(None) if not isinstance(each, Group)][
        1:2
    ] == ["first"]
    graph = sketch(compile_workflow("g", {START: [named("a")]}))
    assert graph.groups == [] and [p.label for p in graph.points] == ["", "a", ""]


def test_a_drawing_for_mermaid_reads_well() -> None:
    definition = compile_workflow(
        "review", [named("check_it"), IF(named("is_odd"), [named('say "no"')])]
    )
    assert list(mermaid(definition)) == [
        "flowchart TD",
        '  the_start((" "))',
        '  t0["check_it"]',
        '  t1{"IF(plain)"}',
        '  t1_0_0["say #34;no#34;"]',
        '  the_end(((" ")))',
        "  the_start --> t0",
        "  t0 --> t1",
        '  t1 -->|"yes"| t1_0_0',
        "  t1_0_0 --> the_end",
        '  t1 -->|"no"| the_end',
    ]
