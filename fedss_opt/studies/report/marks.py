"""How algorithms and policies look on a report page: as in the PNG figures, in light and in dark."""

from __future__ import annotations

from ...looks import GREY, TASKS
from ...reports.charts import color
from ..curves import Scene

__all__ = ["dashes", "paints", "shapes"]

# The markers of the PNG figures as paths in a square from -1 to 1, which Vega and the page's legend draw alike.
_SHAPES = {
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


def paints(scene: Scene) -> dict[str, str]:
    """Return the colour of every algorithm: those of the PNG figures, as the page has them in light and dark."""
    return {name: _paint(look.color) for name, look in scene.looks.items()}


def _paint(value: str) -> str:
    named = _NAMED.get(value.upper())
    if named is not None:
        return color(named)
    red, green, blue = (int(value[i : i + 2], 16) for i in (1, 3, 5))
    if red == green == blue:  # a shade of black, which on dark paper is one of white
        return f"color-mix(in srgb, var(--ink) {100 - round(100 * red / 255)}%, var(--paper))"
    return value


def shapes(scene: Scene) -> dict[str, str]:
    """Return the marker of every algorithm, a path in a square from -1 to 1."""
    return {name: _SHAPES.get(look.marker, _SHAPES["o"]) for name, look in scene.looks.items()}


def dashes(scene: Scene) -> dict[str, list[float]]:
    """Return the line of every policy, as lengths of dashes and gaps."""
    return {
        policy: [1, 0] if line == "-" else [2.0 * length for length in line[1]] for policy, line in scene.lines.items()
    }
