"""The compiled part: closed forms, passes over the clients, the ADMM and the search. Knows no Problem.

Importing this package loads Numba; the rest of the library does so with its first solve. Kernels compile with
their first call and are kept in Numba's cache (see `fedss_opt.kernels.jit`).
"""

from . import state
from .allocate import advance
from .blocks import fill_blocks
from .cell import EPS, MAKESPAN, TOTAL, Cell, build_cell
from .dual import certified_value, supported_price, total_bound
from .jit import is_compiled as _is_compiled
from .opening import members_of, warm
from .roots import least_demand, selection_bandwidth, selection_theta
from .state import Work, make_work

__all__ = [
    "EPS",
    "MAKESPAN",
    "TOTAL",
    "Cell",
    "Work",
    "advance",
    "build_cell",
    "certified_value",
    "fill_blocks",
    "is_compiled",
    "least_demand",
    "make_work",
    "members_of",
    "selection_bandwidth",
    "selection_theta",
    "state",
    "supported_price",
    "total_bound",
    "warm",
]


def is_compiled() -> bool:
    """Tell whether a solve will start at once, or compile first (seconds, once per machine)."""
    return _is_compiled(build_cell, make_work, advance)
