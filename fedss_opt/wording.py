"""Words for people: a value of any kind at bounded length, and the word that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = ["nearest", "one_of", "shown"]


def shown(value: Any) -> str:
    """Show a value of any kind in one line of at most 60 characters."""
    try:
        text = repr(value)
    except Exception:  # a foreign repr may do anything; int refuses to print beyond 4300 digits
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 60 else f"{text[:40]}...{text[-10:]}"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the nearest known word, else nothing."""
    # What is much longer than any word is like none, and would take long to compare.
    close = difflib.get_close_matches(word, list(known), n=1) if len(word) <= 100 else []
    return f" (did you mean {close[0]!r}?)" if close else ""


def one_of(value: object, known: Iterable[object]) -> str:
    """Say which words are accepted in the place of a value, and which of them was probably meant."""
    words = [str(word) for word in known]
    hint = nearest(value, words) if isinstance(value, str) else ""
    return f"must be one of {', '.join(map(repr, words))}{hint}"
