"""From what sparse sharing knows of a round to the allocator's problem."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray
from ..exceptions import OptionError
from ..problem import Problem
from ..quantities import offered
from ..scenarios.arguments import number
from .array_checks import finite

__all__ = ["to_problem"]


def to_problem(
    *, relevance: npt.ArrayLike, required_fraction: npt.ArrayLike, relevance_step: float | None = None, **fields: Any
) -> Problem:
    """State which clients could upload this round, and what each task needs of them.

    Parameters
    ----------
    relevance : array_like, (K, N)
        What client n contributes to task k, >= 0, see `fedss_opt.sharing.relevance.client_relevance`.
    required_fraction : array_like, (K,) or scalar
        What each task needs, as a fraction >= 0 of what the available clients together offer it. Above 1 the problem is
        infeasible.
    relevance_step : float, optional
        A power of two such as 1/64: relevance is rounded down to its multiples, before anything else. A selection then
        contributes at least what the problem counts, and the solver may count requirements in whole steps, which
        tightens its lower bounds, the more the coarser the step (section 5.2 of ``docs/explanation/mathematics.md``).
    **fields
        All other parameters of `fedss_opt.Problem`, but for `required`: the payloads and the shared bandwidth, the
        links of a client model, and whatever else there is to say.

    Returns
    -------
    fedss_opt.Problem

    Raises
    ------
    OptionError
        For a fraction or step outside what is accepted, or a relevance that is not a finite (K, N).
    ProblemError
        For everything else that a `Problem` does not accept.

    Examples
    --------
    >>> from fedss_opt.sharing.round_problem import to_problem
    >>> problem = to_problem(
    ...     payload_bits=[5e4, 5e4, 6e4],
    ...     relevance=[[1.0, 1.0, 0.4], [0.4, 0.4, 1.0]],
    ...     required_fraction=0.5,
    ...     bandwidth_hz=1e6,
    ...     cn0_hz=[3e7, 8e6, 2e7],
    ...     relevance_step=1 / 8,
    ... )
    >>> problem.relevance
    array([[1.   , 1.   , 0.375],
           [0.375, 0.375, 1.   ]])
    >>> problem.required
    array([1.1875, 0.875 ])
    """
    rows: FloatArray = np.asarray(finite("relevance", relevance), dtype=np.float64)
    if rows.ndim != 2:
        raise OptionError(f"relevance: shape {rows.shape}; must be (K, N), one row a task")
    if relevance_step is not None:
        number("relevance_step", relevance_step, low=0.0, high=1.0, open_low=True)
        if math.frexp(relevance_step)[0] != 0.5:
            raise OptionError(f"relevance_step = {relevance_step!r}: must be a power of two, such as 1/64")
        # Exact: dividing and multiplying by a power of two only moves the binary point.
        rows = np.floor(rows / relevance_step) * relevance_step
    fraction = np.asarray(finite("required_fraction", required_fraction), dtype=np.float64)
    if fraction.shape not in ((), rows.shape[:1]) or (fraction < 0.0).any():
        raise OptionError(
            field="required_fraction",
            value=required_fraction,
            accepted=f"must be a fraction >= 0, or one for each of {len(rows)} tasks",
        )
    problem = Problem(relevance=rows, required=np.zeros(len(rows)), **fields)
    # What is there to be offered is known once the problem has said who is available.
    return problem.replace(required=fraction * offered(problem.relevance, problem.available))
