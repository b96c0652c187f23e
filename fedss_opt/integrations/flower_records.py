"""What travels between Flower's server and its clients: a client's link state as a record, and back."""

from __future__ import annotations

from typing import Any

from flwr.app import ConfigRecord

from ..exceptions import ProblemError
from ..rounds.client_reports import MEASURES, ClientId, client_id
from ..wording import nearest
from .select import LinkState, checked_fields

__all__ = [
    "ACTION",
    "BANDWIDTH_KEY",
    "DEADLINE_KEY",
    "ID_ONLY_KEY",
    "QUERY_TYPE",
    "RECORD",
    "ROUND_KEY",
    "from_record",
    "to_record",
]

BANDWIDTH_KEY = "bandwidth-hz"
"""In the config of a training message: the bandwidth of this client in this round, Hz."""
DEADLINE_KEY = "deadline-s"
"""In the config of a training message: when the last upload of the round is planned to end, s after its start."""

ACTION = "linkstate"
QUERY_TYPE = f"query.{ACTION}"
RECORD = "linkstate"
ROUND_KEY = "server-round"
ID_ONLY_KEY = "id-only"

_CLIENT_KEY = "client-id"
_TASKS_KEY, _CONTRIBUTIONS_KEY = "tasks", "contributions"


def _key(field: str) -> str:
    """Return a field's key in a record; Flower writes words with hyphens."""
    return field.replace("_", "-")


_BY_KEY = {_key(field): field for field in MEASURES}


def to_record(client: ClientId, state: LinkState) -> ConfigRecord:
    """Write a client's id and link state as a record."""
    record = ConfigRecord({_CLIENT_KEY: client_id(client)})
    for name, value in checked_fields(state).items():
        if value is None:
            continue
        if name == _TASKS_KEY:
            # Two lists instead of a key per task: names of tasks are the caller's and may be any string.
            record[_TASKS_KEY] = [str(task) for task in value]
            record[_CONTRIBUTIONS_KEY] = [float(amount) for amount in value.values()]
        elif name == "mandatory":
            record[_key(name)] = bool(value)
        else:
            record[_key(name)] = float(value)
    return record


def from_record(record: ConfigRecord) -> tuple[ClientId, LinkState]:
    """Read what `to_record` wrote, or what somebody else made of it.

    Raises
    ------
    ProblemError, OptionError
        For a record without a client's id, or with keys that mean nothing; values are judged by the allocator.
    """
    if _CLIENT_KEY not in record:
        raise ProblemError(f"{_CLIENT_KEY}: missing from the link state")
    client = client_id(record[_CLIENT_KEY])
    state: dict[str, Any] = {}
    for key, value in record.items():
        if key in _BY_KEY:
            state[_BY_KEY[key]] = value
        elif key not in (_CLIENT_KEY, _TASKS_KEY, _CONTRIBUTIONS_KEY):
            raise ProblemError(f"link state: {key!r:.60}: unknown key{nearest(key, _BY_KEY)}")
    names, amounts = record.get(_TASKS_KEY), record.get(_CONTRIBUTIONS_KEY)
    if names is not None or amounts is not None:
        if not isinstance(names, list) or not isinstance(amounts, list) or len(names) != len(amounts):
            raise ProblemError(f"{_TASKS_KEY}, {_CONTRIBUTIONS_KEY}: must be two lists of one length")
        state[_TASKS_KEY] = dict(zip(names, amounts, strict=True))
    return client, state
