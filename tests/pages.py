"""What a page of the documentation is made of: its fenced blocks, headings, links and code spans.

A fence opens with a language and, after it, what is to be done with the block: see `tests/test_docs.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]

# What the documentation's build writes below docs/; it is not in git, and looked at where it is made.
GENERATED = ("docs/_build", "docs/gallery", "docs/reference/api/generated")

_MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True, kw_only=True)
class Fence:
    """A fenced block.

    Attributes
    ----------
    language : str
        The first word after the fence; empty without one. ``{code-block} python`` is ``python``.
    flags : frozenset of str
        The other words.
    options : dict of str to str
        Words of the form ``name=value``.
    text : str
        What is inside.
    line : int
        Line of the page on which the text begins, from 1.
    """

    language: str
    flags: frozenset[str] = frozenset()
    options: dict[str, str] = field(default_factory=dict)
    text: str
    line: int


def pages() -> list[Path]:
    """Return every page that a person writes."""
    found = [path for path in (ROOT / "docs").rglob("*.md") if not generated(path)]
    found += (ROOT / "examples").rglob("README.md")
    return [*sorted(found), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))]


def generated(path: Path) -> bool:
    """Whether a path is below one of the folders that the build fills."""
    return any((ROOT / folder) in (path, *path.parents) for folder in GENERATED)


def fences(text: str, first_line: int = 1) -> Iterator[Fence]:
    """Find the fenced blocks, also inside of directives."""
    for token in _tokens(text):
        if token.type != "fence":
            continue
        assert token.map is not None
        line = first_line + token.map[0] + 1
        language, *words = token.info.split() or [""]
        if language in ("{code-block}", "{code}"):
            language, *words = words or [""]
        elif language.startswith("{"):
            yield from fences(token.content, line)
            continue
        options = dict(word.split("=", 1) for word in words if "=" in word)
        flags = frozenset(word for word in words if "=" not in word)
        yield Fence(language=language, flags=flags, options=options, text=token.content, line=line)


@cache
def headings(text: str) -> set[str]:
    """Return the anchors of a page: its headings as GitHub and MyST name them, and ``(label)=`` targets."""
    anchors = set(re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE))
    seen: Counter[str] = Counter()
    tokens = _tokens(text)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            words = "".join(child.content for child in inline.children or () if child.type in ("text", "code_inline"))
            slug = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
            anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
            seen[slug] += 1
    return anchors


def links(text: str) -> list[str]:
    """Return where the links and images of a page point to."""
    found = []
    for token in _walk(_tokens(text)):
        if token.type in ("link_open", "image"):
            found.append(str(token.attrs["href" if token.type == "link_open" else "src"]))
        elif token.type in ("html_inline", "html_block"):
            found += _html_links(token.content)
        elif token.type == "fence" and token.info.startswith("{"):
            found += links(token.content)
    return found


def code_spans(text: str) -> list[str]:
    """Return what stands between single backticks in running text."""
    return [token.content for token in _walk(_tokens(text)) if token.type == "code_inline"]


@cache
def _tokens(text: str) -> list[Token]:
    return _MARKDOWN.parse(text)


def _walk(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _walk(token.children or [])


def _html_links(text: str) -> list[str]:
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            found.extend(value for name, value in attributes if name in ("href", "src", "srcset") and value)

    Reader().feed(text)
    return found
