"""The method on one page: the steps of a solve, in their order.

`begin` (`solving`) compacts the problem to a `Cell`, by what the problem decides by itself (`presolve`). Then `advance`
goes through these phases:

1. START. A price for bandwidth, a first selection that covers the tasks, and its bandwidths (`opening`). A large cell
   opens with the solution of a sample of its clients (`sampling`); an earlier answer takes their place.
2. LEAST. Where no covering selection fits the carrier yet: look for one whose least bandwidths do, or prove that there
   is none (`opening.fit_least`).
3. ADMM. Selection and bandwidths in closed form, in turn, and a lower bound from the multipliers (`admm`,
   `relaxation.admm_round`).
4. VERTEX. Finish the relaxation exactly: ascend to the vertex of the dual at a price, move the price (`vertex`,
   `relaxation.vertex_round`).
5. SEARCH. Whole clients: round the vertex, exchange clients, leave local optima by kicks (`core`, `search`).
6. DONE, as soon as the gap is closed or the search has come to its end.

`conclude` (`solving`) certifies the bound from the problem's data and hands the bandwidth out (`bandwidths`, `roots`).
Clients enter all this by what they cost at a price alone (`oracle`), which their model's closed forms say
(`client_model`). All of it works on one `Cell`, which never changes, and one `Work` with its `state` (`state`).
"""

from __future__ import annotations

import numpy as np

from .cell import Cell
from .core import search_round
from .jit import jit
from .opening import begin_admm, fit_least, set_price, start
from .relaxation import admm_round, vertex_round
from .sampling import open_by_sample
from .state import (
    ADMM,
    BOUND,
    DONE,
    ITERATIONS,
    LEAST,
    LIMIT,
    OBJECTIVE,
    PHASE,
    PRICE,
    SAMPLED,
    SEARCH,
    START,
    VERTEX,
    WARM,
    WINDOW_FROM,
    Work,
)

__all__ = ["advance"]


@jit
def _open(cell: Cell, work: Work, vertex: bool, sample: bool) -> None:
    """Begin: where an earlier answer ended, or from a sample of many clients, or with a first selection and the ADMM.

    An earlier answer's multipliers are as near to the optimum as the ADMM has to come.
    """
    state = work.state
    if vertex and state[WARM] == 1.0 and state[OBJECTIVE] < np.inf:
        set_price(cell, work, state[PRICE])
        state[PHASE] = VERTEX
        return
    if sample and state[SAMPLED] == 0.0 and state[OBJECTIVE] == np.inf:
        state[SAMPLED] = 1.0
        if open_by_sample(cell, work) or cell.stop[0]:
            return
    start(cell, work)
    if state[PHASE] == ADMM:
        begin_admm(cell, work)


@jit
def advance(
    cell: Cell,
    work: Work,
    gap_tol: float,
    effort: float,
    max_iterations: int,
    vertex: bool,
    sample_from: int,
    window_from: int,
    width: int,
    kicks: int,
) -> None:
    """Go on until done, until about `effort` client visits have been spent, or until the cell's `stop` is set.

    Parameters
    ----------
    cell, work : Cell, Work
        The cell and its running state, changed in place.
    gap_tol : float
        Relative gap at which to stop.
    effort : float
        Client visits to spend in this call.
    max_iterations : int
        Limit on ADMM iterations.
    vertex : bool
        Whether the relaxation is finished by vertex ascent.
    sample_from : int
        Clients from which on the opening samples them.
    window_from : int
        Clients from which on the vertex ascent looks at a window of them.
    width : int
        Core width of the exchange search.
    kicks : int
        How often the search leaves a local optimum.
    """
    state = work.state
    tolerance = max(0.02 * gap_tol, 1e-11)
    spent = 0.0
    state[WINDOW_FROM] = window_from
    while state[PHASE] != DONE and spent < effort and not cell.stop[0]:
        phase = state[PHASE]
        if phase == START:
            _open(cell, work, vertex, vertex and max_iterations > 20 and cell.free >= sample_from)
        elif phase == LEAST:
            fit_least(cell, work, width)
            if state[PHASE] == ADMM:
                begin_admm(cell, work)
        elif phase == ADMM:
            count = min(10, max_iterations - int(state[ITERATIONS]))
            if count > 0:
                admm_round(cell, work, count, vertex, tolerance)
            else:
                state[LIMIT] = 1.0
                state[PHASE] = SEARCH
        elif phase == VERTEX:
            vertex_round(cell, work, tolerance)
        else:
            search_round(cell, work, width, kicks, gap_tol)
        spent += (15.0 if phase == ADMM else 10.0) * cell.free
        if state[PHASE] > LEAST and state[OBJECTIVE] <= state[BOUND] * (1.0 + gap_tol):
            state[PHASE] = DONE
