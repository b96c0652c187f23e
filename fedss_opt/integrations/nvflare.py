"""NVFlare: a mixin for its FedAvg workflows that lets a `fedss_opt.rounds.RoundAllocator` choose the clients.

``docs/how-to/nvflare.md`` starts with an app to paste. On the server::

    class Allocated(AllocatedMixin, FedAvg):
        def make_allocator(self):
            return RoundAllocator(bandwidth_hz=2e6, tasks=0.5)

        def link_states(self, clients, round):
            return self.ask_links(clients)

and in a client's script::

    grant = grant_of(flare.receive(), flare.get_site_name())

The module itself does not import NVFlare: a mixin gets it from the workflow that it is mixed into.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..exceptions import OptionError
from ..extras import needs_extra
from ..rounds import RoundAllocator, RoundPlan
from ..rounds.client_reports import ClientId
from ..scenarios.arguments import positive
from .nvflare_meta import LINK_KEY, Grant, Model, grant_of, with_plan
from .select import LinkState, Selector

__all__ = ["LINK_KEY", "LINK_TASK", "PLANS_FILE", "AllocatedMixin", "Grant", "grant_of"]

LINK_TASK = "linkstate"
"""Name of the task with which `AllocatedMixin.ask_links` asks."""
PLANS_FILE = "plans.jsonl"
"""In the server's run directory: the plan of every round, a line each (`RoundPlan.to_dict`)."""

Callback = Callable[[Model], Any]

if TYPE_CHECKING:

    class _Workflow:
        """What the mixin uses of ``nvflare.app_common.workflows.base_fedavg.BaseFedAvg``."""

        current_round: int | None

        def start_controller(self, fl_ctx: Any) -> None: ...
        def sample_clients(self, num_clients: int | None = None) -> list[str]: ...
        def update_model(self, model: Model, aggr_result: Model) -> Model: ...
        def get_run_dir(self) -> str: ...
        def info(self, message: str) -> None: ...
        def warning(self, message: str) -> None: ...
        def send_model(
            self,
            task_name: str = "train",
            data: Model = None,
            targets: list[str] | None = None,
            min_responses: int | None = None,
            timeout: int = 0,
            callback: Callback | None = None,
        ) -> None: ...
        def send_model_and_wait(
            self,
            task_name: str = "train",
            data: Model = None,
            targets: list[str] | None = None,
            min_responses: int | None = None,
            timeout: int = 0,
        ) -> list[Model]: ...
else:
    _Workflow = object


@dataclass(kw_only=True)
class _Round:
    """What happens in the current round; results arrive in threads of NVFlare's."""

    plan: RoundPlan | None  # None: everybody takes part, since nothing is known of anybody
    arrived: set[str] = field(default_factory=set)
    sent: bool = False
    accepted: int = 0

    @property
    def nobody(self) -> bool:
        return self.plan is not None and not self.plan.clients


@dataclass(kw_only=True)
class _PlannedRound:
    select: Selector
    told: dict[str, Any] = field(default_factory=dict)  # what clients have put into their results, whatever that is
    now: _Round | None = None
    ahead: int | None = None  # of the workflow's rounds; an allocator that was loaded has seen others before
    lock: Lock = field(default_factory=Lock)

    def enter(self, current_round: int | None) -> int:
        """Return the allocator's number of the round that begins."""
        last = self.select.allocator.last_round
        after = 0 if last is None else last + 1
        if current_round is None:
            return after
        if self.ahead is None:
            self.ahead = max(0, after - current_round)
        return current_round + self.ahead


class AllocatedMixin(_Workflow):
    """Let an allocator choose the clients of a FedAvg workflow, and give each its bandwidth.

    Put it before the workflow, ``class Allocated(AllocatedMixin, FedAvg)``, and say how the allocator is made; the
    workflow's own arguments stay as they are, except that `num_clients` has no effect. Before every round the mixin
    collects the link states of the connected clients, plans the round, and sends the model to those whom the plan
    selects. Its `meta` carries the plan, from which `grant_of` reads on the client's side. What a client puts into its
    result's ``meta[LINK_KEY]`` is its report for the next round. The clients' names in NVFlare are the allocator's ids.

    While nothing is known of anybody, everybody takes part, without a plan. A client whose report cannot be accepted is
    left out of the round, with a warning. A round in which nobody can upload sends nothing, and one without results
    leaves the model as it was.
    """

    # One attribute with a name of its own, since the workflow may have any others. It is made when the job starts and
    # not in a constructor: NVFlare reads the constructor's parameters to write the job's configuration.
    _fedss_allocation: _PlannedRound | None = None

    # -- what to override ------------------------------------------------------------------------------------

    def make_allocator(self) -> RoundAllocator:
        """Make the allocator; called once, when the job starts on the server. To be overridden."""
        raise NotImplementedError(f"{type(self).__name__}.make_allocator: return a RoundAllocator")

    def link_states(self, clients: Sequence[str], round: int) -> Mapping[str, LinkState]:  # noqa: A002
        """Say what the server knows of the links before a round; called once a round.

        Override it with the operator's table, or with ``return self.ask_links(clients)``. The default knows nothing:
        the clients' own reports, in the `meta` of their results, are then all there is.

        Parameters
        ----------
        clients : sequence of str
            Names of the connected clients.
        round : int
            The round.

        Returns
        -------
        mapping of str to LinkState
            What is new, by client: keyword arguments of `RoundAllocator.update`. It goes over what the client itself
            has reported.
        """
        return {}

    def on_plan(self, plan: RoundPlan) -> None:
        """Take note of a plan: by default a line in the log, and one in ``plans.jsonl`` in the run directory."""
        self.info(
            f"allocate: round {plan.round}: {len(plan.clients)} clients upload, the last by {plan.latency_s:.4g} s "
            f"({plan.status}, at least {plan.lower_bound_s:.4g} s){f'; {plan.message}' if plan.message else ''}"
        )
        with (Path(self.get_run_dir()) / PLANS_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(plan.to_dict()) + "\n")

    # -- what to use -----------------------------------------------------------------------------------------

    @property
    def plan(self) -> RoundPlan | None:
        """The plan of the current round; None before the first, and in a round without one."""
        now = None if self._fedss_allocation is None else self._fedss_allocation.now
        return None if now is None else now.plan

    def ask_links(self, clients: Sequence[str], *, timeout_s: float = 60.0) -> dict[str, LinkState]:
        """Ask clients for the states of their links, with a small task of its own.

        A client's script gets the task ``linkstate`` from ``flare.receive()`` as any other, and answers with
        ``flare.send(FLModel(metrics={"cn0_hz": ..., "payload_bits": ...}))``.

        Parameters
        ----------
        clients : sequence of str
            Their names.
        timeout_s : float
            How long to wait for the answers, s; rounded up to whole seconds.

        Returns
        -------
        dict of str to LinkState
            The answers of those that have answered in time.

        Raises
        ------
        OptionError
            For a timeout that is no number > 0.
        MissingDependencyError
            Without NVFlare.
        """
        longest = math.ceil(positive("timeout_s", timeout_s))
        if not clients:
            return {}  # an empty list of targets means everybody to NVFlare
        with needs_extra("asking clients", "nvflare", "nvflare", since="2.9"):
            from nvflare.app_common.abstract.fl_model import FLModel  # noqa: PLC0415
        answers = super().send_model_and_wait(
            task_name=LINK_TASK,
            data=FLModel(metrics={}, current_round=self.current_round),
            targets=list(clients),
            timeout=longest,
        )
        return {answer.meta["client_name"]: answer.metrics for answer in answers}

    # -- the workflow ----------------------------------------------------------------------------------------

    def start_controller(self, fl_ctx: Any) -> None:
        """Start the workflow, and make the allocator."""
        super().start_controller(fl_ctx)
        self._fedss_allocation = _PlannedRound(select=Selector(self.make_allocator(), strict=False))

    def sample_clients(self, num_clients: int | None = None) -> list[str]:
        """Plan the round, and return whom the plan selects."""
        allocation = self._started()
        connected = super().sample_clients(None)
        round_ = allocation.enter(self.current_round)
        known = self.link_states(connected, round_)
        with allocation.lock:
            allocation.now = None  # the last round is over, whoever may still answer
            told, allocation.told = allocation.told, {}
        infos: dict[ClientId, LinkState] = {name: _over(told.get(name, {}), known.get(name, {})) for name in connected}
        if not any(infos.values()) and not allocation.select.allocator.clients:
            self.info("allocate: nothing is known of any link yet; everybody takes part")
            allocation.now = _Round(plan=None)
            return connected
        chosen = allocation.select(infos, round_)
        for name, why in allocation.select.refused.items():
            self.warning(f"allocate: {name} is left out: {why}")
        plan = allocation.select.plan
        assert plan is not None  # there is one after every call
        allocation.now = _Round(plan=plan)
        self.on_plan(plan)
        return [str(name) for name in chosen]

    def send_model(
        self,
        task_name: str = "train",
        data: Model = None,
        targets: list[str] | None = None,
        min_responses: int | None = None,
        timeout: int = 0,
        callback: Callback | None = None,
    ) -> None:
        """Send the model with the plan in its `meta`, and listen to what comes back."""
        now = self._sending(targets)
        if now is None:
            super().send_model(task_name, data, targets, min_responses, timeout, callback)
        elif not now.nobody:

            def listening(result: Model) -> Any:
                assert callback is not None  # NVFlare insists on one, below
                answer = callback(result)  # False for a result that is not accepted
                self._received(now, result, accepted=answer is not False)
                return answer

            heard = None if callback is None else listening
            super().send_model(task_name, with_plan(data, now.plan), targets, min_responses, timeout, heard)

    def send_model_and_wait(
        self,
        task_name: str = "train",
        data: Model = None,
        targets: list[str] | None = None,
        min_responses: int | None = None,
        timeout: int = 0,
    ) -> list[Model]:
        """Send the model with the plan in its `meta`, wait, and listen to what comes back."""
        now = self._sending(targets)
        if now is None:
            return super().send_model_and_wait(task_name, data, targets, min_responses, timeout)
        if now.nobody:
            return []
        results = super().send_model_and_wait(task_name, with_plan(data, now.plan), targets, min_responses, timeout)
        for result in results:
            empty = result.params is None or (isinstance(result.params, Mapping) and not result.params)
            self._received(now, result, accepted=not empty)
        return results

    def update_model(self, model: Model, aggr_result: Model) -> Model:
        """Update the model, unless no result of this round has been accepted: the average of none is no model."""
        now = self._started().now
        if now is not None and now.sent and not now.accepted:
            self.warning("allocate: no result in this round; the model stays as it was")
            return model
        return super().update_model(model, aggr_result)

    # -- inside ----------------------------------------------------------------------------------------------

    def _started(self) -> _PlannedRound:
        if self._fedss_allocation is None:
            raise OptionError(f"{type(self).__name__}: not started; NVFlare calls start_controller when the job starts")
        return self._fedss_allocation

    def _sending(self, targets: list[str] | None) -> _Round | None:
        """Return the round that a message belongs to; None for those of other kinds, such as evaluation."""
        allocation = self._started()
        now = allocation.now
        if now is None or targets is None or (not targets and not now.nobody):
            return None
        if now.plan is not None and not set(targets) <= set(now.plan.clients):
            return None
        now.sent = True
        if now.nobody:
            self.warning("allocate: nobody can upload in this round; nothing is sent")
        elif now.plan is not None:
            # Who is silent has not arrived, also where nobody does.
            with allocation.lock:
                allocation.select.allocator.finished(now.plan.round, now.arrived)
        return now

    def _received(self, now: _Round, result: Model, *, accepted: bool) -> None:
        allocation = self._started()
        meta = result.meta or {}
        name = meta.get("client_name")
        with allocation.lock:
            now.accepted += accepted
            if LINK_KEY in meta and name is not None:
                allocation.told[name] = meta[LINK_KEY]
            # A result that is late for its round says something of the link, but no longer that it arrived.
            if accepted and name is not None and now is allocation.now and now.plan is not None:
                now.arrived.add(name)
                allocation.select.allocator.finished(now.plan.round, now.arrived)


def _over(told: Any, known: LinkState) -> LinkState:
    """Put what the server knows over what the client has told; what is no mapping is for the selector to refuse."""
    both = isinstance(told, Mapping) and isinstance(known, Mapping)
    return {**told, **known} if both else (known if isinstance(told, Mapping) else told)
