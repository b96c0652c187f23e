"""How algorithms and policies look in charts: the same in every chart, and told apart without colour vision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..looks import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, TASKS, lighter
from ..reports.charts import color

__all__ = ["CurveStyle", "curve_styles", "policy_dashes"]

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

# The markers as paths in a square from -1 to 1, which Vega and the page's legend draw alike.
_SHAPES: Mapping[str, str] = {
    "o": "M-1 0A1 1 0 1 0 1 0A1 1 0 1 0-1 0Z",
    "s": "M-.9-.9L.9-.9L.9 .9L-.9 .9Z",
    "D": "M0-1.1L1.1 0L0 1.1L-1.1 0Z",
    "^": "M0-1L1 .8L-1 .8Z",
    "v": "M0 1L1-.8L-1-.8Z",
    "<": "M-1 0L.8-1L.8 1Z",
    ">": "M1 0L-.8-1L-.8 1Z",
    "P": "M-.35-1L.35-1L.35-.35L1-.35L1 .35L.35 .35L.35 1L-.35 1L-.35 .35L-1 .35L-1-.35L-.35-.35Z",
    "X": "M-.95-.5L-.5-.95L0-.45L.5-.95L.95-.5L.45 0L.95 .5L.5 .95L0 .45L-.5 .95L-.95 .5L-.45 0Z",
    "d": "M0-1.1L.65 0L0 1.1L-.65 0Z",
    "p": "M0-1L.95-.31L.59 .81L-.59 .81L-.95-.31Z",
    "h": "M0-1L.87-.5L.87 .5L0 1L-.87 .5L-.87-.5Z",
    "*": "M0-1.1L.26-.35L1.05-.34L.42 .14L.65 .89L0 .44L-.65 .89L-.42 .14L-1.05-.34L-.26-.35Z",
}

# The palette's colours have names on the page, where they are lighter on dark paper.
_NAMED = {tone: f"task-{place}" for place, tone in enumerate(TASKS)} | {GREY: "left-out"}

_DASHES: Sequence[list[float]] = ([1, 0], [10.0, 3.0], [2.0, 2.4], [8.0, 2.4, 2.0, 2.4], [16.0, 4.0], [4.0, 4.0])
_MARKERS = "oXsDPv^<>*phd"
_LIGHTEST = 0.6  # how far the last variant's colour is moved to white


@dataclass(frozen=True)
class CurveStyle:
    """Colour, as ``#RRGGBB``, and marker of an algorithm, as Matplotlib calls it."""

    color: str
    marker: str

    @property
    def paint(self) -> str:
        """The colour as the page has it, in light and in dark."""
        named = _NAMED.get(self.color.upper())
        if named is not None:
            return color(named)
        red, green, blue = (int(self.color[i : i + 2], 16) for i in (1, 3, 5))
        if red == green == blue:  # a shade of black, which on dark paper is one of white
            return f"color-mix(in srgb, var(--ink) {100 - round(100 * red / 255)}%, var(--paper))"
        return self.color

    @property
    def shape(self) -> str:
        """The marker as a path in a square from -1 to 1."""
        return _SHAPES[self.marker]


def curve_styles(variants: Iterable[tuple[str, str]]) -> dict[str, CurveStyle]:
    """Give every variant, a (name, base), a style: an algorithm its own, and its variants lighter shades of it.

    Examples
    --------
    >>> styles = curve_styles([("fedss", "fedss"), ("fedss-dense", "fedss")])
    >>> styles["fedss"].color, styles["fedss-dense"].marker
    ('#0072B2', 'X')
    """
    found: dict[str, CurveStyle] = {}
    by_base: dict[str, list[str]] = {}
    for name, base in dict.fromkeys(variants):
        if name == base:
            found[name] = CurveStyle(*_ALGORITHMS.get(base, (GREY, "o")))
        else:
            by_base.setdefault(base, []).append(name)
    for base, names in by_base.items():
        tone, marker = _ALGORITHMS.get(base, (GREY, "o"))
        others = [shape for shape in _MARKERS if shape != marker]
        for place, name in enumerate(names):
            shade = lighter(tone, _LIGHTEST * (place + 1) / len(names))
            found[name] = CurveStyle(shade, others[place % len(others)])
    return found


def policy_dashes(policies: Sequence[str]) -> dict[str, list[float]]:
    """Give every policy a kind of line, in the order given: the first is solid."""
    return {policy: _DASHES[place % len(_DASHES)] for place, policy in enumerate(dict.fromkeys(policies))}
