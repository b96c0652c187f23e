"""Flower: any FedAvg-derived strategy with clients and bandwidths chosen by a `fedss_opt.rounds.RoundAllocator`.

``docs/how-to/flower.md`` starts with an app to paste. On the server::

    strategy = allocated(strategy, RoundAllocator(bandwidth_hz=2e6, tasks=0.5), query())

and in the client's app::

    linkstate(app, measure)
"""

from __future__ import annotations

from ..extras import needs_extra

with needs_extra("fedss_opt.integrations.flower", "flower", "flwr", since="1.23"):
    import flwr.serverapp.strategy  # noqa: F401

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
