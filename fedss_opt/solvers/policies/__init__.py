"""What the field uses today, one policy per function: for comparison, without any bound.

Each is ``(problem, options) -> Solution``. A policy answers with status ``feasible`` (a bound is never
claimed, so never ``optimal``), with ``infeasible`` when a task needs more than all available clients offer,
and with ``unknown`` when it ends in a selection or an allocation that breaks a limit: another method may
still find an answer.

==================  ==========================================  ====================================
name                selection                                   bandwidth
==================  ==========================================  ====================================
``all``             everybody who can                           optimal
``random_equal``    at random until the tasks are covered       equal
``proportional``    the same                                    by payload over spectral efficiency
``random``          the same                                    optimal
``best_channel``    best channel first, until covered           optimal
``fedcs``           least growth of a round of turns            optimal
``greedy``          least growth of the round itself            optimal
==================  ==========================================  ====================================

The three random policies select the same clients for the same seed, so that what is between them is the
allocation alone.
"""

from .fedcs import fedcs
from .greedy import greedy
from .ordered import best_channel, proportional, random_equal, random_optimal, select_all

__all__ = [
    "best_channel",
    "fedcs",
    "greedy",
    "proportional",
    "random_equal",
    "random_optimal",
    "select_all",
]
