"""The server's side: a strategy whose clients and bandwidths an allocator chooses before every round."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, cast

from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Result, Strategy

from ..exceptions import FedssOptError, OptionError
from ..rounds import RoundAllocator, RoundPlan
from ..rounds.client_reports import ClientId
from ..scenarios.arguments import number
from .flower_grid import ChosenNodes
from .flower_links import LinkSource
from .flower_records import BANDWIDTH_KEY, DEADLINE_KEY
from .select import LinkState, checked_fields

__all__ = ["AllocatedResult", "AllocatedStrategy", "allocated"]

# Flower's own: what it says of a round stands in one place, at the level that its user has chosen.
_log = logging.getLogger("flwr")

_POLL_S = 0.5

# How a strategy of Flower samples, and what makes it take everybody whom the allocator has chosen. Its minimum counts
# are waited for without end, which is no use for nodes that have been chosen because they are there.
_EVERYBODY = {"fraction_train": 1.0, "min_train_nodes": 1, "min_available_nodes": 1}


@dataclass(repr=False)
class AllocatedResult(Result):
    """What `start` returns: Flower's result, and the plans.

    Attributes
    ----------
    plans : dict of int to RoundPlan
        By server round. A round that the strategy chose by itself has none.
    skipped : dict of int to dict of int to str
        By server round: the nodes that were asked for something and failed, and why.
    """

    plans: dict[int, RoundPlan] = field(default_factory=dict)
    skipped: dict[int, dict[int, str]] = field(default_factory=dict)


@dataclass
class _Allocation:
    """What an allocated strategy keeps from call to call."""

    allocator: RoundAllocator
    source: LinkSource
    startup_s: float
    plans: dict[int, RoundPlan] = field(default_factory=dict)
    skipped: dict[int, dict[int, str]] = field(default_factory=dict)
    clients: dict[int, ClientId] = field(default_factory=dict)  # by node: those who may take part in this round
    asked: dict[int, set[int]] = field(default_factory=dict)  # by round: the nodes that were sent a training message
    last: tuple[int, int] | None = None  # the last server round, and its number with the allocator

    def enter(self, server_round: int) -> int:
        """Return the allocator's number of a round: every run counts from 1, and an allocator may outlive a run."""
        if self.last is not None and server_round > self.last[0]:
            round_ = self.last[1] + server_round - self.last[0]
        else:  # the first round of a run, which may not be the first run
            self.plans, self.skipped, self.asked = {}, {}, {}
            before = (self.allocator.last_round, None if self.last is None else self.last[1])
            round_ = max([server_round, *(number_ + 1 for number_ in before if number_ is not None)])
        self.last = server_round, round_
        return round_

    def report(
        self, states: Mapping[int, LinkState], refused: dict[int, str], *, payload_bits: float, round_: int
    ) -> None:
        """Tell the allocator what is new; a node whose report it refuses takes no part in the round."""
        for node, state in states.items():
            try:
                self.allocator.update(
                    self.clients[node], **{"payload_bits": payload_bits, **checked_fields(state)}, round=round_
                )
            except FedssOptError as error:
                refused[node] = str(error)
                del self.clients[node]

    def sent(self, server_round: int, messages: Iterable[Message]) -> list[Message]:
        """Keep who is asked to train: nobody else can fail at it."""
        listed = list(messages)
        self.asked[server_round] = {message.metadata.dst_node_id for message in listed}
        return listed

    def note(self, server_round: int, replies: Sequence[Message]) -> None:
        """Tell the allocator who arrived, and keep who did not."""
        self.source.learn(replies)
        plan = self.plans.get(server_round)
        if plan is None:
            return
        failed = {r.metadata.src_node_id: f"training: error {r.error.code}" for r in replies if r.has_error()}
        arrived = {r.metadata.src_node_id for r in replies} - failed.keys()
        self.allocator.finished(plan.round, [self.clients[node] for node in arrived if node in self.clients])
        silent = dict.fromkeys(self.asked.get(server_round, set()) - arrived, "training: no reply")
        self.skipped[server_round] |= silent | failed


class AllocatedStrategy(Strategy):
    """What `allocated` returns: a strategy of the class that was given, with an allocator in front.

    It cannot be made directly.
    """

    # One attribute with a name of its own, since the strategy's class may have any others.
    _fedss_allocation: _Allocation

    @property
    def _inner(self) -> Strategy:
        """The strategy's own methods."""
        return cast(Strategy, super())

    @property
    def allocator(self) -> RoundAllocator:
        """The allocator; its state can be saved between runs."""
        return self._fedss_allocation.allocator

    @property
    def plans(self) -> Mapping[int, RoundPlan]:
        """The plan of every round so far, by server round."""
        return MappingProxyType(self._fedss_allocation.plans)

    @property
    def skipped(self) -> Mapping[int, Mapping[int, str]]:
        """By server round: the nodes that failed when asked for their link or for training, and why."""
        return MappingProxyType(self._fedss_allocation.skipped)

    # -- a round ---------------------------------------------------------------------------------------------

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Learn the links, plan the round, and let the strategy address the chosen nodes."""
        if any(getattr(sampler, "fraction_train", 1.0) == 0.0 for sampler in _samplers(self)):
            return self._inner.configure_train(server_round, arrays, config, grid)
        now = self._fedss_allocation
        nodes = self._connected(grid)
        links = now.source.links(grid, server_round, nodes)
        round_ = now.enter(server_round)
        skipped = now.skipped[server_round] = dict(links.skipped)
        now.clients = dict(links.clients)
        if links.unallocated:
            _log.info("allocate: nothing is known of any link yet; the strategy chooses by itself")
            return self._inner.configure_train(server_round, arrays, config, grid)
        whole_model_bits = 8.0 * sum(len(array.data) for array in arrays.values())
        now.report(links.states, skipped, payload_bits=whole_model_bits, round_=round_)
        plan = now.plans[server_round] = now.allocator.allocate(round_, candidates=now.clients.values())
        _log_plan(plan, len(nodes), skipped)
        chosen = [node for node, client in now.clients.items() if client in plan.bandwidth_hz]
        if not chosen:
            return now.sent(server_round, [])
        with _everybody(self):
            messages = now.sent(
                server_round, self._inner.configure_train(server_round, arrays, config, ChosenNodes(grid, chosen))
            )
        key = getattr(self, "configrecord_key", "config")
        for message in messages:
            bandwidth_hz = plan.bandwidth_hz[now.clients[message.metadata.dst_node_id]]
            message.content = _with_plan(message.content, key, bandwidth_hz, plan.deadline_s)
        return messages

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Note who arrived, and aggregate as the strategy does; nothing, where the plan has nobody.

        The strategy configured no such round, and some cannot bear to aggregate one: differential privacy divides by
        the number of replies, and accounts for a round only after it was configured. Where all that were asked are
        silent, it is asked, as it may keep the round open otherwise, but may fail in the same division.
        """
        now, received = self._fedss_allocation, list(replies)
        now.note(server_round, received)
        plan = now.plans.get(server_round)
        if plan is not None and not plan.clients:
            return None, None
        try:
            return self._inner.aggregate_train(server_round, received)
        except ZeroDivisionError:
            if received:
                raise
            return None, None

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Evaluate as the strategy does: evaluation uploads a few numbers and is not allocated."""
        return self._inner.configure_evaluate(server_round, arrays, config, grid)

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Aggregate as the strategy does."""
        received = list(replies)
        self._fedss_allocation.source.learn(received)
        return self._inner.aggregate_evaluate(server_round, received)

    def summary(self) -> None:
        """Log the strategy's summary, and where the clients come from."""
        _log.info("\t├──> Clients and bandwidths: %r", self._fedss_allocation.allocator)
        self._inner.summary()

    def _connected(self, grid: Grid) -> list[int]:
        """Return the connected nodes; before the first round, wait for as many as the strategy asks for."""
        nodes = list(grid.get_node_ids())
        now = self._fedss_allocation
        if now.last is not None:
            return nodes
        wanted = max(
            int(getattr(sampler, name, 1))
            for sampler in _samplers(self)
            for name in ("min_available_nodes", "min_train_nodes")
        )
        until = time.monotonic() + now.startup_s
        while len(nodes) < wanted and time.monotonic() < until:
            _log.info("Waiting for nodes to connect: %d connected (minimum required: %d).", len(nodes), wanted)
            time.sleep(min(_POLL_S, now.startup_s))
            nodes = list(grid.get_node_ids())
        return nodes


class _ReturnsPlans(AllocatedStrategy):
    """For strategies that run with Flower's own `start`: the plans are in what it returns."""

    def start(
        self,
        grid: Grid,
        initial_arrays: ArrayRecord,
        num_rounds: int = 3,
        timeout: float = 3600,
        train_config: ConfigRecord | None = None,
        evaluate_config: ConfigRecord | None = None,
        evaluate_fn: Callable[[int, ArrayRecord], MetricRecord | None] | None = None,
    ) -> AllocatedResult:
        """Run the rounds, as `flwr.serverapp.strategy.Strategy.start` does."""
        result = super().start(grid, initial_arrays, num_rounds, timeout, train_config, evaluate_config, evaluate_fn)
        known = {item.name: getattr(result, item.name) for item in fields(Result)}
        return AllocatedResult(**known, plans=dict(self.plans), skipped={k: dict(v) for k, v in self.skipped.items()})


def allocated(
    strategy: Strategy, allocator: RoundAllocator, link_source: LinkSource, *, startup_s: float = 600.0
) -> AllocatedStrategy:
    """Let an allocator choose a strategy's clients, and give each its bandwidth.

    Before every round the source tells what is known of the connected clients, the allocator plans the round, and the
    strategy addresses those whom the plan selects: all of them, whatever its own fraction and minimum counts say
    (a ``fraction_train`` of 0 still means no training). In the config that a client receives, ``bandwidth-hz`` is what
    it may use and ``deadline-s`` when the round's last upload is planned to end. Clients that fail, are late or
    vanish are skipped; a round in which nobody can upload trains nobody. Aggregation and evaluation are the strategy's.

    Parameters
    ----------
    strategy : Strategy
        `FedAvg`, or what is derived from it (or any strategy that samples the nodes of the grid it is given). It is
        left as it is; use what is returned.
    allocator : RoundAllocator
        Where a client does not say what it uploads, this is taken to be the whole model.
    link_source : LinkSource
        `query`, `from_table` or `from_metrics`.
    startup_s : float
        How long to wait before the first round until as many nodes are connected as the strategy demands, s. After
        that, and in all later rounds, it goes on with those that are there.

    Returns
    -------
    AllocatedStrategy
        Of the strategy's own class too. What its `start` returns is an `AllocatedResult`, with the plan of every round
        in ``plans``; where a strategy brings a `start` of its own, they are in the strategy's attribute `plans`.

    Raises
    ------
    OptionError
        For an argument of another type, a strategy that is allocated already, or a time that is no number >= 0.

    Examples
    --------
    >>> from flwr.serverapp.strategy import FedAvg
    >>> from fedss_opt.rounds import RoundAllocator
    >>> from fedss_opt.integrations.flower import allocated, query
    >>> strategy = allocated(FedAvg(), RoundAllocator(bandwidth_hz=2e6, tasks=0.5), query())
    >>> isinstance(strategy, FedAvg), dict(strategy.plans)
    (True, {})
    """
    for name, value, kind in (
        ("strategy", strategy, Strategy),
        ("allocator", allocator, RoundAllocator),
        ("link_source", link_source, LinkSource),
    ):
        if not isinstance(value, kind):
            raise OptionError(f"{name}: a {type(value).__name__}; must be a {kind.__name__}")
    if isinstance(strategy, AllocatedStrategy):
        raise OptionError("strategy: is allocated already; give the one that it was made from")
    longest_s = number("startup_s", startup_s, low=0.0, high=math.inf)
    # A subclass made for the occasion, not a wrapper: a `start` and helpers of the strategy's own go on working, and
    # whoever asks whether it is a FedAvg is told so.
    own_start = type(strategy).start is not Strategy.start
    base = AllocatedStrategy if own_start else _ReturnsPlans
    made = copy.copy(strategy)
    made.__class__ = type(f"Allocated{type(strategy).__name__}", (base, type(strategy)), {})
    result = cast(AllocatedStrategy, made)
    result._fedss_allocation = _Allocation(allocator, link_source, longest_s)
    return result


def _samplers(strategy: Strategy) -> Iterator[Any]:
    """Yield a strategy and those inside it: wrappers (Flower's differential privacy) keep theirs in `strategy`."""
    one: Any = strategy
    while isinstance(one, Strategy):
        yield one
        one = getattr(one, "strategy", None)


@contextmanager
def _everybody(strategy: Strategy) -> Iterator[None]:
    """Make a strategy address every node that it sees, for the time of a call."""
    before = [
        (sampler, name, getattr(sampler, name))
        for sampler in _samplers(strategy)
        for name in _EVERYBODY
        if hasattr(sampler, name)
    ]
    try:
        for sampler, name, _ in before:
            setattr(sampler, name, _EVERYBODY[name])
        yield
    finally:
        for sampler, name, value in before:
            setattr(sampler, name, value)


def _with_plan(content: RecordDict, key: str, bandwidth_hz: float, deadline_s: float) -> RecordDict:
    """Return a copy of a message's content with the plan in its config.

    A copy, since Flower gives one and the same content to the messages of all nodes.
    """
    configs = content.config_records
    name = key if key in configs else next(iter(configs), key)
    config = ConfigRecord(dict(configs[name]) if name in configs else None)
    config[BANDWIDTH_KEY] = float(bandwidth_hz)
    config[DEADLINE_KEY] = float(deadline_s)
    return RecordDict({**content, name: config})


def _log_plan(plan: RoundPlan, connected: int, skipped: Mapping[int, str]) -> None:
    _log.info(
        "allocate: %d of %d nodes upload, the last by %.4g s (%s, at least %.4g s)%s",
        len(plan.clients),
        connected,
        plan.latency_s,
        plan.status,
        plan.lower_bound_s,
        f"; {plan.message}" if plan.message else "",
    )
    for node, why in skipped.items():
        _log.warning("allocate: node %d is skipped: %s", node, why)
