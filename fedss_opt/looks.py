"""Colours that figures, pages and the terminal share, so that a thing looks the same wherever a person meets it."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "ANSWER",
    "BLACK",
    "BLUE",
    "BOUND",
    "FAINT",
    "GREEN",
    "GREY",
    "INK",
    "LEFT_OUT",
    "METHODS",
    "ORANGE",
    "PINK",
    "RED",
    "SELECTED",
    "SKY",
    "TASKS",
    "lighter",
]

# The palette of Okabe and Ito (Color Universal Design, 2008), without its yellow, which is faint on white: told apart
# with every kind of colour vision, and in grey by their lightness.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PINK, SKY, BLACK = "#CC79A7", "#56B4E9", "#000000"

INK, GREY, FAINT = "#222222", "#8A8A8A", "#E6E6E6"

# What a colour means.
SELECTED, LEFT_OUT = BLUE, GREY
ANSWER, BOUND = RED, GREEN
TASKS = (BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK)

METHODS: Mapping[str, str] = {
    "admm": BLUE,
    "exact": SKY,
    "cvxpy": "#6A3D9A",
    "random": RED,
    "random_equal": ORANGE,
    "greedy": GREEN,
    "best_channel": PINK,
    "fedcs": BLACK,
    "proportional": "#8C6D31",
    "all": GREY,
}
"""Method of `fedss_opt.solve` -> its colour, wherever methods stand side by side."""


def lighter(color: str, share: float) -> str:
    """Move a colour towards white, by a share of the way from 0 to 1.

    Examples
    --------
    >>> lighter("#0072B2", 0.5)
    '#80B9D9'
    """
    parts = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{part + int(share * (255 - part) + 0.5):02X}" for part in parts)
