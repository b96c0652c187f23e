"""The compiled part: closed forms, passes over the clients, the ADMM and the search. Knows no Problem.

Importing this package loads Numba; the rest of the library does so with its first solve. Kernels compile with
their first call and are kept in Numba's cache (see `fedss_opt.kernels.jit`).
"""

from . import state
from .bandwidths import hand_out
from .cell import EPS, MAKESPAN, TOTAL, Cell, RoundArrays, build_cell
from .closing import close_early
from .jit import is_compiled as _is_compiled
from .method import advance
from .opening import members_of
from .roots import selection_bandwidth, selection_theta
from .solving import Outcome, begin, certified_bound, conclude
from .state import Work, make_work

__all__ = [
    "EPS",
    "MAKESPAN",
    "TOTAL",
    "Cell",
    "Outcome",
    "RoundArrays",
    "Work",
    "advance",
    "begin",
    "build_cell",
    "certified_bound",
    "close_early",
    "conclude",
    "hand_out",
    "is_compiled",
    "make_work",
    "members_of",
    "selection_bandwidth",
    "selection_theta",
    "state",
]


def is_compiled() -> bool:
    """Tell whether a solve will start at once, or compile first (seconds, once per machine)."""
    return _is_compiled(begin, advance, conclude)
