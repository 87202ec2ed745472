"""Text as words, for storing it and for asking: cut here and nowhere else.

The databases' own parsers disagree on ``10.1103/PhysRevD.66`` and on Müller, so
neither of them ever sees more than these words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

#: A longer word is cut, when it is stored and when it is asked for.
LONGEST = 64
#: How much of a text is looked at, how many of its words are kept, and each how often:
#: PostgreSQL remembers no more places of one word.
MOST_CHARACTERS = 100_000
MOST_WORDS = 5_000
MOST_ALIKE = 250

#: Written without spaces: each is a word, several are a phrase.
_ALONE = (
    "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_WORD = re.compile(f"(?=[^\\W_])[{_ALONE}]|[^\\W_{_ALONE}]+")


def words(text: str) -> list[str]:
    """Return the words of a text: letters and digits, lower case, no accents."""
    folded = _bare(_bare(text[:MOST_CHARACTERS]).lower())
    return [word[:LONGEST] for word in _WORD.findall(folded)]


def _bare(text: str) -> str:
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    return "".join(each for each in apart if not unicodedata.category(each)[0] == "M")


def kept_words(texts: Iterable[str]) -> list[str]:
    """Return the words of the texts, as many as are kept."""
    kept: list[str] = []
    seen: Counter[str] = Counter()
    for text in texts:
        for word in words(text):
            if len(kept) == MOST_WORDS:
                return kept
            seen[word] += 1
            if seen[word] <= MOST_ALIKE:
                kept.append(word)
    return kept
