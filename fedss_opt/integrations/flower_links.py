"""Where the server's knowledge of the links comes from: the clients, the operator's table, or their last metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid

from ..exceptions import FedssOptError, OptionError
from ..rounds.client_reports import ClientId
from ..scenarios.arguments import positive
from ..validation import member
from .flower_records import ID_ONLY_KEY, QUERY_TYPE, RECORD, ROUND_KEY, from_record
from .select import LinkState, checked_fields

__all__ = ["LinkSource", "Links", "TableKey", "from_metrics", "from_table", "query"]

_SILENT = "no answer in time"


@dataclass(frozen=True, kw_only=True)
class Links:
    """What a source knows of the connected nodes before a round.

    Attributes
    ----------
    clients : mapping of int to (str or int)
        The nodes that may take part, and what the allocator calls them.
    states : mapping of int to LinkState
        What is new of them; a node that is not listed is known by its earlier reports, or not at all.
    skipped : mapping of int to str
        Nodes that may not take part in this round, and why.
    unallocated : bool
        Nothing is known of anybody yet: the strategy is to choose by itself in this round.
    """

    clients: Mapping[int, ClientId]
    states: Mapping[int, LinkState]
    skipped: Mapping[int, str] = field(default_factory=dict)
    unallocated: bool = False


class LinkSource(ABC):
    """Where link states come from; derive from it for one of your own."""

    @abstractmethod
    def links(self, grid: Grid, server_round: int, nodes: Sequence[int]) -> Links:
        """Return what is known of the nodes that are connected before a round.

        Parameters
        ----------
        grid : Grid
            Flower's, for questions to the clients.
        server_round : int
            The round.
        nodes : sequence of int
            Ids of the connected nodes.
        """

    def learn(self, replies: Iterable[Message]) -> None:  # noqa: B027
        """Take in the replies to training or to evaluation; most sources have no use for them."""


# -- the clients are asked ----------------------------------------------------------------------------------


def query(*, timeout_s: float = 60.0) -> LinkSource:
    """Ask every connected client before every round; `linkstate` answers on its side.

    A client that fails, or has not answered in time, takes no part in the round.

    Parameters
    ----------
    timeout_s : float
        How long to wait for the answers, s.

    Raises
    ------
    OptionError
        For a timeout that is no number > 0.

    Examples
    --------
    >>> from fedss_opt.integrations.flower import query
    >>> source = query(timeout_s=5.0)
    """
    return _Query(positive("timeout_s", timeout_s))


@dataclass(frozen=True)
class _Query(LinkSource):
    timeout_s: float

    def links(self, grid: Grid, server_round: int, nodes: Sequence[int]) -> Links:
        return _ask(grid, server_round, nodes, self.timeout_s, id_only=False)


def _ask(grid: Grid, server_round: int, nodes: Sequence[int], timeout_s: float, *, id_only: bool) -> Links:
    """Send every node a query, and sort the answers from the failures."""
    if not nodes:
        return Links(clients={}, states={})
    asked = ConfigRecord({ROUND_KEY: server_round, ID_ONLY_KEY: id_only})
    questions = [
        # The time to live keeps a client that comes back late from answering a question that nobody asks any more.
        Message(RecordDict({RECORD: asked}), dst_node_id=node, message_type=QUERY_TYPE, ttl=timeout_s)
        for node in nodes
    ]
    answers = {reply.metadata.src_node_id: reply for reply in grid.send_and_receive(questions, timeout=timeout_s)}
    clients: dict[int, ClientId] = {}
    states: dict[int, LinkState] = {}
    skipped: dict[int, str] = {}
    taken: set[ClientId] = set()
    for node in nodes:
        try:
            client, state = _read(answers.get(node))
        except FedssOptError as error:
            skipped[node] = str(error)
            continue
        if client in taken:
            skipped[node] = f"client {client!r} is another node already"
            continue
        taken.add(client)
        clients[node], states[node] = client, state
    return Links(clients=clients, states=states, skipped=skipped)


def _read(reply: Message | None) -> tuple[ClientId, LinkState]:
    if reply is None:
        raise OptionError(_SILENT)
    if reply.has_error():
        # The reason is the client's traceback; its last line is the exception.
        reason = (reply.error.reason or "").strip().splitlines()
        raise OptionError(f"error {reply.error.code}{': ' + reason[-1] if reason else ''}")
    record = reply.content.config_records.get(RECORD)
    if record is None:
        raise OptionError(f"the reply has no ConfigRecord {RECORD!r}")
    return from_record(record)


# -- the operator knows -------------------------------------------------------------------------------------


class TableKey(StrEnum):
    """What the rows of a table are called."""

    NODE = "node"
    """The ids of Flower's nodes, which are also the allocator's ids. No client is asked anything."""
    CLIENT = "client"
    """The ids that the clients tell, each once (`linkstate` on their side): ``partition-id`` in simulations."""


Lookup = Callable[[ClientId, int], LinkState | None]


def from_table(
    table: Mapping[ClientId, LinkState] | Lookup, *, key: TableKey | str = TableKey.NODE, timeout_s: float = 60.0
) -> LinkSource:
    """Look the links up in a table, or in whatever a function asks.

    Parameters
    ----------
    table : mapping of (str or int) to LinkState, or callable
        By client; or ``table(client, server_round)``, which returns the link state of the round, or None where nothing
        is known of the client. The table is read anew in every round.
    key : {"node", "client"}
        What the clients are called in it, see `TableKey`.
    timeout_s : float
        How long to wait for the ids of newly connected nodes, s; only for the key ``client``.

    Raises
    ------
    OptionError
        For what is neither a mapping nor a function, another key, or a timeout that is no number > 0.

    Examples
    --------
    >>> from fedss_opt.integrations.flower import from_table
    >>> source = from_table({"phone": {"cn0_hz": 3e7}, "meter": {"cn0_hz": 8e6}}, key="client")
    """
    if not isinstance(table, Mapping) and not callable(table):
        raise OptionError(f"table: a {type(table).__name__}; must be a mapping or a function (client, round)")
    named = member("key", key, TableKey)
    timeout_s = positive("timeout_s", timeout_s)
    lookup: Lookup = (lambda client, _: table.get(client)) if isinstance(table, Mapping) else table
    return _Table(lookup, named, timeout_s)


@dataclass
class _Table(LinkSource):
    lookup: Lookup
    key: TableKey
    timeout_s: float
    _names: dict[int, ClientId] = field(default_factory=dict)

    def links(self, grid: Grid, server_round: int, nodes: Sequence[int]) -> Links:
        skipped: Mapping[int, str] = {}
        if self.key is TableKey.NODE:
            clients: dict[int, ClientId] = {node: node for node in nodes}
        else:
            # A node that has gone may come back as another one: its client is then free to be that.
            self._names = {node: self._names[node] for node in nodes if node in self._names}
            fresh = _ask(grid, server_round, [n for n in nodes if n not in self._names], self.timeout_s, id_only=True)
            taken = set(self._names.values())
            self._names |= {node: client for node, client in fresh.clients.items() if client not in taken}
            clients = dict(self._names)
            skipped = dict(fresh.skipped) | {
                node: f"client {client!r} is another node already"
                for node, client in fresh.clients.items()
                if client in taken
            }
        found = {node: self.lookup(client, server_round) for node, client in clients.items()}
        states = {node: checked_fields(state) for node, state in found.items() if state is not None}
        return Links(clients=clients, states=states, skipped=skipped)


# -- the last round's metrics tell --------------------------------------------------------------------------


def from_metrics(keys: Mapping[str, str], *, otherwise: LinkState | None = None) -> LinkSource:
    """Take the links from metrics that the clients return with training and with evaluation.

    A round goes by what the one before told. In the first one nothing is known: without `otherwise` the strategy then
    chooses by itself, and that round has no plan. Who is neither trained nor evaluated tells nothing: after `max_age`
    rounds (of the allocator) it is left out as stale, so evaluate everybody, or let reports hold for ever.

    Parameters
    ----------
    keys : mapping of str to str
        For each field of the link state the name of the metric, ``{"cn0_hz": "cn0-hz", "compute_s": "train-time"}``.
    otherwise : LinkState, optional
        What is assumed of nodes that have not told anything yet.

    Raises
    ------
    OptionError
        For fields that the allocator does not know, or that are no single number.

    Examples
    --------
    >>> from fedss_opt.integrations.flower import from_metrics
    >>> source = from_metrics({"cn0_hz": "cn0-hz", "compute_s": "train-time"}, otherwise={"cn0_hz": 1e7})
    """
    for name in ("tasks", "mandatory"):
        if name in keys:
            raise OptionError(f"keys: {name!r}: is no single number, as metrics are; use query or from_table")
    if not keys:
        raise OptionError("keys: empty; give the metric of cn0_hz or of spectral_efficiency")
    checked_fields(keys)
    return _Metrics(dict(keys), None if otherwise is None else dict(checked_fields(otherwise)))


@dataclass
class _Metrics(LinkSource):
    keys: Mapping[str, str]
    otherwise: LinkState | None
    _known: set[int] = field(default_factory=set)
    _fresh: dict[int, LinkState] = field(default_factory=dict)

    def links(self, grid: Grid, server_round: int, nodes: Sequence[int]) -> Links:
        states = {node: self._fresh[node] for node in nodes if node in self._fresh}
        self._known |= states.keys()
        self._fresh = {}
        if self.otherwise is not None:
            states |= {node: self.otherwise for node in nodes if node not in self._known}
        return Links(
            clients={node: node for node in nodes},
            states=states,
            unallocated=self.otherwise is None and not self._known,
        )

    def learn(self, replies: Iterable[Message]) -> None:
        for reply in replies:
            if reply.has_error():
                continue
            state = _measured(reply.content.metric_records.values(), self.keys)
            if state:
                # Training and evaluation may tell different things; what is told last counts.
                node = reply.metadata.src_node_id
                self._fresh[node] = {**self._fresh.get(node, {}), **state}


def _measured(records: Iterable[MetricRecord], keys: Mapping[str, str]) -> LinkState:
    metrics = {name: value for record in records for name, value in record.items()}
    return {field_: metrics[name] for field_, name in keys.items() if name in metrics}
