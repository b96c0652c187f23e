"""How algorithms and policies look in figures: the same in every figure, and told apart without colour vision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..looks import BLACK, BLUE, GREEN, GREY, INK, ORANGE, PINK, RED, SKY, lighter

__all__ = ["GREY", "INK", "Look", "looks_of", "policy_lines"]

# The palette has fewer colours than there are algorithms: those of a kind share one, and their marker tells them apart.
_ALGORITHMS: Mapping[str, tuple[str, str]] = {
    "fedss": (BLUE, "o"),
    "oracle_clustered": (BLACK, "s"),
    "clustered": (GREEN, "D"),
    "ifca": (GREEN, "p"),
    "cfl": (GREEN, "h"),
    "fedu": (BLACK, "P"),
    "fedavg": (RED, "^"),
    "fedprox": (RED, "v"),
    "fedmgda": (RED, "X"),
    "mgda_momentum": (RED, "d"),
    "fedavg_finetune": (ORANGE, "^"),
    "ditto": (ORANGE, "v"),
    "fedper": (PINK, "<"),
    "fedrep": (PINK, ">"),
    "sub_fedavg": (SKY, "s"),
    "lotteryfl": (SKY, "D"),
    "local": (GREY, "o"),
}

_LINES = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (4, 1.2, 1, 1.2)), (0, (8, 2)), (0, (2, 2)))
_MARKERS = "oXsDPv^<>*phd"
_LIGHTEST = 0.6  # how far the last variant's colour is moved to white


@dataclass(frozen=True)
class Look:
    """Colour and marker of an algorithm."""

    color: str
    marker: str


def looks_of(variants: Iterable[tuple[str, str]]) -> dict[str, Look]:
    """Give every variant a look: an algorithm its own, and its variants lighter shades of it.

    Parameters
    ----------
    variants : iterable of (name, base)
        What stands in a figure.

    Examples
    --------
    >>> looks = looks_of([("fedss", "fedss"), ("fedss-dense", "fedss")])
    >>> looks["fedss"].color, looks["fedss-dense"].marker
    ('#0072B2', 'X')
    """
    found: dict[str, Look] = {}
    by_base: dict[str, list[str]] = {}
    for name, base in dict.fromkeys(variants):
        if name == base:
            found[name] = Look(*_ALGORITHMS.get(base, (GREY, "o")))
        else:
            by_base.setdefault(base, []).append(name)
    for base, names in by_base.items():
        color, marker = _ALGORITHMS.get(base, (GREY, "o"))
        others = [shape for shape in _MARKERS if shape != marker]
        for place, name in enumerate(names):
            shade = lighter(color, _LIGHTEST * (place + 1) / len(names))
            found[name] = Look(shade, others[place % len(others)])
    return found


def policy_lines(policies: Sequence[str]) -> dict[str, Any]:
    """Give every policy a line style, in the order given: the first is solid."""
    return {policy: _LINES[place % len(_LINES)] for place, policy in enumerate(dict.fromkeys(policies))}
