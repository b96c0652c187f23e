"""Flower: any FedAvg-derived strategy with clients and bandwidths chosen by a `fedss_opt.rounds.RoundAllocator`.

``docs/how-to/flower.md`` starts with an app to paste. On the server::

    strategy = allocated(strategy, RoundAllocator(bandwidth_hz=2e6, tasks=0.5), query())

and in the client's app::

    linkstate(app, measure)
"""

from __future__ import annotations

from ..exceptions import MissingDependencyError

try:
    import flwr.serverapp.strategy  # noqa: F401
except ImportError as error:
    if (error.name or "").partition(".")[0] != "flwr":
        raise
    raise MissingDependencyError(
        'fedss_opt.integrations.flower needs flwr 1.23 or later; install it with: pip install "fedss-opt[flower]"'
    ) from None

from .flower_client import linkstate
from .flower_links import Links, LinkSource, TableKey, from_metrics, from_table, query
from .flower_records import BANDWIDTH_KEY, DEADLINE_KEY
from .flower_strategy import AllocatedResult, AllocatedStrategy, allocated

__all__ = [
    "BANDWIDTH_KEY",
    "DEADLINE_KEY",
    "AllocatedResult",
    "AllocatedStrategy",
    "LinkSource",
    "Links",
    "TableKey",
    "allocated",
    "from_metrics",
    "from_table",
    "linkstate",
    "query",
]
