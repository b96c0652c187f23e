"""An allocator as a JSON file: settings and memory, with a checksum by which damage is noticed."""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..atomic_files import write_atomically
from ..documents.files import in_file
from ..documents.json_text import json_text, parse_json
from ..documents.reading import booleans, check_keys, check_kind, describe, numbers, refusal, string, whole_number
from ..exceptions import FileFormatError, InputError
from .client_reports import MEASURES, ClientId, ClientReport, client_id, in_order, merged, report
from .fairness import SHARE_STEP, Fairness, FairnessCost
from .memory import Answered, Memory, OpenRound
from .settings import PARTICIPATION, RoundSettings

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["FORMAT", "VERSION", "from_bytes", "load", "save", "to_bytes"]

FORMAT = "fedss_opt/round-allocator"
VERSION = 1

_KEYS = ("format", "version", "checksum", "settings", "reports", "queues", "open", "answered", "cost")
_COST = ("round_s", "round_low_s", "round_high_s", "total_s", "total_low_s", "total_high_s", "waived", "waived_rounds")
_OPEN = ("round", "shares", "selected", "arrived", "cost", "closed")
_FAIRNESS = ("min_share", "shares", "patience", "opportunistic")
_PLAIN = ("bandwidth_hz", "gap_tol", "time_limit_s", "resource_block_hz", "max_age", "seed")  # settings as they are
_SETTINGS = (*_PLAIN, "tasks", "implicit", "objective", "method", "fairness")


def save(path: str | PathLike[str], settings: RoundSettings, memory: Memory) -> None:
    """Write an allocator's file, completely or not at all."""
    write_atomically(path, to_bytes(settings, memory))


def load(path: str | PathLike[str]) -> tuple[RoundSettings, Memory]:
    """Read an allocator's file, completely or not at all.

    Raises
    ------
    FileFormatError
        In one line: the file, the place inside it, what stands there and what is accepted.
    OSError
        When the file cannot be read.
    """
    data = Path(path).read_bytes()
    with in_file(os.fspath(path)):
        return from_bytes(data)


def to_bytes(settings: RoundSettings, memory: Memory) -> bytes:
    """Return the content of an allocator's file."""
    content: dict[str, Any] = {
        "settings": _settings_to(settings),
        "reports": [[name, _report_to(memory.reports[name])] for name in sorted(memory.reports, key=in_order)],
        "queues": _rows(memory.queues),
        "open": None if memory.open is None else _open_to(memory.open),
        "answered": None if memory.answered is None else _answered_to(memory.answered),
        "cost": _cost_to(memory.cost),
    }
    head = {"format": FORMAT, "version": VERSION, "checksum": _checksum(content)}
    return json_text(head | content).encode()


def from_bytes(data: bytes) -> tuple[RoundSettings, Memory]:
    """Read the content of an allocator's file; `FileFormatError` names the place of what is wrong."""
    document = parse_json(data)
    check_kind(document, FORMAT, VERSION, _KEYS, _KEYS)
    content = {key: document[key] for key in _KEYS[3:]}
    found = _checksum(content)
    if document["checksum"] != found:
        raise refusal("$.checksum", value=document["checksum"], accepted=f"the content's is {found}; damaged")
    settings = _settings_from(content["settings"])
    return settings, _memory_from(content, settings)


def _checksum(content: dict[str, Any]) -> int:
    """Return a checksum of what the JSON says, however it is laid out."""
    return zlib.crc32(json.dumps(content, sort_keys=True, allow_nan=False).encode())


# -- writing ------------------------------------------------------------------------------------------------


def _settings_to(settings: RoundSettings) -> dict[str, Any]:
    fairness = settings.fairness
    return {name: getattr(settings, name) for name in _PLAIN} | {
        "tasks": [[name, f"{need.amount!r}{'abs' if need.absolute else ''}"] for name, need in settings.needs],
        "implicit": settings.implicit,
        "objective": str(settings.objective),
        "method": settings.method,
        "fairness": None
        if fairness is None
        else {name: getattr(fairness, name) for name in _FAIRNESS} | {"shares": _rows(fairness.shares)},
    }


def _report_to(known: ClientReport) -> dict[str, Any]:
    """Return what is known of a client; null is infinity, and what is not known is left out."""
    measures = {name: known.measures.get(name) for name in MEASURES}
    values: dict[str, Any] = {"round": known.round, **measures, "tasks": known.tasks}
    return {name: None if value == math.inf else value for name, value in values.items() if value is not None}


def _open_to(now: OpenRound) -> dict[str, Any]:
    return {
        "round": now.round,
        "shares": _rows(now.shares),
        "selected": sorted(now.selected, key=in_order),
        "arrived": None if now.arrived is None else sorted(now.arrived, key=in_order),
        "cost": _cost_to(now.cost),
        "closed": now.closed,
    }


def _answered_to(answered: Answered) -> dict[str, Any]:
    return {
        "selected": sorted(answered.selected, key=in_order),
        "multipliers": [list(item) for item in answered.multipliers.items()],
    }


def _cost_to(cost: FairnessCost) -> dict[str, Any]:
    return {name: getattr(cost, name) for name in _COST}


def _rows(values: Mapping[ClientId, float]) -> list[list[Any]]:
    return [[name, values[name]] for name in sorted(values, key=in_order)]


# -- reading ------------------------------------------------------------------------------------------------


def _object(value: Any, path: str, keys: tuple[str, ...], required: tuple[str, ...] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refusal(path, value=value, accepted="must be an object")
    check_keys(value, path, keys, keys if required is None else required)
    return value


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise refusal(path, value=value, accepted="must be an array")
    return value


def _pairs(value: Any, path: str) -> list[tuple[str, Any, Any]]:
    """Return (place, first, second) of an array of pairs whose firsts are all different."""
    pairs, seen = [], set()
    for i, item in enumerate(_list(value, path)):
        place = f"{path}[{i}]"
        if len(_list(item, place)) != 2:
            raise refusal(place, f"has {len(item)} entries", accepted="must have 2")
        key = json.dumps(item[0])
        if key in seen:
            raise refusal(place, f"{describe(item[0])} stands twice")
        seen.add(key)
        pairs.append((place, item[0], item[1]))
    return pairs


def _figure(value: Any, path: str) -> float:
    number = float(numbers(value, path, dimensions=(0,)))
    if number < 0.0:
        raise refusal(path, value=value, accepted="must be >= 0")
    return number


def _steps(value: Any, path: str) -> float:
    """Return a queue or a share: a whole number of `SHARE_STEP`, on which the arithmetic of queues rests."""
    number = _figure(value, path)
    if number % SHARE_STEP != 0.0:
        raise refusal(path, value=value, accepted=f"must be a multiple of {SHARE_STEP}")
    return number


def _flag(value: Any, path: str) -> bool:
    return bool(booleans(value, path, scalar=True))


def _id(value: Any, path: str) -> ClientId:
    with _as_format_error(path):
        return client_id(value)


def _ids(value: Any, path: str) -> frozenset[ClientId]:
    return frozenset(_id(item, f"{path}[{i}]") for i, item in enumerate(_list(value, path)))


def _values(value: Any, path: str, read: Callable[[Any, str], float] = _steps) -> dict[ClientId, float]:
    return {_id(key, place): read(number, place) for place, key, number in _pairs(value, path)}


@contextmanager
def _as_format_error(path: str) -> Iterator[None]:
    """Put a place before what an option or a report is refused for."""
    try:
        yield
    except FileFormatError:
        raise
    except InputError as error:
        raise FileFormatError.of(error).at(path) from None


def _settings_from(value: Any) -> RoundSettings:
    path = "$.settings"
    given = _object(value, path, _SETTINGS)
    needs = {string(key, place): string(need, place) for place, key, need in _pairs(given["tasks"], f"{path}.tasks")}
    implicit = _flag(given["implicit"], f"{path}.implicit")
    if implicit and list(needs) != [PARTICIPATION]:
        raise refusal(f"{path}.tasks", accepted=f"must be {PARTICIPATION!r} alone where implicit is true")
    with _as_format_error(path):
        return RoundSettings.checked(
            **{name: given[name] for name in _PLAIN},
            tasks=needs[PARTICIPATION] if implicit else needs,
            objective=string(given["objective"], f"{path}.objective"),
            method=string(given["method"], f"{path}.method"),
            fairness=_fairness_from(given["fairness"], f"{path}.fairness"),
        )


def _fairness_from(value: Any, path: str) -> Fairness | None:
    if value is None:
        return None
    given = _object(value, path, _FAIRNESS)
    with _as_format_error(path):
        return Fairness(
            min_share=given["min_share"],
            shares=_values(given["shares"], f"{path}.shares", _figure),
            patience=given["patience"],
            opportunistic=_flag(given["opportunistic"], f"{path}.opportunistic"),
        )


def _memory_from(content: dict[str, Any], settings: RoundSettings) -> Memory:
    reports = {
        _id(key, place): _report_from(key, known, place, settings)
        for place, key, known in _pairs(content["reports"], "$.reports")
    }
    links = sorted({link for found in reports.values() if (link := found.link) is not None})
    if len(links) > 1:
        raise refusal("$.reports", f"{links[0]} of some and {links[1]} of others", accepted="must be the same of all")
    return Memory(
        reports=reports,
        queues=_values(content["queues"], "$.queues"),
        open=_open_from(content["open"], "$.open"),
        answered=_answered_from(content["answered"], "$.answered"),
        cost=_cost_from(content["cost"], "$.cost"),
    )


def _report_from(name: ClientId, value: Any, path: str, settings: RoundSettings) -> ClientReport:
    given = dict(_object(value, path, ("round", *MEASURES, "tasks"), ()))
    round_ = whole_number(given.pop("round"), f"{path}.round") if "round" in given else None
    for key, known in given.items():
        if known is None:
            given[key] = math.inf
    with _as_format_error(path):
        return merged(name, None, report(name, settings.tasks, round_=round_, given=given), late=False)


def _open_from(value: Any, path: str) -> OpenRound | None:
    if value is None:
        return None
    given = _object(value, path, _OPEN)
    return OpenRound(
        round=whole_number(given["round"], f"{path}.round"),
        shares=_values(given["shares"], f"{path}.shares"),
        selected=_ids(given["selected"], f"{path}.selected"),
        arrived=None if given["arrived"] is None else _ids(given["arrived"], f"{path}.arrived"),
        cost=_cost_from(given["cost"], f"{path}.cost"),
        closed=_flag(given["closed"], f"{path}.closed"),
    )


def _answered_from(value: Any, path: str) -> Answered | None:
    if value is None:
        return None
    given = _object(value, path, ("selected", "multipliers"))
    multipliers = _pairs(given["multipliers"], f"{path}.multipliers")
    return Answered(
        selected=_ids(given["selected"], f"{path}.selected"),
        multipliers={string(task, place): _figure(mu, place) for place, task, mu in multipliers},
    )


def _cost_from(value: Any, path: str) -> FairnessCost:
    given = _object(value, path, _COST)
    figures = {name: _figure(given[name], f"{path}.{name}") for name in _COST if name.endswith("_s")}
    return FairnessCost(
        **figures,
        waived=_flag(given["waived"], f"{path}.waived"),
        waived_rounds=whole_number(given["waived_rounds"], f"{path}.waived_rounds"),
    )
