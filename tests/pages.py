"""Reads pages of the documentation, and does what they say.

- All Python blocks of a page run, in order, in one namespace.
- ``<!-- fixtures: app -->`` gives the namespace ``app`` and ``ext``, with tables made
  and an application context pushed; ``<!-- fixtures: site -->`` without that context,
  as a page with requests wants it.
- A comment ``# → value`` at the end of a statement, or alone on the line after it, is
  what its expression must give; ``# raises Error: text`` is what it must raise. In
  both, ``…`` stands for anything.
- ``<!-- file: name -->`` before a block: the block is the content of that file.
- ``<!-- shell -->`` on a page: its ``console`` blocks are run too, in the folder of
  those files, and must print what is printed below them.
- ``<!-- not run -->`` before a block says that it stands for something else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOP = Path(__file__).parent.parent
DOCS = TOP / "docs"

_BLOCK = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*?) -->\n+)?"
    r"(?P<fence>`{3,})(?P<kind>[\w{}:-]*)[^\n]*\n(?P<text>.*?)^(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_COMMENT = re.compile(r"<!--\s*(.*?)\s*-->", re.DOTALL)
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: what kind, where, and the comment right before it."""

    page: Path
    line: int
    kind: str
    note: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(TOP)}:{self.line}"


class Page:
    """One Markdown file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text("utf-8")

    @property
    def name(self) -> str:
        return str(self.path.relative_to(TOP))

    @property
    def comments(self) -> list[str]:
        return _COMMENT.findall(self.prose)

    @property
    def prose(self) -> str:
        """The page without its blocks."""
        return re.sub(
            r"^(`{3,}).*?^\1[ ]*$", "", self.text, flags=re.MULTILINE | re.DOTALL
        )

    def blocks(self, *kinds: str) -> list[Block]:
        return [
            Block(
                self.path,
                self.text[: found.start("text")].count("\n") + 1,
                found["kind"],
                found["note"] or "",
                found["text"],
            )
            for found in _BLOCK.finditer(self.text)
            if not kinds or found["kind"] in kinds
        ]

    def anchors(self) -> set[str]:
        """The names under which GitHub and MyST know the headings."""
        return {_slug(heading) for heading in _HEADING.findall(self.prose)}

    def links(self) -> list[str]:
        found = _LINK.findall(self.prose)
        return [each for each in found if not re.match(r"[a-z]+:", each)]


def pages() -> list[Page]:
    """Every page that users read."""
    docs = [path for path in DOCS.rglob("*.md") if "_build" not in path.parts]
    top = [TOP / name for name in ("README.md", "CHANGES.md", "CONTRIBUTING.md")]
    return [Page(path) for path in [*top, *sorted(docs)]]


def broken_links(page: Page) -> Iterator[str]:
    """Yield each link that leads to no file, or to no heading of it."""
    for link in page.links():
        name, _, anchor = link.partition("#")
        target = (page.path.parent / name).resolve() if name else page.path
        if not target.exists():
            yield f"{page.name} links to {link}, which is not there"
        elif anchor and anchor not in Page(target).anchors():
            yield f"{page.name} links to {link}, a heading that is not there"


def run_python(block: Block, namespace: dict[str, Any]) -> None:
    """Run a block, and hold it to its comments."""
    lines = block.text.splitlines()
    tree = ast.parse(block.text)
    held = 0
    for index, node in enumerate(tree.body):
        last = node.end_lineno or node.lineno
        after = tree.body[index + 1].lineno if index + 1 < len(tree.body) else None
        kind, wanted = _expected(lines, node, last, after)
        held += bool(kind)
        where = f"{block.page.relative_to(TOP)}:{block.line + node.lineno - 1}"
        code = "\n" * (block.line + node.lineno - 2) + "\n".join(
            lines[node.lineno - 1 : last]
        )
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.decorator_list:
            first = node.decorator_list[0].lineno
            code = "\n" * (block.line + first - 2) + "\n".join(lines[first - 1 : last])
        filename = str(block.page)
        if kind == "value":
            got = repr(eval(compile(code.strip(), filename, "eval"), namespace))
            assert matches(wanted, got), f"{where}: gives {got}, not {wanted}"
        elif kind == "raises":
            try:
                exec(compiled(code, filename), namespace)
            except Exception as error:
                got = f"{type(error).__name__}: {error}"
                assert matches(wanted, got), f"{where}: raises {got}, not {wanted}"
            else:
                raise AssertionError(f"{where}: raises nothing, not {wanted}")
        else:
            exec(compiled(code, filename), namespace)
    told = len(re.findall(r"# (?:→|raises) ", block.text))
    assert held == told, f"{block.where}: {told - held} comments belong to no statement"


def compiled(code: str, filename: str) -> Any:
    """Compile code as a module of its own: nothing of this one holds for it."""
    return compile(code, filename, "exec", dont_inherit=True)


def matches(wanted: str, got: str) -> bool:
    """Say whether ``got`` is what is wanted, where ``…`` stands for anything."""
    parts = [re.escape(part.strip(" ")) for part in wanted.strip().split("…")]
    return re.fullmatch(".*".join(parts), got.strip(), re.DOTALL) is not None


def _expected(
    lines: list[str], node: ast.stmt, last: int, after: int | None
) -> tuple[str, str]:
    candidates = [lines[last - 1]]
    if isinstance(node, ast.Expr) and last < len(lines) and after != last + 1:
        candidates.append(lines[last])
    for line in candidates:
        found = re.search(r"(?:^|\s\s)# (→|raises) (.*)$", line)
        if found:
            kind = "value" if found[1] == "→" else "raises"
            return kind, found[2]
    return "", ""


def _slug(heading: str) -> str:
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
