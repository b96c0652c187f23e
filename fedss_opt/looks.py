"""Colours that figures, pages and the terminal share, so that a thing looks the same wherever a person meets it."""

from __future__ import annotations

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
    "ORANGE",
    "PINK",
    "RED",
    "SELECTED",
    "SKY",
    "TASKS",
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
