"""The allocator of a round loop: reports in, plans out, keyed by the caller's own client ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from ..exceptions import OptionError, ProblemError
from ..scenarios.arguments import count
from .client_reports import LINK_NAMES, MEASURES, ClientId, ClientReport, merged, report
from .client_reports import client_id as accepted_id
from .fairness import Fairness
from .memory import Memory, OpenRound
from .plan import RoundPlan
from .planning import decide, plan_of
from .settings import RoundSettings
from .stating import state_round

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["RoundAllocator"]


class RoundAllocator:
    """Plan round after round for clients that report, fall silent, depart and come back.

    Every method may be called from any thread. `allocate` works on what was known when it was called; reports that
    come in meanwhile are for the next round.

    Parameters
    ----------
    bandwidth_hz : float
        Uplink bandwidth that the selected clients share, Hz.
    tasks : mapping of str to (float or str), or one float or str, optional
        What each task needs every round: a fraction (0 to 1, or ``"30%"``) of what the clients that can upload in that
        round together offer it, or ``"12.5abs"`` in units of contribution. A single number or string, for callers
        without tasks, is what one task ``"participation"`` needs, to which every client contributes 1: 0.5 is half of
        the clients, ``"10abs"`` ten of them. Left out: all of them.
    objective : {"makespan", "total"}
        What is minimised, see `fedss_opt.Problem`.
    method : str
        See `fedss_opt.solve`.
    gap_tol : float, optional
        Certified relative gap at which a plan counts as optimal; the method's own by default.
    time_limit_s : float, optional
        Longest solve, s; with `fairness` a round takes up to two of them.
    resource_block_hz : float, optional
        Width of a resource block, Hz; bandwidth is continuous without.
    max_age : int or None
        Rounds for which a report holds: at 1, one for round 6 serves rounds 6 and 7. A client whose last report is
        older is left out as stale. None: reports hold for ever.
    fairness : Fairness, optional
        Minimum long-run share of every client; off by default.
    seed : int
        Seed of the methods that draw, which draw anew in every round.

    Raises
    ------
    OptionError, ProblemError
        Naming the option, its value and what is accepted.

    Examples
    --------
    >>> from fedss_opt.rounds import RoundAllocator
    >>> allocator = RoundAllocator(bandwidth_hz=1e6, tasks={"speech": 0.5})
    >>> for name, cn0_hz in (("ann", 3e7), ("bob", 8e6), ("eve", 2e7)):
    ...     allocator.update(name, cn0_hz=cn0_hz, payload_bits=1e6, tasks={"speech": 1.0})
    >>> plan = allocator.allocate(1)
    >>> plan.clients, f"{plan.latency_s:.3f} s", {name: str(why) for name, why in plan.left_out.items()}
    (('ann', 'eve'), '0.356 s', {'bob': 'not_needed'})
    """

    def __init__(
        self,
        *,
        bandwidth_hz: float,
        tasks: Mapping[str, float | str] | float | str | None = None,
        objective: str = "makespan",
        method: str = "admm",
        gap_tol: float | None = None,
        time_limit_s: float | None = None,
        resource_block_hz: float | None = None,
        max_age: int | None = 1,
        fairness: Fairness | None = None,
        seed: int = 0,
    ) -> None:
        given = locals().copy()
        del given["self"]
        self._settings = RoundSettings.checked(**given)
        self._memory = Memory()
        self._start()

    def _start(self) -> None:
        self._links = Counter(report.link for report in self._memory.reports.values())
        self._lock = Lock()  # guards the memory; held for moments
        self._planning = Lock()  # held by the one `allocate` that is at work

    def __repr__(self) -> str:
        with self._lock:
            known, last = len(self._memory.reports), self._memory.open
        return f"RoundAllocator(clients={known}, last_round={None if last is None else last.round})"

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return self._settings.tasks

    @property
    def clients(self) -> frozenset[ClientId]:
        """Everybody who has reported and not been removed."""
        with self._lock:
            return frozenset(self._memory.reports)

    @property
    def last_round(self) -> int | None:
        """The round that was allocated last; None before the first."""
        with self._lock:
            return None if self._memory.open is None else self._memory.open.round

    # -- reports ---------------------------------------------------------------------------------------------

    def update(
        self,
        client_id: ClientId,
        *,
        payload_bits: float | None = None,
        compute_s: float | None = None,
        tasks: Mapping[str, float] | None = None,
        max_upload_s: float | None = None,
        min_bandwidth_hz: float | None = None,
        max_bandwidth_hz: float | None = None,
        weight: float | None = None,
        mandatory: bool | None = None,
        round: int | None = None,  # noqa: A002
        **link: float | None,
    ) -> None:
        """Take in a client's report, or a part of it: what is left out stays as it was reported before.

        Parameters
        ----------
        client_id : str or int
            The client; "7" and 7 are two.
        payload_bits : float, optional
            Bits that it would upload.
        compute_s : float, optional
            Seconds before its upload can start, 0 if never reported.
        tasks : mapping of str to float, optional
            What it contributes to each task, replacing what it reported before; 0 to those not named.
        max_upload_s, min_bandwidth_hz, max_bandwidth_hz : float, optional
            Its limits, s and Hz; none if never reported.
        weight : float, optional
            Its weight in the objective ``total``; 1 if never reported.
        mandatory : bool, optional
            Whether it must be selected whenever it can upload.
        round : int, optional
            The round that the report is for; by default the next one to be allocated. A report for an earlier round
            than the newest known fills in what is missing and changes nothing else.
        **link : float, optional
            Its channel: ``cn0_hz`` (C/N0, Hz) or ``spectral_efficiency`` (bit/s/Hz), or the link of another client
            model; all clients give the same.

        Raises
        ------
        ProblemError, OptionError
            Naming the client, the field, the value and what is accepted; nothing has changed then.
        """
        given = locals() | link
        if odd := [name for name in link if name not in LINK_NAMES]:
            raise TypeError(f"RoundAllocator.update() got an unexpected keyword argument {odd[0]!r}")
        name = accepted_id(client_id)
        fresh = report(
            name,
            self._settings.tasks,
            round_=None if round is None else count("round", round),
            given={field: given.get(field) for field in (*MEASURES, "tasks")},
        )
        with self._lock:
            memory = self._memory
            earlier = memory.reports.get(name)
            both = merged(name, earlier, fresh, late=memory.is_late(earlier, fresh))
            self._refuse_mixed_channels(name, earlier, both)
            memory.reports[name] = both

    def _refuse_mixed_channels(self, name: ClientId, earlier: ClientReport | None, both: ClientReport) -> None:
        was, now = None if earlier is None else earlier.link, both.link
        if was is now:
            return
        others = self._links - Counter([was])
        other = next((link for link, count in others.items() if count and link not in (None, now)), None)
        if now is not None and other is not None:
            raise ProblemError(
                f"client {name!r}: {now} given, but other clients report {other}; all must give the same"
            )
        self._links = others + Counter([now])

    def remove(self, client_id: ClientId) -> None:
        """Forget a client that has departed, its queue too; one that is not known is no error."""
        name = accepted_id(client_id)
        with self._lock:
            found = self._memory.reports.get(name)
            if found is not None:
                self._links -= Counter([found.link])
                self._memory.forget(name)

    # -- rounds ----------------------------------------------------------------------------------------------

    def allocate(self, round: int, *, candidates: Iterable[ClientId] | None = None) -> RoundPlan:  # noqa: A002
        """Plan a round.

        Parameters
        ----------
        round : int
            Its number: beyond the last one, or the last one again, which is then planned anew.
        candidates : iterable of str or int, optional
            Who may take part, such as those connected now; by default everybody who has reported.

        Returns
        -------
        RoundPlan
            Without clients, and with a message, where nobody can upload or no answer exists.

        Raises
        ------
        OptionError
            For a round that is over, or a candidate that is no id.
        """
        number = count("round", round)
        named = None if candidates is None else frozenset(map(accepted_id, candidates))
        with self._planning:
            with self._lock:
                memory = self._memory
                memory.enter(number)
                reports, queues = dict(memory.reports), dict(memory.queues)
                earlier, cost = memory.answered, memory.cost
            stated = state_round(self._settings, reports, number, named)
            decision = decide(self._settings, stated, number, queues=queues, earlier=earlier, cost=cost)
            fairness = self._settings.fairness
            plan = plan_of(stated, decision, number, queues=queues, fair=fairness is not None)
            counts = fairness is not None and decision.solution.has_answer
            shares = {name: fairness.share(name) for name in stated.ids} if fairness and counts else {}
            with self._lock:
                memory.answered = decision.answered(stated.ids, earlier)
                memory.open = OpenRound(
                    round=number,
                    shares={name: share for name, share in shares.items() if name in memory.reports},
                    selected=frozenset(plan.clients),
                    cost=decision.cost,
                )
        return plan

    def finished(self, round: int, arrived: Iterable[ClientId]) -> None:  # noqa: A002
        """Say who really uploaded in the round that was allocated last; without it, those selected count.

        The queues of the fair share count uploads. A client that was selected and did not arrive was not available: it
        is neither served nor due anything in this round. Ids that are not known (any more) are passed over. Said twice,
        the second time counts.

        Raises
        ------
        OptionError
            For another round than the last, or an id that is none.
        """
        number, names = count("round", round), frozenset(map(accepted_id, arrived))
        with self._lock:
            now = self._memory.open
            if now is None or now.closed or now.round != number:
                accepted = "no round is open" if now is None or now.closed else f"the open round is {now.round}"
                raise OptionError(f"round = {number}: {accepted}; say who arrived before the next round is allocated")
            self._memory.open = replace(now, arrived=names)

    # -- files -----------------------------------------------------------------------------------------------

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything that is known to a JSON file, completely or not at all.

        A plan that is being made meanwhile is not in it.
        """
        from .allocator_file import save  # noqa: PLC0415

        with self._lock:
            copy = self._memory.copy()
        save(path, self._settings, copy)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> RoundAllocator:
        """Read an allocator that `save` wrote; it continues as the saved one would have.

        Raises
        ------
        FileFormatError
            For a file that is cut off, damaged, or something else; in one line, with the place inside the file.
        OSError
            When the file cannot be read.
        """
        from .allocator_file import load  # noqa: PLC0415

        allocator = cls.__new__(cls)
        allocator._settings, allocator._memory = load(path)
        allocator._start()
        return allocator
