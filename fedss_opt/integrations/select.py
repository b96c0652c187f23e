"""For frameworks that ask ``select(infos, round) -> ids`` before every round; it needs none of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..exceptions import FedssOptError, OptionError
from ..rounds import RoundAllocator, RoundPlan
from ..rounds.client_reports import MEASURES, ClientId
from ..wording import nearest

__all__ = ["LinkState", "Selector"]

LinkState = Mapping[str, Any]
"""A client's report: keyword arguments of `RoundAllocator.update`, such as ``{"cn0_hz": 2e7, "compute_s": 0.4}``."""

_FIELDS = (*MEASURES, "tasks")


def checked_fields(state: LinkState) -> LinkState:
    """Refuse a link state with names that `RoundAllocator.update` does not know; it judges the values itself."""
    if not isinstance(state, Mapping):
        raise OptionError(f"link state = {state!r:.60}: must be a mapping such as {{'cn0_hz': 2e7}}")
    for name in state:
        if name not in _FIELDS:
            hint = nearest(str(name), _FIELDS) or f"; the fields are {', '.join(_FIELDS)}"
            raise OptionError(f"link state: {name!r:.60}: unknown field{hint}")
    return state


class Selector:
    """Answer ``select(infos, round)`` with the ids that a `RoundAllocator` chooses.

    Parameters
    ----------
    allocator : RoundAllocator
        Its ids are the framework's.
    strict : bool
        Whether a report that cannot be accepted is an error, as it should be in a simulation. Otherwise its client
        takes no part in the round, and `refused` says why: in a deployment one client must not stop the others.

    Raises
    ------
    OptionError
        For what is no allocator.

    Examples
    --------
    >>> from fedss_opt.rounds import RoundAllocator
    >>> select = Selector(RoundAllocator(bandwidth_hz=1e6, tasks=0.5))
    >>> select({7: {"cn0_hz": 3e7, "payload_bits": 1e6}, 8: {"cn0_hz": 2e6, "payload_bits": 1e6}}, 1)
    [7]
    >>> f"{select.plan.bandwidth_hz[7]:.0f} Hz until {select.plan.deadline_s:.3f} s"
    '1000000 Hz until 0.202 s'
    """

    def __init__(self, allocator: RoundAllocator, *, strict: bool = True) -> None:
        if not isinstance(allocator, RoundAllocator):
            raise OptionError(f"allocator: a {type(allocator).__name__}; must be a RoundAllocator")
        self._allocator = allocator
        self._strict = strict
        self._plan: RoundPlan | None = None
        self._refused: dict[ClientId, str] = {}

    @property
    def allocator(self) -> RoundAllocator:
        """The allocator."""
        return self._allocator

    @property
    def plan(self) -> RoundPlan | None:
        """The plan behind the last answer; None before the first."""
        return self._plan

    @property
    def refused(self) -> Mapping[ClientId, str]:
        """The clients whose reports for the last round could not be accepted, and why; empty if `strict`."""
        return MappingProxyType(self._refused)

    def __call__(self, infos: Mapping[ClientId, LinkState], round: int) -> list[ClientId]:  # noqa: A002
        """Take in what is new, plan the round, and return who takes part.

        Parameters
        ----------
        infos : mapping of (str or int) to LinkState
            Every client that is available, with what is new of it; ``{}`` for one of which nothing is, whose earlier
            reports then hold as long as the allocator's `max_age` says.
        round : int
            The round, see `RoundAllocator.allocate`.

        Returns
        -------
        list of str or int
            Integers in their order, then strings in theirs; empty where nobody can upload, see `plan` for the reason.

        Raises
        ------
        ProblemError, OptionError
            For a report that cannot be accepted (if `strict`), a round that is over, or an id that is none.
        """
        if not isinstance(infos, Mapping):
            raise OptionError(f"infos: a {type(infos).__name__}; must be a mapping from client to link state")
        refused: dict[ClientId, str] = {}
        for client, state in infos.items():
            try:
                # An update without news would still say that the earlier report is as good as new.
                if checked_fields(state):
                    self._allocator.update(client, **state, round=round)
            except FedssOptError as error:
                if self._strict:
                    raise
                refused[client] = str(error)
        plan = self._allocator.allocate(round, candidates=[client for client in infos if client not in refused])
        self._plan, self._refused = plan, refused
        return list(plan.clients)
