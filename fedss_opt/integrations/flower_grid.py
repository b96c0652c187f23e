"""A grid that shows a strategy the chosen nodes and hides the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flwr.app import Message, RecordDict
from flwr.serverapp import Grid

__all__ = ["ChosenNodes"]


class ChosenNodes(Grid):
    """Another grid, of which only some nodes are seen.

    Strategies of Flower sample from what `get_node_ids` returns, each in its own way; whoever sees the chosen nodes
    only can sample nobody else.
    """

    def __init__(self, grid: Grid, node_ids: Sequence[int]) -> None:
        self._grid, self._node_ids = grid, tuple(node_ids)

    def get_node_ids(self) -> Iterable[int]:
        """Return the ids of the nodes that are seen."""
        return list(self._node_ids)

    def get_nodes(self) -> Iterable[Any]:
        """Return what the grid says of them."""
        return [node for node in self._grid.get_nodes() if node.node_id in self._node_ids]

    def set_run(self, run: Any) -> None:
        """Hand on to the grid."""
        self._grid.set_run(run)

    @property
    def run(self) -> Any:
        """The grid's run."""
        return self._grid.run

    def create_message(
        self, content: RecordDict, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
    ) -> Message:
        """Hand on to the grid."""
        return self._grid.create_message(content, message_type, dst_node_id, group_id, ttl)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Hand on to the grid."""
        return self._grid.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Hand on to the grid."""
        return self._grid.pull_messages(message_ids)

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        """Hand on to the grid."""
        return self._grid.send_and_receive(messages, timeout=timeout)
